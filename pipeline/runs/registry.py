"""The runs under CHURN_HOME/models: which one is live, since when and why, and how it was set."""

import hashlib
import json
from dataclasses import asdict
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ml.decision import Decision
from pipeline.project.domains import Entry
from pipeline.project.duck import quoted, rows_of
from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home

_TYPES = {
    "judged_on": "date",
    "rows": "bigint",
    **dict.fromkeys(("champion_log_loss", "challenger_log_loss", "gain", "gain_se"), "double"),
}


def decisions(home: Home, domain: str) -> list[dict[str, Any]]:
    """Return every decision about the live run, oldest first."""
    path = _live_path(home, domain)
    if not path.exists():
        return []
    # a connection of its own: the one behind duckdb.sql must not be used by two threads at once
    with duckdb.connect() as connection:
        found = connection.execute(f"from read_parquet({quoted(path)}) order by decision")
        return rows_of(found)


def record(home: Home, domain: str, decision: Decision) -> None:
    """Add a decision; the last one names the live run. Written in one rename."""
    rows = decisions(home, domain)
    rows.append(
        {
            "domain": domain,
            "decision": len(rows) + 1,
            "decided_at": datetime.now(UTC).replace(tzinfo=None),
            **asdict(decision),
        }
    )
    frame = pd.DataFrame(rows)
    with replaced(_live_path(home, domain)) as part, duckdb.connect() as connection:
        connection.register("rows", frame)
        columns = ", ".join(f"cast({c} as {_TYPES[c]}) as {c}" if c in _TYPES else c for c in frame)
        connection.execute(f"copy (select {columns} from rows) to {quoted(part)} (format parquet)")


def standing(home: Home, domain: str, challenger: str) -> dict[str, Any] | None:
    """Return the last decision about a challenger if the run it left live is still live."""
    live = live_name(home, domain)
    about = [row for row in decisions(home, domain) if row["challenger_run_id"] == challenger]
    return about[-1] if about and about[-1]["run_id"] == live else None


def live_name(home: Home, domain: str) -> str | None:
    """Return the run_id of the domain's live run, None before the first one."""
    made = decisions(home, domain)
    return str(made[-1]["run_id"]) if made else None


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
    if live_name(home, domain) is None:
        return None
    settings: Entry = recipe_of(live_run(home, domain))["settings"]
    return settings


def recipe_of(run: Path) -> dict[str, Any]:
    """Return what a run's folder says of how its model was made."""
    recipe: dict[str, Any] = json.loads((run / "recipe.json").read_text())
    return recipe


def hash_of_model(run: Path) -> str | None:
    """Return the SHA-256 of a run's model as its file is now, None where it cannot be read."""
    path = run / "model.txt"
    try:
        found = path.stat()
        return _sha256(path, found.st_mtime_ns, found.st_size)
    except OSError:
        return None


@lru_cache(maxsize=64)
def _sha256(path: Path, _modified: int, _bytes: int) -> str:
    """Probes ask again and again: a file is read anew when its time or size has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def runs(home: Home, domain: str) -> list[Path]:
    """Return the folders of every run, oldest first."""
    found = [path.parent for path in (home.models / domain).glob("*/recipe.json")]
    return sorted(found, key=lambda path: (path / "recipe.json").stat().st_mtime_ns)


def find_run(home: Home, domain: str, name: str) -> Path:
    """Return the run of a model hash or run_id; the first characters are enough.

    Raises:
        ChurnError: None has it, or several.
    """
    found = [
        run
        for run in runs(home, domain)
        if run.name == name or recipe_of(run)["model_hash"].startswith(name)
    ]
    hashes = {recipe_of(run)["model_hash"] for run in found}
    if len(hashes) != 1:
        raise ChurnError(
            f"{'No' if not found else 'More than one'} model of {domain} is named {name!r}.",
            hint=f"churn models list --domain {domain}",
        )
    return found[-1]


def tuned_parameters(home: Home, domain: str) -> dict[str, Any]:
    """Return the parameters that `churn tune` kept; empty before it ran."""
    path = home.models / domain / "tuned.json"
    if not path.exists():
        return {}
    parameters: dict[str, Any] = json.loads(path.read_text())["parameters"]
    return parameters


def test_figure(run: Path, metric: str, model: str = "lightgbm") -> float:
    """Return a figure of a run's test cohort; NaN where there is none."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select value from read_parquet({quoted(run / 'metrics.parquet')}) "
            "where split = 'test' and model = ? and metric = ?",
            [model, metric],
        ).fetchall()
    return float(rows[0][0]) if rows else float("nan")
