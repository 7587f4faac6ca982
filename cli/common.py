"""Shared by all commands: the app, consoles, options, the writer's lock and the run context."""

import getpass
import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import typer
from filelock import FileLock, Timeout
from rich.console import Console

from pipeline.operations.restore import check_not_restoring
from pipeline.project.domains import check_domain, domain_entries, parse_overrides
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import FAILED, PUBLISHED
from pipeline.project.failures import in_words, stops_everything
from pipeline.project.files import remove_parts
from pipeline.project.home import Home, home
from pipeline.project.memory import memory
from pipeline.runs.context import RunContext
from pipeline.runs.nights import NightLog, begin_night
from pipeline.runs.registry import live_settings

app = typer.Typer(
    help="Churn prediction and retention in a warehouse. All data lives under CHURN_HOME.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
# a pipe has no width of its own; tables should not be squeezed into 80 columns there. Brackets and
# colons in ids and names are not markup
console = Console(width=None if sys.stdout.isatty() else 120, markup=False, emoji=False)
errors = Console(stderr=True, width=None if sys.stderr.isatty() else 120, markup=False, emoji=False)

Domain = Annotated[
    str | None, typer.Option(help="Domain to work on; all domains with data by default.")
]
Raw = Annotated[Path | None, typer.Option(help="Folder of the raw files to ingest.")]
Encoding = Annotated[
    str | None,
    typer.Option(
        help="Encoding of the CSV files, such as cp1252; UTF-8, or as before, by default."
    ),
]
AsOf = Annotated[str | None, typer.Option(help="Cut-off to score, as YYYY-MM-DD.")]
Accept = Annotated[
    str | None,
    typer.Option(
        help="Reason to publish what a guard refuses, or a past day (--as-of); kept on record."
    ),
]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="Override a setting of the domain, as key=value.")
]

EngineName = Annotated[
    str,
    typer.Option(
        "--engine", help="What builds labels and features: duckdb, or sail or spark if installed."
    ),
]


# Commands that write the project's own files, which are not personal.
_OF_THE_PROJECT = ("dictionary", "docs", "domain")


@app.callback()
def begin(context: typer.Context) -> None:
    """Read dbt_project.yml before anything else: a key that is wrong in it stops every command.

    What commands write under CHURN_HOME is its owner's alone, unless CHURN_UMASK says otherwise.

    Raises:
        ChurnError: CHURN_UMASK is not a file mode mask, or CHURN_MEMORY no amount of memory.
    """
    if context.invoked_subcommand not in _OF_THE_PROJECT:
        os.umask(_umask())
        memory()
    domain_entries()


def _umask() -> int:
    words = os.environ.get("CHURN_UMASK", "077")
    if not re.fullmatch(r"0?[0-7]{1,3}", words):
        raise ChurnError(
            f"CHURN_UMASK={words} is not a file mode mask.",
            hint="Write it in octal digits: 077 for the owner alone, 027 for the group as readers.",
        )
    return int(words, 8)


@contextmanager
def writing(where: Home, *, is_restoring: bool = False) -> Iterator[None]:
    """Hold the writer's lock of a CHURN_HOME; one command writes at a time.

    Raises:
        ChurnError: CHURN_HOME is not writable, another command is writing, or a restore was
            interrupted and this is not one.
    """
    lock = FileLock(where.root / ".lock", timeout=0)
    try:
        where.root.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as held:
        raise ChurnError(
            "Another churn command is writing to this CHURN_HOME.",
            where=str(where.root),
            hint="Wait for it to finish, or use another CHURN_HOME.",
        ) from held
    except OSError as problem:
        raise ChurnError(
            "Cannot write to CHURN_HOME.",
            where=f"{problem.filename or where.root}: {problem.strerror or problem}",
            hint="Free disk space, fix the permissions, or set CHURN_HOME to another folder.",
        ) from problem
    try:
        if not is_restoring:
            check_not_restoring(where)
        yield
    finally:
        lock.release()


@contextmanager
def recording(where: Home, command: str) -> Iterator[NightLog]:
    """Record a run under CHURN_HOME/nights, however it ends; call it with the lock held.

    What a killed run left half written goes first.
    """
    # of these nobody but the holder of the lock writes any
    for folder in (
        where.nights,
        where.landing,
        where.lake,
        where.labels,
        where.history,
        where.models,
        where.published,
    ):
        remove_parts(folder)
    log = begin_night(where, command)
    try:
        yield log
    except typer.Exit as ending:
        log.end(ending.exit_code)
        raise
    except ChurnError as error:
        log.refuse("", error)
        log.end(error.exit_code)
        raise
    except BaseException as problem:
        told = in_words(problem) or ChurnError(f"{type(problem).__name__}: {problem}")
        log.refuse("", told)
        log.end(FAILED)
        raise
    log.end(PUBLISHED)


@contextmanager
def scratch_folder(where: Home) -> Iterator[Path]:
    """Give an empty folder on the file system of CHURN_HOME, removed at the end."""
    where.work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=where.work) as folder:
        yield Path(folder)


def make_context(
    domain: str | None,
    as_of: str | None = None,
    overrides: list[str] | None = None,
    *,
    live: bool = False,
    accept: str | None = None,
    log: NightLog | None = None,
) -> RunContext:
    """Return the context of a command: home, domains, settings and cut-offs.

    Args:
        domain: The named domain, or None for every one with data in the lake.
        as_of: Cut-off to score, for the named domain.
        overrides: `key=value` pairs for the named domain.
        live: Use the settings that the live runs recorded.
        accept: Why what a guard refuses is published all the same.
        log: Records the run.
    """
    where, entries = home(), domain_entries()
    if accept is not None and not accept.strip():
        raise ChurnError("--accept has no reason.", hint="Say why: it is kept on record.")
    if as_of is not None and not _is_day(as_of):
        raise ChurnError(
            f"--as-of {as_of} is not a day of the calendar.", hint="Write it as YYYY-MM-DD."
        )
    if domain is not None:
        check_domain(domain, entries)
    elif as_of or overrides:
        if len(entries) > 1:
            raise ChurnError("--as-of and --set need a domain.", hint="Add --domain DOMAIN.")
        domain = next(iter(entries))
    for name in entries:
        # domains that this command does not name keep the settings of their published scores
        if live or (domain is not None and name != domain):
            entries[name] = live_settings(where, name, entries[name])
    if domain is not None:
        entries[domain] = parse_overrides(overrides or [], entries[domain])
        chosen: tuple[str, ...] = (domain,)
    else:
        chosen = tuple(name for name in entries if any((where.lake / name).glob("*/*")))
    entries = {name: entry.resolved() for name, entry in entries.items()}
    as_of_each = {domain: as_of} if domain and as_of else {}
    return RunContext(where, chosen, entries, as_of_each, console, accept, show_error, log=log)


def _is_day(text: str) -> bool:
    # fromisoformat takes 20230201 and 2023-W05-3 as well
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", text, re.ASCII):
        return False
    try:
        date.fromisoformat(text)
    except ValueError:
        return False
    return True


def for_each_domain(
    context: RunContext,
    step: Callable[[str], object],
    instead: Callable[[str, ChurnError], None] | None = None,
) -> None:
    """Run a step for every domain; one that is refused or fails does not stop the others.

    Args:
        context: The context of the command.
        step: The step.
        instead: What is done with a domain that fails; by default it is left out of what follows.
    """
    leave_out = instead or context.leave_out
    for domain in context.remaining:
        try:
            step(domain)
        except ChurnError as error:
            leave_out(domain, error)
        except Exception as problem:
            if len(context.domains) == 1 or stops_everything(problem):
                raise
            told = in_words(problem)
            if told is None:
                errors.print_exception()
                told = ChurnError(
                    f"{domain} failed: {type(problem).__name__}: {problem}",
                    hint="This is a fault of the program; the lines above say where.",
                    exit_code=FAILED,
                )
            leave_out(domain, told)


def exit_with(context: RunContext) -> None:
    """End the command with its exit code.

    Raises:
        typer.Exit: It is not 0.
    """
    if code := context.exit_code:
        raise typer.Exit(code)


def user() -> str:
    """Return who runs the command, as the author of what it stores."""
    try:
        return f"{getpass.getuser()} (command line)"
    except (KeyError, OSError):  # a container's user may have no name
        return "command line"


def show_error(error: ChurnError) -> None:
    """Print what is wrong, where, and what to do."""
    errors.print(error.what, style="bold red", highlight=False, markup=False)
    if error.where:
        # a command that is broken into lines cannot be copied
        errors.print(error.where, highlight=False, markup=False, soft_wrap=True)
    if error.hint:
        errors.print(f"→ {error.hint}", highlight=False, markup=False, soft_wrap=True)
