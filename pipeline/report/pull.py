"""What `churn pull` says of the rows that it brought from a database."""

from rich.console import Console

from pipeline.connections.pull import Pull, PulledTable


def show_pull(console: Console, done: Pull) -> None:
    """Print what a pull brought, a line a table; what has to be looked at is left to the caller."""
    for table in done.tables:
        console.print(
            f"{done.domain}: {done.address} {_line(table)}",
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
