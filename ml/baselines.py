"""Simple rivals: base rate, hand rule, own past rate, BG/NBD, logistic regression."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from ml.contract import Examples, Floats
from ml.level.forecast import Levels
from ml.settings import BaselineSettings, OwnRate

MOST_GROUPS = 20
PRIOR_ROWS = 20


class Baseline(Protocol):
    """A model that learns from examples and predicts probabilities."""

    def fit(self, train: Examples) -> "Baseline":
        """Learn from labelled examples."""
        ...

    def predict(self, examples: Examples) -> Floats:
        """Return n probabilities."""
        ...


@dataclass
class BaseRate:
    """The same probability for everyone: the churn rate of the newest training cohort."""

    rate: float = float("nan")

    def fit(self, train: Examples) -> "BaseRate":
        """Learn the rate."""
        newest = train.as_of_date == train.as_of_date.max()
        self.rate = train.where(newest).churn_rate()
        return self

    def predict(self, examples: Examples) -> Floats:
        """Return the same probability n times."""
        return np.full(len(examples), self.rate)


@dataclass
class HandRule:
    """The training churn rate of a customer's group, by a few features that the domain names.

    A feature with many values is cut at the training deciles. Rates of small groups are shrunk
    towards the overall rate by `PRIOR_ROWS` rows of it; an unseen group has the overall rate.
    """

    by: tuple[str, ...]
    edges: dict[str, Floats] = field(default_factory=dict)
    rates: dict[tuple[float, ...], float] = field(default_factory=dict)
    overall: float = float("nan")

    def fit(self, train: Examples) -> "HandRule":
        """Learn the groups and their rates."""
        for name in self.by:
            column = train.column(name)
            seen = np.unique(column[~np.isnan(column)])
            if len(seen) > MOST_GROUPS:
                seen = np.unique(np.nanquantile(column, np.arange(0.1, 1.0, 0.1)))
            self.edges[name] = seen
        self.overall = train.churn_rate()
        groups, index = np.unique(self._groups(train), axis=0, return_inverse=True)
        weight = np.ones(len(train)) if train.weight is None else train.weight
        rows = np.bincount(index.ravel(), weight)
        churners = np.bincount(index.ravel(), weight * train.is_churned)
        rate = (churners + PRIOR_ROWS * self.overall) / (rows + PRIOR_ROWS)
        self.rates = {tuple(g): float(r) for g, r in zip(groups, rate, strict=True)}
        return self

    def predict(self, examples: Examples) -> Floats:
        """Return n probabilities."""
        groups, index = np.unique(self._groups(examples), axis=0, return_inverse=True)
        rates = np.array([self.rates.get(tuple(g), self.overall) for g in groups])
        return np.asarray(rates[index.ravel()])

    def _groups(self, examples: Examples) -> Floats:
        """N × features matrix of group numbers; -1 where the value is missing."""
        columns = []
        for name in self.by:
            column = examples.column(name)
            group = np.searchsorted(self.edges[name], column, side="right").astype(float)
            columns.append(np.where(np.isnan(column), -1.0, group))
        return np.column_stack(columns)


@dataclass
class Logistic:
    """Ridge logistic regression with capped, standardised values and missing-value indicators.

    Attributes:
        by: Features it reads; None for all.
        cap_quantile: Values beyond this training quantile at either end are capped to it.
    """

    by: tuple[str, ...] | None = None
    cap_quantile: float = 0.01
    low: Floats = field(default_factory=lambda: np.empty(0))
    high: Floats = field(default_factory=lambda: np.empty(0))
    middle: Floats = field(default_factory=lambda: np.empty(0))
    mean: Floats = field(default_factory=lambda: np.empty(0))
    spread: Floats = field(default_factory=lambda: np.empty(0))
    missing: NDArray[np.int_] = field(default_factory=lambda: np.empty(0, dtype=int))
    model: LogisticRegression | None = None

    def fit(self, train: Examples) -> "Logistic":
        """Learn caps, means and coefficients from the training rows only."""
        values = self._values(train)
        filled = np.where(np.isnan(values).all(axis=0), 0.0, values)
        self.low, self.middle, self.high = np.nanquantile(
            filled, [self.cap_quantile, 0.5, 1 - self.cap_quantile], axis=0
        )
        self.missing = np.flatnonzero(np.isnan(filled).any(axis=0))
        del filled
        design = self._design(train)
        self.mean, self.spread = design.mean(axis=0), design.std(axis=0)
        self.spread[self.spread < 1e-12] = 1.0
        self.model = LogisticRegression(C=1.0, solver="newton-cholesky", max_iter=100)
        # in place: the design is the largest matrix of a training
        design -= self.mean
        design /= self.spread
        self.model.fit(design, train.is_churned, train.weight)
        return self

    def predict(self, examples: Examples) -> Floats:
        """Return n probabilities."""
        if self.model is None:
            raise RuntimeError("fit before predict")
        design = (self._design(examples) - self.mean) / self.spread
        return np.asarray(self.model.predict_proba(design)[:, 1])

    def _design(self, examples: Examples) -> Floats:
        values = self._values(examples)
        is_missing = np.isnan(values)
        features = values.shape[1]
        design = np.empty((len(values), features + len(self.missing)))
        capped = design[:, :features]
        capped[:] = values
        np.copyto(capped, self.middle, where=is_missing)
        np.clip(capped, self.low, self.high, out=capped)
        design[:, features:] = is_missing[:, self.missing]
        return design

    def _values(self, examples: Examples) -> Floats:
        return examples.values if self.by is None else examples.keep(self.by).values


@dataclass
class OwnShare:
    """How often the customer left so far, out of how many times it was possible.

    The overall rate counts as one time more, so that nobody is certain.
    """

    how: OwnRate
    overall: float = float("nan")

    def fit(self, train: Examples) -> "OwnShare":
        """Learn the overall rate."""
        self.overall = train.churn_rate()
        return self

    def predict(self, examples: Examples) -> Floats:
        """Return n probabilities."""
        left, times = _counted(self.how, examples)
        return np.asarray((np.minimum(left, times) + self.overall) / (times + 1))


@dataclass
class OwnOrders:
    """No order in the horizon, at the rate at which the customer has ordered so far.

    One order at the mean rate of everybody counts as one more, so that nobody is certain.
    """

    how: OwnRate
    horizon_days: int
    days_an_order: float = float("nan")

    def fit(self, train: Examples) -> "OwnOrders":
        """Learn the mean rate."""
        orders, days = _counted(self.how, train)
        if train.weight is not None:
            orders, days = orders * train.weight, days * train.weight
        self.days_an_order = float(days.sum() / max(orders.sum(), 1.0))
        return self

    def predict(self, examples: Examples) -> Floats:
        """Return n probabilities."""
        orders, days = _counted(self.how, examples)
        rate = (orders + 1) / np.maximum(days + self.days_an_order, 1.0)
        return np.asarray(np.exp(-rate * self.horizon_days))


def _counted(how: OwnRate, examples: Examples) -> tuple[Floats, Floats]:
    """Events, and out of how much; 0 where it is not known."""
    return np.nan_to_num(examples.column(how.events)), np.nan_to_num(examples.column(how.of))


@dataclass
class FromOrders:
    """BG/NBD's probability of no order in the horizon, fitted on everybody's orders before D."""

    levels: Levels

    def fit(self, train: Examples) -> "FromOrders":
        """Learn nothing: outcomes are not looked at."""
        return self

    def predict(self, examples: Examples) -> Floats:
        """Return n probabilities; a half for who has no order on record."""
        return np.nan_to_num(self.levels.probability_of_none(examples), nan=0.5)


def baselines(
    named: Mapping[str, BaselineSettings],
    levels: Levels | None = None,
) -> dict[str, Baseline]:
    """Return the baselines of a domain, not yet fitted.

    Args:
        named: Name → how it is made.
        levels: What is known of the domain's orders; without it BG/NBD is left out.
    """
    made: dict[str, Baseline] = {}
    for name, how in named.items():
        if how.features is not None:
            made[name] = Logistic(None if how.features == "all" else how.features, how.cap_quantile)
        elif how.groups is not None:
            made[name] = HandRule(how.groups)
        elif how.share is not None:
            made[name] = OwnShare(how.share)
        elif how.orders is not None:
            if levels is not None:
                made[name] = OwnOrders(how.orders, levels.who.horizon_days)
        elif how.bg_nbd:
            if levels is not None:
                made[name] = FromOrders(levels)
        else:
            made[name] = BaseRate()
    return made


def baseline_predictions(
    named: Mapping[str, BaselineSettings],
    train: Examples,
    cohort: Examples,
    levels: Levels | None = None,
) -> dict[str, Floats]:
    """Fit every baseline of a domain and predict a cohort.

    Args:
        named: The domain's baselines.
        train: Rows to fit them on.
        cohort: Customers to predict.
        levels: What is known of the domain's orders; without it those that need it are left out.

    Returns:
        Name → probabilities, shape (customers,).
    """
    return {
        name: baseline.fit(train).predict(cohort)
        for name, baseline in baselines(named, levels).items()
    }
