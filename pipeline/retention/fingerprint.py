"""Hashes the inputs of the retention plan other than scores."""

import hashlib
from collections.abc import Mapping

from pipeline.project.domain_settings import NOT_LEARNED, DomainSettings
from pipeline.project.home import PROJECT
from pipeline.warehouse.fingerprint import CATALOGUE, digest

# What neither a model learns from nor a plan is made from.
_NOT_PLANNED = ("connection", "guards", "keep", "train_every_days", "training_memory_gb")


def settings_fingerprint(entries: Mapping[str, DomainSettings]) -> str:
    """Return the hash of the settings from which nothing learns, and of the catalogue."""
    settings = {
        name: [entry.given().get(key) for key in NOT_LEARNED if key not in _NOT_PLANNED]
        for name, entry in entries.items()
    }
    return digest(settings, hashlib.sha256((PROJECT / CATALOGUE).read_bytes()).hexdigest())
