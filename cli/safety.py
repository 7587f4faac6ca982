"""`churn verify`, `backup`, `restore`, `erase`, `prune`, `doctor`: what is stored, and how long."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import Domain, app, console, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.exit_codes import FAILED
from pipeline.project.home import home


@app.command(epilog="Exit codes: 0 everything is whole, 1 something is damaged.")
def verify() -> None:
    """Read every store and compare it with what was written; damaged files are named."""
    from pipeline.operations.verify import verify as read_everything
    from pipeline.report.verified import show_verified

    if show_verified(console, read_everything(home())):
        raise typer.Exit(FAILED)


@app.command()
def backup(
    folder: Annotated[Path, typer.Argument(help="A new folder, best on another disk.")],
    wait: Annotated[
        float, typer.Option(help="Minutes to wait for a moment in which nothing is written.")
    ] = 30,
) -> None:
    """Copy CHURN_HOME while everything runs, with content hashes; raw files are not copied."""
    from pipeline.operations.backup import back_up

    made = back_up(home(), folder, _say, wait * 60)
    state = "with the state" if made.state_version else "without a state"
    console.print(
        f"{made.files:,} files, {made.bytes / 1e6:,.1f} MB, {state}, "
        f"published: {made.generation or 'nothing'}",
        highlight=False,
    )
    console.print(f"To restore it: churn restore {folder}", highlight=False, soft_wrap=True)


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="A folder that churn backup made.")],
    yes: Annotated[bool, typer.Option("--yes", help="Replace what is in CHURN_HOME.")] = False,
) -> None:
    """Put a backup in the place of what is in CHURN_HOME; services may run."""
    from pipeline.operations.restore import restore as put_back

    where = home()
    with writing(where, is_restoring=True):
        made = put_back(where, folder, _say, is_agreed=yes)
    console.print(
        f"Restored, published: {made.generation or 'nothing'}. The next run builds the warehouse.",
        highlight=False,
    )


def _say(words: str) -> None:
    console.print(f"· {words}", highlight=False, soft_wrap=True)


@app.command(epilog="Exit codes: 0 erased, 1 an id is still somewhere or nothing was erased.")
def erase(
    domain: Annotated[str, typer.Option(help="Domain of the customers.")],
    customer: Annotated[str | None, typer.Argument(help="The customer.")] = None,
    list_: Annotated[
        Path | None, typer.Option("--list", help="A file with a customer on each line.")
    ] = None,
    tell: Annotated[
        Path | None,
        typer.Option(help="Write rows for the CRM here: it gets no other notice."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Take customers out of every store for good, and sign what was searched."""
    from pipeline.operations.certificate import write_certificate
    from pipeline.operations.erase import all_ids
    from pipeline.operations.erase import erase as take_out
    from pipeline.operations.tombstones import read_customers, write_tombstones

    where = home()
    check_domain(domain, domain_entries())
    asked = read_customers(customer, list_)
    with writing(where):
        ids = sorted(all_ids(where, domain, asked))
        if not yes:
            more = f" ({len(ids):,} ids, with those that files map to them)"
            typer.confirm(
                f"Erase {len(asked):,} customer{'s' * (len(asked) != 1)} of {domain}"
                f"{more if len(ids) > len(asked) else ''} from {where.root}? It cannot be undone.",
                abort=True,
            )
        if tell is not None:
            # before: afterwards nobody here knows the ids
            write_tombstones(tell, where, domain, ids)
        done = take_out(where, domain, asked, _say)
        path = write_certificate(where, done)
    for run, day in done.models.items():
        retires = f"it retires on {day}" if day else "it retires when the next model takes over"
        console.print(
            f"{run} learned from them, and holds no id: {retires}.", highlight=False, soft_wrap=True
        )
    for hit in done.hits:
        console.print(f"An id is still in {hit}", style="bold red", highlight=False, soft_wrap=True)
    console.print(
        f"Searched {done.files:,} files, {done.bytes / 1e6:,.1f} MB: {len(done.hits):,} with an "
        f"id. Published: {done.generation or 'nothing'}. Certificate: {path}",
        highlight=False,
        soft_wrap=True,
    )
    if done.hits:
        raise typer.Exit(FAILED)


@app.command()
def prune(
    domain: Domain = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be deleted, and delete nothing.")
    ] = False,
) -> None:
    """Delete old scores, runs, replaced labels and history, by the domain's keep rule."""
    from pipeline.operations.prune import find_prunable
    from pipeline.operations.prune import prune as delete
    from pipeline.report.pruned import show_prunable

    where, entries = home(), domain_entries()
    names = [check_domain(domain, entries)] if domain else list(entries)
    chosen = {name: entries[name] for name in names}
    if dry_run:
        show_prunable(console, find_prunable(where, chosen), is_done=False)
        return
    with writing(where):
        found = find_prunable(where, chosen)
        delete(where, found)
    show_prunable(console, found, is_done=True)


@app.command(epilog="Exit codes: 0 fit, with advice or without; 1 nights would fail.")
def doctor() -> None:
    """Look at CHURN_HOME and the machine around it: room, rights, state, model, night, backup."""
    from pipeline.operations.doctor import examine

    found = list(examine(home(), list(domain_entries())))
    for one in found:
        style = "bold red" if one.is_broken else "yellow" if one.hint else None
        mark = "✗" if one.is_broken else "!" if one.hint else "✓"
        console.print(f"{mark} {one.what}: {one.words}", style=style, highlight=False)
        if one.hint:
            console.print(f"  → {one.hint}", highlight=False, soft_wrap=True)
    if any(one.is_broken for one in found):
        raise typer.Exit(FAILED)
