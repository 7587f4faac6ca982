"""Where the corrections of a domain lie, and what they are called."""

from pathlib import Path

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


def day_of(name: str) -> str:
    """Return the column with the day of the rows that a correction makes."""
    return DAY_OF[name.partition("_")[0]]
