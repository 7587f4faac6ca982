"""`churn nightly`: what a scheduler calls every night."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import duckdb
import typer

from cli.common import (
    Domain,
    EngineName,
    app,
    console,
    errors,
    exit_with,
    for_each_domain,
    make_context,
    recording,
    writing,
)
from pipeline.engines.environments import BuildEngine, find_engine
from pipeline.operations.folders import has_arrived, has_data, known_folder
from pipeline.operations.missed import missed_nights
from pipeline.operations.status import keep_status, status_of
from pipeline.project.clock import is_given
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import EXPLAINED, FAILED, REFUSED, WARNED
from pipeline.project.failures import in_words
from pipeline.project.home import Home, home
from pipeline.project.origin import is_demo
from pipeline.project.terminal import show_warning
from pipeline.publish.generation import current
from pipeline.runs.context import RunContext
from pipeline.runs.nights import Night, NightLog, Note
from pipeline.runs.rebuild import with_whole_warehouse
from pipeline.runs.registry import live_name, live_run
from pipeline.warehouse.fingerprint import done

if TYPE_CHECKING:
    from pipeline.alerts.gather import AlertDomain, FilesBefore


@dataclass
class _Told:
    """What the status line is made from, as far as the night has come.

    Attributes:
        night: The record of the run.
        context: Its context.
        trained: Domain → why it trained.
        log: Writes the record; None before the night began.
        files: Domain → what the lake held before, and what was read.
    """

    night: Night
    context: RunContext | None = None
    trained: dict[str, str] = field(default_factory=dict)
    log: NightLog | None = None
    files: "dict[str, FilesBefore]" = field(default_factory=dict)


@app.command(epilog=EXPLAINED)
def nightly(
    domain: Domain = None,
    raw: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the raw files; by default the one that files were last loaded from."
        ),
    ] = None,
    quiet: Annotated[
        bool, typer.Option("--quiet", help="Print the status line and nothing else.")
    ] = False,
    engine: EngineName = "duckdb",
) -> None:
    """Ingest what is new, build, score with the live model and publish; trains when it is due.

    It trains when a cohort has closed since the last training, when no model is live yet, or every
    `train_every_days` of the entry. The last line is the status as JSON, kept in
    CHURN_HOME/status.json.
    """
    if domain is not None and domain not in domain_entries():
        raise typer.BadParameter(f"there is no domain {domain!r}", param_hint="--domain")
    if raw is not None and domain is None:
        raise typer.BadParameter("a folder belongs to one domain: add --domain", param_hint="--raw")
    console.quiet = errors.quiet = quiet
    where = home()
    told = _Told(Night(command="nightly", began_at=datetime.now(UTC)))
    with (
        _status_line(where, told),
        writing(where),
        _status_file(where, told),
        _alerting(where, told),
        recording(where, "nightly") as log,
    ):
        told.night, told.log = log.night, log
        _live(where, log, told, domain, raw, engine)


@contextmanager
def _status_line(where: Home, told: _Told) -> Iterator[None]:
    """Print the status as the last line, however the night ends."""
    try:
        yield
    except OSError as problem:
        error = in_words(problem) or ChurnError(
            f"A file or folder cannot be read or written: {problem.strerror or problem}.",
            where=str(problem.filename or where.root),
            hint="Free disk space or fix the permissions, and run it again; what was published "
            "before stays.",
        )
        _note(told.night, error)
        raise error from problem
    except ChurnError as error:
        _note(told.night, error)
        raise
    finally:
        status = status_of(where, told.night, told.context, told.trained)
        # not through the console: it would break the line, and --quiet silences it
        typer.echo(status.line)
        sys.stdout.flush()


def _note(night: Night, error: ChurnError) -> None:
    """Note why a night ended that was not recorded: it did not get the lock or had no disk."""
    if night.ended_at is None:
        night.ended_at = datetime.now(UTC)
        night.outcome = "refused" if error.exit_code == REFUSED else "failed"
        if not any(note.kind != "warning" and not note.domain for note in night.notes):
            night.notes.append(
                Note(kind="failure", what=error.what, where=error.where, hint=error.hint)
            )


@contextmanager
def _status_file(where: Home, told: _Told) -> Iterator[None]:
    """Keep the status, with the lock still held: the file is that of the night that ended last."""
    try:
        yield
    finally:
        status = status_of(where, told.night, told.context, told.trained)
        keep_status(where, status)


@contextmanager
def _alerting(where: Home, told: _Told) -> Iterator[None]:
    """Tell who wants to know what the night found, however it ended.

    Raises:
        typer.Exit: All else went well, and somebody could not be told.
    """
    try:
        yield
    except BaseException:
        _tell(where, told)
        raise
    if _tell(where, told):
        raise typer.Exit(WARNED)


def _tell(where: Home, told: _Told) -> bool:
    """Judge the night and tell; return whether something went wrong in it."""
    if told.log is None:
        return False
    try:
        from pipeline.alerts.tell import tell_night

        domains = _alert_domains(where, told)
        titles = {name: entry.title for name, entry in domain_entries().items()}
        warnings = tell_night(where, told.night, domains, titles).warnings
    except Exception as problem:
        # how the night ended does not hang on who was told
        warnings = [f"alerts could not be judged: {type(problem).__name__}"]
    for words in warnings:
        told.night.notes.append(Note(kind="warning", what=words))
        show_warning(console, words)
    if warnings:
        if told.night.outcome == "published":
            told.night.outcome = "warned"
        with suppress(OSError):
            told.log.write()
    return bool(warnings)


def _alert_domains(where: Home, told: _Told) -> "list[AlertDomain]":
    from pipeline.alerts.gather import AlertDomain

    context = told.context
    if context is None:
        return []
    found = []
    for name in context.domains:
        # days of the demo end long before the clock's
        is_clock = is_given() or not is_demo(where, name)
        built = where.warehouse.exists() and done(where.warehouse, "build") is not None
        found.append(
            AlertDomain(
                name,
                context.entries[name].alerts,
                context.today(name) if is_clock else None,
                told.files.get(name),
                is_built=built and name not in context.left_out,
            )
        )
    return found


def _live(
    where: Home,
    log: NightLog,
    told: _Told,
    domain: str | None,
    raw: Path | None,
    engine: str,
) -> None:
    """Live the night.

    Raises:
        typer.Exit: It does not end with 0.
    """
    from pipeline.report.info_sheet import write_info_sheet

    # in here, so that an engine that is gone is a failed night, which is told
    chosen = find_engine(engine)
    names = (domain,) if domain else tuple(domain_entries())
    asked = tuple(
        name
        for name in names
        if raw
        or has_data(where, name)
        or (where.raw / name).is_dir()
        or domain_entries()[name].connection
    )
    if not asked:
        raise ChurnError(
            "There is no data yet, and no folder is known that raw files come from.",
            where=str(where.root),
            hint=f"Name it once: churn nightly --domain {domain or 'DOMAIN'} --raw DIR",
        )
    context = told.context = replace(make_context(domain, live=True, log=log), domains=asked)
    for_each_domain(context, lambda name: _read(context, name, raw, told), context.refuse)
    if not any(has_data(where, name) for name in asked):
        exit_with(context)

    def work() -> None:
        for days in missed_nights(context):
            _make_up_for(context, days, told, chosen)
        _build_score_publish(context, told, chosen)

    with_whole_warehouse(context, work)
    for name in context.remaining:
        if live_name(where, name):
            write_info_sheet(context, name, live_run(where, name))
    exit_with(context)


def _build_score_publish(context: RunContext, told: _Told, engine: BuildEngine | None) -> None:
    from pipeline import steps
    from pipeline.operations.learning import learn_if_due

    with context.step("build") as step, steps.decisions_published(context):
        steps.build(context, isolate=True, engine=engine)
        step.rows = _examples(context)

    def learn(name: str) -> None:
        because = learn_if_due(context, name)
        if because is not None:
            told.trained[name] = because

    for_each_domain(context, learn)
    if not any(live_name(context.home, name) for name in context.domains):
        return
    with context.step("publish") as step:
        generation = steps.finish(context)
        step.rows = sum(generation.tables.values()) if generation else None


def _make_up_for(
    context: RunContext, days: dict[str, date], told: _Told, engine: BuildEngine | None
) -> None:
    """Live a missed night with what was known on its day; trouble in it is a warning."""
    which = ", ".join(f"{name} {day}" for name, day in days.items())
    context.say(f"makes up for a missed night: {which}")
    before = current(context.home)
    past = replace(context, domains=tuple(days), days=days, outcomes={}, dropped=set(), log=None)
    with context.step("missed night"):
        _build_score_publish(past, told, engine)
    for name in days:
        if past.exit_code_of(name) in (FAILED, REFUSED):
            context.warn(f"{name}: the missed night of {days[name]} was not published", name)
    after = current(context.home)
    if context.log and after and after != before:
        context.log.night.generation = after.name


def _read(context: RunContext, domain: str, raw: Path | None, told: _Told) -> None:
    """Load what is new of a domain.

    Raises:
        ChurnError: A file or the folder cannot be used; the lake is unchanged.
    """
    from pipeline.alerts.gather import files_before
    from pipeline.connections.stores import note_loaded
    from pipeline.operations.reading import new_overlaps, read_folder

    folder = raw or _pulled(context, domain) or known_folder(context.home, domain)
    if folder is None:
        context.warn(
            f"{domain}: no folder is known that its files come from, so nothing was read. Name it "
            f"once: churn nightly --domain {domain} --raw DIR",
            domain,
        )
        return
    context.say(f"{domain}: reads what is new in {folder}")
    is_pulled = raw is None and context.entries[domain].connection is not None
    if folder.is_dir() and has_data(context.home, domain) and not has_arrived(folder):
        if is_pulled:
            # of a store, copies of what is new; how old the data may be says `alerts`
            context.say(f"{domain}: nothing new has come")
        else:
            context.warn(f"{domain}: nothing has arrived in {folder}", domain)
        return
    before = told.files[domain] = files_before(context.home, domain)
    found = before.read = read_folder(context.home, domain, folder, console, log=context.log)
    if is_pulled:
        note_loaded(context.home, domain)
    for pair in new_overlaps(found):
        context.warn(
            f"{domain}: {pair}. These rows may count twice; keep each in one file, and take a file "
            "out with `churn ingest --remove FILE`",
            domain,
        )


def _pulled(context: RunContext, domain: str) -> Path | None:
    """Pull what is new of a domain with a connection; return the folder that it lies in.

    Raises:
        ChurnError: The database or store cannot be read; what was pulled before is as it was.
    """
    if context.entries[domain].connection is None:
        return None
    from pipeline.operations.pulling import pull_rows

    done = pull_rows(context.home, domain, console, log=context.log)
    for words in done.warnings:
        context.warn(f"{domain}: {words}", domain)
    done.folder.mkdir(parents=True, exist_ok=True)
    return done.folder


def _examples(context: RunContext) -> int:
    """Rows of the examples of all domains that were built."""
    built = [name for name in context.entries if name not in context.left_out]
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            " union all ".join(
                f"select count(*) from {name}.{name}__churn_examples" for name in built
            )
        ).fetchall()
    return sum(count for (count,) in rows)
