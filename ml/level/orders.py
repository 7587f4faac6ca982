"""Orders as they are known at a cut-off, and who is in its cohort."""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ml.contract import Days, Floats
from ml.level.bg_nbd import Histories

Places = NDArray[np.intp]

# An order counts for so long for who is in a cohort, as in the macro no_order_cohort.
MEMORY_DAYS = 730
NEVER = 10**6  # a day in the year 4707


@dataclass(frozen=True)
class CohortRule:
    """Who is in a cohort, and what is asked of them: parameters of the label.

    Attributes:
        horizon_days: Days from the cut-off on in which an order is looked for.
        lookback_days: Days before it in which a member ordered.
        min_orders: Orders that a member has at least.
    """

    horizon_days: int
    lookback_days: int
    min_orders: int


@dataclass(frozen=True)
class Orders:
    """Every customer's orders, one entry a customer, day and day of return.

    A customer has several histories where another id became theirs: each holds at certain cut-offs
    and has all orders that are known of the customer then.

    Attributes:
        customer_id: Customer of each history.
        holds_after: Day after which it holds.
        holds_until: Last cut-off at which it holds.
        history: Place of each entry's history in the arrays above, ascending.
        day: Its day, ascending within a history.
        returned: Day on which the orders were returned; `NEVER` if they were not.
        count: Orders.
        missing: Days without a record of orders, ascending.
        missing_known: First cut-off at which each of them is known to be missing.
    """

    customer_id: NDArray[np.object_]
    holds_after: Days
    holds_until: Days
    history: Places
    day: Days
    returned: Days
    count: Days
    missing: Days
    missing_known: Days

    def before(self, cut_off: int) -> "Orders":
        """Return what is known at a cut-off and nothing else."""
        seen = (self.day < cut_off) & (self.holds_after[self.history] < cut_off)
        known = (self.missing < cut_off) & (self.missing_known <= cut_off)
        returned = self.returned[seen]
        return replace(
            self,
            holds_until=np.where(self.holds_until < cut_off, self.holds_until, NEVER),
            history=self.history[seen],
            day=self.day[seen],
            returned=np.where(returned < cut_off, returned, NEVER),
            count=self.count[seen],
            missing=self.missing[known],
            missing_known=self.missing_known[known],
        )

    def everybody(self, cut_off: int) -> tuple[Places, Histories]:
        """Return the histories that hold at a cut-off and have an order day that still counts."""
        stands = (self.day < cut_off) & (self.day >= cut_off - MEMORY_DAYS)
        stands &= self.returned >= cut_off
        history, day = self.history[stands], self.day[stands]
        is_new = np.ones(len(day), dtype=bool)  # a day counts once, whatever is returned of it
        is_new[1:] = (history[1:] != history[:-1]) | (day[1:] != day[:-1])
        history, day = history[is_new], day[is_new]
        found, opens, days = np.unique(history, return_index=True, return_counts=True)
        first, last = day[opens], day[opens + days - 1]
        holds = (self.holds_after[found] < cut_off) & (cut_off <= self.holds_until[found])
        return found[holds], Histories(
            (days - 1)[holds].astype(float),
            (last - first)[holds].astype(float),
            (cut_off - first)[holds].astype(float),
        )

    def members(self, cut_off: int, who: CohortRule) -> Places:
        """Return the histories in the cohort of a cut-off, as the macro no_order_cohort does."""
        stands = (self.day < cut_off) & (self.day >= cut_off - MEMORY_DAYS)
        stands &= self.returned >= cut_off
        history = self.history[stands]
        orders = np.bincount(history, self.count[stands], len(self.customer_id))
        last = np.full(len(self.customer_id), -NEVER)
        np.maximum.at(last, history, self.day[stands])
        holds = (self.holds_after < cut_off) & (cut_off <= self.holds_until)
        return np.flatnonzero(
            holds & (orders >= who.min_orders) & (last >= cut_off - who.lookback_days)
        )

    def first_order_from(self, cut_off: int, members: Places, until: int) -> Floats:
        """Return the days from a cut-off to each member's next order; infinite without one.

        An order that was returned before `until` is none.
        """
        counts = (self.day >= cut_off) & (self.day < until) & (self.returned >= until)
        found = np.full(len(self.customer_id), np.inf)
        np.minimum.at(found, self.history[counts], (self.day[counts] - cut_off).astype(float))
        return np.asarray(found[members])

    def missing_days(self, opens: int, closes: int) -> int:
        """Return how many of the days [opens, closes) have no record of orders."""
        return int(((self.missing >= opens) & (self.missing < closes)).sum())
