"""Path-dependent TreeSHAP of many rows at once, by look-up tables.

What a leaf adds to the features on its path depends only on a row's answers at the path's nodes,
and eight nodes have 256 patterns of answers. So it is computed once per pattern, as in Fast
TreeSHAP v2 (Yang 2021) and WOODELF (Nadel & Wettenstein 2025); a row then costs one comparison per
node and one look-up per table and feature. Neighbouring leaves share most of their path and
therefore a table. Each row's sums are taken in the trees' order, whatever other rows there are.
"""

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, pairwise

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ml.contract import Floats
from ml.forest import Forest

DEEPEST = 8  # a pattern is a byte
BLOCK = 1024
# Gauss-Legendre: four points are exact for polynomials up to degree 7, one factor less than 8
_POINTS, _WEIGHTS = np.polynomial.legendre.leggauss(DEEPEST // 2)

Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Tables:
    """Contributions of leaves to features, by a row's answers at some nodes of their tree.

    Table i reads node[node_at[i] : node_at[i + 1]]; its pattern is their answers, 1 for left, read
    as a binary number. For each of feature[feature_at[i] : feature_at[i + 1]], ascending, it has
    2^nodes log-odds, from value[value_at[i]] on. Tree t has the tables from tree_at[t] on.
    """

    node: Integers
    node_at: Integers
    feature: Integers
    feature_at: Integers
    value: Floats
    value_at: Integers
    tree_at: Integers


def contributions(forest: Forest, values: Floats, threads: int) -> Floats:
    """Return the contribution of each feature to each row's log-odds.

    Args:
        forest: Trees of a booster, no leaf deeper than `DEEPEST`.
        values: n × k matrix in the booster's feature order; NaN means not observed.
        threads: Number of threads.

    Returns:
        n × k log-odds, bit for bit the same for any threads and other rows.

    Raises:
        ValueError: A leaf is too deep, or a feature is missing.
    """
    if values.shape[1] <= forest.feature.max():
        raise ValueError(
            f"the trees use feature {forest.feature.max()}, counted from 0, "
            f"but the rows have {values.shape[1]} features"
        )
    tables = tabulate(forest)
    rows = np.ascontiguousarray(values, dtype=np.float64)
    found = np.empty(rows.shape)
    root = np.append(forest.root, len(forest.feature))
    arrays = (
        *(forest.feature, forest.threshold, forest.nan_goes_left, forest.children),
        *(root, int(np.diff(root).max()), tables.tree_at, tables.node, tables.node_at),
        *(tables.feature, tables.feature_at, tables.value, tables.value_at),
    )
    cuts = np.linspace(0, len(rows), threads + 1, dtype=int)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda part: _add_up(rows, found, *part, *arrays), pairwise(cuts)))  # type: ignore[call-arg]
    return found


def tabulate(forest: Forest) -> Tables:
    """Compute the contributions of all leaves for each pattern of answers.

    Raises:
        ValueError: A leaf is deeper than `DEEPEST`.
    """
    if forest.depth.max() > DEEPEST:
        raise ValueError(f"a leaf is {forest.depth.max()} deep, and tables allow {DEEPEST}")
    children = forest.children.reshape(-1, 2)
    itself = np.arange(len(children))
    is_leaf = children[:, 0] == itself
    parent = itself.copy()
    parent[children[~is_leaf]] = itself[~is_leaf, None]
    trees = _share(forest.root.tolist(), parent.tolist(), np.flatnonzero(is_leaf).tolist())
    shares = list(chain.from_iterable(trees))
    node, node_at = _joined([nodes for nodes, _ in shares])
    leaf, leaf_at = _joined([leaves for _, leaves in shares])
    feature, feature_at = _joined([np.unique(forest.feature[nodes]) for nodes, _ in shares])
    value_at = _ends(np.diff(feature_at) << np.diff(node_at))
    value = np.zeros(value_at[-1])
    _fill(
        *(node, node_at, feature, feature_at, value, value_at, leaf, leaf_at, parent),
        *(forest.feature, forest.children, forest.value, forest.cover),
        *((1 + _POINTS) / 2, _WEIGHTS / 2),
    )
    tree_at = _ends([len(tables) for tables in trees])
    return Tables(node, node_at, feature, feature_at, value, value_at, tree_at)


def _share(
    root: list[int], parent: list[int], leaf: list[int]
) -> list[list[tuple[list[int], list[int]]]]:
    """Group neighbouring leaves while their paths have up to `DEEPEST` nodes together.

    Args:
        root: First node of each tree.
        parent: Of each node; a root's is itself.
        leaf: Leaves, from left to right.

    Returns:
        Nodes and leaves of each table, by tree.
    """
    trees: list[list[tuple[list[int], list[int]]]] = [[] for _ in root]
    number = dict(zip(root, trees, strict=True))
    for end in leaf:
        path, at = [], end
        while parent[at] != at:
            at = parent[at]
            path.append(at)
        tables = number[at]
        if not path:
            continue  # a single-leaf tree has no split
        if tables and len(nodes := {*tables[-1][0], *path}) <= DEEPEST:
            tables[-1] = (sorted(nodes), [*tables[-1][1], end])
        else:
            tables.append((path[::-1], [end]))
    return trees


def _joined(parts: Sequence[Iterable[int]]) -> tuple[Integers, Integers]:
    """Concatenate lists; return them and the offsets of each."""
    lists = [list(part) for part in parts]
    flat = np.fromiter(chain.from_iterable(lists), np.int64)
    return flat, _ends([len(part) for part in lists])


def _ends(lengths: Iterable[int]) -> Integers:
    return np.cumsum([0, *lengths], dtype=np.int64)


@njit(nogil=True, cache=True)
def _fill(  # type: ignore[no-untyped-def]  # numba infers them  # pragma: no cover
    node,
    node_at,
    feature,
    feature_at,
    value,
    value_at,
    leaf,
    leaf_at,
    parent,
    asks,
    children,
    leaf_value,
    cover,
    points,
    weights,
):
    """Add the Shapley values of every leaf, for all patterns, to its table.

    A leaf pays v times the product of its features' factors: 1 or 0 for a known feature, as it lets
    the row through or not; for an unknown one z, the share of the training rows that its nodes let
    through (Lundberg et al. 2020, algorithm 1). With o for that 1 or 0, feature i gets
    v (o_i - z_i) times the integral, over t from 0 to 1, of the product of the others'
    o t + z (1 - t), a polynomial (Owen 1972, Multilinear extensions of games, Management Science).
    """
    z, mask, wanted = np.empty(DEEPEST), np.empty(DEEPEST, np.int64), np.empty(DEEPEST, np.int64)
    place, gets = np.empty(DEEPEST, np.int64), np.empty((1 << DEEPEST, DEEPEST))
    for table in range(len(node_at) - 1):
        nodes = node[node_at[table] : node_at[table + 1]]
        features = feature[feature_at[table] : feature_at[table + 1]]
        for which in range(leaf_at[table], leaf_at[table + 1]):
            # the features of the path; one that is used twice must let the row through twice
            count, at = 0, leaf[which]
            while parent[at] != at:
                above = parent[at]
                slot = 0
                while features[slot] != asks[above]:
                    slot += 1
                i = 0
                while i < count and place[i] != slot:
                    i += 1
                if i == count:
                    place[i], z[i], mask[i], wanted[i] = slot, 1.0, 0, 0
                    count += 1
                digit = 1 << (len(nodes) - 1)
                for number in range(len(nodes)):
                    if nodes[number] == above:
                        mask[i] |= digit >> number
                        wanted[i] |= (digit >> number) * (children[2 * above] == at)
                z[i] *= cover[at] / cover[above]
                at = above
            for known in range(1 << count):
                for i in range(count):
                    integral = 0.0
                    for point in range(len(points)):
                        product = weights[point]
                        for j in range(count):
                            if j != i:
                                o = known >> j & 1
                                product *= o * points[point] + z[j] * (1 - points[point])
                        integral += product
                    gets[known, i] = leaf_value[leaf[which]] * ((known >> i & 1) - z[i]) * integral
            for pattern in range(1 << len(nodes)):
                known = 0
                for i in range(count):
                    known |= ((pattern & mask[i]) == wanted[i]) << i
                for i in range(count):
                    value[value_at[table] + (place[i] << len(nodes)) + pattern] += gets[known, i]


@njit(nogil=True, cache=True)
def _add_up(  # type: ignore[no-untyped-def]  # numba infers them  # pragma: no cover
    rows,
    found,
    start,
    stop,
    asks,
    threshold,
    nan_goes_left,
    children,
    root,
    widest,
    tree_at,
    node,
    node_at,
    feature,
    feature_at,
    value,
    value_at,
):
    # a feature's values of all rows lie together, and so do its sums
    x, sums = np.empty((rows.shape[1], BLOCK)), np.empty((rows.shape[1], BLOCK))
    left = np.empty((widest, BLOCK), np.uint8)
    pattern = np.empty(BLOCK, np.uint8)
    for low in range(start, stop, BLOCK):
        size = min(BLOCK, stop - low)
        for row in range(size):
            for number in range(rows.shape[1]):
                x[number, row] = rows[low + row, number]
        sums[:] = 0.0
        for tree in range(len(root) - 1):
            for at in range(root[tree], root[tree + 1]):
                if children[2 * at] != at:
                    asked, answer, most = x[asks[at]], left[at - root[tree]], threshold[at]
                    if nan_goes_left[at]:  # no order holds for NaN
                        for row in range(size):
                            answer[row] = not (asked[row] > most)
                    else:
                        for row in range(size):
                            answer[row] = asked[row] <= most
            for table in range(tree_at[tree], tree_at[tree + 1]):
                pattern[:] = 0
                for number in range(node_at[table], node_at[table + 1]):
                    answer = left[node[number] - root[tree]]
                    for row in range(size):
                        pattern[row] = 2 * pattern[row] + answer[row]
                width = 1 << (node_at[table + 1] - node_at[table])
                begin = value_at[table]
                for number in range(feature_at[table], feature_at[table + 1]):
                    adds, total = value[begin : begin + width], sums[feature[number]]
                    for row in range(size):
                        total[row] += adds[pattern[row]]
                    begin += width
        for row in range(size):
            for number in range(rows.shape[1]):
                found[low + row, number] = sums[number, row]
