"""What `churn publish --to` says of a database it brought the tables to."""

from rich.console import Console

from pipeline.destinations.postgres import Sync

# Rows that are named one by one.
_NAMED = 20


def show_sync(console: Console, done: Sync, *, is_dry_run: bool = False) -> None:
    """Print what a sync did, or would do."""

    def say(words: str) -> None:
        console.print(words, highlight=False, markup=False, soft_wrap=True)

    if done.is_there:
        say(f"{done.address} has {done.generation} already")
        return
    tables, rows = len(done.rows), sum(done.rows.values())
    verb = "would get" if is_dry_run else "has"
    say(f"{done.address} {verb} {done.generation}: {tables} tables, {rows:,} rows")
    counted = ", ".join(f"{count:,} {change}" for change, count in done.changes.items())
    say(f"  rows for the CRM: {counted}")
    for note in done.notes:
        say(f"  {note}")
    for table, key, reason in done.rejected[:_NAMED]:
        say(f"  left out of {table}: {key}: {reason}")
    if len(done.rejected) > _NAMED:
        say(f"  and {len(done.rejected) - _NAMED:,} more, in churn_sync.rejected_rows")
