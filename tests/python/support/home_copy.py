"""Copies a CHURN_HOME that others may be reading."""

import shutil


def copy_home(source, target):
    """Copy a home at rest, without the log that a reader of its state makes and takes away."""
    at_work = shutil.ignore_patterns("state.sqlite-wal", "state.sqlite-shm")
    shutil.copytree(source, target, symlinks=True, ignore=at_work)
