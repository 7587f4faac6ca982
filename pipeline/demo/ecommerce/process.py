"""The hidden life of a customer, as a Markov chain in daily steps.

A customer has a fixed kind (how often they order, in which rhythm, whether for the season) and a
state that changes: the mood (engaged or cooling), and how far the next order has ripened. From
either mood a customer may be gone, and stays so. Buying until a silent dropout is the model of
Schmittlein, Morrison and Colombo (1987), "Counting Your Customers", Management Science 33(1);
the mood in between makes browsing tell of a dropout before the orders do. Gaps between orders
are Erlang distributed: an order ripens in stages of equal rate (Cox 1955, "A use of complex
probabilities in the theory of stochastic processes", Proc. Cambridge Phil. Soc. 51(2)), one stage
for those who order at any time, several for those with a rhythm, whose silence is telling as
soon as it is longer than their own gaps.

The files show of it, day by day, how often a customer came to browse and whether they ordered.
"""

from dataclasses import dataclass
from itertools import product

import numpy as np

from pipeline.demo.arrays import Flags, Real, Rows
from pipeline.demo.ecommerce.calendar import BROWSING, BUYING, NO_SALES, SPAN
from pipeline.demo.ecommerce.forward import Chain

ENGAGED, COOLING = 0, 1

# Days between orders of an engaged customer, in an average month; visits without an order a day.
_GAPS = (15.0, 34.0, 85.0)
_GAP_SHARES = (0.27, 0.38, 0.35)
_VISITS = (0.16, 0.12, 0.09)
_STAGES, _STAGE_SHARES = (1, 4), (0.4, 0.6)
_SEASONAL_SHARES = (0.55, 0.45)  # no, yes

# A day's probabilities, and what is left of buying and browsing.
_COOLS, _IS_LOST = 1 / 120, 1 / 400
_WARMS, _GOES = 1 / 45, 1 / 22
_COOLING_BUYS, _COOLING_BROWSES, _GONE_BROWSES = 0.2, 0.5, 0.015

# Engaged, cooling, gone: after the first order, and when the files begin.
_MOODS_OF_NEW = (0.50, 0.22, 0.28)
_MOODS_AT_START = (0.72, 0.15, 0.13)


@dataclass(frozen=True)
class States:
    """The states of the chain, one entry a state; state 0 is gone.

    Attributes:
        rate: Stages an order ripens by a day, in an average month.
        visits: Visits without an order a day, in an average month.
        is_last: Whether the next stage is the order.
        is_seasonal: 1 for customers who buy for the season.
        onward: State after a stage; after the last, the first.
        turned: The same stage in the other mood.
        turns: Probability a day that the mood changes.
        goes: Probability a day of being gone.
        new: Probability of the state on the day after the first order.
        at_start: Probability of the state of old customers when the files begin.
    """

    rate: Real
    visits: Real
    is_last: Flags
    is_seasonal: Rows
    onward: Rows
    turned: Rows
    turns: Real
    goes: Real
    new: Real
    at_start: Real

    def __len__(self) -> int:
        return len(self.rate)

    def progress(self, habit: int) -> Real:
        """Return the probability of passing a stage, one row a day and one column a state.

        Where nothing is sold the last stage is not passed.
        """
        factor = BUYING[habit][self.is_seasonal].T
        passed = 1.0 - np.exp(-self.rate * factor)
        return np.where(NO_SALES[:, None] & self.is_last, 0.0, passed)

    def moods(self) -> Real:
        """Return the probabilities from state to state by the mood alone, a row a state of now."""
        size = len(self)
        matrix = np.diag(1.0 - self.turns - self.goes)
        matrix[np.arange(size), self.turned] += self.turns
        matrix[:, 0] += self.goes
        return matrix


def states() -> States:
    """Return the states of every kind."""
    rows: list[dict[str, float]] = [
        {
            "rate": 0.0,
            "visits": _GONE_BROWSES,
            "is_last": False,
            "is_seasonal": 0,
            "onward": 0,
            "turned": 0,
            "turns": 0.0,
            "goes": 0.0,
            "new": _MOODS_OF_NEW[2],
            "at_start": _MOODS_AT_START[2],
        }
    ]
    by_gap = zip(_GAPS, _GAP_SHARES, _VISITS, strict=True)
    by_stages = zip(_STAGES, _STAGE_SHARES, strict=True)
    for (gap, gap_share, visits), (stages, stage_share), seasonal in product(
        by_gap, by_stages, (0, 1)
    ):
        share = gap_share * stage_share * _SEASONAL_SHARES[seasonal]
        for mood, stage in product((ENGAGED, COOLING), range(stages)):
            here = len(rows)
            engaged, is_last = mood == ENGAGED, stage == stages - 1
            rows.append(
                {
                    "rate": stages / gap * (1.0 if engaged else _COOLING_BUYS),
                    "visits": visits * (1.0 if engaged else _COOLING_BROWSES),
                    "is_last": is_last,
                    "is_seasonal": seasonal,
                    "onward": here + 1 - (stages if is_last else 0),
                    "turned": here + (stages if engaged else -stages),
                    "turns": _COOLS if engaged else _WARMS,
                    "goes": _IS_LOST if engaged else _GOES,
                    "new": share * _MOODS_OF_NEW[mood] * (stage == 0),
                    "at_start": share * _MOODS_AT_START[mood] / stages,
                }
            )
    return States(**{name: np.array([row[name] for row in rows]) for name in rows[0]})


def chain(of: States, habit: int) -> Chain:
    """Return the chain of customers with a weekday habit: visits counted, ordering days marked."""
    size, passed = len(of), of.progress(habit)
    moods = of.moods()
    onwards = np.zeros((size, size))
    onwards[np.arange(size), of.onward] = 1.0
    unmarked = passed[:, :, None] * (onwards * ~of.is_last[:, None])
    unmarked[:, np.arange(size), np.arange(size)] += 1.0 - passed
    return Chain(
        count_rate=of.visits,
        count_factor=BROWSING[habit],
        mark=passed * of.is_last,
        unmarked=(unmarked.reshape(SPAN * size, size) @ moods).reshape(SPAN, size, size),
        marked=onwards @ moods,
    )
