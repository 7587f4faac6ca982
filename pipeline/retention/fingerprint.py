"""Hashes the inputs of the retention plan other than scores."""

import hashlib
from collections.abc import Mapping

from pipeline.project.domain_settings import DomainSettings
from pipeline.project.home import PROJECT, Home
from pipeline.retention.decisions import state_fingerprint
from pipeline.warehouse.fingerprint import CATALOGUE, digest


def plan_fingerprint(home: Home, entries: Mapping[str, DomainSettings]) -> str:
    """Return the hash of the plan's inputs other than scores: settings, catalogue, state."""
    settings = {name: entry.given().get("retention") for name, entry in entries.items()}
    catalogue = hashlib.sha256((PROJECT / CATALOGUE).read_bytes()).hexdigest()
    return digest(settings, catalogue, state_fingerprint(home))
