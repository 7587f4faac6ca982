"""The runs under CHURN_HOME/models: which is live and why, what it scored, and how it was set."""

import hashlib
import json
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from ml.bands import BANDS
from ml.decision import Decision
from ml.recipe import RECIPE, RECIPE_VERSION, Recipe, TrainedRun
from pipeline.project.checked import RESTORE, checked, in_file, read_document
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.domains import recorded_settings
from pipeline.project.duck import file_sql, quoted, rows_of
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sums import replaced_with_sum


@dataclass(frozen=True)
class RecordedDecision:
    """A decision about the live run, as it is on record.

    Attributes:
        domain: Domain.
        number: Counted from 1.
        decided_at: When, UTC.
        decision: What was decided.
    """

    domain: str
    number: int
    decided_at: datetime
    decision: Decision


_TYPES = {
    "judged_on": "date",
    "as_of_date": "date",
    "reason": "varchar",
    "rows": "bigint",
    **dict.fromkeys(("champion_log_loss", "challenger_log_loss", "gain", "gain_se"), "double"),
}


def decisions(home: Home, domain: str) -> list[RecordedDecision]:
    """Return every decision about the live run, oldest first."""
    return [
        RecordedDecision(
            row.pop("domain"),
            row.pop("decision"),
            row.pop("decided_at"),
            Decision(**row | {"judged_on": row["judged_on"] and str(row["judged_on"])}),
        )
        for row in _read(_live_path(home, domain), "decision")
    ]


def record(home: Home, domain: str, decision: Decision) -> None:
    """Add a decision; the last one names the live run. Written in one rename."""
    made = decisions(home, domain)
    now = datetime.now(UTC).replace(tzinfo=None)
    made.append(RecordedDecision(domain, len(made) + 1, now, decision))
    rows = [
        {
            "domain": row.domain,
            "decision": row.number,
            "decided_at": row.decided_at,
            **asdict(row.decision),
        }
        for row in made
    ]
    _write(_live_path(home, domain), rows)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    frame = pd.DataFrame(rows)
    with replaced_with_sum(path) as part, duckdb.connect() as connection:
        connection.register("rows", frame)
        columns = ", ".join(f"cast({c} as {_TYPES[c]}) as {c}" if c in _TYPES else c for c in frame)
        connection.execute(f"copy (select {columns} from rows) to {quoted(part)} (format parquet)")


def _read(path: Path, order: str) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    # a connection of its own: the one behind duckdb.sql must not be used by two threads at once
    with duckdb.connect() as connection:
        return rows_of(connection.execute(f"from read_parquet({file_sql(path)}) order by {order}"))


@dataclass(frozen=True)
class CurrentScores:
    """The scores of a domain that were chosen to be published.

    Attributes:
        run_id: Run that scored.
        as_of_date: Cut-off.
        reason: Why a past day was chosen; None for the day up to which data are known.
    """

    run_id: str
    as_of_date: str
    reason: str | None = None


def current_scores(home: Home, domain: str) -> CurrentScores | None:
    """Return the scores that were last chosen to be published; None before the first choice."""
    rows = _read(_current_path(home, domain), "choice")
    if not rows:
        return None
    return CurrentScores(rows[-1]["run_id"], str(rows[-1]["as_of_date"]), rows[-1]["reason"])


def choose_scores(home: Home, domain: str, chosen: CurrentScores) -> None:
    """Choose the scores to publish, on record. What is chosen already is not chosen again."""
    if current_scores(home, domain) == chosen:
        return
    path = _current_path(home, domain)
    rows = _read(path, "choice")
    rows.append(
        {
            "domain": domain,
            "choice": len(rows) + 1,
            "chosen_at": datetime.now(UTC).replace(tzinfo=None),
            **asdict(chosen),
        }
    )
    _write(path, rows)


def _current_path(home: Home, domain: str) -> Path:
    return home.models / domain / "current_scores.parquet"


def standing(home: Home, domain: str, challenger: str) -> Decision | None:
    """Return the last decision about a challenger if the run it left live is still live."""
    live = live_name(home, domain)
    made = [row.decision for row in decisions(home, domain)]
    about = [decision for decision in made if decision.challenger_run_id == challenger]
    return about[-1] if about and about[-1].run_id == live else None


def live_name(home: Home, domain: str) -> str | None:
    """Return the run_id of the domain's live run, None before the first one."""
    made = decisions(home, domain)
    return made[-1].decision.run_id if made else None


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


def live_settings(home: Home, domain: str, today: DomainSettings) -> DomainSettings:
    """Return today's settings of a domain with those that its live run recorded above them."""
    if live_name(home, domain) is None:
        return today
    return today.with_changes(settings_of(live_run(home, domain)).given())


def settings_of(run: Path) -> DomainSettings:
    """Return the settings that a run recorded.

    A run from before bands were settings has those that its validation cohort gave it.

    Raises:
        ChurnError: The recipe cannot be read, or its settings are not what this code reads.
    """
    recipe = recipe_of(run)
    settings = dict(recipe.settings)
    if not settings.get("risk_bands"):
        settings["risk_bands"] = {
            **dict(zip(BANDS, recipe.bands, strict=False)),
            "because": "shares of the cohort that the model was validated on",
        }
    return recorded_settings(settings, run / RECIPE, recipe.domain)


def trained_run(run: Path) -> TrainedRun:
    """Return a run with its recipe."""
    return TrainedRun(run, recipe_of(run))


def recipe_of(run: Path) -> Recipe:
    """Return what a run's folder says of how its model was made.

    Raises:
        ChurnError: The file cannot be read, is damaged, or was written by later code.
    """
    path = run / RECIPE
    document = read_document(path, RESTORE)
    version = document.get("recipe_version", 1) if isinstance(document, dict) else None
    if isinstance(version, int) and version > RECIPE_VERSION:
        raise ChurnError(
            f"The recipe of {run.name} was written by later code.",
            where=f"{path}: recipe_version {version}, known are 1 to {RECIPE_VERSION}",
            hint="Use the code that trained the run, or a later one.",
        )
    return checked(Recipe, document, lambda keys: in_file(path, keys), RESTORE)


def hash_of_model(run: Path) -> str | None:
    """Return the SHA-256 of a run's model as its file is now, None where it cannot be read."""
    path = run / "model.txt"
    try:
        found = path.stat()
        return _sha256(path, found.st_mtime_ns, found.st_size)
    except OSError:
        return None


def check_model(run: Path) -> None:
    """Check that a run's model is the one that its recipe names, before anything is done with it.

    Raises:
        ChurnError: The file was changed, is damaged or is gone.
    """
    found, wanted = hash_of_model(run), recipe_of(run).model_hash
    if found != wanted:
        domain = run.parent.name
        raise ChurnError(
            f"The model file of {run.name} does not match its recipe.",
            where=f"{run / 'model.txt'}: {(found or 'unreadable')[:12]} instead of {wanted[:12]}",
            hint=f"Restore the file from a backup, or train again: churn run --domain {domain}",
        )


@lru_cache(maxsize=64)
def _sha256(path: Path, _modified: int, _bytes: int) -> str:
    """Probes ask again and again: a file is read anew when its time or size has changed."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def runs(home: Home, domain: str) -> list[Path]:
    """Return the folders of every run, oldest first."""
    found = [path.parent for path in (home.models / domain).glob(f"*/{RECIPE}")]
    return sorted(found, key=lambda path: (path / RECIPE).stat().st_mtime_ns)


def find_run(home: Home, domain: str, name: str) -> Path:
    """Return the run of a model hash or run_id; the first characters are enough.

    Raises:
        ChurnError: None has it, or several.
    """
    found = [
        run
        for run in runs(home, domain)
        if run.name == name or recipe_of(run).model_hash.startswith(name)
    ]
    hashes = {recipe_of(run).model_hash for run in found}
    if len(hashes) != 1:
        raise ChurnError(
            f"{'No' if not found else 'More than one'} model of {domain} is named {name!r}.",
            hint=f"churn models list --domain {domain}",
        )
    return found[-1]


def tuned_parameters(home: Home, domain: str) -> dict[str, int | float]:
    """Return the parameters that `churn tune` kept; empty before it ran."""
    path = home.models / domain / "tuned.json"
    if not path.exists():
        return {}
    parameters: dict[str, int | float] = json.loads(path.read_text())["parameters"]
    return parameters


def test_figure(run: Path, metric: str, model: str = "lightgbm") -> float:
    """Return a figure of a run's test cohort; NaN where there is none."""
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select value from read_parquet({file_sql(run / 'metrics.parquet')}) "
            "where split = 'test' and model = ? and metric = ?",
            [model, metric],
        ).fetchall()
    return float(rows[0][0]) if rows else float("nan")
