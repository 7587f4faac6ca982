"""Column types of the generators, and days as whole numbers since 1970-01-01."""

from datetime import date

import numpy as np
from numpy.typing import NDArray

Days = NDArray[np.int32]
Whole = NDArray[np.int32]
Real = NDArray[np.float64]
Flags = NDArray[np.bool_]
Rows = NDArray[np.int64]


def day(iso: str) -> int:
    """Return the day number of an ISO date."""
    return (date.fromisoformat(iso) - date(1970, 1, 1)).days
