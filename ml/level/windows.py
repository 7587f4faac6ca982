"""Compares what BG/NBD expects with the windows of past cohorts that have ended."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from ml.contact_spans import ContactSpans
from ml.contract import Floats
from ml.level.bg_nbd import BgNbd, Histories
from ml.level.orders import CohortRule, Orders, Places

# The horizon is cut into windows of about so many days.
WINDOW_DAYS = 30
# A window with more days missing than this share says nothing.
MOST_MISSING = 0.1
# A multiplier of rates lies between e to the minus this and e to this.
BOUND = 6.0
_LEAST = 1e-9


def window_edges(horizon_days: int) -> list[int]:
    """Return the days at which the windows of a horizon begin, and the last one's end."""
    count = max(1, round(horizon_days / WINDOW_DAYS))
    return [round(place * horizon_days / count) for place in range(count + 1)]


@dataclass(frozen=True)
class Structure:
    """What BG/NBD expects of the cohort of a cut-off, from orders before it.

    Attributes:
        cut_off: The cut-off.
        model: Its parameters, fitted on everybody who had ordered before it.
        members: The cohort's places in `Orders`.
        silence: Customer × window: expected orders of the window by a customer without one before
            it, as the negative logarithm of the probability of none.
    """

    cut_off: int
    model: BgNbd
    members: Places
    silence: Floats

    @classmethod
    def of(cls, orders: Orders, cut_off: int, who: CohortRule) -> "Structure":
        """Fit on what is known at a cut-off.

        Args:
            orders: All orders; later ones change nothing.
            cut_off: The cut-off.
            who: The cohort's rule.
        """
        known = orders.before(cut_off)
        place, histories = known.everybody(cut_off)
        model = BgNbd.fit(histories)
        members = known.members(cut_off, who)
        at = np.searchsorted(place, members)
        cohort = Histories(histories.repeats[at], histories.last[at], histories.age[at])
        none = np.column_stack(
            [model.probability_of_none(cohort, days) for days in window_edges(who.horizon_days)]
        )
        return cls(cut_off, model, members, -np.diff(np.log(np.maximum(none, _LEAST)), axis=1))

    def level(self, multipliers: Floats) -> float:
        """Return the cohort's share without an order, with the rates of each window times e^u."""
        return float(np.exp(-self.silence @ np.exp(multipliers)).mean())


@dataclass(frozen=True)
class Window:
    """A window of a past cohort that has ended.

    Attributes:
        cut_off: The cohort's cut-off.
        middle: Day in the middle of the window.
        multiplier: Logarithm of what rates were multiplied by: with it as many of those who were
            still silent are expected to order as did.
        variance: Its variance by chance alone.
        customers: Those who were still silent.
    """

    cut_off: int
    middle: float
    multiplier: float
    variance: float
    customers: int


def ended_windows(
    orders: Orders,
    structure: Structure,
    who: CohortRule,
    cut_off: int,
    contacts: ContactSpans | None = None,
) -> list[Window]:
    """Return a past cohort's windows that had ended at a cut-off.

    A window of which too many days are missing is left out; fewer missing days lower what is
    expected of it.

    Args:
        orders: All orders; later ones change nothing.
        structure: Of the past cohort.
        who: The cohort's rule.
        cut_off: The cut-off at which this is asked.
        contacts: Whom a contact may have moved, and who stands for them; None where nobody was
            contacted.
    """
    known, opens = orders.before(cut_off), structure.cut_off
    customers = known.customer_id[structure.members]
    edges = window_edges(who.horizon_days)
    found = []
    for place, (start, end) in enumerate(pairwise(edges)):
        if opens + end > cut_off:
            break
        missing = known.missing_days(opens + start, opens + end) / (end - start)
        if missing > MOST_MISSING:
            continue
        first = known.first_order_from(opens, structure.members, opens + end)
        # whose id became another customer's has their orders under the other
        asked = (first >= start) & (known.holds_until[structure.members] >= opens + end)
        weight = None
        if contacts is not None:
            weight = contacts.weights(customers, opens, opens + end, cut_off)
            asked &= weight > 0
            weight = weight[asked]
        if not asked.any():
            continue
        solved = solve_multiplier(
            structure.silence[asked, place] * (1 - missing), first[asked] < end, weight
        )
        found.append(Window(opens, opens + (start + end) / 2, *solved, customers=int(asked.sum())))
    return found


def solve_multiplier(
    silence: Floats, ordered: NDArray[np.bool_], weight: Floats | None = None
) -> tuple[float, float]:
    """Return u with which as many order as did, and the variance of u by chance.

    Args:
        silence: Expected orders of n customers, as negative logarithms of no order.
        ordered: Who ordered.
        weight: How many customers each stands for; None for one. Unequal ones say less than as many
            equal ones: the information is that of Kish's effective number of customers (1965).
    """
    counts = np.ones(len(silence)) if weight is None else weight
    customers = float(counts.sum())
    # half a customer from either end, so that it is finite
    observed = min(max(float(counts[ordered].sum()), 0.5), customers - 0.5)

    def excess(u: float) -> float:
        return float(-(np.expm1(-silence * np.exp(u)) * counts).sum() - observed)

    low, high = excess(-BOUND), excess(BOUND)
    u = -BOUND if low > 0 else BOUND if high < 0 else float(brentq(excess, -BOUND, BOUND))
    rate = silence * np.exp(u)
    none = np.exp(-rate)
    information = float(np.sum((rate * none) ** 2 / np.maximum(none * (1 - none), _LEAST)))
    effective = customers**2 / (len(silence) * float((counts**2).sum()))
    return u, 1 / max(information * effective, _LEAST)
