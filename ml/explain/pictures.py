"""Draws a model's drivers, of many customers and of one."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from ml.contract import Examples, Floats

MOST_ROWS = 2_000
SHOWN = 15
CAPTION = "Patterns that precede churn, not proven causes."


def draw(
    folder: Path, scored: Examples, contributions: Floats, base: float, names: Mapping[str, str]
) -> None:
    """Write `beeswarm.png` and `waterfall.png`, drawn with shap.

    Args:
        folder: Folder to write to.
        scored: The scored cohort, in the model's features.
        contributions: n × k drivers, log-odds.
        base: Base value, log-odds.
        names: Feature → label for the axis.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt
    import shap

    labels = [_short(names.get(name, name)) for name in scored.features]
    step = max(1, -(-len(scored) // MOST_ROWS))
    some = np.arange(0, len(scored), step)
    day = scored.as_of_date[0]
    many = shap.Explanation(
        contributions[some],
        base_values=np.full(len(some), base),
        data=scored.values[some],
        feature_names=labels,
    )
    shap.plots.beeswarm(many, max_display=SHOWN, show=False, plot_size=(11, 7))
    plt.title(f"{scored.domain}: {len(some):,} customers of {day}. {CAPTION}", fontsize=10)
    plt.xlabel("effect on the log-odds of churn")
    plt.savefig(folder / "beeswarm.png", dpi=110, bbox_inches="tight")
    plt.close("all")

    riskiest = int(np.argmax(contributions.sum(axis=1)))
    one = shap.Explanation(
        contributions[riskiest],
        base_values=base,
        data=scored.values[riskiest],
        feature_names=labels,
    )
    shap.plots.waterfall(one, max_display=SHOWN, show=False)
    plt.title(f"{scored.domain}: the riskiest customer of {day}. {CAPTION}", fontsize=10)
    plt.savefig(folder / "waterfall.png", dpi=110, bbox_inches="tight")
    plt.close("all")


def _short(words: str, most: int = 48) -> str:
    return words if len(words) <= most else words[: most - 1].rstrip() + "…"
