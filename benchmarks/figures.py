"""Measured figures: their table, and bench.json, which stores the figures of all runs."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.project.errors import ChurnError
from pipeline.project.files import write_json


@dataclass(frozen=True)
class Ratio:
    """The ratio of a figure to another one of the same run.

    Attributes:
        name: Its name in bench.json.
        to: Name of the other figure.
        value: The ratio.
        aim: The maximum or minimum to aim for.
        at_least: Whether the aim is a minimum.
    """

    name: str
    to: str
    value: float
    aim: float | None = None
    at_least: bool = False


@dataclass(frozen=True)
class Figure:
    """One measured value.

    Attributes:
        name: Its name in bench.json, unique over all benchmarks.
        value: The value.
        unit: `s`, `rows`, `ms` …
        what: What was measured and how, in a few words.
        ratio: Its ratio to another figure.
    """

    name: str
    value: float
    unit: str
    what: str
    ratio: Ratio | None = None

    def compared(self, other: "Figure", *, name: str, aim: float | None = None) -> "Figure":
        """Return this figure with its ratio to another one."""
        ratio = Ratio(name, other.name, self.value / other.value, aim)
        return Figure(self.name, self.value, self.unit, self.what, ratio)


def render(figures: Iterable[Figure], console: Console) -> None:
    """Print figures as a table."""
    table = Table(title="Ratios count; seconds are this machine's, today", title_justify="left")
    table.add_column("figure", no_wrap=True)
    table.add_column("value", justify="right", no_wrap=True)
    table.add_column("unit")
    table.add_column("ratio", justify="right", no_wrap=True)
    table.add_column("aim", no_wrap=True)
    table.add_column("what")
    for figure in figures:
        value = f"{figure.value:,}" if isinstance(figure.value, int) else f"{figure.value:,.2f}"
        table.add_row(figure.name, value, figure.unit, *_compared(figure.ratio), figure.what)
    console.print(table)


def _compared(ratio: Ratio | None) -> tuple[str, Text | str]:
    if ratio is None:
        return "", ""
    value = f"{ratio.value:.2f} × {ratio.to}"
    if ratio.aim is None:
        return value, ""
    met = ratio.value >= ratio.aim if ratio.at_least else ratio.value <= ratio.aim
    colour, word = ("green", "met") if met else ("red", "missed")
    bound = f"{'≥' if ratio.at_least else '≤'} {ratio.aim:g}"
    return value, Text.assemble(bound, " ", (word, colour))


def save(path: Path, figures: Iterable[Figure]) -> None:
    """Write figures and ratios into bench.json: name → value, unit; other entries stay.

    Raises:
        ChurnError: The file exists but does not have that format.
    """
    kept = _read(path)
    for figure in figures:
        kept[figure.name] = {"value": figure.value, "unit": figure.unit}
        if figure.ratio is not None:
            kept[figure.ratio.name] = {"value": figure.ratio.value, "unit": "ratio"}
    write_json(path, kept)


def _read(path: Path) -> dict[str, dict[str, float | str]]:
    if not path.exists():
        return {}
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except ValueError:
        kept = None
    if not isinstance(kept, dict):
        raise ChurnError(
            "The saved figures cannot be read.",
            where=str(path),
            hint="Delete the file and run again.",
        )
    return kept
