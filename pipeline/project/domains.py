"""The domains' entries of dbt_project.yml, with a run's overrides."""

import json
from collections.abc import Mapping
from typing import Any

import yaml

from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

Entry = dict[str, Any]


def domain_entries() -> dict[str, Entry]:
    """Read `vars.churn_domains`: domain → its entry."""
    project = yaml.safe_load((PROJECT / "dbt_project.yml").read_text())
    entries: dict[str, Entry] = project["vars"]["churn_domains"]
    return entries


def learned_from(entry: Mapping[str, Any]) -> Entry:
    """Return what of an entry labels, features and models are made from: all but the plan's part.

    A budget, a capacity or a hold-out must not train anything anew, and a run must not record
    one: the plan of today stands in dbt_project.yml, or in the state where it was saved.
    """
    return {key: value for key, value in entry.items() if key != "retention"}


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


def resolve(entry: Mapping[str, Any]) -> Entry:
    """Return an entry whose texts have the keys they name in braces filled in."""
    return {
        key: value.format(**entry) if isinstance(value, str) else value
        for key, value in entry.items()
    }


def parse_overrides(pairs: list[str], entry: Mapping[str, Any]) -> Entry:
    """Parse `key=value` pairs; values are read as YAML. `preset=NAME` stands for the preset's keys.

    Raises:
        ChurnError: A pair without `=`, an unknown key or preset, or a value that is not allowed.
    """
    overrides: Entry = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise ChurnError(f"--set {pair}: there is no `=`.", hint="Write --set key=value.")
        if key == "preset":
            overrides |= _preset(pair, text, entry.get("presets", {}))
            continue
        if key == "retention":
            raise ChurnError(
                f"--set {pair}: a run does not record what its plan may spend.",
                hint="Edit `retention` in dbt_project.yml, or churn plan --domain D --budget N "
                "--save.",
            )
        if key not in entry:
            raise ChurnError(
                f"--set {pair}: the domain has no setting {key!r}.",
                hint=f"Settings are: {', '.join(sorted(entry))}.",
            )
        value = yaml.safe_load(text)
        _check_value(pair, value, entry[key], entry.get("choices", {}).get(key))
        overrides[key] = value
    return overrides


def _preset(pair: str, name: str, presets: Mapping[str, Entry]) -> Entry:
    if name not in presets:
        known = ", ".join(presets) or "none for this domain"
        raise ChurnError(f"--set {pair}: there is no such preset.", hint=f"Presets are: {known}.")
    return presets[name]


def _check_value(
    pair: str, value: Any, default: Any, allowed: list[Any] | Mapping[str, float] | None
) -> None:
    """Refuse a value of another type than the default's, or outside what the entry allows."""
    numeric = (int, float)
    both_numbers = all(isinstance(v, numeric) and not isinstance(v, bool) for v in (value, default))
    if type(value) is not type(default) and not both_numbers:
        key = pair.partition("=")[0]
        raise ChurnError(
            f"--set {pair}: {key} is a {type(default).__name__}, "
            f"{json.dumps(value, default=str)} is not."
        )
    if isinstance(allowed, list) and value not in allowed:
        raise ChurnError(
            f"--set {pair}: {value!r} is not a choice.", hint=f"Choose {' or '.join(allowed)}."
        )
    if isinstance(allowed, Mapping) and (
        not isinstance(value, int) or not allowed["min"] <= value <= allowed["max"]
    ):
        raise ChurnError(
            f"--set {pair}: {value!r} is out of bounds.",
            hint=f"Choose a whole number from {allowed['min']} to {allowed['max']}.",
        )
