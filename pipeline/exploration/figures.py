"""Style and helpers of the notebooks' figures and tables."""

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn as sns
from IPython.display import Markdown, display
from lifelines import KaplanMeierFitter
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ml.explain.pictures import CAPTION

__all__ = ["CAPTION", "caption", "per_cent", "rate_with_interval", "say", "show", "survival"]

# Okabe and Ito (2008): distinguishable with any colour vision, and dark enough on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
STAYED, LEFT = COLOURS[0], COLOURS[1]
_TABLE: list[Any] = [
    {"selector": "th, td", "props": [("padding", "2px 10px"), ("text-align", "right")]},
    {"selector": "th", "props": [("vertical-align", "bottom")]},
]
_FEWEST = 30  # minimum customers for a rate or a curve


def style() -> None:
    """Set colours, grid and sizes of all figures in a notebook."""
    sns.set_theme(context="notebook", style="whitegrid", palette=list(COLOURS))
    plt.rcParams.update(
        {
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "axes.titlesize": 11,
            "axes.titleweight": "bold",
            "axes.titlelocation": "left",
            "axes.labelsize": 10,
            "axes.spines.top": False,
            "axes.spines.right": False,
            "xtick.labelsize": 9,
            "ytick.labelsize": 9,
            "legend.fontsize": 9,
            "legend.frameon": False,
            "grid.color": "#e5e5e5",
        }
    )


def say(words: str) -> None:
    """Show a sentence computed in the cell."""
    display(Markdown(words))  # type: ignore[no-untyped-call]


def show(frame: pd.DataFrame, formats: Mapping[str, str] | None = None) -> None:
    """Show a table without its index; whole numbers with separators, missing values as a dash."""
    whole = dict.fromkeys(frame.select_dtypes("integer").columns, "{:,.0f}")
    days = {name: lambda day: f"{day:%Y-%m-%d}" for name in frame.select_dtypes("datetime").columns}
    styled = frame.style.hide(axis="index").format(whole | days | dict(formats or {}), na_rep="–")
    words = list(frame.select_dtypes("object").columns)
    styled = styled.set_table_styles(_TABLE).set_properties(words, **{"text-align": "left"})
    display(styled)  # type: ignore[no-untyped-call]


def caption(figure: Figure, words: str = CAPTION) -> None:
    """Put a line of small print below a figure."""
    figure.supxlabel(words, fontsize=9, color="#555555", x=0.01, ha="left")


def per_cent(axes: Axes, axis: str = "y", decimals: int | None = None) -> None:
    """Format an axis of shares as per cent."""
    which = axes.yaxis if axis == "y" else axes.xaxis
    which.set_major_formatter(PercentFormatter(1, decimals=decimals))


def rate_with_interval(churners: Any, rows: Any) -> pd.DataFrame:
    """Return rate, low and high: shares and their 95 % intervals after Wilson (1927).

    Args:
        churners: Counts.
        rows: Counts of the whole; 0 gives nulls.
    """
    k, n = (np.asarray(pd.to_numeric(v), dtype=float) for v in (churners, rows))
    with np.errstate(divide="ignore", invalid="ignore"):
        rate, z2 = k / n, 1.96**2
        middle = (rate + z2 / (2 * n)) / (1 + z2 / n)
        half = 1.96 / (1 + z2 / n) * np.sqrt(rate * (1 - rate) / n + z2 / (4 * n**2))
    index = churners.index if isinstance(churners, pd.Series) else None
    return pd.DataFrame({"rate": rate, "low": middle - half, "high": middle + half}, index=index)


def survival(
    axes: Axes,
    durations: pd.DataFrame,
    by: str,
    order: Sequence[str] | None = None,
) -> pd.DataFrame:
    """Draw Kaplan–Meier curves with 95 % intervals, one per group.

    Args:
        axes: Axes to draw on.
        durations: Columns `days`, `ended` (0 if censored), `customers`, and the group; a row may
            stand for many customers.
        by: The group's column.
        order: Groups in the order of the legend.

    Returns:
        One row per drawn group: customers, ended, and the median in days (not reached if more than
        half remain). Groups with fewer than 30 customers are left out.
    """
    drawn = []
    for group in order or sorted(durations[by].unique()):
        part = durations[(durations[by] == group) & (durations.days >= 0)]
        customers = int(part.customers.sum())
        if customers < _FEWEST:
            continue
        fitted = KaplanMeierFitter(label=f"{group} ({customers:,})")
        # the number of customers of a row is its weight, a whole number
        fitted.fit(part.days, part.ended, weights=part.customers)
        fitted.plot_survival_function(ax=axes, ci_alpha=0.15, linewidth=2)
        drawn.append(
            {
                by: group,
                "customers": customers,
                "ended": int(part.customers[part.ended == 1].sum()),
                "median, days": f"{fitted.median_survival_time_:,.0f}"
                if np.isfinite(fitted.median_survival_time_)
                else "not reached",
            }
        )
    axes.set_ylim(0, 1.02)
    per_cent(axes, decimals=0)
    return pd.DataFrame(drawn, columns=[by, "customers", "ended", "median, days"])
