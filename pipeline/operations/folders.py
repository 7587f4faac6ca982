"""Where a domain's raw files come from when nobody names the folder."""

import json
from pathlib import Path

from pipeline.ingest.discover import DEMO_MARK
from pipeline.ingest.lake import Record, records
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import source_tables


def known_folder(home: Home, domain: str) -> Path | None:
    """Return the folder of the file that was loaded last, else `CHURN_HOME/raw/<domain>`.

    None if nothing was ever loaded and that folder does not exist.
    """
    loaded: list[Record] = []
    for table in source_tables(domain):
        try:
            loaded += records(home, domain, table.name).values()
        except (OSError, json.JSONDecodeError, TypeError) as problem:
            raise ChurnError(
                f"A record of the lake of {domain} cannot be read.",
                where=f"{home.lake / domain / table.name}: {problem}",
                hint="Restore the folder from a backup, or delete it and load the file again.",
            ) from problem
    if loaded:
        newest = max(loaded, key=lambda record: record.ingested_at)
        return Path(newest.seen[0]).parent
    own = home.raw / domain
    return own if own.is_dir() else None


def has_arrived(folder: Path) -> bool:
    """Whether anything lies in an existing folder; hidden files and the demo's mark do not count.

    A folder from which files are fetched away is empty on a night on which none has come.
    """
    return any(
        not path.name.startswith(".") and path.name != DEMO_MARK for path in folder.iterdir()
    )


def has_data(home: Home, domain: str) -> bool:
    """Whether anything of a domain is in the lake."""
    return any((home.lake / domain).glob("*/*"))
