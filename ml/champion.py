"""Champion and challenger: decides which of two runs scores, on a cohort that neither saw."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np

from ml.calibrate import Calibration
from ml.compare import PairedGain
from ml.contract import Examples, Floats, read_examples
from ml.decision import Decision
from ml.metrics import losses
from ml.train import margin


@dataclass(frozen=True)
class _Run:
    folder: Path
    recipe: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.recipe["run_id"])


def decide(
    connection: duckdb.DuckDBPyConnection,
    champion: Path | None,
    challenger: Path,
    scoring: np.datetime64,
) -> Decision:
    """Decide whether a new run takes over from the live one.

    The same recipe on newer data takes over unless it is significantly worse; a changed recipe
    must be significantly better. Both are tested on the challenger's test cohort, the newest closed
    one, each with a model that learned only from what was known before it.

    Args:
        connection: The warehouse after the build.
        champion: Folder of the live run, None before the first.
        challenger: Folder of the new run.
        scoring: Cut-off that is scored next.
    """
    new = _read(challenger)
    if champion is None:
        return Decision(new.name, new.name, "first", "the first model")
    old = _read(champion)
    if old.recipe["model_hash"] == new.recipe["model_hash"]:
        return Decision(new.name, new.name, "same_model", "the same model under other settings")
    if why := _not_comparable(connection, old, new, scoring):
        return Decision(new.name, new.name, "not_comparable", why)
    return _judge(connection, old, new)


def _judge(connection: duckdb.DuckDBPyConnection, old: _Run, new: _Run) -> Decision:
    cohort_day = np.datetime64(new.recipe["test_as_of_date"])
    cohort = read_examples(connection, new.recipe["domain"], since=cohort_day, until=cohort_day)
    before = losses(cohort.is_churned, _predict(old, cohort, cohort_day))
    after = losses(cohort.is_churned, _predict(new, cohort, cohort_day))
    paired = PairedGain.of(before, after)
    same = old.recipe.get("recipe_hash") == new.recipe["recipe_hash"]
    takes_over = paired.is_not_worse if same else paired.is_better
    how = "loses" if paired.gain < 0 else "gains"
    words = (
        f"{'refreshed on newer data' if same else 'a changed recipe'}: on {len(cohort):,} customers"
        f" of {cohort_day}, which neither model saw, it {how} {abs(paired.gain):.4f} of log loss "
        f"({before.mean():.4f} → {after.mean():.4f}, noise ± {paired.noise:.4f}), "
        + (
            ("not worse" if same else "better")
            if takes_over
            else ("worse" if same else "not better")
        )
        + " beyond noise"
    )
    return Decision(
        run_id=new.name if takes_over else old.name,
        challenger_run_id=new.name,
        rule="refreshed" if same else "changed",
        words=words,
        judged_on=str(cohort_day),
        rows=len(cohort),
        champion_log_loss=float(before.mean()),
        challenger_log_loss=float(after.mean()),
        gain=paired.gain,
        gain_se=paired.se,
    )


def _not_comparable(
    connection: duckdb.DuckDBPyConnection, old: _Run, new: _Run, scoring: np.datetime64
) -> str | None:
    """Return why the live run can neither score nor be compared; None if it can."""
    domain = new.recipe["domain"]
    if old.recipe["settings"]["label_definition"] != new.recipe["settings"]["label_definition"]:
        return (
            f"the live model learned {old.recipe['settings']['label_definition']}, another "
            "definition of churn"
        )
    described = connection.execute(f"describe {domain}.{domain}__churn_examples").fetchall()
    gone = set(old.recipe["features"]) - {row[0] for row in described}
    if gone:
        return f"the live model reads features that are no longer built: {', '.join(sorted(gone))}"
    if np.datetime64(old.recipe["outcomes_known_on"]) > scoring:
        return f"the live model learned from outcomes that were not known on {scoring}"
    if _unseen(old, np.datetime64(new.recipe["test_as_of_date"])) is None:
        return f"the live model has seen the cohort of {new.recipe['test_as_of_date']}"
    return None


def _unseen(run: _Run, day: np.datetime64) -> str | None:
    """The file of the run's newest model that could have been used on a day; None without one."""
    if np.datetime64(run.recipe["outcomes_known_on"]) <= day:
        return "model.txt"
    kept = (run.folder / "test_model.txt").exists()
    if kept and np.datetime64(run.recipe["test_as_of_date"]) <= day:
        return "test_model.txt"
    return None


def _predict(run: _Run, cohort: Examples, day: np.datetime64) -> Floats:
    name = _unseen(run, day)
    if name is None:  # decide() has looked
        raise RuntimeError(f"{run.name} has no model that did not see {day}")
    booster = lgb.Booster(model_str=(run.folder / name).read_text())
    used = cohort.keep(tuple(run.recipe["features"]))
    return Calibration(**run.recipe["calibration"]).apply(margin(booster, used))


def _read(folder: Path) -> _Run:
    return _Run(folder, json.loads((folder / "recipe.json").read_text()))
