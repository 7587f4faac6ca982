"""Where the corrections of a domain lie, and what they are called."""

from collections.abc import Iterable
from pathlib import Path

from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

# The day of a row in each staged shape that can be corrected.
DAY_OF = {"periods": "transacted_on", "events": "happened_on"}


def correction_relations(domain: str, project: Path = PROJECT) -> dict[str, str]:
    """Return the relation of each correction of a domain, by the correction's name."""
    start = f"int_{domain}__"
    return {
        path.stem.removeprefix(start): f"{domain}.{path.stem}"
        for path in sorted((project / "models" / domain / "corrections").glob(f"{start}*.sql"))
        if not path.stem.endswith("_marked")
    }


def check_corrections(domain: str, adopted: Iterable[str], project: Path = PROJECT) -> None:
    """Check that a domain has the corrections that its entry adopts.

    Raises:
        ChurnError: It does not.
    """
    known = correction_relations(domain, project)
    for name in adopted:
        if name not in known:
            raise ChurnError(
                f"{domain} has no correction {name!r}.",
                where=f"dbt_project.yml, vars.churn_domains.{domain}.corrections",
                hint=f"There are: {', '.join(known)}."
                if known
                else f"Write it in models/{domain}/corrections, or take it out.",
            )


def day_of(name: str) -> str:
    """Return the column with the day of the rows that a correction makes."""
    return DAY_OF[name.partition("_")[0]]
