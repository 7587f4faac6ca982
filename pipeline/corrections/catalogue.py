"""The corrections of a domain: models of its folder `corrections`, their hypothesis in the YAML."""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import yaml

from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

_PARTS = ("wrong", "because", "known_since", "marker_if")


@dataclass(frozen=True)
class Correction:
    """A correction, and the hypothesis behind it.

    Attributes:
        name: Its name in the domain's entry.
        domain: Domain.
        wrong: What is thought to be wrong.
        because: Why.
        known_since: Since when a row can be known to be wrong.
        marker_if: What would show that it is a marker instead.
        changes: Columns that it changes; empty where it adds rows.
        as_the_customer: Of rows that it adds, columns that are the customer's own.
        sql_hash: SHA-256 of its SQL as it is written.
    """

    name: str
    domain: str
    wrong: str
    because: str
    known_since: str
    marker_if: str
    changes: tuple[str, ...]
    as_the_customer: tuple[str, ...]
    sql_hash: str

    @property
    def shape(self) -> str:
        """The staged shape that it corrects, with which its name begins."""
        return self.name.partition("_")[0]

    @property
    def model(self) -> str:
        """Its dbt model."""
        return f"int_{self.domain}__{self.name}"

    @property
    def relation(self) -> str:
        """Its relation in the warehouse."""
        return f"{self.domain}.{self.model}"

    @property
    def marked(self) -> str:
        """The relation that the first correction of its shape reads."""
        return f"{self.domain}.int_{self.domain}__{self.shape}_marked"


def corrections_of(domain: str, project: Path = PROJECT) -> dict[str, Correction]:
    """Return the corrections of a domain by name, in the order of its YAML.

    Raises:
        ChurnError: A hypothesis lacks a part.
    """
    folder = project / "models" / domain / "corrections"
    found = {}
    for path in sorted(folder.glob("*.yml")):
        for model in yaml.safe_load(path.read_text()).get("models") or ():
            meta = (model.get("config") or {}).get("meta") or {}
            hypothesis = meta.get("hypothesis")
            if hypothesis is None:
                continue
            name = model["name"].removeprefix(f"int_{domain}__")
            if missing := [part for part in _PARTS if not str(hypothesis.get(part) or "").strip()]:
                raise ChurnError(
                    f"The hypothesis of {name} does not say {', '.join(missing)}.",
                    where=f"{path.relative_to(project)}, {model['name']}, config.meta.hypothesis",
                    hint=f"Write all of {', '.join(_PARTS)}.",
                )
            sql = path.with_name(f"{model['name']}.sql").read_bytes()
            found[name] = Correction(
                name,
                domain,
                wrong=str(hypothesis["wrong"]),
                because=str(hypothesis["because"]),
                known_since=str(hypothesis["known_since"]),
                marker_if=str(hypothesis["marker_if"]),
                changes=tuple(meta.get("changes", ())),
                as_the_customer=tuple(meta.get("as_the_customer", ())),
                sql_hash=hashlib.sha256(sql).hexdigest(),
            )
    return found


def find_corrections(
    domain: str, names: list[str] | None, project: Path = PROJECT
) -> dict[str, Correction]:
    """Return the named corrections of a domain, all where none is named.

    Raises:
        ChurnError: There is none of that name, or none at all.
    """
    known = corrections_of(domain, project)
    if not known:
        raise ChurnError(
            f"{domain} has no corrections.",
            where=f"models/{domain}/corrections",
            hint="Write one as docs/corrections.md says.",
        )
    for name in names or ():
        if name not in known:
            raise ChurnError(
                f"{domain} has no correction {name!r}.", hint=f"There are: {', '.join(known)}."
            )
    return {name: known[name] for name in names or known}
