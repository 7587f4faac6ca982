"""The runs under CHURN_HOME/models: which one is live, and what it was set to."""

import json
from pathlib import Path

import duckdb

from pipeline.domains import Entry
from pipeline.errors import ChurnError
from pipeline.settings import Home


def live_run(home: Home, domain: str) -> Path:
    """Return the folder of the domain's live run: the newest one.

    Raises:
        ChurnError: There is none.
    """
    folder = home.models / domain
    if not any(folder.glob("*/runs.parquet")):
        raise ChurnError(
            f"{domain} has no model yet.", hint=f"Run `churn train --domain {domain}`."
        )
    # the order of int_churn__runs_live
    row = duckdb.sql(
        f"select run_id from read_parquet('{folder}/*/runs.parquet') "
        "order by written_at desc, run_id desc limit 1"
    ).fetchone()
    assert row is not None  # noqa: S101 - there is a file, and each has a row
    return folder / str(row[0])


def live_settings(home: Home, domain: str) -> Entry | None:
    """Return the domain's entry as the live run had it; None before the first run."""
    try:
        run = live_run(home, domain)
    except ChurnError:
        return None
    settings: Entry = json.loads((run / "recipe.json").read_text())["settings"]
    return settings
