"""Trains a domain's model, chooses between it and the live one, and scores."""

import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from ml.decision import Decision
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.duck import open_beside_learning
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.files import empty_folder, move_durably
from pipeline.project.memory import learning_budget
from pipeline.project.stores import (
    MODELS,
    hint_for,
)
from pipeline.project.sums import damages, listed_damages, write_sums
from pipeline.realtime.bundle import STACK
from pipeline.runs.context import RunContext
from pipeline.runs.presets import Refused, advise
from pipeline.runs.registry import (
    CurrentScores,
    check_model,
    choose_scores,
    current_scores,
    live_name,
    live_run,
    recipe_of,
    record,
    standing,
    trained_run,
    tuned_parameters,
)
from pipeline.warehouse import fingerprint
from pipeline.warehouse.compiled_sql import (
    load_stack,
    stack_hash,
    stack_script,
    write_models,
)
from pipeline.warehouse.lineage import told, written_tables

if TYPE_CHECKING:
    from ml.stayers import StayerSample


def learn_and_score(context: RunContext, domain: str) -> None:
    """Train, decide which model scores, and score; a past day is scored for study.

    A refused training leaves the live model scoring.

    Raises:
        ChurnError: The cut-off or the scoring is refused, or training is and no model is live.
    """
    past = is_past(context, domain)
    try:
        challenger = train(context, domain)
    except ChurnError as refusal:
        live = live_name(context.home, domain)
        if refusal.exit_code != REFUSED or live is None or past:
            raise
        where = f" {refusal.where}" if refusal.where else ""
        context.warn(f"{refusal.what}{where} {live} keeps scoring.", domain)
        score(context, domain)
        return
    if past:
        _score_for_study(context, domain, challenger)
    else:
        score(context, domain, decide(context, domain, challenger))


def is_past(context: RunContext, domain: str) -> bool:
    """Whether the cut-off that was asked for is a past day, scored for study.

    Raises:
        ChurnError: It is beyond what is known; exit code 3.
    """
    if domain not in context.as_of:
        return False
    asked = date.fromisoformat(context.as_of[domain])
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        row = connection.execute(
            "select known_before from control.control__knowledge where domain = ?", [domain]
        ).fetchone()
    known_before: date | None = row[0] if row else None
    if known_before is not None and asked > known_before:
        raise ChurnError(
            f"Scoring {domain} at {asked} is refused: its data are known before {known_before} "
            "only, and the days after that would read as days on which nothing happened.",
            hint=f"Choose {known_before} or earlier, or load newer files with --raw.",
            exit_code=REFUSED,
        )
    return known_before is not None and asked < known_before and context.accept is None


def train(context: RunContext, domain: str) -> Path:
    """Train a domain's model unless a run with the same inputs exists; return the run's folder.

    Raises:
        ChurnError: Training is refused, with the reason; exit code 3, the build stays.
    """
    from ml.cohorts import RefusedError, TooLittleDataError
    from ml.record import RunInputs
    from ml.run import train_run

    home, settings = context.home, context.entries[domain].learned()
    sql_hash = stack_hash(load_stack(home, domain))
    with open_beside_learning(home) as connection:
        try:
            scoring = _scoring_cut_off(context, connection, domain)
            tuned = tuned_parameters(home, domain)
            sample = _sample(context, connection, domain, scoring)
            inputs = fingerprint.digest(
                fingerprint.lake_fingerprint(home, domain),
                fingerprint.recipe_fingerprint(),
                sql_hash,
                _labels_checksums(connection, domain, settings),
                _feature_sources(connection, domain),
                settings.given(),
                tuned,
                *_contacted(connection, domain),
                # the memory of a machine changes a run only where it is too little
                *([] if sample is None else [f"1 of {sample.one_of} stayers"]),
            )
            run_id = f"{domain}-{scoring}-{inputs[:8]}"
            folder = home.models / domain / run_id
            if folder.exists():
                context.say(f"{domain}: {run_id} is already trained")
                return folder
            scratch = empty_folder(home.work / f"train_{domain}")
            with (
                told(home, f"{domain}.train", [_mart(domain)], context.console) as wrote,
                context.console.status(f"{domain}: training") as status,
            ):
                train_run(
                    connection,
                    RunInputs(
                        run_id,
                        domain,
                        scoring,
                        settings,
                        sql_hash,
                        fingerprint.learning_fingerprint(settings, sql_hash, tuned),
                        tuned,
                        sample,
                    ),
                    scratch,
                    lambda words: status.update(f"{domain}: {words}"),
                )
                wrote += written_tables(scratch)
        except RefusedError as refusal:
            advice = ""
            if isinstance(refusal, TooLittleDataError):
                tried = Refused(domain, settings, scoring, context.as_of.get(domain))
                advice = advise(context, connection, tried)
            live = live_name(home, domain)
            raise ChurnError(
                f"Training {domain} is refused: {refusal}.",
                where=advice or None,
                hint="What was built before it is intact, and what is published of it stays."
                + (
                    f" {live} can score these data and be published with them: "
                    f"churn score --domain {domain} && churn publish"
                    if live
                    else ""
                ),
                exit_code=REFUSED,
            ) from refusal
    stack = load_stack(home, domain)
    (scratch / "features.sql").write_text(stack_script(stack) + "\n")
    write_models(scratch / STACK, stack)
    write_sums(scratch)
    move_durably(scratch, folder)
    context.say(f"{domain}: trained {run_id}")
    if sample is not None:
        context.say(f"{domain}: {sample.recorded().words}")
    return folder


def _scoring_cut_off(
    context: RunContext, connection: duckdb.DuckDBPyConnection, domain: str
) -> np.datetime64:
    """The cut-off given, or the default one that the build derived from the data."""
    from ml.mart import read_scoring_cut_off

    if domain in context.as_of:
        return np.datetime64(context.as_of[domain], "D")
    return read_scoring_cut_off(connection, domain)


def _sample(
    context: RunContext,
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    scoring: np.datetime64,
) -> "StayerSample | None":
    """Which stayers are learned from; None for all."""
    from ml.cohorts import choose_fits, read_cohorts
    from ml.mart import sample_of

    entry = context.entries[domain]
    fits = choose_fits(read_cohorts(connection, domain), scoring, entry)
    return sample_of(connection, domain, fits, learning_budget(entry.training_memory_gb))


def _labels_checksums(
    connection: duckdb.DuckDBPyConnection, domain: str, settings: DomainSettings
) -> list[tuple[str, str]]:
    """Checksums of the closed cohorts of the grid, which a model may learn from."""
    from ml.cohorts import is_on_grid

    rows = connection.execute(
        f"select as_of_date, label_checksum from {domain}.{domain}__label_cohorts "
        "where label_definition = ? and is_closed order by as_of_date",
        [settings.label_definition],
    ).fetchall()
    return [
        (str(day), str(checksum))
        for day, checksum in rows
        if is_on_grid(np.datetime64(day, "D"), settings)
    ]


def _contacted(connection: duckdb.DuckDBPyConnection, domain: str) -> list[str]:
    """Hash of the examples that contacts leave out or weigh; empty where no contact does."""
    from ml.contacted import read_contacted

    found = read_contacted(connection, domain)
    return [] if found is None else [fingerprint.digest(found.rows.to_csv(index=False))]


def _feature_sources(connection: duckdb.DuckDBPyConnection, domain: str) -> list[tuple[str, str]]:
    """The source history of each feature, which decides whether a model may read it."""
    return connection.execute(
        "select feature, source_history from churn.int_churn__features_described "
        "where domain = ? order by feature",
        [domain],
    ).fetchall()


def decide(context: RunContext, domain: str, challenger: Path) -> Decision | None:
    """Decide whether a trained run takes over from the live one; None if it is already live.

    An earlier decision about the same two runs stands, including one made by hand; one that held
    the new run back does not stand against `--accept`.
    """
    from ml.champion import decide as decide_between

    live = live_name(context.home, domain)
    if live == challenger.name:
        return None
    kept = standing(context.home, domain, challenger.name)
    if kept and not (kept.rule == "held_back" and context.accept):
        _tell(context, domain, kept, f"{live} keeps scoring ({kept.rule}): {kept.words}")
        return Decision(str(live), challenger.name, kept.rule, kept.words)
    _check_run(challenger)
    if live:
        try:
            _check_run(live_run(context.home, domain))
        except ChurnError as damage:
            words = f"the model file of {live} is damaged, so that it cannot be compared"
            context.warn(f"{domain}: {challenger.name} goes live: {words}. {damage.where}", domain)
            return Decision(challenger.name, challenger.name, "not_comparable", words)
    with open_beside_learning(context.home) as connection:
        decision = decide_between(
            connection,
            trained_run(live_run(context.home, domain)) if live else None,
            trained_run(challenger),
            _scoring_cut_off(context, connection, domain),
            context.entries[domain].guards.takeover,
            context.accept,
        )
    _tell(
        context,
        domain,
        decision,
        f"{challenger.name} goes live: {decision.words}"
        if decision.run_id == challenger.name
        else f"{live} keeps scoring. {challenger.name} is {decision.words}. "
        "To make it live anyway: churn models promote",
    )
    return decision


def _check_run(run: Path) -> None:
    """Check a run's model and what its folder says of it, before anything is done with it.

    Raises:
        ChurnError: A file was changed, is damaged or is gone.
    """
    check_model(run)
    if found := damages(run, is_closed=False):
        raise ChurnError(
            f"Files of {run.name} are damaged.",
            where=listed_damages(found),
            hint=hint_for(MODELS, run.parent.name),
        )


def _tell(context: RunContext, domain: str, decision: Decision, words: str) -> None:
    """Print a decision; as a warning where the newest data made a model that nobody expects."""
    is_odd = decision.rule in ("held_back", "accepted") or (
        decision.rule == "refreshed" and decision.run_id != decision.challenger_run_id
    )
    if is_odd:
        context.warn(f"{domain}: {words}", domain)
    else:
        context.say(f"{domain}: {words}")


def score(context: RunContext, domain: str, decision: Decision | None = None) -> None:
    """Score the domain's cut-off with the live model, or with the one a decision makes live.

    The scores become those that are published, unless the cut-off is a past day: that is scored
    for study and changes neither the live model nor the published cut-off.

    Raises:
        ChurnError: There is no model yet, no customer to score, or the cut-off is beyond what is
            known.
    """
    home = context.home
    run = home.models / domain / decision.run_id if decision else live_run(home, domain)
    if is_past(context, domain):
        _score_for_study(context, domain, run)
        return
    if recipe_of(run).feature_sql_hash != stack_hash(load_stack(home, domain)):
        context.warn(
            f"{domain}: the SQL of the features has changed since {run.name} learned from them",
            domain,
        )
    cut_off = _score(context, domain, run)
    if decision is not None:
        kept = standing(home, domain, decision.challenger_run_id)
        if kept is None or (kept.run_id, kept.rule) != (decision.run_id, decision.rule):
            record(home, domain, decision)
    reason = context.accept if domain in context.as_of else None
    choose_scores(home, domain, CurrentScores(run.name, cut_off, reason))


def _score_for_study(context: RunContext, domain: str, run: Path) -> None:
    cut_off = _score(context, domain, run)
    live, current_ = live_name(context.home, domain), current_scores(context.home, domain)
    stays = f"; {live} stays live" if live else ""
    stays += f", and {current_.as_of_date} stays the published cut-off" if current_ else ""
    context.say(
        f"{domain}: {cut_off} is a past day and was scored for study{stays}. To publish it: "
        f'churn run --domain {domain} --as-of {cut_off} --accept "REASON"'
    )


def _score(context: RunContext, domain: str, run: Path) -> str:
    """Score the cut-off with a run unless it has scored it; return the cut-off."""
    from ml.cohorts import RefusedError
    from ml.score import is_scored, score_cut_off

    home = context.home
    with open_beside_learning(home) as connection:
        try:
            cut_off = _scoring_cut_off(context, connection, domain)
            folder = run / "scores" / str(cut_off)
            _check_run(run)
            damaged = damages(folder)
            if damaged:
                context.warn(
                    f"{domain}: the scores of {cut_off} are damaged and are made again. "
                    f"{listed_damages(damaged)}",
                    domain,
                )
            elif is_scored(connection, folder, domain, cut_off):
                context.say(f"{domain}: {cut_off} is already scored by {run.name}")
                return str(cut_off)
            scratch = empty_folder(home.work / f"score_{domain}")
            reads = [_mart(domain), "warehouse.ml.runs"]
            with (
                told(home, f"{domain}.score", reads, context.console) as wrote,
                context.console.status(f"{domain}: scoring and explaining {cut_off}"),
            ):
                customers = score_cut_off(connection, trained_run(run), cut_off, scratch)
                wrote += written_tables(scratch)
        except RefusedError as refusal:
            raise ChurnError(
                f"Scoring {domain} is refused: {refusal}.",
                hint=f"To train for a day and score it: churn run --domain {domain} --as-of DATE",
                exit_code=REFUSED,
            ) from refusal
    shutil.rmtree(folder, ignore_errors=True)
    write_sums(scratch)
    move_durably(scratch, folder)
    context.say(f"{domain}: scored {customers:,} customers at {cut_off}, each with exact drivers")
    return str(cut_off)


def _mart(domain: str) -> str:
    return f"warehouse.{domain}.{domain}__churn_examples"
