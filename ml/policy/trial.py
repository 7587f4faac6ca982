"""A randomised trial: who got what, what was known of them before, and what happened."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ml.contract import Floats

Arms = NDArray[np.int64]


@dataclass(frozen=True)
class RandomisedTrial:
    """Customers of a trial whose arms were drawn with the same shares for everybody.

    Attributes:
        features: Names of what was known before, k of them.
        arms: Names of the arms, the control first.
        values: What was known, n x k; NaN is unknown.
        arm: n positions in `arms`.
        outcome: n outcomes, 0 or 1.
    """

    features: tuple[str, ...]
    arms: tuple[str, ...]
    values: Floats
    arm: Arms
    outcome: Floats

    def __len__(self) -> int:
        return len(self.arm)

    @property
    def shares(self) -> Floats:
        """Share of the customers in each arm."""
        return np.bincount(self.arm, minlength=len(self.arms)) / len(self)

    def take(self, rows: NDArray[np.int64] | NDArray[np.bool_]) -> "RandomisedTrial":
        """Return some of the customers."""
        return RandomisedTrial(
            self.features, self.arms, self.values[rows], self.arm[rows], self.outcome[rows]
        )


def folds_of(trial: RandomisedTrial, folds: int, seed: int) -> Arms:
    """Return n numbers of folds, each with its part of every arm's outcomes of both kinds.

    With outcomes as rare as 1 in 100, folds by chance alone would differ in what they can show.
    """
    rng = np.random.default_rng(seed)
    fold = np.empty(len(trial), dtype=np.int64)
    for arm in range(len(trial.arms)):
        for outcome in (0, 1):
            rows = np.flatnonzero((trial.arm == arm) & (trial.outcome == outcome))
            first = rng.integers(folds)
            fold[rng.permutation(rows)] = (np.arange(len(rows)) + first) % folds
    return fold
