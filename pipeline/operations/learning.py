"""Whether a night trains: only when outcomes came in that no model has seen, or by schedule."""

from datetime import date

import duckdb
import numpy as np

from ml.cohorts import known_by, read_cohorts, with_history
from ml.mart import read_scoring_cut_off
from pipeline import steps
from pipeline.project.duck import file_sql
from pipeline.project.home import Home
from pipeline.runs.context import RunContext
from pipeline.runs.registry import decisions, live_name, live_run, recipe_of


def learn_if_due(context: RunContext, domain: str) -> str | None:
    """Score a domain with its live model, after training one if that is due.

    Returns:
        Why the night trained, in words; None if it did not.

    Raises:
        ChurnError: The scoring is refused, or training is and no model is live.
    """
    because = training_due(context, domain)
    if because is not None:
        context.say(f"{domain}: trains, because {because}")
        with context.step("learn and score", domain) as step:
            steps.learn_and_score(context, domain)
            step.rows = _scored(context, domain)
        return because
    context.say(f"{domain}: no cohort has closed since the last training")
    _remind(context, domain)
    with context.step("score", domain) as step:
        steps.score(context, domain)
        step.rows = _scored(context, domain)
    return None


def training_due(context: RunContext, domain: str) -> str | None:
    """Return why a domain should train, in words; None if the live model goes on as it is.

    A cohort has closed when one that a training would learn from today is one that no model learned
    from about which it was decided who scores. So a new model that was held back is not trained
    again every night; a training that was refused is tried again.

    Args:
        context: Context of the night; its warehouse is built.
        domain: Domain.
    """
    home, settings = context.home, context.entries[domain]
    if live_name(home, domain) is None:
        return "no model is live yet"
    live = recipe_of(live_run(home, domain))
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        scoring = read_scoring_cut_off(connection, domain)
        closed = known_by(with_history(read_cohorts(connection, domain), settings), scoring)
    learned: set[date] = set(live.live_cohorts)
    last_trained = _trained_for(home, domain, live.run_id)
    for run_id in _judged(home, domain):
        recipe = recipe_of(home.models / domain / run_id)
        if recipe.label_definition == live.label_definition:
            learned |= set(recipe.live_cohorts)
            last_trained = max(last_trained, _trained_for(home, domain, run_id))
    new = sorted({_day(cohort.as_of_date) for cohort in closed} - learned)
    if new:
        one = f"the outcomes of the cohort of {new[-1]} are known"
        many = f"the outcomes of {len(new)} more cohorts are known, the newest of {new[-1]}"
        return one if len(new) == 1 else many
    every = settings.train_every_days
    if every is not None and (_day(scoring) - last_trained).days >= every:
        return f"the last training was for {last_trained}, and train_every_days is {every}"
    return None


def _day(cut_off: np.datetime64) -> date:
    day: date = cut_off.astype("datetime64[D]").item()
    return day


def _judged(home: Home, domain: str) -> list[str]:
    """Runs that were ever live or might have been, as far as their folders are still there."""
    made = [row.decision for row in decisions(home, domain)]
    names = {name for one in made for name in (one.run_id, one.challenger_run_id)}
    return sorted(name for name in names if (home.models / domain / name).is_dir())


def _trained_for(home: Home, domain: str, run_id: str) -> date:
    """The cut-off that was scored next when a run was trained."""
    path = home.models / domain / run_id / "runs.parquet"
    with duckdb.connect() as connection:
        ((day,),) = connection.execute(
            f"select cast(scoring_as_of_date as date) from read_parquet({file_sql(path)})"
        ).fetchall()
    found: date = day
    return found


def _remind(context: RunContext, domain: str) -> None:
    """Say again that a new model waits for somebody to decide."""
    last = decisions(context.home, domain)[-1].decision
    if last.rule == "held_back" and last.run_id == live_name(context.home, domain):
        context.warn(
            f"{domain}: {last.run_id} keeps scoring, {last.challenger_run_id} was held back. To "
            f"make it live: churn models promote {last.challenger_run_id} --domain {domain}",
            domain,
        )


def _scored(context: RunContext, domain: str) -> int | None:
    """Customers of the newest scored cut-off of the live run."""
    live = live_name(context.home, domain)
    if live is None:
        return None
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        cut_off = read_scoring_cut_off(connection, domain)
        path = context.home.models / domain / live / "scores" / str(cut_off) / "scores.parquet"
        if not path.exists():
            return None
        row = connection.execute(f"select count(*) from read_parquet({file_sql(path)})").fetchone()
    return int(row[0]) if row else None
