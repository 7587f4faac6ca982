"""Exact drivers: path-dependent TreeSHAP values of LightGBM, fast enough for every customer."""

import contextlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.contract import Floats

CHUNK = 200_000


def drivers(booster: lgb.Booster, values: Floats) -> tuple[Floats, float]:
    """Explain each row's margin feature by feature.

    The values are those of Lundberg et al. 2020 (Nature Machine Intelligence, algorithm 2,
    `tree_path_dependent`), computed by WOODELF (Nadel & Wettenstein 2025), which shares the work
    among all rows that fall into the same leaves.

    Args:
        booster: Trees of depth 6 or less without categorical splits.
        values: n × k matrix in the booster's feature order; NaN means not observed.

    Returns:
        n × k contributions in log-odds and the base value: margin = base + row sum, to 1e-5.
    """
    from woodelf import WoodelfExplainer

    names = booster.feature_name()
    explainer = WoodelfExplainer(booster, feature_perturbation="tree_path_dependent")
    parts: list[NDArray[Any]] = []
    # the engine prints its progress
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        for start in range(0, len(values), CHUNK):
            # the engine compares column by column: twice as fast when a column lies together
            chunk = np.asfortranarray(values[start : start + CHUNK])
            frame = pd.DataFrame(chunk, columns=names)
            parts.append(explainer.shap_values(frame, verbose=False))
    contributions = np.vstack(parts) if parts else np.empty(values.shape)
    return np.asarray(contributions, dtype=np.float64), base_value(booster)


def base_value(booster: lgb.Booster) -> float:
    """Return the margin of a customer without any driver: the trees' expected value."""
    row = np.full((1, booster.num_feature()), np.nan)
    return float(np.asarray(booster.predict(row, pred_contrib=True))[0, -1])


def largest(contributions: Floats, count: int) -> tuple[NDArray[np.int_], Floats]:
    """Return, per row, the indices of the largest contributions and the sum of the others.

    Args:
        contributions: n × k matrix.
        count: How many to name.

    Returns:
        n × count indices by falling absolute contribution (ties by feature order), and n sums.
    """
    count = min(count, contributions.shape[1])
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :count]
    named = np.take_along_axis(contributions, order, axis=1).sum(axis=1)
    return order, contributions.sum(axis=1) - named


@dataclass(frozen=True)
class Grouped:
    """Contributions of features that say one thing, taken together.

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
    estimated anew (Lundberg et al. 2020).

    Args:
        contributions: n × k matrix in log-odds.
        groups: Group of each of the k features.
    """
    names = tuple(dict.fromkeys(groups))
    sums = np.empty((len(contributions), len(names)))
    leading = np.empty(sums.shape, dtype=int)
    for place, name in enumerate(names):
        index = np.flatnonzero([group == name for group in groups])
        part = contributions[:, index]
        sums[:, place] = part.sum(axis=1)
        sign = np.where(sums[:, place] < 0, -1.0, 1.0)
        leading[:, place] = index[np.argmax(part * sign[:, None], axis=1)]
    return Grouped(names, sums, leading)
