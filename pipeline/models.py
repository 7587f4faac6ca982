"""The runs under CHURN_HOME/models: which one is live, and what it was set to."""

import json
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from pipeline.domains import Entry
from pipeline.errors import ChurnError
from pipeline.settings import Home


def set_live(home: Home, domain: str, run: Path) -> None:
    """Make a run the one whose model scores; written in one rename, left alone when it is so."""
    if live_name(home, domain) == run.name:
        return
    path = _live_path(home, domain)
    part = path.with_suffix(".part")
    duckdb.sql(
        f"copy (select '{domain}' as domain, '{run.name}' as run_id, "
        f"cast('{datetime.now(UTC):%Y-%m-%d %H:%M:%S}' as timestamp) as decided_at) "
        f"to '{part}' (format parquet)"
    )
    part.replace(path)


def live_name(home: Home, domain: str) -> str | None:
    """Return the run_id of the domain's live run, None before the first one."""
    path = _live_path(home, domain)
    if not path.exists():
        return None
    return str(duckdb.sql(f"select run_id from read_parquet('{path}')").fetchall()[0][0])


def _live_path(home: Home, domain: str) -> Path:
    return home.models / domain / "live_runs.parquet"


def live_run(home: Home, domain: str) -> Path:
    """Return the folder of the domain's live run.

    Raises:
        ChurnError: There is none.
    """
    name = live_name(home, domain)
    if name is None:
        raise ChurnError(f"{domain} has no live model yet.", hint=f"churn run --domain {domain}")
    return home.models / domain / name


def live_settings(home: Home, domain: str) -> Entry | None:
    """Return the domain's entry as the live run had it; None before the first run."""
    try:
        run = live_run(home, domain)
    except ChurnError:
        return None
    settings: Entry = json.loads((run / "recipe.json").read_text())["settings"]
    return settings
