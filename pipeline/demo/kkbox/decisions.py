"""The transactions that follow from outcomes: of members who lapse and of members who renew.

The organisers' rule sees exactly the drawn outcome. A lapsing member does not pay until 30 days
after the expiry, as left by the member's own cancels; a renewing member pays within 29 days.
"""

import numpy as np

from pipeline.demo.arrays import Days, Flags, Rows, Whole
from pipeline.demo.kkbox import catalogue
from pipeline.demo.kkbox.catalogue import PRODUCTS
from pipeline.demo.kkbox.days import NEVER
from pipeline.demo.kkbox.state import RENEW, RESUME, RETURN, State

LAPSE_DAYS = 30
_SHARE_RETURNING = 0.52  # of all expiries 3.3 % return after 30 days and more, 6.1 % never do

# Timing of renewals: early, same day, 1-7 days late, 8-29 days late. Of all expiries these are
# 23.7, 48.7, 16.2 and 2.0 %. Members charged ahead are charged ahead every month; members who pay
# by hand are rarely on time.
_TIMING = np.array(
    [
        (0.01, 0.76, 0.22, 0.01),  # by itself
        (0.96, 0.03, 0.01, 0.00),  # by itself, charged ahead
        (0.06, 0.25, 0.54, 0.15),  # by hand
        (0.50, 0.10, 0.30, 0.10),  # back after a cancel
    ]
)


def settle(state: State, who: Rows, lapsed: Flags, earliest: Days) -> None:
    """Make the transactions that follow from outcomes.

    Args:
        state: Changed in place.
        who: Members whose decision is due, each once.
        lapsed: The outcomes.
        earliest: First day on which the member may transact.
    """
    state.next_on[who] = NEVER
    _settle_lapses(state, who[lapsed], earliest[lapsed])
    _settle_renewals(state, who[~lapsed], earliest[~lapsed])


def _settle_lapses(state: State, who: Rows, earliest: Days) -> None:
    rng, n = state.rng, len(who)
    expiry = state.expires_on[who].copy()
    stuck = state.cannot_pay(who)
    auto = state.pays_by_itself(who) & ~state.cancelled[who] & ~stuck

    # Some cancel before the expiry, which may pull it earlier. For the others who pay by
    # themselves the service cancels after it, and states an expiry that has passed.
    draw = rng.random(n)
    room = expiry - earliest
    ahead = auto & (draw < 0.45) & (room >= 0)
    on = earliest + (rng.random(n) * (room + 1)).astype(np.int32)
    stated = np.minimum(expiry, on + rng.choice([0, 0, 0, 0, 1, 2], n)).astype(np.int32)
    state.cancel(who[ahead], on[ahead], stated[ahead])

    after = auto & ~ahead & (draw < 0.98)
    on = (np.maximum(expiry, state.transacted_on[who]) + rng.integers(1, 9, n)).astype(np.int32)
    ancient = (rng.random(n) < 0.14) * rng.integers(900, 3_700, n)
    stated = (expiry - rng.choice([0, 0, 0, 1, 2], n) - ancient).astype(np.int32)
    state.cancel(who[after], on[after], stated[after])

    # Thirty days count from the expiry a cancel ahead left; a later cancel only makes more.
    counts_from = np.where(ahead, state.expires_on[who], expiry)
    wait = LAPSE_DAYS + rng.exponential(60.0, n).astype(np.int32)
    back_on = np.maximum(counts_from + wait, state.transacted_on[who] + 1)
    returns = rng.random(n) < np.where(stuck, 0.97, _SHARE_RETURNING)
    by_bank = PRODUCTS.method[state.product[who]] == catalogue.BANK_METHOD
    resumes_on = np.where(by_bank, catalogue.BANK_OUTAGE[1], catalogue.CARRIER_OUTAGE[1])
    back_on = np.where(stuck, resumes_on, back_on)
    state.next_on[who] = np.where(returns, back_on, NEVER)
    state.next_is[who] = np.where(stuck, RESUME, RETURN)


def _settle_renewals(state: State, who: Rows, earliest: Days) -> None:
    rng, n = state.rng, len(who)
    stuck = who[state.cannot_pay(who)]
    state.product[stuck] = catalogue.product(40, 149)  # they pay some other way

    # Some cancel only to subscribe again.
    auto = state.pays_by_itself(who) & ~state.cancelled[who] & ~np.isin(who, stuck)
    room = state.expires_on[who] - earliest
    again = auto & (room >= 1) & (rng.random(n) < 0.012)
    cancels_on = (earliest + (rng.random(n) * room).astype(np.int32)).astype(np.int32)
    again_on = cancels_on + np.minimum(rng.geometric(0.35, n), LAPSE_DAYS - 1)
    renews_on = np.maximum(state.expires_on[who] + _gaps(state, who), earliest)
    state.cancel(who[again], cancels_on[again], cancels_on[again])

    state.next_on[who] = np.where(again, again_on, renews_on)
    state.next_is[who] = RENEW


def _gaps(state: State, who: Rows) -> Whole:
    """Draw days from expiry to renewal, -6…29."""
    rng, n = state.rng, len(who)
    people = state.people
    by_itself = np.where(people.pays_early[who], 1, 0)
    way = np.where(state.pays_by_itself(who), by_itself, 2)
    way = np.where(state.cancelled[who], 3, way)
    edges = np.cumsum(_TIMING, axis=1)[way, :3]
    timing = (rng.random(n)[:, None] >= edges).sum(axis=1)

    early = -np.where(way == 1, people.lead_days[who], rng.integers(1, 7, n))
    soon = np.minimum(rng.geometric(0.38, n), 7)
    late = rng.integers(8, LAPSE_DAYS, n)
    gap = np.choose(timing, [early, np.zeros(n, dtype=np.int64), soon, late])
    carrier = np.isin(PRODUCTS.method[state.product[who]], catalogue.CARRIER_METHODS)
    return np.where(carrier & ~state.cancelled[who], 0, gap).astype(np.int32)
