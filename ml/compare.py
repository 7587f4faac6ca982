"""Compares two models on the same customers: the gain, and whether it exceeds noise."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.contract import Floats, weighted_mean

# Standard errors that a significant difference exceeds: two-sided 95 %, normal distribution.
BEYOND_NOISE = 1.96


def customers_of(customer_id: NDArray[np.object_] | None) -> NDArray[np.intp] | None:
    """Return the number of each row's customer, from 0; None where every customer has one row."""
    if customer_id is None:
        return None
    codes, known = pd.factorize(customer_id)
    return None if len(known) == len(codes) else codes


@dataclass(frozen=True)
class PairedGain:
    """How much log loss falls from one model to another, over the same customers.

    Attributes:
        gain: Mean reduction; negative if the second model is worse.
        se: Standard error of the mean, from the spread of the paired differences over customers;
            the rows of a customer who occurs several times count as one observation.
    """

    gain: float
    se: float

    @classmethod
    def of(
        cls,
        before: Floats,
        after: Floats,
        customer_id: NDArray[np.object_] | None = None,
        weight: Floats | None = None,
    ) -> Self:
        """Compare two models.

        Args:
            before: Log loss of each row by the first model, shape (rows,).
            after: By the second, in the same order.
            customer_id: Whose rows they are; None where every customer has one.
            weight: How many customers each row stands for; None for one.
        """
        fall = before - after
        gain = weighted_mean(fall, weight)
        whose = customers_of(customer_id)
        if weight is not None:
            numbers = np.arange(len(fall)) if whose is None else whose
            sums = np.bincount(numbers, weight * (fall - gain))
            spread = np.sum(sums**2) * len(sums) / (len(sums) - 1)
            return cls(gain, float(np.sqrt(spread) / weight.sum()))
        if whose is None:
            return cls(gain, float(np.std(fall, ddof=1) / np.sqrt(len(fall))))
        # the variance of a mean over clusters; with one row a customer it is the one above
        sums = np.bincount(whose, fall - gain)
        return cls(gain, float(np.sqrt(np.sum(sums**2) * len(sums) / (len(sums) - 1)) / len(fall)))

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
