"""Builds and tests labels, features and examples, and freezes the cohorts that have closed."""

import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, timedelta

import duckdb

from pipeline.campaigns.evidence import contacts_fingerprint
from pipeline.campaigns.exports import export_campaigns
from pipeline.engines.environments import BuildEngine
from pipeline.engines.run import build_before
from pipeline.labels.freeze import freeze_closed
from pipeline.labels.registry import audit, check_files, keep_audit
from pipeline.project.corrections import check_corrections
from pipeline.project.duck import open_large
from pipeline.project.errors import ChurnError
from pipeline.project.files import empty_folder
from pipeline.project.stores import (
    LABELS,
    LAKE,
    check_stores,
    stores,
)
from pipeline.report import notices
from pipeline.retention.decisions import export_state
from pipeline.runs.context import RunContext
from pipeline.warehouse import fingerprint
from pipeline.warehouse.blame import DbtError, domains_to_blame
from pipeline.warehouse.compiled_sql import (
    compiled_stack,
    keep_features,
    read_manifest,
)
from pipeline.warehouse.dbt import BEFORE_ML, DbtOutcome, dbt, without
from pipeline.warehouse.kept_features import (
    compare_kept,
    discard_damaged,
    forget_kept,
    is_of_other_sql,
    keep_made,
    macro_environment,
    note_lake_days,
)
from pipeline.warehouse.static_checks import check_build


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
            check_stored(context, domain, LABELS)
            check_corrections(domain, context.entries[domain].corrections)
        except ChurnError as error:
            _leave_out(context, domain, error, isolate=isolate)
    if fingerprint.done(home.warehouse, "build") == _build_fingerprint(context):
        context.say("build: up to date")
        _hash_new(context)
        for domain in built_domains(context):
            notices.tell_late_feed(context, domain)
        return
    for domain in built_domains(context):
        try:
            check_stored(context, domain, LAKE)
        except ChurnError as error:
            _leave_out(context, domain, error, isolate=isolate)
    if not built_domains(context):
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
    for domain in built_domains(context):
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
    built = {domain: context.entries[domain] for domain in built_domains(context)}
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
    for domain in built_domains(context):
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
    for domain in built_domains(context):
        if count := discard_damaged(home, domain):
            context.warn(
                f"{domain}: {count:,} files of kept features were damaged and are made again",
                domain,
            )
    _note_days(context, isolate=isolate)
    built = {domain: context.entries[domain] for domain in built_domains(context)}
    environment = given or macro_environment(home, built)
    outcome = dbt_build(
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
    for domain in built_domains(context):
        try:
            check_build(read_manifest(home), domain, compiled_stack(home, domain))
        except ChurnError as error:
            _leave_out(context, domain, error, isolate=isolate)
    keep_features(home, built_domains(context))
    wrong = [name for name in built_domains(context) if is_of_other_sql(home, name, environment)]
    for domain in built_domains(context):
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
        store.hash_new()
        for domain in built_domains(context)
        for store in stores(context.home, domain)
    )
    if new:
        context.say(f"{new:,} files have content hashes from now")


def check_stored(context: RunContext, domain: str, *kinds: str) -> None:
    """Compare stored files with their content hashes before they are read.

    Raises:
        ChurnError: One is damaged.
    """
    if new := check_stores(context.home, domain, *kinds):
        context.say(f"{domain}: {new:,} files of {', '.join(kinds)} have content hashes from now")


def dbt_build(
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
            built = built_domains(context)
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


def built_domains(context: RunContext) -> list[str]:
    """Return the domains that the build goes on with."""
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
    with open_large(context.home, "freeze", context.home.warehouse) as connection:
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
