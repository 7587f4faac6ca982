"""Memberships month by month: whose decision is due, and what is drawn.

At each month start the members whose current expiry falls in the month are its cohort. Each gets
a lapse probability from what is known before, an outcome drawn with it, and the transactions that
follow. Everything else that happens (joining, plan changes, cancels well ahead of the expiry,
billing at the month's end) leaves a decided outcome untouched.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.demo.arrays import Days, Flags, Real, Rows, Whole
from pipeline.demo.kkbox import catalogue
from pipeline.demo.kkbox.catalogue import PRODUCTS
from pipeline.demo.kkbox.days import MONTH_START, NEVER
from pipeline.demo.kkbox.decisions import settle
from pipeline.demo.kkbox.payments import pay
from pipeline.demo.kkbox.population import Population
from pipeline.demo.kkbox.state import RENEW, RETURN, State


@dataclass(frozen=True)
class MemberCohort:
    """The decisions of one cohort month, one entry a member."""

    starts_on: int
    member: Rows
    expires_on: Days
    probability: Real
    lapsed: Flags


class Memberships:
    """Every membership, the cohorts decided and the transactions made so far."""

    def __init__(
        self, people: Population, rng: np.random.Generator, *, is_planted: bool = False
    ) -> None:
        self.rng = rng
        self.state = State(people, rng, is_planted=is_planted)
        self.cohorts: list[MemberCohort] = []

    def transactions(self) -> dict[str, Whole]:
        """Return all transaction rows so far."""
        return self.state.ledger.rows()

    def run_month(self, month: int, active_days: Whole, active_days_before: Whole) -> Flags:
        """Decide the month's cohort and make the month's transactions.

        Args:
            month: Month number, 0 for January 2015.
            active_days: Days with a log row in the 28 days before the month, one entry a member.
            active_days_before: The same, in the 28 days before those.

        Returns:
            Whether the membership runs, one row a member, one column a day, 31 of them.
        """
        state = self.state
        state.open_month(month, active_days, active_days_before)
        due = np.flatnonzero((state.expires_on >= state.start) & (state.expires_on < state.end))
        if len(due):
            self._decide(due)
        self._transact()
        self._act_ahead()
        self._transact()
        self._bill_at_month_end()
        return state.covered

    def _decide(self, due: Rows) -> None:
        state = self.state
        probability = state.probability(due)
        lapsed = self.rng.random(len(due)) < probability
        expires_on = state.expires_on[due].copy()
        self.cohorts.append(MemberCohort(state.start, due, expires_on, probability, lapsed))
        settle(state, due, lapsed, earliest=np.full(len(due), state.start, dtype=np.int32))

    def _transact(self) -> None:
        """Make the month's settled payments, and those that follow from them."""
        state = self.state
        while len(who := np.flatnonzero(state.next_on < state.end)):
            on, what = state.next_on[who].copy(), state.next_is[who].copy()
            state.next_on[who] = NEVER
            pay(state, who, on, what)
            # What expires within this month is decided now: no cut-off lies between.
            short = who[(state.expires_on[who] < state.end) & ~state.cancelled[who]]
            misstated = state.expires_on[short] < state.transacted_on[short]
            self._come_back(short[misstated])
            short = short[~misstated]
            lapsed = self.rng.random(len(short)) < state.probability(short)
            settle(state, short, lapsed, earliest=state.transacted_on[short] + 1)

    def _come_back(self, who: Rows) -> None:
        """Let those whose row stated a past expiry come back, or not."""
        wait = self.rng.integers(1, 40, len(who))
        returns = self.rng.random(len(who)) < 0.6
        self.state.next_on[who] = np.where(returns, self.state.transacted_on[who] + wait, NEVER)
        self.state.next_is[who] = RETURN

    def _act_ahead(self) -> None:
        """Let members whose expiry is in a later month cancel, change plan or pay ahead."""
        state, rng, end = self.state, self.rng, self.state.end
        ahead = (state.expires_on >= end) & ~state.cancelled & (state.transacted_on < end - 1)
        everybody = np.arange(len(ahead))
        auto = state.pays_by_itself(everybody)

        who = everybody[ahead & auto]
        on = self._some_day_left(who)
        draw = rng.random(len(who))
        recent, before = state.active_days[who], state.active_days_before[who]
        silent, fell = recent == 0, (before >= 14) & (recent <= before // 2)
        leaves = draw < 0.025 * np.where(silent, 1.5, 1.0) * np.where(fell, 1.6, 1.0)
        state.cancel(who[leaves], on[leaves], state.expires_on[who[leaves]])

        changes = (draw > 0.988) & (on < end - 1)
        shift = rng.choice([-2, -1, -1, 0, 0, 0, 0, 0], len(who)).astype(np.int32)
        state.cancel(who[changes], on[changes], (on + shift)[changes])
        again_on = on + np.minimum(rng.geometric(0.45, len(who)), 25)
        state.next_on[who[changes]] = again_on[changes]
        state.next_is[who[changes]] = RENEW

        monthly = (state.plan_days == 30) & (state.paid > 0)
        early = everybody[ahead & ~auto & monthly & (rng.random(len(ahead)) < 0.02)]
        state.next_on[early] = self._some_day_left(early)
        state.next_is[early] = RENEW

    def _some_day_left(self, who: Rows) -> Days:
        """Draw a day of the month after the last transaction."""
        first = np.maximum(self.state.transacted_on[who] + 1, self.state.start)
        span = self.rng.random(len(who)) * (self.state.end - first)
        return np.asarray(first + span.astype(np.int32), dtype=np.int32)

    def _bill_at_month_end(self) -> None:
        """Bill on the last day those whose bank pays a month ahead."""
        state = self.state
        last = state.end - 1
        bank = PRODUCTS.method[state.product] == catalogue.BANK_METHOD
        due = (state.expires_on > last) & (state.expires_on < MONTH_START[state.month + 2])
        who = np.flatnonzero(bank & due & ~state.cancelled & (state.transacted_on < last))
        on = np.full(len(who), last, dtype=np.int32)
        out = catalogue.in_outage(PRODUCTS.method[state.product[who]], on)
        failed = self.rng.random(len(who)) < np.where(state.active_days[who] == 0, 0.03, 0.012)
        billed = ~out & ~failed
        pay(state, who[billed], on[billed], np.full(int(billed.sum()), RENEW, dtype=np.int32))
