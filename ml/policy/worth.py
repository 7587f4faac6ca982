"""What rules of whom to treat are worth, judged on customers they did not learn from."""

from dataclasses import dataclass

import numpy as np

from ml.contract import Floats
from ml.policy.trial import Arms, RandomisedTrial


@dataclass(frozen=True)
class ContactPrices:
    """What a contact costs and what the outcome is worth, in the same money.

    Attributes:
        contact_cost: Cost of a contact.
        sale_value: Value of the outcome.
    """

    contact_cost: float
    sale_value: float


@dataclass(frozen=True)
class PolicyWorth:
    """What a rule earned over leaving everybody alone, on the customers of a trial.

    Attributes:
        total: (sale x buyers - cost x contacts) among the treated whom it treats, less sale x
            buyers among the controls whom it treats, these scaled to as many as the treated.
        standard_error: Of the total.
        contacts: Share of all customers whom it treats.
    """

    total: float
    standard_error: float
    contacts: float

    @property
    def interval(self) -> tuple[float, float]:
        """The 95 % interval of the total."""
        return self.total - 1.96 * self.standard_error, self.total + 1.96 * self.standard_error


def best_actions(rates: Floats, prices: ContactPrices) -> Arms:
    """Return n arms: the one that earns most over the control, or the control if none earns.

    Args:
        rates: Rate in each arm, n x arms, the control first.
        prices: Money.
    """
    gains = prices.sale_value * (rates - rates[:, :1]) - prices.contact_cost
    gains[:, 0] = 0.0
    return np.asarray(np.argmax(gains, axis=1), dtype=np.int64)


def scores(trial: RandomisedTrial, rates: Floats, prices: ContactPrices) -> Floats:
    """Return an unbiased estimate of what each action earns over the control, n x arms.

    The doubly robust score of Robins, Rotnitzky and Zhao (1994) with the drawn shares, so that it
    is unbiased whatever the rates are.

    Args:
        trial: Customers.
        rates: Rates by models that did not see them, n x arms.
        prices: Money.
    """
    rows = np.arange(len(trial))
    estimated = rates.copy()
    residual = trial.outcome - rates[rows, trial.arm]
    estimated[rows, trial.arm] += residual / trial.shares[trial.arm]
    earned = prices.sale_value * (estimated - estimated[:, :1]) - prices.contact_cost
    earned[:, 0] = 0.0
    return np.asarray(earned)


def contributions(trial: RandomisedTrial, action: Arms, prices: ContactPrices) -> Floats:
    """Return what each customer adds to a rule's total (`PolicyWorth`), n of them.

    Args:
        trial: Customers.
        action: The rule's arm for each, n.
        prices: Money.
    """
    sale = prices.sale_value * trial.outcome
    is_treated = action != 0
    as_treated = is_treated & (trial.arm == action)
    as_control = is_treated & (trial.arm == 0)
    # as many controls as treated, where the draw made fewer or more of them
    scale = trial.shares[action] / trial.shares[0]
    return np.where(as_treated, sale - prices.contact_cost, 0.0) - np.where(
        as_control, sale * scale, 0.0
    )


def worth_of(earned: Floats, contacts: float) -> PolicyWorth:
    """Return the total of contributions with its standard error.

    Args:
        earned: What each customer adds, n.
        contacts: Share of customers whom the rule treats.
    """
    error = float(earned.std(ddof=1)) * len(earned) ** 0.5
    return PolicyWorth(float(earned.sum()), error, contacts)
