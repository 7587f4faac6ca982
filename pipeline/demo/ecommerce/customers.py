"""Customers who order sooner or later: their first day, weekday habit, and visible behaviour.

Products, prices and hours follow from tastes that do not depend on the hidden state (`tastes.py`),
so they carry no more information about the future than the days.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.arrays import Days, Flags, Real, Rows, Whole
from pipeline.demo.ecommerce.calendar import BROWSING, BUYING, DAYS, HABITS, NO_SALES
from pipeline.demo.ecommerce.process import States

SHARE_AT_START = 0.19  # were customers before the files begin
_GROWTH = (0.8, 1.25)  # newcomers a day at the beginning and at the end
_HABIT_SHARES = (0.5, 0.25, 0.25)
_TWICE_A_DAY = 0.02


@dataclass(frozen=True)
class Customers:
    """Customers in the order in which they come, one entry a customer.

    Attributes:
        first_order: Day of the first order; -1 for customers of before the files begin, whose
            first order in the files comes when it comes.
        habit: Weekday habit.
    """

    first_order: Days
    habit: Whole

    def __len__(self) -> int:
        return len(self.habit)

    @property
    def begins_on(self) -> Days:
        """Day on which the hidden process starts."""
        return self.first_order + 1

    def prior(self, states: States) -> Real:
        """Return the probability of every state on the day the process begins, a row each."""
        return np.where(self.first_order[:, None] < 0, states.at_start, states.new)


@dataclass(frozen=True)
class Behaviour:
    """Visits and orders, day × customer.

    Attributes:
        visits: Visits without an order.
        orders: Orders, which are visits of their own.
    """

    visits: NDArray[np.int16]
    orders: NDArray[np.int8]

    @property
    def ordered(self) -> Flags:
        """Whether there was an order."""
        return np.asarray(self.orders > 0)


def populate(rng: np.random.Generator, count: int) -> Customers:
    """Draw who comes when, and their weekday habits."""
    old = round(SHARE_AT_START * count)
    # A first order needs a day on which orders are possible.
    weight = BUYING[0, 0, :DAYS] * ~NO_SALES[:DAYS] * np.linspace(*_GROWTH, DAYS)
    first = np.sort(rng.choice(DAYS, count - old, p=weight / weight.sum()))
    return Customers(
        first_order=np.concatenate((np.full(old, -1), first)).astype(np.int32),
        habit=rng.choice(HABITS, count, p=_HABIT_SHARES).astype(np.int32),
    )


def live(rng: np.random.Generator, customers: Customers, states: States) -> Behaviour:
    """Draw every customer's days."""
    visits = np.zeros((DAYS, len(customers)), dtype=np.int16)
    ordered = np.zeros((DAYS, len(customers)), dtype=np.bool_)
    new = np.flatnonzero(customers.first_order >= 0)
    ordered[customers.first_order[new], new] = True

    progress = np.stack([states.progress(habit) for habit in range(HABITS)], axis=1)
    state = _first_states(rng, customers, states)
    present = np.searchsorted(customers.begins_on, np.arange(DAYS), side="right")
    for day, count in enumerate(present):
        now, habit = state[:count], customers.habit[:count]
        visits[day, :count] = rng.poisson(states.visits[now] * BROWSING[habit, day])
        passes = rng.random(count) < progress[day][habit, now]
        ordered[day, :count] |= passes & states.is_last[now]
        now = np.where(passes, states.onward[now], now)
        turn = rng.random(count)
        goes = states.goes[now]
        turned = np.where(turn < goes + states.turns[now], states.turned[now], now)
        state[:count] = np.where(turn < goes, 0, turned)
    # Some days of ordering hold two orders, whoever the customer is.
    twice = rng.random(ordered.shape, dtype=np.float32) < _TWICE_A_DAY
    return Behaviour(visits=visits, orders=ordered.astype(np.int8) + (ordered & twice))


def _first_states(rng: np.random.Generator, customers: Customers, states: States) -> Rows:
    state = rng.choice(len(states), len(customers), p=states.new)
    old = np.flatnonzero(customers.first_order < 0)
    state[old] = rng.choice(len(states), len(old), p=states.at_start)
    return state.astype(np.int64)
