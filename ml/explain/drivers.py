"""Exact drivers: path-dependent TreeSHAP values of LightGBM, fast enough for every customer."""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
from numpy.typing import NDArray

from ml.contract import Floats
from ml.train import PARAMETERS

# Up to this many rows LightGBM's own code is faster than loading compiled code and filling tables
# (300 trees, 2 cores: 450 rows in a warm process, 1,270 in a new one).
FEW = 1_000
HANDFUL = 5


def drivers(booster: lgb.Booster, values: Floats) -> tuple[Floats, float]:
    """Explain each row's margin feature by feature.

    The values are those of Lundberg et al. 2020 (Nature Machine Intelligence, algorithm 2,
    `tree_path_dependent`), from the tables of `ml.explain.tree_shap`, or from LightGBM itself for
    few rows or deep trees.

    Args:
        booster: Trees without categorical splits.
        values: n × k matrix in the booster's feature order; NaN means not observed.

    Returns:
        n × k contributions in log-odds and the base value: margin = base + row sum, to 1e-5.
    """
    if len(values) <= FEW:
        return _walked(booster, values)
    from ml import forest
    from ml.explain import tree_shap

    trees = forest.plant(booster)
    if trees.depth.max() > tree_shap.DEEPEST:
        return _walked(booster, values)
    threads: int = PARAMETERS["num_threads"]
    return tree_shap.contributions(trees, values, threads), base_value(booster)


def _walked(booster: lgb.Booster, values: Floats) -> tuple[Floats, float]:
    """Compute the same values with LightGBM, row by row."""
    if len(values) == 0:
        return np.empty(values.shape), base_value(booster)
    # for a few rows, waking a second thread takes longer than their trees
    threads = 1 if len(values) <= HANDFUL else PARAMETERS["num_threads"]
    found = np.asarray(booster.predict(values, pred_contrib=True, num_threads=threads))
    return found[:, :-1], float(found[0, -1])


def base_value(booster: lgb.Booster) -> float:
    """Return the base value, the trees' expected log-odds."""
    row = np.full((1, booster.num_feature()), np.nan)
    return float(np.asarray(booster.predict(row, pred_contrib=True))[0, -1])


def largest(contributions: Floats, count: int) -> tuple[NDArray[np.int_], Floats]:
    """Return, per row, the indices of the largest contributions and the sum of the others.

    Args:
        contributions: n × k matrix.
        count: Number of contributions to return.

    Returns:
        n × count indices by falling absolute contribution (ties by feature order), and n sums.
    """
    count = min(count, contributions.shape[1])
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :count]
    named = np.take_along_axis(contributions, order, axis=1).sum(axis=1)
    return order, contributions.sum(axis=1) - named


@dataclass(frozen=True)
class Grouped:
    """Contributions summed by driver group.

    Attributes:
        names: Names of the g groups, in the order of their first feature.
        contributions: n × g sums, log-odds; the rows' sums are those of the features.
        leading: n × g indices of the feature that pulls hardest in the direction of the sum.
    """

    names: tuple[str, ...]
    contributions: Floats
    leading: NDArray[np.int_]


def grouped(contributions: Floats, groups: Sequence[str]) -> Grouped:
    """Add up contributions by group.

    TreeSHAP values are additive, so the sum is what the group moves the margin by; nothing is
    re-estimated (Lundberg et al. 2020).

    Args:
        contributions: n × k matrix in log-odds.
        groups: Group of each of the k features.
    """
    members: dict[str, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group, []).append(number)
    sums = np.empty((len(contributions), len(members)))
    leading = np.empty(sums.shape, dtype=int)
    for place, index in enumerate(map(np.array, members.values())):
        part = contributions[:, index]
        sums[:, place] = part.sum(axis=1)
        sign = np.where(sums[:, place] < 0, -1.0, 1.0)
        leading[:, place] = index[np.argmax(part * sign[:, None], axis=1)]
    return Grouped(tuple(members), sums, leading)
