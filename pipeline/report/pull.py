"""What `churn pull` says of the rows or files that it brought."""

from rich.console import Console

from pipeline.connections.pull import Pull, PulledTable
from pipeline.connections.stores import CopiedFiles


def show_pull(console: Console, done: Pull) -> None:
    """Print what a pull brought, a line a table; what has to be looked at is left to the caller."""
    lines = [_line(table) for table in done.tables]
    lines += [_files_line(done.copied)] if done.copied else []
    for line in lines:
        console.print(
            f"{done.domain}: {done.address} {line}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )


def _line(table: PulledTable) -> str:
    counts = table.counts
    said = [f"{counts.new:,} new"]
    if counts.updated:
        events = f", {counts.events:,} of them events" if counts.events else ""
        said.append(f"{counts.updated:,} updated{events}")
    if counts.deleted:
        said.append(f"{counts.deleted:,} deleted")
    if counts.forgotten:
        said.append(f"{counts.forgotten:,} of forgotten customers, left out")
    file = f" → {table.file}" if table.file else ": no file"
    because = (
        f" (history from before the connection counts as it is: {table.reason})"
        if table.is_first and table.reason
        else ""
    )
    return f"{table.table}, {counts.read:,} rows read: {', '.join(said)}{file}{because}"


def _files_line(copied: CopiedFiles) -> str:
    said = [f"{len(copied.new):,} new"]
    if copied.changed:
        said.append(f"{len(copied.changed):,} changed")
    if copied.gone:
        said.append(f"{len(copied.gone):,} gone")
    others = f"; {copied.others:,} others that no table takes" if copied.others else ""
    return f"{copied.there:,} files: {', '.join(said)}{others}"
