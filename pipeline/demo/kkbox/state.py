"""The state of every membership, as columns with one entry per member."""

import numpy as np

from pipeline.demo.arrays import Days, Flags, Real, Rows, Whole
from pipeline.demo.kkbox import catalogue
from pipeline.demo.kkbox.catalogue import PRODUCTS
from pipeline.demo.kkbox.days import FIRST_DAY, MONTH_START
from pipeline.demo.kkbox.hazard import KnownHistory, lapse_probability
from pipeline.demo.kkbox.ledger import Ledger
from pipeline.demo.kkbox.population import Population

# What the next settled transaction is.
JOIN, RENEW, RETURN, RESUME = 1, 2, 3, 4


class State:
    """The memberships in one month, and the transactions made so far."""

    def __init__(
        self, people: Population, rng: np.random.Generator, *, is_planted: bool = False
    ) -> None:
        n = len(people)
        self.people = people
        self.is_planted = is_planted
        self.rng = rng
        self.ledger = Ledger()

        # The last transaction, in the organisers' order.
        self.product: Whole = people.product.copy()
        self.plan_days: Whole = np.zeros(n, dtype=np.int32)
        self.list_price: Whole = np.zeros(n, dtype=np.int32)
        self.paid: Whole = np.zeros(n, dtype=np.int32)
        self.cancelled: Flags = np.zeros(n, dtype=np.bool_)
        self.transacted_on: Days = np.full(n, FIRST_DAY - 1000, dtype=np.int32)
        self.expires_on: Days = np.full(n, FIRST_DAY - 1000, dtype=np.int32)
        self.anchor: Whole = people.anchor.copy()

        # What happened before.
        self.lapses: Whole = np.zeros(n, dtype=np.int32)
        self.late_renewals: Whole = np.zeros(n, dtype=np.int32)
        self.came_by_trial: Flags = np.zeros(n, dtype=np.bool_)

        # The next transaction, if it is settled already.
        self.next_on: Days = people.joins_on.copy()
        self.next_is: Whole = np.full(n, JOIN, dtype=np.int32)

        # This month: listening known at its start, and days on which the membership runs.
        self.month = 0
        self.active_days: Whole = np.zeros(n, dtype=np.int32)
        self.active_days_before: Whole = np.zeros(n, dtype=np.int32)
        self.covered: Flags = np.zeros((n, 31), dtype=np.bool_)

    @property
    def start(self) -> int:
        """First day of the month."""
        return int(MONTH_START[self.month])

    @property
    def end(self) -> int:
        """First day of the next month."""
        return int(MONTH_START[self.month + 1])

    def open_month(self, month: int, active_days: Whole, active_days_before: Whole) -> None:
        """Move to a month; running memberships are covered until they expire."""
        self.month = month
        self.active_days, self.active_days_before = active_days, active_days_before
        # Members from before the start of the files were members until their first row in them.
        until = np.where(
            self.people.was_member & (self.next_is == JOIN), self.next_on, self.expires_on
        )
        self.covered = self._days()[None, :] <= until[:, None]

    def pays_by_itself(self, who: Rows) -> Flags:
        """Return which members' products renew automatically."""
        return np.asarray(PRODUCTS.auto[self.product[who]] == 1)

    def cannot_pay(self, who: Rows) -> Flags:
        """Return which members' methods have an outage from the expiry until it is too late."""
        method = PRODUCTS.method[self.product[who]]
        expiry = self.expires_on[who]
        out = catalogue.in_outage(method, expiry) & catalogue.in_outage(method, expiry + 29)
        return np.asarray(out & ~self.cancelled[who])

    def probability(self, who: Rows) -> Real:
        """Return the lapse probability at the month's start."""
        method = PRODUCTS.method[self.product[who]]
        auto = self.pays_by_itself(who)
        since = self.start - self.transacted_on[who]
        cancelled = self.cancelled[who]
        known = KnownHistory(
            auto=auto,
            cancelled=cancelled,
            plan_days=self.plan_days[who],
            list_price=self.list_price[who],
            paid=self.paid[who],
            method=method,
            days_since_transaction=since,
            days_to_expiry=self.expires_on[who] - self.start,
            lapses=self.lapses[who],
            late_renewals=self.late_renewals[who],
            tenure_days=np.maximum(self.start - self.people.registered_on[who], 0),
            came_by_trial=self.came_by_trial[who],
            active_days=self.active_days[who],
            active_days_before=self.active_days_before[who],
            unbilled=auto & ~cancelled & (method == catalogue.BANK_METHOD) & (since > 26),
            in_outage=self.cannot_pay(who),
            is_planted=self.is_planted,
        )
        calendar_month = np.full(len(who), self.month % 12 + 1, dtype=np.int32)
        return lapse_probability(known, self.people.frailty[who], calendar_month)

    def cancel(self, who: Rows, on: Days, expires: Days) -> None:
        """Write a cancel a member; it repeats the plan it cancels and may pull the expiry."""
        self.ledger.add(
            who,
            method=PRODUCTS.method[self.product[who]],
            plan_days=self.plan_days[who],
            list_price=self.list_price[who],
            paid=self.paid[who],
            auto=PRODUCTS.auto[self.product[who]],
            on=on,
            expires=expires,
            cancel=1,
        )
        self.transacted_on[who] = on
        self.expires_on[who] = np.minimum(self.expires_on[who], expires)
        self.cancelled[who] = True
        self.covered[who] &= self._days()[None, :] <= np.maximum(on, expires)[:, None]

    def cover(self, who: Rows, on: Days, expires: Days) -> None:
        """Let members listen from a payment until its expiry."""
        days = self._days()[None, :]
        self.covered[who] |= (days >= on[:, None]) & (days <= expires[:, None])

    def _days(self) -> Days:
        return np.arange(self.start, self.start + 31, dtype=np.int32)
