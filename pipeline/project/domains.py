"""The domains' settings: their entries of dbt_project.yml, with a run's overrides."""

from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from pipeline.project.checked import Keys, checked, dotted, in_file
from pipeline.project.domain_names import check_domain_name
from pipeline.project.domain_settings import NOT_LEARNED, DomainSettings
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

_FILE = "dbt_project.yml"


def domain_entries() -> dict[str, DomainSettings]:
    """Read `vars.churn_domains`: domain → its settings.

    Raises:
        ChurnError: The file cannot be read, or a key is misspelt, missing or wrong.
    """
    path = PROJECT / _FILE
    found = path.stat()
    return dict(_read(path, found.st_mtime_ns, found.st_size))


@lru_cache(maxsize=4)
def _read(path: Path, _modified: int, _bytes: int) -> dict[str, DomainSettings]:
    """A command asks several times: the file is read anew when its time or size has changed."""
    try:
        entries = yaml.safe_load(path.read_text(encoding="utf-8"))["vars"]["churn_domains"]
    except yaml.YAMLError as problem:
        raise ChurnError(
            f"{_FILE} is not YAML.", where=str(problem), hint="Correct the line named above."
        ) from problem
    except (KeyError, TypeError) as problem:
        raise ChurnError(
            "No domain is set up.",
            where=f"{_FILE}: vars.churn_domains",
            hint="pipeline/project/domain_settings.py says which keys a domain has.",
        ) from problem
    for name in entries if isinstance(entries, dict) else ():
        check_domain_name(name, where=f"{_FILE}: vars.churn_domains.{name}")
    return checked(
        dict[str, DomainSettings],
        entries,
        lambda keys: f"{_FILE}: vars.{dotted(('churn_domains', *keys))}",
    )


def described_examples(domain: str) -> dict[str, Any] | None:
    """Return what the YAML says of a domain's examples; None where nothing does.

    It is in the YAML of the marts of the domain's kind, or in the domain's own.
    """
    entry = domain_entries().get(domain)
    for folder in (entry.kind, domain) if entry else (domain,):
        path = PROJECT / "models" / folder / "marts" / f"_{folder}__marts.yml"
        if path.exists():
            for model in yaml.safe_load(path.read_text()).get("models", ()):
                if model["name"] == f"{domain}__churn_examples":
                    found: dict[str, Any] = model
                    return found
    return None


def check_domain(domain: str, entries: Mapping[str, DomainSettings]) -> str:
    """Return the domain.

    Raises:
        ChurnError: There is no such domain.
    """
    if domain not in entries:
        raise ChurnError(
            f"There is no domain {domain!r}.", hint=f"Known are: {', '.join(sorted(entries))}."
        )
    return domain


def recorded_settings(document: Any, path: Path, domain: str) -> DomainSettings:
    """Return the settings that a run or a dataset recorded.

    Args:
        document: What the file holds under `settings`.
        path: The file.
        domain: Its domain.

    Raises:
        ChurnError: They are not what this code reads.
    """
    entry = domain_entries().get(domain)
    if entry and isinstance(document, Mapping):  # made before kinds: it is of its entry's kind
        document = {"kind": entry.kind, **document}
    return checked(
        DomainSettings,
        document,
        lambda keys: in_file(path, ("settings", *keys)),
        f"Other code recorded it; churn run --domain {domain} goes by today's settings.",
    )


def parse_overrides(pairs: list[str], settings: DomainSettings) -> DomainSettings:
    """Return settings with `key=value` pairs; values are read as YAML.

    `preset=NAME` stands for the preset's keys.

    Raises:
        ChurnError: A pair without `=`, an unknown key or preset, or a value that is not allowed.
    """
    if not pairs:
        return settings
    given = settings.given()
    overrides: dict[str, Any] = {}
    said: dict[str | int, str] = {}
    for pair in pairs:
        key, separator, text = pair.partition("=")
        if not separator:
            raise ChurnError(f"--set {pair}: there is no `=`.", hint="Write --set key=value.")
        if key == "preset":
            changes = _preset(pair, text, settings)
        elif key == "retention":
            raise ChurnError(
                f"--set {pair}: a run does not record what its plan may spend.",
                hint="Edit `retention` in dbt_project.yml, or churn plan --domain D --budget N "
                "--save.",
            )
        elif key == "guards":
            raise ChurnError(
                f"--set {pair}: a run does not record its guards.",
                hint="Edit `guards` in dbt_project.yml, or publish once beyond them with --accept.",
            )
        elif key in NOT_LEARNED:
            raise ChurnError(
                f"--set {pair}: a run does not record `{key}`.",
                hint=f"Edit `{key}` in dbt_project.yml.",
            )
        elif key not in given:
            near = get_close_matches(key, given, n=1)
            raise ChurnError(
                f"--set {pair}: the domain has no setting {key!r}.",
                hint=f"Did you mean {near[0]!r}?" if near else f"Settings are: {', '.join(given)}.",
            )
        else:
            changes = {key: _value(pair, text)}
        overrides |= changes
        said |= dict.fromkeys(changes, f"--set {pair}")

    def place(keys: Keys) -> str:
        return said.get(keys[0] if keys else "", f"--set {' --set '.join(pairs)}")

    return checked(DomainSettings, given | overrides, place)


def _preset(pair: str, name: str, settings: DomainSettings) -> Mapping[str, Any]:
    if name not in settings.presets:
        known = ", ".join(settings.presets) or "none for this domain"
        raise ChurnError(f"--set {pair}: there is no such preset.", hint=f"Presets are: {known}.")
    return settings.presets[name]


def _value(pair: str, text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError as problem:
        raise ChurnError(
            f"--set {pair}: the value is not YAML.",
            where=str(problem),
            hint="Put it in quotes.",
        ) from problem
