"""What `churn verify` prints."""

from collections.abc import Iterable
from typing import Protocol

from rich.console import Console

from pipeline.project.sums import Damage, listed_damages


class VerifiedStore(Protocol):
    """What was found in one store."""

    store: str
    files: int
    damages: list[Damage]
    hint: str
    note: str


def show_verified(console: Console, found: Iterable[VerifiedStore]) -> int:
    """Print a line a store, and each damaged file with what to do; return how many there are."""
    files = damaged = 0
    for one in found:
        files += one.files
        damaged += len(one.damages)
        state = "damaged" if one.damages else "whole"
        note = f" ({one.note})" if one.note else ""
        console.print(
            f"{one.store}: {one.files:,} file{'s' * (one.files != 1)}, {state}{note}",
            style="bold red" if one.damages else None,
            highlight=False,
        )
        if one.damages:
            console.print(listed_damages(one.damages), soft_wrap=True, highlight=False)
            console.print(f"→ {one.hint}", soft_wrap=True, highlight=False)
    console.print(
        f"{files:,} files, {damaged:,} damaged." if damaged else f"{files:,} files, all whole.",
        highlight=False,
    )
    return damaged
