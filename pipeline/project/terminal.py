"""How long work shows its progress on the terminal."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)


def progress_bar(console: Console, *more: ProgressColumn) -> Progress:
    """Return a bar that counts steps and goes when it is done.

    Args:
        console: Where it is drawn.
        more: Columns before the description.
    """
    return Progress(
        *more,
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
