"""Ranks single features by how well they separate customers who left from those who stayed."""

from dataclasses import dataclass
from textwrap import wrap

import numpy as np
import pandas as pd
from matplotlib.axes import Axes

from ml.metrics import rank_auc
from pipeline.exploration.data import Exploration
from pipeline.exploration.figures import LEFT, per_cent, rate_with_interval

MOST_CUSTOMERS = 50_000
_LEAST_SHARE = 0.2  # minimum share of customers with a value


@dataclass(frozen=True)
class Strong:
    """A feature that separates customers who left from those who stayed.

    Attributes:
        feature: Its column.
        title: Title of its driver group.
        description: Its description.
        unit: Unit of its values.
        auc: Area under the ROC curve of the feature alone, among customers with a value; below
            0.5 if low values precede leaving.
    """

    feature: str
    title: str
    description: str
    unit: str
    auc: float


def strongest(data: Exploration, most: int = 6) -> tuple[pd.DataFrame, list[Strong]]:
    """Return the newest closed cohort (at most 50,000 customers) and its strongest features.

    One feature per driver group, so that windows of one measure do not fill the list.

    Args:
        data: A domain with a closed cohort.
        most: Number of features.
    """
    examples = f"{data.domain}.{data.domain}__churn_examples"
    day = data.newest_closed
    cohort = data.sql(
        f"select * from warehouse.{examples} where as_of_date = date '{day:%Y-%m-%d}' "
        f"order by md5(customer_id) limit {MOST_CUSTOMERS}"
    )
    left = cohort.is_churned.to_numpy(dtype=bool)
    described = data.sql(
        "select feature, driver_group, group_title, description, unit "
        f"from warehouse.churn.int_churn__features_described where domain = '{data.domain}' "
        "and source_history = 'append_only' order by feature"
    )
    found: dict[str, Strong] = {}
    for row in described.itertuples():
        values = pd.to_numeric(cohort[row.feature]).to_numpy(dtype=float, na_value=np.nan)
        auc = _auc(values, left)
        before = found.get(row.driver_group)
        if auc is not None and (before is None or abs(auc - 0.5) > abs(before.auc - 0.5)):
            found[row.driver_group] = Strong(
                row.feature, row.group_title, row.description.rstrip("."), row.unit, auc
            )
    ranked = sorted(found.values(), key=lambda strong: -abs(strong.auc - 0.5))
    return cohort, ranked[:most]


def rates_by_value(axes: Axes, cohort: pd.DataFrame, strong: Strong, bins: int = 8) -> None:
    """Draw the churn rate by a feature, one point per bin of equally many customers.

    Args:
        axes: Axes to draw on.
        cohort: Customers with `is_churned`.
        strong: The feature.
        bins: Maximum number of bins; equal values share one.
    """
    values = pd.to_numeric(cohort[strong.feature]).astype(float)
    left = cohort.is_churned.astype(bool)
    few = values.dropna().nunique() <= bins
    groups = values if few else pd.qcut(values, bins, duplicates="drop")
    table = pd.DataFrame({"left": left, "value": values}).groupby(groups, observed=True)
    parts = table.agg(left=("left", "sum"), rows=("left", "size"), at=("value", "median"))
    rates = rate_with_interval(parts.left, parts.rows)
    spread = np.clip([rates.rate - rates.low, rates.high - rates.rate], 0, None)
    places = np.arange(len(parts))
    is_flag = strong.unit == "yes/no"
    axes.errorbar(
        places, rates.rate, yerr=spread, fmt="o" if is_flag else "o-", color=LEFT, capsize=3
    )
    axes.set_xticks(places, [_tick(at, is_flag) for at in parts["at"]])
    axes.set_xlim(-0.5, len(places) - 0.5)
    axes.axhline(left.mean(), color="#555555", linestyle="--", linewidth=1)
    axes.set_title(
        f"{strong.title} (AUC {strong.auc:.2f}; {values.notna().mean():.0%} have a value)"
    )
    words = f"{strong.description}" + ("" if is_flag else f", {strong.unit}")
    axes.set_xlabel("\n".join(wrap(words, 48)), fontsize=9)
    axes.set_ylim(bottom=0)
    per_cent(axes, decimals=0)


def _tick(value: float, is_flag: bool) -> str:
    if is_flag:
        return "yes" if value else "no"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _auc(values: np.ndarray, left: np.ndarray) -> float | None:
    """Area under the ROC curve; None if it is undefined."""
    there = ~np.isnan(values)
    one_class = left[there].all() or not left[there].any()
    if there.mean() < _LEAST_SHARE or one_class or np.ptp(values[there]) == 0:
        return None
    return rank_auc(values[there], left[there])
