"""How often each customer would have the outcome in each arm: few small trees, averaged.

Effects of contacts are small beside the noise of outcomes, so what is estimated is held back: an
arm's trees have few leaves, each with enough outcomes, and several forests on parts of the
customers are averaged (bagging, Breiman 1996).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import lightgbm as lgb
import numpy as np

from ml.contract import Floats
from ml.policy.trial import RandomisedTrial

FORESTS = 4
ROUNDS = 80
PARAMETERS: dict[str, Any] = {
    "objective": "binary",
    "learning_rate": 0.05,
    "num_leaves": 4,
    # about as many outcomes as a leaf needs before its rate means anything
    "min_sum_hessian_in_leaf": 10.0,
    "min_data_in_leaf": 20,
    "feature_fraction": 0.7,
    "bagging_fraction": 0.6,
    "bagging_freq": 1,
    "max_bin": 63,
    # equal to the last bit on any machine; many small fits lose more to threads than they gain
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 1,
    "verbosity": -1,
}


@dataclass(frozen=True)
class ArmRates:
    """Forests of each arm.

    Attributes:
        forests: Of each arm in order, its LightGBM models.
    """

    forests: tuple[tuple[lgb.Booster, ...], ...]

    def predict(self, values: Floats) -> Floats:
        """Return the rate in each arm, n x arms."""
        return np.column_stack(
            [
                np.mean([np.asarray(one.predict(values, num_threads=1)) for one in forests], axis=0)
                for forests in self.forests
            ]
        )

    def texts(self) -> list[list[str]]:
        """Return the models as text; `arm_rates_from` reads them."""
        return [[one.model_to_string() for one in forests] for forests in self.forests]


def arm_rates_from(texts: Sequence[Sequence[str]]) -> ArmRates:
    """Return the forests of `texts`."""
    return ArmRates(
        tuple(tuple(lgb.Booster(model_str=text) for text in forests) for forests in texts)
    )


def fit_rates(trial: RandomisedTrial, seed: int) -> ArmRates:
    """Fit the forests of every arm.

    Args:
        trial: Customers to learn from.
        seed: Of the parts of customers and features that each forest sees.
    """
    fitted = []
    for arm in range(len(trial.arms)):
        rows = trial.arm == arm
        forests = []
        for number in range(FORESTS):
            data = lgb.Dataset(trial.values[rows], label=trial.outcome[rows])
            # the same parts in every arm: what is left out of both does not differ between them
            parameters = PARAMETERS | {"seed": seed + number}
            forests.append(lgb.train(parameters, data, ROUNDS))
        fitted.append(tuple(forests))
    return ArmRates(tuple(fitted))
