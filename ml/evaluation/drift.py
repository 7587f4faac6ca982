"""Drift between training and scored customers, measured by its effect on the model."""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit, logit

from ml.contract import Examples, Floats
from ml.explain.drivers import drivers

# Rows of a reference cohort that are explained.
MOST_ROWS = 20_000
# A change of the mean contribution by this many log-odds changes the odds by a tenth.
NOTABLE = 0.1
_BINS = 10


@dataclass(frozen=True)
class Reference:
    """The newest training cohort, as the reference for the scored one.

    Attributes:
        examples: Labelled rows of the newest cohort the model learned from.
        rate: Churn rate over all cohorts learned from.
    """

    examples: Examples
    rate: float


def drift(
    booster: lgb.Booster, reference: Reference, scored: Examples, contributions: Floats
) -> pd.DataFrame:
    """Compare the scored cohort with the newest training cohort.

    A stability index does not show whether a shift matters to the model. So each feature is judged
    by the change of its mean contribution, which is exact because TreeSHAP values add up to the
    log-odds. The index is reported beside it.

    Args:
        booster: The model that scored.
        reference: The training cohort.
        scored: The scored cohort, in the model's features.
        contributions: Its n × k drivers, log-odds.

    Returns:
        kind (feature, score, base_rate), subject, stability_index, reference_value, current_value,
        effect_log_odds, is_notable, words; the largest effect first within a kind.
    """
    step = max(1, -(-len(reference.examples) // MOST_ROWS))
    taken = reference.examples.where(np.arange(len(reference.examples)) % step == 0)
    before, base = drivers(booster, taken.values)
    moved = contributions.mean(axis=0) - before.mean(axis=0)
    rows = []
    for index in np.argsort(-np.abs(moved), kind="stable"):
        name = scored.features[index]
        effect = float(moved[index])
        was, now = taken.values[:, index], scored.values[:, index]
        rows.append(
            {
                "kind": "feature",
                "subject": name,
                "stability_index": stability(was, now),
                "reference_value": _mean(was),
                "current_value": _mean(now),
                "effect_log_odds": effect,
                "is_notable": abs(effect) >= NOTABLE,
                "words": f"changes the mean score by {effect:+.3f} log-odds",
            }
        )
    earlier, later = base + before.sum(axis=1), base + contributions.sum(axis=1)
    effect = float(later.mean() - earlier.mean())
    rows.append(
        {
            "kind": "score",
            "subject": "",
            "stability_index": stability(earlier, later),
            "reference_value": float(expit(earlier).mean()),
            "current_value": float(expit(later).mean()),
            "effect_log_odds": effect,
            "is_notable": abs(effect) >= NOTABLE,
            "words": "mean probability before calibration, in training and now",
        }
    )
    rate = float(reference.examples.is_churned.mean())
    effect = float(logit(_inside(rate)) - logit(_inside(reference.rate)))
    rows.append(
        {
            "kind": "base_rate",
            "subject": "",
            "stability_index": None,
            "reference_value": reference.rate,
            "current_value": rate,
            "effect_log_odds": effect,
            "is_notable": abs(effect) >= NOTABLE,
            "words": f"churn rate of all training cohorts, and of the newest, "
            f"{reference.examples.as_of_date[0]}",
        }
    )
    return pd.DataFrame(rows)


def stability(reference: Floats, current: Floats, weight: Floats | None = None) -> float:
    """Return the population stability index: the sum over bins of (p - q) ln(p / q).

    Bins are the reference's deciles and one for missing values; half a customer is added to each
    so that empty bins stay finite.

    Args:
        reference: n values.
        current: m values.
        weight: How many customers each value of the reference stands for; None for one.
    """
    seen = reference[~np.isnan(reference)]
    edges = np.unique(np.quantile(seen, np.arange(1, _BINS) / _BINS)) if len(seen) else np.empty(0)

    def shares(values: Floats, weight: Floats | None = None) -> Floats:
        bins = np.where(np.isnan(values), len(edges) + 1, np.searchsorted(edges, values, "right"))
        counts = np.bincount(bins.astype(int), weight, len(edges) + 2) + 0.5
        return np.asarray(counts / counts.sum())

    p, q = shares(reference, weight), shares(current)
    return float(np.sum((p - q) * np.log(p / q)))


def _mean(values: Floats) -> float | None:
    seen = values[~np.isnan(values)]
    return float(seen.mean()) if len(seen) else None


def _inside(rate: float) -> float:
    return min(max(rate, 1e-6), 1 - 1e-6)
