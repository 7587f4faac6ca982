"""LightGBM's margins of many rows at once, bit for bit and about twice as fast as LightGBM's own.

LightGBM takes one row through all trees; here each tree takes a block of rows, so that the tree
stays in the processor's cache and steps of different rows run in parallel. Trees are added in the
same order, so sums are equal to the last bit.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import lightgbm as lgb
import numpy as np
from numba import njit
from numpy.typing import NDArray

from ml.contract import Floats

BLOCK = 512
ZERO = float(np.float32(1e-35))  # LightGBM treats values up to it, of either sign, as 0


@dataclass(frozen=True)
class Forest:
    """The trees of a booster as arrays, one entry per node, tree by tree.

    Attributes:
        feature: Feature of a node; 0 for a leaf.
        threshold: Values up to it go left.
        nan_goes_left: Whether missing values go left.
        children: Left and right child of each node, counted over the forest; a leaf's are itself.
        value: Value of a leaf, log-odds.
        cover: Rows of the training data that reached a node.
        root: First node of each tree.
        depth: Steps from the root to the deepest leaf of each tree.
    """

    feature: NDArray[np.int32]
    threshold: Floats
    nan_goes_left: NDArray[np.bool_]
    children: NDArray[np.int32]
    value: Floats
    cover: Floats
    root: NDArray[np.int64]
    depth: NDArray[np.int64]


def plant(booster: lgb.Booster) -> Forest:
    """Return a booster's trees as arrays.

    Raises:
        ValueError: A split is not a threshold on a number, or takes zero for missing.
    """
    nodes: list[tuple[int, float, bool, int, int, float, float]] = []
    roots, depths = [], []

    def add(node: dict[str, Any]) -> tuple[int, int]:
        """Add a node and its subtree; return its index and its height."""
        place = len(nodes)
        if "split_feature" not in node:
            # a tree with one leaf has no count
            cover = float(node.get("leaf_count", 0))
            nodes.append((0, 0.0, False, place, place, float(node["leaf_value"]), cover))
            return place, 0
        if node["decision_type"] != "<=" or node["missing_type"] not in ("NaN", "None"):
            raise ValueError(
                f"a split of the kind {node['decision_type']} with missing "
                f"{node['missing_type']} is not known"
            )
        nodes.append((0, 0.0, False, 0, 0, 0.0, 0.0))
        left, height_left = add(node["left_child"])
        right, height_right = add(node["right_child"])
        threshold = _compared(float(node["threshold"]))
        # a feature that was always observed in training has no side for NaN: it counts as 0
        goes_left = node["default_left"] if node["missing_type"] == "NaN" else threshold >= 0
        nodes[place] = (
            int(node["split_feature"]),
            threshold,
            bool(goes_left),
            left,
            right,
            0.0,
            float(node["internal_count"]),
        )
        return place, 1 + max(height_left, height_right)

    for tree in booster.dump_model()["tree_info"]:
        root, depth = add(tree["tree_structure"])
        roots.append(root)
        depths.append(depth)
    feature, threshold, goes_left, left, right, value, cover = zip(*nodes, strict=True)
    return Forest(
        np.array(feature, np.int32),
        np.array(threshold),
        np.array(goes_left),
        np.column_stack([left, right]).astype(np.int32).ravel(),
        np.array(value),
        np.array(cover),
        np.array(roots, np.int64),
        np.array(depths, np.int64),
    )


def _compared(threshold: float) -> float:
    """Return the threshold that LightGBM compares with, from the dumped one."""
    if abs(threshold) >= 1e300:  # null against all others; JSON knows no infinity
        return math.copysign(math.inf, threshold)
    if abs(threshold) <= ZERO:
        return ZERO if threshold >= 0 else math.nextafter(-ZERO, -math.inf)
    return threshold


def margins(forest: Forest, values: Floats, threads: int) -> Floats:
    """Return the raw scores.

    Args:
        forest: Trees of a booster.
        values: n × k matrix in the booster's feature order; NaN means not observed.
        threads: Number of threads.

    Returns:
        n log-odds before calibration.
    """
    rows = np.ascontiguousarray(values)
    found = np.zeros(len(rows))
    arrays = (
        forest.feature,
        forest.threshold,
        forest.nan_goes_left,
        forest.children,
        forest.value,
        forest.root,
        forest.depth,
    )
    cuts = np.linspace(0, len(rows), threads + 1, dtype=int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: _add_up(rows, found, *part, *arrays), pairwise(cuts)))  # type: ignore[call-arg]
    return found


@njit(nogil=True, cache=True)
def _add_up(  # type: ignore[no-untyped-def]  # numba infers them  # pragma: no cover
    rows, found, start, stop, feature, threshold, nan_goes_left, children, value, root, depth
):
    at = np.empty(BLOCK, np.int32)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        for tree in range(len(root)):
            at[:size] = root[tree]
            # the same number of steps for every row, without branches to mispredict: leaves loop
            for _ in range(depth[tree]):
                for row in range(size):
                    node = at[row]
                    x = rows[low + row, feature[node]]
                    left = (x <= threshold[node]) | ((x != x) & nan_goes_left[node])
                    at[row] = children[2 * node + 1 - left]
            for row in range(size):
                found[low + row] += value[at[row]]
