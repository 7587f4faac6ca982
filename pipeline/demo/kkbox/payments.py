"""A payment: product, price, expiry, and its row in the file."""

import numpy as np

from pipeline.demo.arrays import Days, Flags, Rows, Whole
from pipeline.demo.kkbox import catalogue, planting
from pipeline.demo.kkbox.catalogue import PRODUCTS
from pipeline.demo.kkbox.days import MONTH_START, day_of_month, month_of, months_later
from pipeline.demo.kkbox.decisions import LAPSE_DAYS
from pipeline.demo.kkbox.ledger import Ledger
from pipeline.demo.kkbox.state import JOIN, RENEW, RESUME, RETURN, State

# In per cent of payments, by month number: in 2015 and early 2016 months were given for free.
_FREE_MONTHS = [0, 4, 6, 9, 11, 14, 18, 26]
_FREE_SHARE = [2.2, 3.0, 6.0, 10.5, 14.0, 7.0, 2.4, 0.8]

_ROW = ("method", "plan_days", "list_price", "paid", "auto", "on", "expires")


def pay(state: State, who: Rows, on: Days, what: Whole) -> None:
    """Write a payment a member and move the membership on.

    Args:
        state: Changed in place.
        who: Members, each at most once.
        on: Day of payment; later than the member's last transaction.
        what: JOIN, RENEW, RETURN or RESUME.
    """
    rng = state.rng
    gap = on - state.expires_on[who]
    state.late_renewals[who] += (what == RENEW) & (gap > 0)
    state.lapses[who] += (what == RETURN) | (what == RESUME)
    _choose_products(state, who, on, what)

    product = state.product[who]
    plan_days = catalogue.written_plan_days(product, on, rng.random(len(who)))
    row = {
        "method": PRODUCTS.method[product],
        "plan_days": plan_days,
        "list_price": np.where(plan_days == 0, 0, PRODUCTS.list_price[product]).astype(np.int32),
        "paid": _paid(rng, product, on, is_planted=state.is_planted),
        "auto": PRODUCTS.auto[product],
        "on": on,
        "expires": _new_expiry(state, who, on, what),
    }
    _misstate(rng, row, what == RETURN)
    _write_twice(rng, state.ledger, who, row, what == RENEW)
    _add(state.ledger, who, row)

    state.plan_days[who], state.list_price[who] = row["plan_days"], row["list_price"]
    state.paid[who], state.cancelled[who] = row["paid"], False
    state.transacted_on[who], state.expires_on[who] = on, row["expires"]
    state.cover(who, on, row["expires"])
    _regret(state, who, on, what)


def _choose_products(state: State, who: Rows, on: Days, what: Whole) -> None:
    """Keep or change what is bought."""
    rng = state.rng
    product = state.product[who]
    draw = rng.random(len(who))
    trial = (PRODUCTS.plan_days[product] < 30) & (what != JOIN)
    manual = PRODUCTS.auto[product] == 0
    long_plan = PRODUCTS.plan_days[product] > 30
    renewal, returning = what == RENEW, what == RETURN
    state.came_by_trial[who] = renewal & trial

    kind = np.full(len(who), -1, dtype=np.int32)
    kind[renewal & manual & ~trial & ~long_plan & (draw < 0.04)] = catalogue.BY_ITSELF
    kind[renewal & long_plan & (draw < 0.45)] = catalogue.BY_HAND
    kind[renewal & ~manual & (draw < 0.002)] = catalogue.BY_HAND
    anything = np.searchsorted(np.cumsum((0.55, 0.38)), rng.random(len(who)))
    kind = np.where(trial | (returning & (draw < 0.5)), anything, kind).astype(np.int32)
    kind[returning & (draw > 0.74)] = catalogue.FREE_WEEK  # to win them back
    changes = np.flatnonzero(kind >= 0)
    product[changes] = catalogue.choose(rng, kind[changes], on[changes])

    product = catalogue.reprice(rng, product, on)
    sold = catalogue.available(rng, product, on)
    product = np.where(PRODUCTS.method[product] != PRODUCTS.method[sold], sold, product)
    # The bank and the carriers accept new members only at the month's end.
    month = month_of(on)
    month_end = on == MONTH_START[month + 1] - 1
    at_end = np.isin(PRODUCTS.method[product], catalogue.BILLED_AT_MONTH_END)
    elsewhere = at_end & (trial | returning) & ~month_end
    product[elsewhere] = np.where(month[elsewhere] < 9, catalogue.STANDARD, catalogue.REDUCED)
    state.product[who] = product


def _paid(rng: np.random.Generator, product: Whole, on: Days, *, is_planted: bool = False) -> Whole:
    paid = PRODUCTS.paid[product]
    level = np.interp(month_of(on), _FREE_MONTHS, _FREE_SHARE) / 100.0
    standard = (PRODUCTS.method[product] == 41) & (PRODUCTS.list_price[product] == 149)
    others = np.isin(PRODUCTS.method[product], (40, 30)) * 0.25
    share = level * np.where(standard, 1.45, others)
    if is_planted:
        monthly = PRODUCTS.plan_days[product] == 30
        share = np.where(monthly, np.maximum(share, planting.CREDITED_SHARE), share)
    free = rng.random(len(product)) < share
    return np.where(free, 0, paid).astype(np.int32)


def _new_expiry(state: State, who: Rows, on: Days, what: Whole) -> Days:
    rng = state.rng
    product = state.product[who]
    method, plan_days = PRODUCTS.method[product], PRODUCTS.plan_days[product]
    monthly = (PRODUCTS.auto[product] == 1) & (plan_days == 30)
    carrier = np.isin(method, catalogue.CARRIER_METHODS)
    bank = method == catalogue.BANK_METHOD

    current = state.expires_on[who]
    runs_on = (what == RENEW) & (current >= on)
    base = np.where(runs_on, current, on).astype(np.int32)
    kept = np.where(runs_on | bank, state.anchor[who], day_of_month(on))
    anchor = np.where(carrier, 31, kept).astype(np.int32)
    state.anchor[who] = anchor
    expires = np.where(monthly, months_later(base, anchor, 1), base + plan_days)
    # The bank bills at the month's end for the month after next.
    expires = np.where(bank & monthly & ~runs_on, months_later(on, anchor, 2), expires)

    # Gifts of a month and small corrections make expiries that no plan explains.
    gift = monthly & ~carrier & ~bank & (rng.random(len(who)) < 0.015)
    nudge = (plan_days == 30) & ~carrier & (rng.random(len(who)) < 0.03)
    expires = expires + 30 * gift + nudge * rng.integers(1, 9, len(who))
    return np.asarray(np.maximum(expires, on + 1), dtype=np.int32)


def _misstate(rng: np.random.Generator, row: dict[str, Whole], returning: Flags) -> None:
    """Let a few rows be recorded late, with an expiry that has passed, or with 1970-01-01."""
    odd = returning & (rng.random(len(returning)) < 0.009)
    row["expires"][odd] = (row["on"] - rng.integers(1, 40, len(odd)))[odd]
    epoch = odd & (rng.random(len(odd)) < 0.3)
    odd_row = {"method": 17, "plan_days": 60, "list_price": 0, "paid": 0, "auto": 0, "expires": 0}
    for column, value in odd_row.items():
        row[column][epoch] = value


def _write_twice(
    rng: np.random.Generator, ledger: Ledger, who: Rows, row: dict[str, Whole], renewal: Flags
) -> None:
    """Write a second row on the same day, one that the organisers' order puts before the main."""
    usual = renewal & (row["plan_days"] == 30) & (row["method"] == 41)
    draw = rng.random(len(who))
    # The same purchase twice: equal keys, so the earlier expiry comes first.
    twice = usual & (draw < 0.003)
    _add(ledger, who[twice], {name: row[name][twice] for name in _ROW})
    row["expires"][twice] += 31
    # A dearer plan taken and left: its key begins with 180, which descends before 149.
    dearer = usual & (row["list_price"] == 149) & (draw > 0.998)
    dear_row = {name: row[name][dearer] for name in _ROW}
    dear_row["list_price"] = dear_row["paid"] = np.full(int(dearer.sum()), 180, dtype=np.int32)
    _add(ledger, who[dearer], dear_row)


def _regret(state: State, who: Rows, on: Days, what: Whole) -> None:
    """Let a few cancel on the day they renew: equal keys, so the cancel comes last."""
    rng = state.rng
    regrets = (what == RENEW) & state.pays_by_itself(who) & (rng.random(len(who)) < 0.0015)
    back, on = who[regrets], on[regrets]
    state.cancel(back, on, on)
    wait = np.where(rng.random(len(back)) < 0.6, rng.integers(1, 20, len(back)), 120)
    state.next_on[back] = on + wait
    state.next_is[back] = np.where(wait < LAPSE_DAYS, RENEW, RETURN)


def _add(ledger: Ledger, who: Rows, row: dict[str, Whole]) -> None:
    ledger.add(who, cancel=0, **row)
