"""What `churn prune` deletes, or would."""

from collections.abc import Sequence
from datetime import date
from itertools import groupby
from typing import Protocol

from rich.console import Console
from rich.table import Table


class PrunedItem(Protocol):
    """Something that the rule of its domain lets go of."""

    @property
    def kind(self) -> str:
        """What it is."""
        ...

    @property
    def domain(self) -> str:
        """Its domain."""
        ...

    @property
    def day(self) -> date:
        """Its cut-off."""
        ...

    @property
    def bytes(self) -> int:
        """What it takes on the disk."""
        ...


def show_prunable(console: Console, found: Sequence[PrunedItem], *, is_done: bool) -> None:
    """Print how much of each kind goes, and how much room that makes.

    Args:
        console: Where to print.
        found: What the rules let go of, by domain and kind.
        is_done: It was deleted; otherwise it would be.
    """
    if not found:
        console.print("Nothing is older than the rules keep it.", highlight=False)
        return
    table = Table(box=None, padding=(0, 2, 0, 0))
    for name in ("domain", "what", "of"):
        table.add_column(name)
    for name in ("how many", "MB"):
        table.add_column(name, justify="right")
    for (domain, kind), group in groupby(found, key=lambda one: (one.domain, one.kind)):
        ones = list(group)
        days = sorted({one.day for one in ones})
        span = str(days[0]) if len(days) == 1 else f"{days[0]} to {days[-1]}"
        size = sum(one.bytes for one in ones) / 1e6
        table.add_row(domain, kind, span, f"{len(ones):,}", f"{size:,.1f}")
    console.print(table)
    size = sum(one.bytes for one in found) / 1e6
    verb = "deleted" if is_done else "would be deleted; nothing was"
    console.print(f"{len(found):,} in all, {size:,.1f} MB: {verb}.", highlight=False)
