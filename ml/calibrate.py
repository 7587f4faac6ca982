"""Calibration maps from log-odds to probability, and the choice among them on later cohorts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ml.compare import PairedGain
from ml.contract import Floats, weighted_mean, weights_of
from ml.metrics import losses
from ml.recipe import CalibrationMap

METHODS = ("none", "base_rate", "platt", "isotonic")
# An isotonic map must not return certainty: no probability beyond what its cohort can support.
FLOOR = 1e-4
# Past cohorts that a map is fitted on, and that must each have gained by it, beyond noise.
POOLED = 3
JUDGES = 3


@dataclass(frozen=True)
class Calibration:
    """A monotone map from margin (log-odds) to probability.

    Attributes:
        method: none, base_rate (shift), platt (slope and shift), isotonic (steps).
        slope: Factor on the margin; 1 for none and base_rate.
        shift: Added to it, log-odds.
        knots: Margins of an isotonic map, ascending; empty otherwise.
        levels: Probabilities at the knots.
    """

    method: str
    slope: float = 1.0
    shift: float = 0.0
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()

    def apply(self, margin: Floats) -> Floats:
        """Return n probabilities for n margins."""
        if self.method == "isotonic":
            return np.asarray(np.interp(margin, self.knots, self.levels))
        return np.asarray(expit(self.slope * margin + self.shift))

    @classmethod
    def of(cls, kept: CalibrationMap) -> Self:
        """Return the map that a recipe keeps."""
        return cls(**kept.model_dump())


@dataclass(frozen=True)
class PastMargins:
    """Margins of the cohorts of a past period by a model that did not see them.

    Attributes:
        as_of_date: The first of them.
        known_on: Day on which their outcomes were known.
        margin: n log-odds.
        is_churned: n outcomes.
        customer_id: n ids; None where every customer occurs once.
        weight: How many customers each row stands for; None for one.
    """

    as_of_date: np.datetime64
    known_on: np.datetime64
    margin: Floats
    is_churned: Floats
    customer_id: NDArray[np.object_] | None = None
    weight: Floats | None = None


@dataclass(frozen=True)
class Choice:
    """How one map, fitted on what was known by a cohort, did on it.

    Attributes:
        method: The map.
        fitted_on: Newest cohort it was fitted on.
        judged_on: The cohort.
        log_loss: Mean log loss on it.
        gain: Log loss of none minus this one's.
        gain_se: Standard error of the gain over customers.
        is_chosen: The map in use.
    """

    method: str
    fitted_on: np.datetime64
    judged_on: np.datetime64
    log_loss: float
    gain: float
    gain_se: float
    is_chosen: bool = False


def fit_map(
    method: str, margin: Floats, is_churned: Floats, weight: Floats | None = None
) -> Calibration:
    """Fit one map on one cohort's margins and outcomes.

    Platt's map follows Platt 1999 without his prior; base_rate moves the intercept so that the
    expected number of churners is the observed one.

    Args:
        method: The map.
        margin: n log-odds.
        is_churned: n outcomes.
        weight: How many customers each row stands for; None for one.

    Raises:
        ValueError: Unknown method.
    """
    if method == "none":
        return Calibration("none")
    if method == "base_rate":
        shift = brentq(
            lambda s: (
                weighted_mean(np.asarray(expit(margin + s)), weight)
                - weighted_mean(is_churned, weight)
            ),
            -10.0,
            10.0,
        )
        return Calibration("base_rate", shift=float(shift))
    if method == "platt":
        model = LogisticRegression(C=np.inf).fit(margin.reshape(-1, 1), is_churned, weight)
        return Calibration(
            "platt", slope=float(model.coef_[0, 0]), shift=float(model.intercept_[0])
        )
    if method == "isotonic":
        model = IsotonicRegression(y_min=FLOOR, y_max=1 - FLOOR, out_of_bounds="clip")
        model.fit(margin, is_churned, weight)
        return Calibration(
            "isotonic",
            knots=tuple(float(x) for x in model.X_thresholds_),
            levels=tuple(float(y) for y in model.y_thresholds_),
        )
    raise ValueError(f"unknown calibration {method!r}; known are {', '.join(METHODS)}")


def fit_on(method: str, past: Sequence[PastMargins]) -> Calibration:
    """Fit one map on the newest past cohorts together.

    The base rate moves from cohort to cohort: a correction of it follows the newest one, a shape
    is fitted on three.

    Args:
        method: The map.
        past: Past cohorts, newest first, one at least.
    """
    taken = past[:1] if method == "base_rate" else past[:POOLED]
    return fit_map(
        method,
        np.concatenate([cohort.margin for cohort in taken]),
        np.concatenate([cohort.is_churned for cohort in taken]),
        weights_of(taken),
    )


def choose(past: Sequence[PastMargins]) -> tuple[str, list[Choice]]:
    """Choose the map that has kept its promise; none unless one has.

    Each past cohort judges the maps fitted on what was known by then. A map is used when it gained
    beyond noise on each of the last three: one cohort is not enough, since a base rate that moves
    makes the best map of one month the worst of the next.

    Args:
        past: Past cohorts, newest first.

    Returns:
        The chosen method and how each did on each judged cohort, newest first.
    """
    tried: list[Choice] = []
    for place, judged in enumerate(past):
        known = [cohort for cohort in past[place + 1 :] if cohort.known_on <= judged.as_of_date]
        if not known:
            continue
        base = losses(judged.is_churned, Calibration("none").apply(judged.margin))
        for method in METHODS:
            loss = losses(judged.is_churned, fit_on(method, known).apply(judged.margin))
            paired = PairedGain.of(base, loss, judged.customer_id, judged.weight)
            tried.append(
                Choice(
                    method,
                    known[0].as_of_date,
                    judged.as_of_date,
                    weighted_mean(loss, judged.weight),
                    paired.gain,
                    paired.se,
                )
            )
    kept = {}
    for method in METHODS[1:]:
        last = [c for c in tried if c.method == method][:JUDGES]
        if len(last) == JUDGES and all(PairedGain(c.gain, c.gain_se).is_better for c in last):
            kept[method] = sum(c.gain for c in last)
    chosen = max(kept, key=lambda method: kept[method]) if kept else "none"
    return chosen, [replace(c, is_chosen=c.method == chosen) for c in tried]
