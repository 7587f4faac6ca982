"""Champion and challenger: decides which of two runs scores, on a cohort that neither saw."""

import duckdb
import lightgbm as lgb
import numpy as np

from ml.calibrate import Calibration
from ml.compare import PairedGain
from ml.contract import Examples, Floats, read_examples
from ml.decision import Decision
from ml.metrics import losses
from ml.recipe import TrainedRun
from ml.train import margin


def decide(
    connection: duckdb.DuckDBPyConnection,
    champion: TrainedRun | None,
    challenger: TrainedRun,
    scoring: np.datetime64,
) -> Decision:
    """Decide whether a new run takes over from the live one.

    The same recipe on newer data takes over unless it is significantly worse; a changed recipe
    must be significantly better. Both are tested on the challenger's test cohorts, those of the
    newest closed period, each with a model that learned only from what was known before them.

    Args:
        connection: The warehouse after the build.
        champion: The live run, None before the first.
        challenger: The new run.
        scoring: Cut-off that is scored next.
    """
    new = challenger.recipe.run_id
    if champion is None:
        return Decision(new, new, "first", "the first model")
    if champion.recipe.model_hash == challenger.recipe.model_hash:
        return Decision(new, new, "same_model", "the same model under other settings")
    if why := _not_comparable(connection, champion, challenger, scoring):
        return Decision(new, new, "not_comparable", why)
    return _judge(connection, champion, challenger)


def _judge(connection: duckdb.DuckDBPyConnection, old: TrainedRun, new: TrainedRun) -> Decision:
    cohort_day = np.datetime64(new.recipe.test_as_of_date)
    days: list[np.datetime64] = [np.datetime64(day, "D") for day in new.recipe.tests]
    cohort = read_examples(connection, new.recipe.domain, since=cohort_day, until=days[-1]).cohorts(
        days
    )
    before = losses(cohort.is_churned, _predict(old, cohort, cohort_day))
    after = losses(cohort.is_churned, _predict(new, cohort, cohort_day))
    paired = PairedGain.of(before, after, cohort.customer_id)
    same = old.recipe.recipe_hash == new.recipe.recipe_hash
    takes_over = paired.is_not_worse if same else paired.is_better
    how = "loses" if paired.gain < 0 else "gains"
    words = (
        f"{'refreshed on newer data' if same else 'a changed recipe'}: on {len(cohort):,} customers"
        f" of {cohort_day}{f' to {days[-1]}' if len(days) > 1 else ''}, which neither model saw, "
        f"it {how} {abs(paired.gain):.4f} of log loss "
        f"({before.mean():.4f} → {after.mean():.4f}, noise ± {paired.noise:.4f}), "
        + (
            ("not worse" if same else "better")
            if takes_over
            else ("worse" if same else "not better")
        )
        + " beyond noise"
    )
    return Decision(
        run_id=new.recipe.run_id if takes_over else old.recipe.run_id,
        challenger_run_id=new.recipe.run_id,
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
    connection: duckdb.DuckDBPyConnection, old: TrainedRun, new: TrainedRun, scoring: np.datetime64
) -> str | None:
    """Return why the live run can neither score nor be compared; None if it can."""
    domain = new.recipe.domain
    if old.recipe.label_definition != new.recipe.label_definition:
        return f"the live model learned {old.recipe.label_definition}, another definition of churn"
    described = connection.execute(f"describe {domain}.{domain}__churn_examples").fetchall()
    gone = set(old.recipe.features) - {row[0] for row in described}
    if gone:
        return f"the live model reads features that are no longer built: {', '.join(sorted(gone))}"
    if np.datetime64(old.recipe.outcomes_known_on) > scoring:
        return f"the live model learned from outcomes that were not known on {scoring}"
    if _unseen(old, np.datetime64(new.recipe.test_as_of_date)) is None:
        return f"the live model has seen the cohort of {new.recipe.test_as_of_date}"
    return None


def _unseen(run: TrainedRun, day: np.datetime64) -> str | None:
    """The file of the run's newest model that could have been used on a day; None without one."""
    if np.datetime64(run.recipe.outcomes_known_on) <= day:
        return "model.txt"
    kept, tested = (run.folder / "test_model.txt").exists(), run.recipe.test_as_of_date
    if kept and tested is not None and np.datetime64(tested) <= day:
        return "test_model.txt"
    return None


def _predict(run: TrainedRun, cohort: Examples, day: np.datetime64) -> Floats:
    name = _unseen(run, day)
    if name is None:  # decide() has looked
        raise RuntimeError(f"{run.recipe.run_id} has no model that did not see {day}")
    booster = lgb.Booster(model_str=(run.folder / name).read_text())
    used = cohort.keep(run.recipe.features)
    return Calibration.of(run.recipe.calibration).apply(margin(booster, used))
