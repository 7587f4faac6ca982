"""What the terminal shows of long work: progress and warnings."""

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text


def show_warning(console: Console, words: str) -> None:
    """Print a warning; brackets in its words are words."""
    console.print(Text.assemble("  ", ("warning", "yellow"), " ", words), highlight=False)


def progress_bar(console: Console, *more: ProgressColumn) -> Progress:
    """Return a bar that counts steps and goes when it is done.

    Args:
        console: Where it is drawn.
        more: Columns before the description.
    """
    return Progress(
        *more,
        # names of files are words, whatever brackets they have
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
