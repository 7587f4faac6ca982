"""The steps of a run, in order. A step whose inputs have not changed is skipped.

A domain that is refused or that fails at a step is left out of the later ones: it keeps what was
last published of it, and the other domains go on.
"""

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np

from ml.decision import Decision
from pipeline.campaigns.evidence import contacts_fingerprint
from pipeline.campaigns.exports import campaigns_fingerprint, export_campaigns
from pipeline.engines.environments import BuildEngine
from pipeline.engines.run import build_before
from pipeline.labels.freeze import freeze_closed
from pipeline.labels.registry import audit, check_files, keep_audit
from pipeline.project.corrections import check_corrections
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.files import empty_folder, move_durably
from pipeline.project.generations import is_offered, named, offer
from pipeline.project.serving_tables import published_tables
from pipeline.project.stores import (
    HISTORY,
    LABELS,
    LAKE,
    MODELS,
    SCORES,
    check_stores,
    hint_for,
    stores,
)
from pipeline.project.sums import damages, listed_damages, write_sums
from pipeline.publish.generation import FORMAT, GenerationInfo, current, publish
from pipeline.publish.guards import lost_decisions, measure
from pipeline.publish.history import keep_history
from pipeline.publish.kept import decided_since
from pipeline.publish.record import note_publish
from pipeline.realtime.bundle import STACK
from pipeline.report import notices
from pipeline.retention.catalogue import check_catalogue
from pipeline.retention.decisions import export_state
from pipeline.retention.exports import export_decisions
from pipeline.retention.fingerprint import plan_fingerprint
from pipeline.retention.overlay import read_today
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
from pipeline.warehouse.blame import DbtError, domains_to_blame
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
from pipeline.warehouse.dbt import AFTER_ML, BEFORE_ML, DbtOutcome, dbt, without
from pipeline.warehouse.kept_features import (
    compare_kept,
    discard_damaged,
    forget_kept,
    is_of_other_sql,
    keep_made,
    macro_environment,
    note_lake_days,
)
from pipeline.warehouse.lineage import Relation, told, written_tables
from pipeline.warehouse.static_checks import check_build

_BEYOND = (
    'If it is right: churn publish --accept "REASON". If files are missing or wrong, load them and '
    "run again."
)
_LOST = (
    "Restore the state from a backup, with its -wal file, or import the lists again with churn "
    "suppress and churn contacts. If they are gone for good, customers who opted out are contacted "
    'again: churn publish --accept "REASON".'
)


def build(context: RunContext, *, isolate: bool = False, engine: BuildEngine | None = None) -> None:
    """Build and test labels, features and examples; freeze the cohorts that have closed.

    Args:
        context: The context of the command.
        isolate: Go on without a domain of the command that cannot be built, instead of stopping.
            A domain that the command does not name never stops it.
        engine: Another engine than DuckDB for labels and features.

    Raises:
        ChurnError: A model or a test failed.
    """
    home = context.home
    for domain in context.entries:
        try:
            check_files(home, domain)
            _check(context, domain, LABELS)
            check_corrections(domain, context.entries[domain].corrections)
        except ChurnError as error:
            _leave_out(context, domain, error, isolate=isolate)
    if fingerprint.done(home.warehouse, "build") == _build_fingerprint(context):
        context.say("build: up to date")
        _hash_new(context)
        for domain in _built(context):
            notices.tell_late_feed(context, domain)
        return
    for domain in _built(context):
        try:
            _check(context, domain, LAKE)
        except ChurnError as error:
            _leave_out(context, domain, error, isolate=isolate)
    if not _built(context):
        raise ChurnError(
            "None of the domains can be built; what was last published stays.",
            where=", ".join(context.entries),
            hint="See above what is wrong with each.",
        )
    # a half-finished build must not pass for the old state or the new one
    fingerprint.forget(home.warehouse, "build", "marts")
    export_state(home)
    export_campaigns(home)
    if engine is None:
        _build_until_ml(context, isolate=isolate)
    else:
        _build_with(context, engine, isolate=isolate)
    for domain in _built(context):
        keep_made(home, domain, context.entries[domain])
        notices.tell_missing_days(context, domain)
        notices.tell_late_feed(context, domain)
        _audit(context, domain)
        _freeze(context, domain)
    _hash_new(context)
    fingerprint.mark_done(home.warehouse, "build", _build_fingerprint(context))


def _build_with(context: RunContext, engine: BuildEngine, *, isolate: bool) -> None:
    """Let an engine make what grows with the data, and DuckDB the rest.

    Raises:
        ChurnError: The engine failed, or a model, a test or a check.
    """
    _note_days(context, isolate=isolate)
    built = {domain: context.entries[domain] for domain in _built(context)}
    folder = empty_folder(context.home.work / f"engine_{engine.name}")
    try:
        environment = build_before(context, engine, built, folder)
        _build_until_ml(context, isolate=isolate, given=environment)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _note_days(context: RunContext, *, isolate: bool) -> None:
    """Note the days of the lake's files, which are in the keys of what is kept.

    Raises:
        ChurnError: A file cannot be read, of a domain that the command is about.
    """
    for domain in _built(context):
        try:
            note_lake_days(context.home, [domain])
        except ChurnError as error:
            _leave_out(context, domain, error, isolate=isolate)


def _build_until_ml(
    context: RunContext, *, isolate: bool, given: Mapping[str, str] | None = None
) -> None:
    """Build and test what the ML step reads; check what was compiled, and the kept features read.

    Args:
        context: The context of the command.
        isolate: See `build`.
        given: What the macros read where another engine has made some of it.

    Raises:
        ChurnError: A model, a test or a check failed.
    """
    home = context.home
    for domain in _built(context):
        if count := discard_damaged(home, domain):
            context.warn(
                f"{domain}: {count:,} files of kept features were damaged and are made again",
                domain,
            )
    _note_days(context, isolate=isolate)
    built = {domain: context.entries[domain] for domain in _built(context)}
    environment = given or macro_environment(home, built)
    outcome = _dbt_build(
        context,
        BEFORE_ML,
        "--full-refresh",  # reloads a lookup that has a new column
        title="labels, features, examples, tests",
        isolate=isolate,
        environment=environment,
    )
    context.say(f"build: {outcome.passed} models and tests passed")
    for warning in outcome.warnings:
        context.warn(warning)
    for domain in _built(context):
        try:
            check_build(read_manifest(home), domain, compiled_stack(home, domain))
        except ChurnError as error:
            _leave_out(context, domain, error, isolate=isolate)
    keep_features(home, _built(context))
    wrong = [name for name in _built(context) if is_of_other_sql(home, name, environment)]
    for domain in _built(context):
        if difference := compare_kept(home, domain):
            context.warn(str(difference), domain)
            wrong.append(domain)
    if wrong:
        for domain in wrong:
            forget_kept(home, domain)
        _build_until_ml(context, isolate=isolate)


def _hash_new(context: RunContext) -> None:
    """Hash what has no content hash yet: an older version, or a killed command, wrote it."""
    new = sum(
        store.hash_new() for domain in _built(context) for store in stores(context.home, domain)
    )
    if new:
        context.say(f"{new:,} files have content hashes from now")


def _check(context: RunContext, domain: str, *kinds: str) -> None:
    """Compare stored files with their content hashes before they are read.

    Raises:
        ChurnError: One is damaged.
    """
    if new := check_stores(context.home, domain, *kinds):
        context.say(f"{domain}: {new:,} files of {', '.join(kinds)} have content hashes from now")


def _dbt_build(
    context: RunContext,
    selected: tuple[str, ...],
    *options: str,
    title: str,
    isolate: bool,
    environment: Mapping[str, str] | None = None,
) -> DbtOutcome:
    """Build and test; without the domains whose own models or tests fail.

    Raises:
        ChurnError: What failed is not of single domains, or is of every one.
    """
    while True:
        try:
            return dbt(
                context.home,
                "build",
                *without(selected, context.left_out),
                "--exclude-resource-type=unit_test",
                *options,
                variables=context.variables,
                console=context.console,
                title=title,
                environment=environment,
            )
        except DbtError as error:
            built = _built(context)
            blamed = domains_to_blame(context.home, error, built)
            if not blamed or blamed.keys() == set(built):
                raise
            for domain, failures in sorted(blamed.items()):
                words = ChurnError(
                    f"{domain} could not be built; its last published rows stay.",
                    where="\n".join(failures)[:4000],
                    hint=error.hint,
                )
                _leave_out(context, domain, words, isolate=isolate)


def _built(context: RunContext) -> list[str]:
    return [domain for domain in context.entries if domain not in context.left_out]


def _leave_out(context: RunContext, domain: str, error: ChurnError, *, isolate: bool) -> None:
    """Go on without a domain.

    Raises:
        ChurnError: The command is about the domain and cannot go on without it.
    """
    if domain in context.domains and not isolate:
        raise error
    context.leave_out(domain, error)


def _build_fingerprint(context: RunContext) -> str:
    lakes = [fingerprint.lake_fingerprint(context.home, domain) for domain in context.entries]
    labels = fingerprint.listing_fingerprint(context.home.labels, "**/*.parquet")
    learned = {name: entry.learned().given() for name, entry in context.entries.items()}
    out = [context.left_out] if context.left_out else []
    contacts = {name: contacts_fingerprint(context.home, name) for name in context.entries}
    contacts = {name: made for name, made in contacts.items() if made}
    return fingerprint.digest(
        fingerprint.sql_fingerprint(),
        lakes,
        labels,
        learned,
        context.as_of,
        _days_over(context),
        *([contacts] if contacts else []),
        *out,
    )


def _days_over(context: RunContext) -> dict[str, str]:
    """Up to which day each domain's rows are read: today's are not, until today is over.

    Of rows that all lie in the past it is the day after the last one, so that a new day alone
    builds nothing anew.
    """
    found: dict[str, date | None] = {name: context.today(name) for name in context.entries}
    if context.home.warehouse.exists():
        with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
            for domain, now in list(found.items()):
                with suppress(duckdb.CatalogException):
                    last = connection.execute(
                        f"select max(day) from {domain}.stg_{domain}__event_days"
                    ).fetchall()[0][0]
                    found[domain] = min(now, last + timedelta(days=1)) if last and now else None
    return {domain: str(day) for domain, day in found.items()}


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
                "it; adding the file later does not change these labels.",
                domain,
            )


def _audit(context: RunContext, domain: str) -> None:
    """Record and report where the raw data contradict frozen labels; the labels stay."""
    found = audit(context.home, domain, context.entries[domain].label_rule_version)
    keep_audit(context.home, domain, found)
    for disagreement in found[:5]:
        context.warn(
            f"{disagreement}; the frozen labels stay in use. If the raw data are right: "
            f"{disagreement.hint}",
            domain,
        )
    if len(found) > 5:
        context.warn(
            f"and {len(found) - 5} more; list them: churn labels audit --domain {domain}", domain
        )


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
                *_contacted(connection, domain),
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
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
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
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
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


def finish(context: RunContext) -> GenerationInfo | None:
    """Build and test the models that depend on scores, and publish the domains that pass.

    A domain that is left out, or that its guards refuse, keeps the rows of the current generation.

    Returns:
        The current generation; None if nothing was ever published.

    Raises:
        ChurnError: A model or a test failed, or there is nothing to publish.
    """
    home = context.home
    if fingerprint.done(home.warehouse, "build") is None:
        raise ChurnError("Nothing has been built yet.", hint="Run `churn run` first.")
    check_catalogue(context.entries)
    live = current(home)
    if live is not None and named(home)[0] != live.name:
        context.warn(
            f"{named(home)[0]} was published last and is gone. The one before it, {live.name}, "
            "takes its place: a CRM sync gets what changed in between once more."
        )
    if live is not None:
        keep_history(home, live.line or (live.name,))
    # the CRM table records changes since the current generation
    compared_with = live.name if live else "nothing"
    marts = _made_from(context)
    is_compared = fingerprint.done(home.warehouse, "compared_with") == compared_with
    is_published = live is not None and live.marts == marts
    if fingerprint.done(home.warehouse, "marts") != marts or not (is_compared or is_published):
        marts = _build_marts(context, compared_with)
    if not _built(context):
        return _publish_decisions(context, live)
    notices.tell_departures(context, _built(context))
    kept = sorted({*context.left_out, *_guard(context, live, _built(context))})
    made_from = fingerprint.digest(marts, kept)
    if live is not None and live.fingerprint == made_from:
        if not is_offered(home, live.name):
            offer(home, live.name)
        context.say(f"publish: {live.name} is current")
        return live
    new = _scored_domains(context, kept)
    if kept and not new:
        return _publish_decisions(context, live)
    if fingerprint.done(home.warehouse, "compared_with") != compared_with:
        marts = _build_marts(context, compared_with)
    return _publish(context, made_from, marts, kept)


def _publish_decisions(context: RunContext, live: GenerationInfo | None) -> GenerationInfo | None:
    """Publish what is published, with today's do-not-contact: it waits for no domain."""
    if live is not None:
        today = read_today(context.home)
        changed, domains = decided_since(live.path, today)
        if changed:
            context.say(f"publish: do-not-contact of {', '.join(changed)} is laid over")
            made_from = fingerprint.digest(live.fingerprint, today.version)
            return _publish(context, made_from, live.marts, domains)
    context.say("publish: no domain is published again")
    return live


def _publish(
    context: RunContext, made_from: str, marts: str, kept: Sequence[str]
) -> GenerationInfo:
    home = context.home
    with (
        told(home, "publish", _serving(), context.console) as wrote,
        context.console.status("publishing"),
    ):
        generation = publish(home, made_from, marts=marts, kept=kept)
        wrote += [
            Relation(f"current.serving.{table}", rows, home.published / "current.duckdb")
            for table, rows in generation.tables.items()
        ]
    context.say(f"published {generation.name}, {len(generation.tables)} tables")
    if context.log:
        context.log.night.generation, context.log.night.kept = generation.name, list(kept)
    if kept:
        context.say(f"kept as they were published: {', '.join(kept)}")
    for note in generation.notes:
        context.warn(note)
    return generation


def _mart(domain: str) -> str:
    return f"warehouse.{domain}.{domain}__churn_examples"


def _serving() -> list[str]:
    return [f"warehouse.serving.{table.name}" for table in published_tables()]


def _made_from(context: RunContext) -> str:
    """Hash of what the serving tables are built from."""
    home = context.home
    return fingerprint.digest(
        fingerprint.done(home.warehouse, "build"),
        fingerprint.listing_fingerprint(home.models, "**/*.parquet"),
        [live_name(home, domain) for domain in context.entries],
        [str(current_scores(home, domain)) for domain in context.entries],
        plan_fingerprint(home, context.entries),
        campaigns_fingerprint(home),
        context.left_out,
        FORMAT,
    )


def _build_marts(context: RunContext, compared_with: str) -> str:
    """Build and test what depends on scores; return the hash of what it was built from."""
    home = context.home
    fingerprint.forget(home.warehouse, "marts", "compared_with")
    for domain in _built(context):
        try:
            _check(context, domain, SCORES, MODELS, HISTORY)
            _check_features(context, domain)
        except ChurnError as error:
            context.leave_out(domain, error)
    if not _built(context):
        # every domain keeps what was last published of it
        return _made_from(context)
    export_decisions(home)
    export_campaigns(home)
    outcome = _dbt_build(
        context, AFTER_ML, title="scores, drivers, serving tables, tests", isolate=True
    )
    context.say(f"serving: {outcome.passed} models and tests passed")
    keep_replayed(home)
    notices.tell_unknown_contacts(context)
    marts = _made_from(context)
    fingerprint.mark_done(home.warehouse, "compared_with", compared_with)
    fingerprint.mark_done(home.warehouse, "marts", marts)
    return marts


def _check_features(context: RunContext, domain: str) -> None:
    """Leave out a domain whose published scores were made from other features than are built now.

    After a study with other settings that is as it should be, and no more than said.

    Raises:
        ChurnError: They were, and nobody asked for a study.
    """
    from ml.score import is_scored

    scores = current_scores(context.home, domain)
    if scores is None:
        return
    day, folder = scores.as_of_date, context.home.models / domain / scores.run_id / "scores"
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        if is_scored(connection, folder / day, domain, np.datetime64(day)):
            return
    if is_past(context, domain):
        context.dropped.add(domain)
        context.say(
            f"{domain}: the warehouse holds the features of this study, not those of the published "
            f"scores of {day}, which stay. To build those again: churn run --domain {domain}"
        )
        return
    raise ChurnError(
        f"The published scores of {domain} of {day} were made from other features.",
        where=f"{context.home.warehouse}: it was built with other settings, or late rows changed "
        "features of that day",
        hint=f"To build and score: churn run --domain {domain}",
        exit_code=REFUSED,
    )


def _guard(context: RunContext, live: GenerationInfo | None, domains: Iterable[str]) -> list[str]:
    """Return the domains that their guards refuse; those accepted beyond them are noted."""
    home, refused = context.home, []
    for domain in domains:
        jump = measure(home, live, domain)
        beyond = jump.beyond(context.entries[domain].guards) if jump else []
        lost = lost_decisions(home, live, domain)
        if not beyond and lost is None:
            continue
        words = "; ".join([*([lost] if lost else []), *beyond])
        if context.accept is not None and domain in context.domains:
            context.warn(f"{domain}: published as accepted, although {words}", domain)
            note_publish(home, domain, "accepted", words, context.accept)
            continue
        refused.append(domain)
        note_publish(home, domain, "refused", words)
        context.refuse(
            domain,
            ChurnError(
                f"Publishing {domain} is refused: {words}.",
                where=f"{home.state}; what was last published of {domain} stays"
                if lost
                else "the limits are in dbt_project.yml, "
                f"vars.churn_domains.{domain}.guards; what was last published of it stays",
                hint=_LOST if lost else _BEYOND,
                exit_code=REFUSED,
            ),
        )
    return refused


def _scored_domains(context: RunContext, kept: Iterable[str]) -> list[str]:
    """Return the domains with published scores in the warehouse, without those that are kept."""
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select domain from churn.int_churn__live_runs_selected order by domain"
        ).fetchall()
    return [row[0] for row in rows if row[0] not in set(kept)]
