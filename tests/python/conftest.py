"""Fixtures that more than one package's tests use."""

import io
import os
from pathlib import Path

import pytest
from rich.console import Console

from pipeline.settings import PROJECT, Home


@pytest.fixture
def home(tmp_path):
    """An empty CHURN_HOME."""
    return Home(tmp_path / "home")


@pytest.fixture
def raw_dir(tmp_path):
    """An empty directory for raw files."""
    folder = tmp_path / "raw"
    folder.mkdir()
    return folder


@pytest.fixture
def console():
    """A console that keeps what it is told; `console.export_text()` returns it."""
    return Console(record=True, force_terminal=False, width=200, file=io.StringIO())


@pytest.fixture(scope="session")
def shared_data():
    """The folder of real data, or a skip that says where it was looked for."""
    folder = Path(os.environ.get("CHURN_SHARED_DATA", PROJECT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; CHURN_SHARED_DATA names another folder")
    return folder
