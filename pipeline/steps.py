"""The steps of a run, in order. A step whose inputs have not changed is skipped."""

import shutil
from pathlib import Path

import duckdb
import numpy as np

from ml.decision import Decision
from pipeline.labels.freeze import freeze_closed
from pipeline.labels.registry import audit, keep_audit
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.errors import ChurnError
from pipeline.project.files import empty_folder
from pipeline.publish.generation import FORMAT, GenerationInfo, current, publish
from pipeline.realtime.bundle import STACK
from pipeline.retention.catalogue import check_catalogue
from pipeline.retention.decisions import export_state
from pipeline.retention.fingerprint import plan_fingerprint
from pipeline.runs.context import REFUSED, RunContext
from pipeline.runs.presets import suggest_preset
from pipeline.runs.registry import (
    live_name,
    live_run,
    record,
    standing,
    trained_run,
    tuned_parameters,
)
from pipeline.warehouse import fingerprint
from pipeline.warehouse.compiled_sql import (
    compiled_stack,
    keep_features,
    keep_replayed,
    load_stack,
    read_manifest,
    stack_hash,
    stack_script,
    write_models,
)
from pipeline.warehouse.dbt import AFTER_ML, BEFORE_ML, dbt
from pipeline.warehouse.static_checks import check_build


def build(context: RunContext) -> None:
    """Build and test labels, features and examples; freeze the cohorts that have closed.

    Raises:
        ChurnError: A model or a test failed.
    """
    home = context.home
    if fingerprint.done(home.warehouse, "build") == _build_fingerprint(context):
        context.say("build: up to date")
        return
    # a half-finished build must not pass for the old state or the new one
    fingerprint.forget(home.warehouse, "build", "marts")
    outcome = dbt(
        home,
        "build",
        *BEFORE_ML,
        "--exclude-resource-type=unit_test",
        "--full-refresh",  # reloads a lookup that has a new column
        variables=context.variables,
        console=context.console,
        title="labels, features, examples, tests",
    )
    context.say(f"build: {outcome.passed} models and tests passed")
    for warning in outcome.warnings:
        context.warn(warning)
    for domain in context.entries:
        check_build(read_manifest(home), domain, compiled_stack(home, domain))
    keep_features(home, context.entries)
    for domain in context.entries:
        _audit(context, domain)
        _freeze(context, domain)
    fingerprint.mark_done(home.warehouse, "build", _build_fingerprint(context))


def _build_fingerprint(context: RunContext) -> str:
    lakes = [fingerprint.lake_fingerprint(context.home, domain) for domain in context.entries]
    labels = fingerprint.listing_fingerprint(context.home.labels, "**/*.parquet")
    learned = {name: entry.learned().given() for name, entry in context.entries.items()}
    return fingerprint.digest(fingerprint.sql_fingerprint(), lakes, labels, learned, context.as_of)


def _freeze(context: RunContext, domain: str) -> None:
    rule_version = context.entries[domain].label_rule_version
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        written = freeze_closed(connection, context.home, domain, rule_version)
    if written:
        rows = sum(cohort.rows for cohort in written)
        context.say(f"{domain}: {len(written)} closed cohorts frozen, {rows:,} labels")
        if missing := written[0].missing_raw_files:
            context.warn(
                f"{domain}: labels were frozen without {', '.join(missing)}. The registry records "
                "it; adding the file later does not change these labels."
            )


def _audit(context: RunContext, domain: str) -> None:
    """Record and report where the raw data contradict frozen labels; the labels stay."""
    found = audit(context.home, domain, context.entries[domain].label_rule_version)
    keep_audit(context.home, domain, found)
    for disagreement in found[:5]:
        context.warn(f"{disagreement}; the frozen labels stay in use")
    if len(found) > 5:
        context.warn(f"and {len(found) - 5} more; list them: churn labels audit --domain {domain}")


def train(context: RunContext, domain: str) -> Path:
    """Train a domain's model unless a run with the same inputs exists; return the run's folder.

    Raises:
        ChurnError: Training is refused, with the reason; exit code 3, the build stays.
    """
    from ml.cohorts import RefusedError
    from ml.record import RunInputs
    from ml.run import train_run

    home, settings = context.home, context.entries[domain].learned()
    sql_hash = stack_hash(load_stack(home, domain))
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        try:
            scoring = _scoring_cut_off(context, connection, domain)
            tuned = tuned_parameters(home, domain)
            inputs = fingerprint.digest(
                fingerprint.lake_fingerprint(home, domain),
                fingerprint.recipe_fingerprint(),
                sql_hash,
                _labels_checksums(connection, domain, settings),
                _feature_sources(connection, domain),
                settings.given(),
                tuned,
            )
            run_id = f"{domain}-{scoring}-{inputs[:8]}"
            folder = home.models / domain / run_id
            if folder.exists():
                context.say(f"{domain}: {run_id} is already trained")
                return folder
            scratch = empty_folder(home.work / f"train_{domain}")
            with context.console.status(f"{domain}: training") as status:
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
                    ),
                    scratch,
                    lambda words: status.update(f"{domain}: {words}"),
                )
        except RefusedError as refusal:
            fitting = suggest_preset(connection, domain, settings)
            raise ChurnError(
                f"Training {domain} is refused: {refusal}.",
                where=fitting or None,
                hint="What was built before it is intact; nothing was published.",
                exit_code=REFUSED,
            ) from refusal
    stack = load_stack(home, domain)
    (scratch / "features.sql").write_text(stack_script(stack) + "\n")
    write_models(scratch / STACK, stack)
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch.replace(folder)
    context.say(f"{domain}: trained {run_id}")
    return folder


def _scoring_cut_off(
    context: RunContext, connection: duckdb.DuckDBPyConnection, domain: str
) -> np.datetime64:
    """The cut-off given, or the default one that the build derived from the data."""
    from ml.mart import read_scoring_cut_off

    if domain in context.as_of:
        return np.datetime64(context.as_of[domain], "D")
    return read_scoring_cut_off(connection, domain)


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


def _feature_sources(connection: duckdb.DuckDBPyConnection, domain: str) -> list[tuple[str, str]]:
    """The source history of each feature, which decides whether a model may read it."""
    return connection.execute(
        "select feature, source_history from churn.int_churn__features_described "
        "where domain = ? order by feature",
        [domain],
    ).fetchall()


def decide(context: RunContext, domain: str, challenger: Path) -> Decision | None:
    """Decide whether a trained run takes over from the live one; None if it is already live.

    An earlier decision about the same two runs stands, including one made by hand.
    """
    from ml.champion import decide as decide_between

    live = live_name(context.home, domain)
    if live == challenger.name:
        return None
    if kept := standing(context.home, domain, challenger.name):
        context.warn(f"{domain}: {live} keeps scoring ({kept.rule}): {kept.words}")
        return Decision(str(live), challenger.name, kept.rule, kept.words)
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        decision = decide_between(
            connection,
            trained_run(live_run(context.home, domain)) if live else None,
            trained_run(challenger),
            _scoring_cut_off(context, connection, domain),
        )
    if decision.run_id == challenger.name:
        context.say(f"{domain}: {challenger.name} goes live: {decision.words}")
    else:
        context.warn(
            f"{domain}: {live} keeps scoring. {challenger.name} is {decision.words}. "
            "To make it live anyway: churn models promote"
        )
    return decision


def score(context: RunContext, domain: str, decision: Decision | None = None) -> None:
    """Score the domain's cut-off with the live model, or with the one a decision makes live.

    Raises:
        ChurnError: There is no model yet, or no customer to score.
    """
    from ml.cohorts import RefusedError
    from ml.score import is_scored, score_cut_off

    home = context.home
    run = home.models / domain / decision.run_id if decision else live_run(home, domain)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        try:
            cut_off = _scoring_cut_off(context, connection, domain)
            folder = run / "scores" / str(cut_off)
            if is_scored(connection, folder, domain, cut_off):
                context.say(f"{domain}: {cut_off} is already scored by {run.name}")
            else:
                scratch = empty_folder(home.work / f"score_{domain}")
                with context.console.status(f"{domain}: scoring and explaining {cut_off}"):
                    customers = score_cut_off(connection, trained_run(run), cut_off, scratch)
                folder.parent.mkdir(parents=True, exist_ok=True)
                shutil.rmtree(folder, ignore_errors=True)
                scratch.replace(folder)
                context.say(
                    f"{domain}: scored {customers:,} customers at {cut_off}, "
                    "each with exact drivers"
                )
        except RefusedError as refusal:
            raise ChurnError(
                f"Scoring {domain} is refused: {refusal}.",
                hint=f"To train for a day and score it: churn run --domain {domain} --as-of DATE",
                exit_code=REFUSED,
            ) from refusal
    if decision is None:
        return
    kept = standing(home, domain, decision.challenger_run_id)
    if kept is None or kept.run_id != decision.run_id:
        record(home, domain, decision)


def finish(context: RunContext) -> GenerationInfo:
    """Build and test the models that depend on scores, and publish them.

    Raises:
        ChurnError: A model or a test failed, or there is nothing to publish.
    """
    home = context.home
    built = fingerprint.done(home.warehouse, "build")
    if built is None:
        raise ChurnError("Nothing has been built yet.", hint="Run `churn run` first.")
    check_catalogue(context.entries)
    made_from = fingerprint.digest(
        built,
        fingerprint.listing_fingerprint(home.models, "**/*.parquet"),
        [live_name(home, domain) for domain in context.entries],
        plan_fingerprint(home, context.entries),
        FORMAT,
    )
    live = current(home)
    is_current = live is not None and live.fingerprint == made_from
    # the CRM table records changes since the current generation
    compared_with = live.name if live else "nothing"
    is_compared = is_current or fingerprint.done(home.warehouse, "compared_with") == compared_with
    if fingerprint.done(home.warehouse, "marts") != made_from or not is_compared:
        fingerprint.forget(home.warehouse, "marts", "compared_with")
        export_state(home)
        outcome = dbt(
            home,
            "build",
            *AFTER_ML,
            "--exclude-resource-type=unit_test",
            variables=context.variables,
            console=context.console,
            title="scores, drivers, serving tables, tests",
        )
        context.say(f"serving: {outcome.passed} models and tests passed")
        keep_replayed(home)
        fingerprint.mark_done(home.warehouse, "compared_with", compared_with)
        fingerprint.mark_done(home.warehouse, "marts", made_from)
    if live is not None and is_current:
        context.say(f"publish: {live.name} is current")
        return live
    with context.console.status("publishing"):
        generation = publish(home, made_from)
    context.say(f"published {generation.name}, {len(generation.tables)} tables")
    return generation
