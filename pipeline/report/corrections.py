"""Prints what was found of corrections."""

from typing import Any

from rich.console import Console
from rich.table import Table

_LINES = (
    ("all rows", ""),
    ("rows it touches", "touched_"),
    ("calibration error", "calibration_"),
    ("its flag instead", "flag_"),
    ("beyond its flag", "beyond_flag_"),
    ("its flag beside it", "flag_beyond_"),
    ("placebo", "placebo_"),
)


def show_tests(rows: list[dict[str, Any]], console: Console) -> None:
    """Print the result of each test: verdict, rows, and gains in log loss with intervals.

    Args:
        rows: Records of the ledger.
        console: Console.
    """
    for row in rows:
        console.print(
            f"{row['name']}: {row['verdict']}", style="bold", highlight=False, markup=False
        )
        console.print(
            f"  {row['rows_touched']:,} rows of {row['customers_touched']:,} customers; "
            f"{row['hypothesis']}",
            highlight=False,
            markup=False,
            soft_wrap=True,
        )
        if row["gain"] is None:
            continue
        table = Table(box=None, padding=(0, 2))
        for title in ("", "gain", "95 % interval"):
            table.add_column(title, justify="left" if not title else "right")
        for title, prefix in _LINES:
            value = row[f"{prefix}gain"]
            if value is None:
                continue
            low, high = row[f"{prefix}ci_low"], row[f"{prefix}ci_high"]
            table.add_row(title, f"{value:+.5f}", f"{low:+.5f} to {high:+.5f}")
        table.add_row(
            f"worst of {row['origins']} origins, {row['worst_origin']}",
            f"{row['worst_origin_gain']:+.5f}",
            "",
        )
        console.print(table, highlight=False)
