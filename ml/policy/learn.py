"""Chooses between one action for everybody and the effects per customer, on held-out customers."""

from dataclasses import dataclass

import numpy as np

from ml.contract import Floats
from ml.policy.rates import ArmRates, fit_rates
from ml.policy.trial import Arms, RandomisedTrial, folds_of
from ml.policy.worth import (
    ContactPrices,
    PolicyWorth,
    best_actions,
    contributions,
    scores,
    worth_of,
)

FOLDS = 5
# One split of the customers is one accident; several are averaged.
REPEATS = 2
SEED = 20_260_101
# The effects per customer have to beat the best single action by so many standard errors, paired by
# customer: about 1 in 20 where there is nothing to find. One alone would let 1 in 6 through.
BEYOND_NOISE = 1.645


@dataclass(frozen=True)
class LearnedPolicy:
    """Whom to treat with what, and how it was judged.

    Attributes:
        features: What it reads, in order.
        arms: Names of the arms, the control first.
        prices: Money that it was learned for.
        single: The best action for everybody, a position in `arms`.
        rates: Rates per customer and arm; None if no difference between customers was found.
        gain: What the effects per customer earn more than the best single action, per customer.
        gain_error: Standard error of the gain, paired by customer.
        worth: What the policy earned on held-out customers of the trial.
        single_worth: What each arm for everybody earned on them, the control first.
        customers: Customers of the trial.
    """

    features: tuple[str, ...]
    arms: tuple[str, ...]
    prices: ContactPrices
    single: int
    rates: ArmRates | None
    gain: float
    gain_error: float
    worth: PolicyWorth
    single_worth: tuple[PolicyWorth, ...]
    customers: int

    @property
    def finds_differences(self) -> bool:
        """Whether customers differ in what they should get, beyond noise."""
        return self.rates is not None

    def choose(self, values: Floats) -> Arms:
        """Return the arm of each customer as positions in `arms`.

        Args:
            values: n x features, in the order of `features`; NaN is unknown.
        """
        if self.rates is None:
            return np.full(len(values), self.single, dtype=np.int64)
        return best_actions(self.rates.predict(values), self.prices)


def learn_policy(trial: RandomisedTrial, prices: ContactPrices) -> LearnedPolicy:
    """Learn whom to treat with what.

    Every customer's action is chosen by models that did not see them, in each of several splits.
    What this earns more than the best single action, leaving everybody alone being one, is compared
    with its standard error; the models are kept only if it is beyond noise. They are then fitted
    again on all customers.

    Args:
        trial: Customers whose arms were drawn.
        prices: Money.
    """
    rows = np.arange(len(trial))
    mean_rates = np.zeros((len(trial), len(trial.arms)))
    chosen = []
    for repeat in range(REPEATS):
        rates = _held_out_rates(trial, repeat)
        mean_rates += rates / REPEATS
        chosen.append(best_actions(rates, prices))
    earned = scores(trial, mean_rates, prices)
    single = int(np.argmax(earned.mean(axis=0)))
    gains = np.mean([earned[rows, action] for action in chosen], axis=0) - earned[:, single]
    gain, error = float(gains.mean()), float(gains.std(ddof=1)) / len(trial) ** 0.5
    everybody = tuple(
        _worth(trial, [np.full(len(trial), arm, dtype=np.int64)], prices)
        for arm in range(len(trial.arms))
    )
    finds = gain > BEYOND_NOISE * error
    return LearnedPolicy(
        features=trial.features,
        arms=trial.arms,
        prices=prices,
        single=single,
        rates=fit_rates(trial, SEED) if finds else None,
        gain=gain,
        gain_error=error,
        worth=_worth(trial, chosen, prices) if finds else everybody[single],
        single_worth=everybody,
        customers=len(trial),
    )


def _held_out_rates(trial: RandomisedTrial, repeat: int) -> Floats:
    """Return rates by models that did not see the customer, n x arms."""
    rates = np.empty((len(trial), len(trial.arms)))
    fold = folds_of(trial, FOLDS, SEED + repeat)
    for number in range(FOLDS):
        held_out = fold == number
        fitted = fit_rates(trial.take(~held_out), SEED + 100 * (1 + repeat * FOLDS + number))
        rates[held_out] = fitted.predict(trial.values[held_out])
    return rates


def _worth(trial: RandomisedTrial, chosen: list[Arms], prices: ContactPrices) -> PolicyWorth:
    """Return what rules earned, averaged over splits customer by customer."""
    earned = np.mean([contributions(trial, action, prices) for action in chosen], axis=0)
    contacts = float(np.mean([(action != 0).mean() for action in chosen]))
    return worth_of(np.asarray(earned), contacts)
