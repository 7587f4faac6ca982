"""Calibration maps from margin to probability, and the choice among them out of time."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from ml.contract import Floats
from ml.metrics import losses

METHODS = ("none", "base_rate", "platt", "isotonic")
# An isotonic map may not promise certainty: no probability beyond what its cohort could show.
FLOOR = 1e-4


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

    def to_dict(self) -> dict[str, Any]:
        """Return what JSON needs to restore the map with `Calibration(**…)`."""
        return asdict(self)


@dataclass(frozen=True)
class Choice:
    """How one map did on a cohort later than the one it was fitted on.

    Attributes:
        method: The map.
        log_loss: Mean log loss on the later cohort.
        gain: Log loss of none minus this one's.
        gain_se: Standard error of the gain over customers.
        is_chosen: The map in use.
    """

    method: str
    log_loss: float
    gain: float
    gain_se: float
    is_chosen: bool


def fit_map(method: str, margin: Floats, is_churned: Floats) -> Calibration:
    """Fit one map on one cohort's margins and outcomes.

    Platt's map follows Platt 1999 without his prior; base_rate moves the intercept so that the
    expected number of churners is the observed one.

    Raises:
        ValueError: Unknown method.
    """
    if method == "none":
        return Calibration("none")
    if method == "base_rate":
        shift = brentq(
            lambda s: float(np.mean(expit(margin + s)) - np.mean(is_churned)), -10.0, 10.0
        )
        return Calibration("base_rate", shift=float(shift))
    if method == "platt":
        model = LogisticRegression(C=np.inf).fit(margin.reshape(-1, 1), is_churned)
        return Calibration(
            "platt", slope=float(model.coef_[0, 0]), shift=float(model.intercept_[0])
        )
    if method == "isotonic":
        model = IsotonicRegression(y_min=FLOOR, y_max=1 - FLOOR, out_of_bounds="clip")
        model.fit(margin, is_churned)
        return Calibration(
            "isotonic",
            knots=tuple(float(x) for x in model.X_thresholds_),
            levels=tuple(float(y) for y in model.y_thresholds_),
        )
    raise ValueError(f"unknown calibration {method!r}; known are {', '.join(METHODS)}")


def choose(
    earlier: tuple[Floats, Floats], later: tuple[Floats, Floats]
) -> tuple[str, list[Choice]]:
    """Choose the map that does best on a later cohort; none unless one is better beyond noise.

    Args:
        earlier: Margins and outcomes of the cohort that the maps are fitted on.
        later: Margins and outcomes of the cohort that they are judged on.

    Returns:
        The chosen method and how each did. A map must gain more than one standard error.
    """
    margin, is_churned = later
    base = losses(is_churned, Calibration("none").apply(margin))
    tried: list[tuple[str, float, float, float]] = []
    for method in METHODS:
        loss = losses(is_churned, fit_map(method, *earlier).apply(margin))
        difference: NDArray[np.float64] = base - loss
        spread = float(np.std(difference, ddof=1) / np.sqrt(len(difference)))
        tried.append((method, float(np.mean(loss)), float(np.mean(difference)), spread))
    better = [(gain, method) for method, _, gain, spread in tried if gain > spread and gain > 0]
    chosen = max(better)[1] if better else "none"
    return chosen, [Choice(*row, is_chosen=row[0] == chosen) for row in tried]
