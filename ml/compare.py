"""Two models on the same customers: the gain of one over the other, and whether it is noise."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ml.contract import Floats

# Standard errors that a difference must exceed, the two-sided 95 % of a normal distribution.
BEYOND_NOISE = 1.96


@dataclass(frozen=True)
class PairedGain:
    """How much log loss falls from one model to another, over the same customers.

    Attributes:
        gain: Mean fall; negative where the second model is worse.
        se: Standard error of the mean, from the spread of the paired differences.
    """

    gain: float
    se: float

    @classmethod
    def of(cls, before: Floats, after: Floats) -> Self:
        """Compare two models.

        Args:
            before: Log loss of each customer by the first model, shape (customers,).
            after: By the second, in the same order.
        """
        fall = before - after
        return cls(float(np.mean(fall)), float(np.std(fall, ddof=1) / np.sqrt(len(fall))))

    @property
    def noise(self) -> float:
        """What a gain must exceed."""
        return BEYOND_NOISE * self.se

    @property
    def is_better(self) -> bool:
        """Whether the second model is better beyond noise."""
        return self.gain > self.noise

    @property
    def is_not_worse(self) -> bool:
        """Whether the second model is not worse beyond noise."""
        return self.gain >= -self.noise
