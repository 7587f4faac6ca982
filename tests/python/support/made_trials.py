"""Trials whose effects are known: a rare outcome, and a contact that does not pay for most."""

import numpy as np

from ml.policy.trial import RandomisedTrial
from ml.policy.worth import ContactPrices

PRICES = ContactPrices(contact_cost=0.15, sale_value=10.0)


def made_trial(customers, seed, *, differ):
    """A trial with two arms of equal share, and the true effect on each customer.

    0.7 % buy without a contact and 0.9 points more with one. If customers differ, most of that
    falls on the quarter who have `group` up to 2 and a low `level`; otherwise on all alike.
    """
    rng = np.random.default_rng(seed)
    group = rng.choice([1.0, 2.0, 3.0, 4.0], customers, p=[0.18, 0.37, 0.39, 0.06])
    level = np.round(rng.normal(0, 1, customers), 1)
    others = [rng.normal(30, 5, customers), rng.choice([1.0, 2.0], customers, p=[0.3, 0.7])]
    others += [rng.choice(4, customers).astype(float) for _ in range(2)]
    effect = np.full(customers, 0.009)
    if differ:
        effect = np.where((group <= 2) & (level < -0.1), 0.0275, 0.003)
    arm = rng.integers(0, 2, customers)
    bought = (rng.random(customers) < 0.007 + effect * arm).astype(float)
    values = np.column_stack([group, level, *others])
    names = ("group", "level", *(f"other_{number}" for number in range(len(others))))
    return RandomisedTrial(names, ("control", "mail"), values, arm, bought), effect


def true_worth(action, effect, prices=PRICES):
    """What treating some customers really earns, in all."""
    earned = prices.sale_value * effect - prices.contact_cost
    return float(earned[action != 0].sum())
