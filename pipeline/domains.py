"""The domains' entries of dbt_project.yml, with a run's overrides."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.errors import ChurnError
from pipeline.settings import PROJECT

Entry = dict[str, Any]


def domain_entries() -> dict[str, Entry]:
    """Read `vars.churn_domains`: domain → its entry."""
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    entries: dict[str, Entry] = project["vars"]["churn_domains"]
    return entries


def check_domain(domain: str, entries: Mapping[str, Entry]) -> str:
    """Return the domain.

    Raises:
        ChurnError: There is no such domain.
    """
    if domain not in entries:
        raise ChurnError(
            f"There is no domain {domain!r}.", hint=f"Known are: {', '.join(sorted(entries))}."
        )
    return domain


def parse_overrides(pairs: list[str], entry: Mapping[str, Any]) -> Entry:
    """Parse `key=value` pairs; values are read as YAML.

    Raises:
        ChurnError: A pair without `=`, an unknown key, or a value of another type.
    """
    overrides: Entry = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise ChurnError(f"--set {pair}: there is no `=`.", hint="Write --set key=value.")
        if key not in entry:
            raise ChurnError(
                f"--set {pair}: the domain has no setting {key!r}.",
                hint=f"Settings are: {', '.join(sorted(entry))}.",
            )
        value = yaml.safe_load(text)
        if type(value) is not type(entry[key]) and not (
            isinstance(value, int | float) and isinstance(entry[key], int | float)
        ):
            raise ChurnError(
                f"--set {pair}: {key} is a {type(entry[key]).__name__}, "
                f"{json.dumps(value, default=str)} is not."
            )
        allowed = entry.get("choices", {}).get(key)
        if allowed and value not in allowed:
            raise ChurnError(
                f"--set {pair}: {value!r} is not a choice.", hint=f"Choose {' or '.join(allowed)}."
            )
        overrides[key] = value
    return overrides
