"""Risk bands: absolute probabilities, which the domain's entry sets with a reason."""

import numpy as np
from numpy.typing import NDArray

from ml.contract import Floats

BANDS = ("critical", "high", "medium", "low")
# Who is in them, and has not cancelled already, is at risk.
AT_RISK = BANDS[:2]


def assign_bands(probability: Floats, cuts: tuple[float, float, float]) -> NDArray[np.object_]:
    """Return the band of each probability."""
    index = np.sum(probability[:, None] < np.array(cuts)[None, :], axis=1)
    return np.asarray(np.array(BANDS, dtype=object)[index])
