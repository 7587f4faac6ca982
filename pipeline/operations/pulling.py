"""Pulls a domain's rows and loads them, on the record of the run."""

from contextlib import nullcontext

from rich.console import Console

from pipeline.connections.landing import Landing
from pipeline.connections.pull import Pull, pull
from pipeline.connections.stores import note_loaded
from pipeline.operations.folders import has_data
from pipeline.operations.reading import new_overlaps, read_folder
from pipeline.project.home import Home
from pipeline.report.pull import show_pull
from pipeline.runs.nights import NightLog, Step


def pull_rows(home: Home, domain: str, console: Console, *, log: NightLog | None = None) -> Pull:
    """Pull what is new, and print what came.

    Raises:
        ChurnError: The database, a table or the store cannot be read; nothing was pulled.
    """
    with (
        log.step("pull", domain) if log else nullcontext(Step(name="pull")) as step,
        console.status(f"{domain}: reading what is new"),
    ):
        done = pull(domain, home)
        step.rows = sum(table.counts.new + table.counts.events for table in done.tables)
    show_pull(console, done)
    return done


def pull_and_read(
    home: Home, domain: str, console: Console, *, log: NightLog | None = None
) -> list[str]:
    """Pull what is new and load it into the lake; return what somebody has to look at.

    Raises:
        ChurnError: The database, a table or a file cannot be read.
    """
    done = pull_rows(home, domain, console, log=log)
    warnings = [f"{domain}: {words}" for words in done.warnings]
    if not Landing(home, domain).has_files():
        if done.copied is None or not has_data(home, domain):
            warnings.append(f"{domain}: no row has come yet, so nothing was loaded")
        return warnings
    found = read_folder(home, domain, done.folder, console, log=log)
    note_loaded(home, domain)
    return [*warnings, *(f"{domain}: {pair}" for pair in new_overlaps(found))]
