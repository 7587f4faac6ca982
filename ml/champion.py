"""Champion and challenger: decides which of two runs scores, on a cohort that neither saw."""

from dataclasses import replace

import duckdb
import lightgbm as lgb
import numpy as np

from ml.artifacts import load_model
from ml.compare import PairedGain
from ml.contacted import read_contacted, without_contacted
from ml.contract import Examples, Floats, read_examples, weighted_mean
from ml.decision import Decision
from ml.level.read import LevelReader
from ml.metrics import losses
from ml.recipe import TrainedRun
from ml.score import unobserved
from ml.settings import TakeoverLimits
from ml.takeover import risk_by, shift


def decide(
    connection: duckdb.DuckDBPyConnection,
    champion: TrainedRun | None,
    challenger: TrainedRun,
    scoring: np.datetime64,
    limits: TakeoverLimits,
    accept: str | None = None,
) -> Decision:
    """Decide whether a new run takes over from the live one.

    The same recipe on newer data takes over unless it is significantly worse; a changed recipe
    must be significantly better. Both are tested on the challenger's test cohorts, those of the
    newest closed period, each with a model that learned only from what was known before them.

    That test never sees the model that goes live, which learned from newer cohorts too. So the two
    models that would score are compared on the customers scored next; beyond the limits the new
    one is held back.

    Args:
        connection: The warehouse after the build.
        champion: The live run, None before the first.
        challenger: The new run.
        scoring: Cut-off that is scored next.
        limits: How far the scores of the two may be apart.
        accept: Why a new run takes over beyond the limits; None to hold it back.
    """
    new = challenger.recipe.run_id
    if champion is None:
        return Decision(new, new, "first", "the first model")
    if champion.recipe.model_hash == challenger.recipe.model_hash:
        return Decision(new, new, "same_model", "the same model under other settings")
    levels = LevelReader(connection, challenger.recipe.domain)
    if why := _reads_what_is_missing(connection, champion, scoring):
        return Decision(new, new, "not_comparable", why)
    if why := _not_comparable(connection, champion, challenger, scoring):
        decision = Decision(new, new, "not_comparable", why)
    else:
        decision = _judge(connection, champion, challenger, levels)
    if decision.run_id != new or _answers_another_question(champion, challenger):
        return decision
    moved = shift(connection, champion, challenger, scoring, limits, levels)
    beyond = moved.beyond(limits) if moved else []
    if not beyond:
        return replace(decision, words=f"{decision.words}; {moved}") if moved else decision
    words = f"{decision.words}; but {' and '.join(beyond)} on the customers scored at {scoring}"
    if accept is None:
        return replace(decision, run_id=champion.recipe.run_id, rule="held_back", words=words)
    return replace(decision, rule="accepted", words=f"{words}; accepted: {accept}")


def _reads_what_is_missing(
    connection: duckdb.DuckDBPyConnection, old: TrainedRun, scoring: np.datetime64
) -> str | None:
    """Return why the live run cannot judge the scoring cut-off, where windows lack days."""
    cohort = read_examples(connection, old.recipe.domain, since=scoring, until=scoring)
    if len(cohort) == 0 or not set(old.recipe.features) <= set(cohort.features):
        return None
    booster, _ = load_model(old)
    missing = unobserved(booster, cohort.keep(old.recipe.features))
    if not missing:
        return None
    return (
        f"the live model reads {len(missing)} features that nobody has on {scoring}, because days "
        f"of their windows are missing ({', '.join(missing[:3])}); this one does without"
    )


def _answers_another_question(old: TrainedRun, new: TrainedRun) -> bool:
    """Whether another definition of churn was chosen; its risk is meant to differ."""
    return old.recipe.label_definition != new.recipe.label_definition


def _judge(
    connection: duckdb.DuckDBPyConnection, old: TrainedRun, new: TrainedRun, levels: LevelReader
) -> Decision:
    cohort_day = np.datetime64(new.recipe.test_as_of_date)
    days: list[np.datetime64] = [np.datetime64(day, "D") for day in new.recipe.tests]
    cohort = read_examples(connection, new.recipe.domain, since=cohort_day, until=days[-1]).cohorts(
        days
    )
    cohort = without_contacted(cohort, read_contacted(connection, new.recipe.domain))
    before = losses(cohort.is_churned, _predict(old, cohort, cohort_day, levels))
    after = losses(cohort.is_churned, _predict(new, cohort, cohort_day, levels))
    paired = PairedGain.of(before, after, cohort.customer_id, cohort.weight)
    means = [weighted_mean(loss, cohort.weight) for loss in (before, after)]
    same = old.recipe.recipe_hash == new.recipe.recipe_hash
    takes_over = paired.is_not_worse if same else paired.is_better
    how = "loses" if paired.gain < 0 else "gains"
    words = (
        f"{'refreshed on newer data' if same else 'a changed recipe'}: on {len(cohort):,} customers"
        f" of {cohort_day}{f' to {days[-1]}' if len(days) > 1 else ''}, which neither model saw, "
        f"it {how} {abs(paired.gain):.4f} of log loss "
        f"({means[0]:.4f} → {means[1]:.4f}, noise ± {paired.noise:.4f}), "
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
        champion_log_loss=means[0],
        challenger_log_loss=means[1],
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


def _predict(run: TrainedRun, cohort: Examples, day: np.datetime64, levels: LevelReader) -> Floats:
    name = _unseen(run, day)
    if name is None:  # decide() has looked
        raise RuntimeError(f"{run.recipe.run_id} has no model that did not see {day}")
    booster = lgb.Booster(model_str=(run.folder / name).read_text())
    return risk_by(booster, run, cohort, levels.of(run.recipe.level))
