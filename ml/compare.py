"""Compares two models on the same customers: the gain, and whether it exceeds noise."""

from dataclasses import dataclass
from typing import Self

import numpy as np

from ml.contract import Floats

# Standard errors that a significant difference exceeds: two-sided 95 %, normal distribution.
BEYOND_NOISE = 1.96


@dataclass(frozen=True)
class PairedGain:
    """How much log loss falls from one model to another, over the same customers.

    Attributes:
        gain: Mean reduction; negative if the second model is worse.
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
        """The threshold of a significant gain."""
        return BEYOND_NOISE * self.se

    @property
    def is_better(self) -> bool:
        """Whether the second model is significantly better."""
        return self.gain > self.noise

    @property
    def is_not_worse(self) -> bool:
        """Whether the second model is not significantly worse."""
        return self.gain >= -self.noise
