"""Risk bands: cut once per model at shares of the validation cohort, then fixed."""

import numpy as np
from numpy.typing import NDArray

from ml.contract import Floats
from ml.settings import RiskBands

BANDS = ("critical", "high", "medium", "low")
SHARES = (0.05, 0.20, 0.50)


def cut_bands(probability: Floats, named: RiskBands) -> tuple[float, float, float]:
    """Return the lowest probabilities of critical, high and medium.

    Args:
        probability: Probabilities of the validation cohort.
        named: Three probabilities that the domain sets instead, if it does.
    """
    if named.cuts is not None:
        return named.cuts
    critical, high, medium = np.quantile(probability, [1 - share for share in SHARES])
    return float(critical), float(high), float(medium)


def assign_bands(probability: Floats, cuts: tuple[float, float, float]) -> NDArray[np.object_]:
    """Return the band of each probability."""
    index = np.sum(probability[:, None] < np.array(cuts)[None, :], axis=1)
    return np.asarray(np.array(BANDS, dtype=object)[index])
