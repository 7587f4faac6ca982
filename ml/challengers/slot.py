"""The slot for a challenger: anything that fits a matrix and predicts probabilities.

A challenger is judged by `churn evaluate --challenger NAME` on the same cohorts, with what was
known by each of them. It never goes live: a score is published with exact drivers, and it has none.
"""

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Protocol

import numpy as np

from ml.contract import Examples, Floats

SEED = 20170401
CHALLENGER = "challenger"


class Challenger(Protocol):
    """A classifier as scikit-learn has them."""

    def fit(self, values: Floats, outcome: Floats) -> Any:
        """Learn from an n × k matrix, NaN where not observed, and n outcomes, 0 or 1."""
        ...

    def predict_proba(self, values: Floats) -> Any:
        """Return an n × 2 matrix: the probability of 0 and of 1."""
        ...


class UnknownChallengerError(ValueError):
    """There is no such challenger, or what it needs is not installed; the message says which."""


def _boosted() -> Challenger:
    from sklearn.ensemble import HistGradientBoostingClassifier

    made: Challenger = HistGradientBoostingClassifier(
        learning_rate=0.05, max_iter=150, max_leaf_nodes=15, random_state=SEED
    )
    return made


def _catboost() -> Challenger:
    made: Challenger = import_module("catboost").CatBoostClassifier(
        iterations=500, learning_rate=0.05, depth=6, random_seed=SEED, verbose=False
    )
    return made


def _tabpfn() -> Challenger:
    made: Challenger = import_module("tabpfn").TabPFNClassifier(random_state=SEED)
    return made


KNOWN: Mapping[str, Callable[[], Challenger]] = {
    "boosted": _boosted,
    "catboost": _catboost,
    "tabpfn": _tabpfn,
}


def find_challenger(name: str) -> Callable[[], Challenger]:
    """Return what makes a challenger.

    Args:
        name: One of `KNOWN`, or a place as package.module:name that makes one without arguments.

    Raises:
        UnknownChallengerError: It is not there.
    """
    made = KNOWN.get(name)
    if made is None:
        module, _, attribute = name.partition(":")
        if not attribute:
            raise UnknownChallengerError(
                f"{name!r} is not a challenger; known are {', '.join(KNOWN)}, and any place as "
                "package.module:name"
            )
        try:
            made = getattr(import_module(module), attribute)
        except (ImportError, AttributeError) as error:
            raise UnknownChallengerError(f"{name!r} cannot be loaded: {error}") from error
    try:
        one = made()
    except ImportError as error:
        raise UnknownChallengerError(
            f"{name!r} needs a package that is not installed: {error}"
        ) from error
    if not callable(getattr(one, "fit", None)) or not callable(getattr(one, "predict_proba", None)):
        raise UnknownChallengerError(f"{name!r} has no fit and predict_proba")
    return made


def challenge(made: Callable[[], Challenger], train: Examples, cohort: Examples) -> Floats:
    """Fit a challenger and predict a cohort.

    Columns that say the same of everybody it learns from, or nothing, are left out: some refuse
    them, and no model can use them.

    Args:
        made: What makes it.
        train: Rows to learn from.
        cohort: Customers to predict, n.

    Returns:
        n probabilities.

    Raises:
        ValueError: What it returns are no probabilities of these customers.
    """
    one = made()
    told = [len(np.unique(column[~np.isnan(column)])) > 1 for column in train.values.T]
    rows = np.arange(len(train))
    if train.weight is not None:
        # not every classifier takes weights: rows are drawn as often as they count
        share = train.weight / train.weight.sum()
        rows = np.sort(np.random.default_rng(SEED).choice(len(train), len(train), p=share))
    one.fit(train.values[:, told][rows], train.is_churned[rows])
    found = np.asarray(one.predict_proba(cohort.values[:, told]), dtype=np.float64)
    if found.shape != (len(cohort), 2):
        raise ValueError(f"the challenger returned {found.shape}, not {(len(cohort), 2)}")
    probability = np.asarray(found[:, 1])
    if not ((probability >= 0) & (probability <= 1)).all():
        raise ValueError("the challenger returned values that are not probabilities")
    return probability
