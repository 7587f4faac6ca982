"""The best possible prediction: no order within the horizon, given what the files show before.

Nothing is fitted here. The chain is the one that generated the behaviour, so these are the
conditional probabilities given the visits of every day and the days with an order. Everything else
in the files (views and carts of a visit, hours, products, prices, units, a second order on one day,
visits before the first order) is drawn independently of kind and state and adds no information, so
no prediction from the files beats their log loss in expectation. They use a little more than the
files show: when a customer's process started, the weekday habit, and each visit of customers who
keep one session for weeks. So the oracle score is exact or slightly too good.
"""

from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from pipeline.demo.arrays import Days, Real, Rows
from pipeline.demo.ecommerce.calendar import DAYS, HABITS, HORIZON, cut_offs
from pipeline.demo.ecommerce.customers import Behaviour, Customers
from pipeline.demo.ecommerce.forward import beliefs, unmarked_within
from pipeline.demo.ecommerce.process import States, chain

OUTCOME = f"no_order_h{HORIZON}"
LEAST_CHANCE = 1e-12  # of an order; below it the probability of none would round to 1


@dataclass(frozen=True)
class Truth:
    """One entry a customer and cut-off, for customers who have ordered before it.

    Attributes:
        customer: Customer.
        as_of: Cut-off.
        probability: Of no order in [as_of, as_of + HORIZON).
    """

    customer: Rows
    as_of: Days
    probability: Real


def truth_of(states: States, customers: Customers, behaviour: Behaviour) -> Truth:
    """Return the truth at every cut-off, in the order of cut-offs and customers."""
    ordered, asked = behaviour.ordered, cut_offs()
    first_order = np.where(ordered.any(axis=0), ordered.argmax(axis=0), DAYS)
    found = np.full((len(asked), len(customers)), np.nan)
    for habit in range(HABITS):
        # Days are the same for customers who share a week; those who never order have no truth.
        who = np.flatnonzero((customers.habit == habit) & (first_order < DAYS))
        of_habit = chain(states, habit)
        known = beliefs(
            of_habit,
            prior=customers.prior(states)[who],
            begins_on=customers.begins_on[who],
            counts=behaviour.visits[:, who],
            marks=ordered[:, who],
            cut_offs=asked,
        )
        # The matrices are too small for threads of their own, which would wait for each other.
        with threadpool_limits(limits=1, user_api="blas"):
            for row, (day, belief) in enumerate(known):
                order = belief @ (1.0 - unmarked_within(of_habit, day, HORIZON))
                found[row, who] = 1.0 - np.maximum(order, LEAST_CHANCE)
    at, customer = np.nonzero(first_order < asked[:, None])
    return Truth(customer, asked[at], found[at, customer])
