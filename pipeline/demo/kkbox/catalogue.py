"""The catalogue: payment methods, plan lengths, prices, and when each is sold."""

from dataclasses import dataclass

import numpy as np

from pipeline.demo.arrays import Days, Flags, Real, Whole, day
from pipeline.demo.kkbox.days import month_of

# method, plan days, list price, paid, auto-renew, weight among those who join with this kind.
_AUTO = [
    (41, 30, 149, 149, 1, 30.0),
    (41, 30, 99, 99, 1, 8.0),  # spread from mid-2015 on, see `switch_price`
    (41, 30, 129, 129, 1, 5.5),
    (41, 30, 149, 119, 1, 1.6),
    (41, 30, 100, 100, 1, 0.4),
    (41, 30, 119, 119, 1, 0.3),
    (40, 30, 149, 149, 1, 7.5),
    (39, 30, 149, 149, 1, 11.0),
    (37, 30, 149, 149, 1, 5.0),
    (34, 30, 149, 149, 1, 4.4),
    (33, 30, 149, 149, 1, 2.0),
    (31, 30, 149, 149, 1, 1.2),
    (36, 30, 180, 180, 1, 8.0),
    (30, 30, 149, 149, 1, 0.5),
    (30, 30, 129, 129, 1, 0.2),
    (27, 30, 149, 149, 1, 0.4),
    (23, 30, 149, 149, 1, 0.3),
    (29, 30, 180, 180, 1, 0.2),
    (19, 30, 149, 149, 1, 0.2),
    (21, 30, 149, 149, 1, 0.2),
]
_MANUAL = [
    (38, 30, 149, 149, 0, 66.0),
    (36, 30, 150, 150, 0, 13.0),
    (36, 30, 180, 180, 0, 12.0),
    (29, 30, 180, 180, 0, 5.0),
    (28, 30, 150, 150, 0, 5.0),
    (25, 30, 150, 150, 0, 1.0),
    (38, 30, 100, 100, 0, 1.0),
]
_LONG = [
    (38, 195, 894, 894, 0, 16.0),
    (32, 410, 1788, 1788, 0, 14.0),
    (32, 180, 536, 536, 0, 13.0),
    (32, 195, 894, 894, 0, 10.0),
    (20, 100, 480, 480, 0, 8.0),
    (38, 410, 1788, 1788, 0, 7.0),
    (38, 90, 447, 447, 0, 7.0),
    (38, 120, 477, 477, 0, 5.0),
    (28, 60, 300, 300, 0, 4.0),
    (22, 195, 894, 894, 0, 3.0),
    (38, 360, 1200, 1200, 0, 2.5),
    (22, 410, 1788, 1788, 0, 2.5),
    (20, 200, 930, 930, 0, 2.0),
    (32, 395, 1599, 1599, 0, 2.0),
    (32, 180, 0, 0, 0, 2.0),
    (17, 240, 0, 0, 0, 2.0),
]
_TRIAL = [
    (35, 7, 0, 0, 0, 85.0),
    (38, 10, 0, 0, 0, 5.0),
    (38, 7, 0, 0, 0, 4.0),
    (38, 14, 0, 0, 0, 2.0),
    (26, 1, 0, 0, 0, 1.0),
    (38, 7, 35, 35, 0, 2.0),
]
_ALL = _AUTO + _MANUAL + _LONG + _TRIAL


@dataclass(frozen=True)
class Products:
    """The catalogue, one entry a product."""

    method: Whole
    plan_days: Whole
    list_price: Whole
    paid: Whole
    auto: Whole
    weight: Real


def _column(position: int) -> Whole:
    return np.array([row[position] for row in _ALL], dtype=np.int32)


PRODUCTS = Products(
    method=_column(0),
    plan_days=_column(1),
    list_price=_column(2),
    paid=_column(3),
    auto=_column(4),
    weight=np.array([row[5] for row in _ALL], dtype=np.float64),
)
BY_ITSELF, BY_HAND, FOR_LONG, FREE_WEEK = 0, 1, 2, 3  # kinds of product
AUTO = np.arange(len(_AUTO), dtype=np.int32)
MANUAL = np.arange(len(_MANUAL), dtype=np.int32) + len(_AUTO)
LONG = np.arange(len(_LONG), dtype=np.int32) + len(_AUTO) + len(_MANUAL)
TRIAL = np.arange(len(_TRIAL), dtype=np.int32) + len(_AUTO) + len(_MANUAL) + len(_LONG)


def product(method: int, list_price: int) -> int:
    """Return the first product of a method and list price."""
    return int(np.argmax((PRODUCTS.method == method) & (PRODUCTS.list_price == list_price)))


STANDARD = product(41, 149)
REDUCED = product(41, 99)

# Billing outages: members with this method cannot pay in between and pay again on the last day.
BANK_METHOD = 39
BANK_OUTAGE = (day("2016-02-01"), day("2016-07-31"))
CARRIER_METHODS = (31, 33, 34)
BILLED_AT_MONTH_END = (BANK_METHOD, *CARRIER_METHODS)
CARRIER_OUTAGE = (day("2015-04-01"), day("2015-06-30"))
CARRIER_START = day("2015-03-31")

# NT$180 replaced NT$150 in 2016.
_180_FROM = day("2016-03-20")
_180_FOR_150 = day("2016-05-01")

# Some methods wrote 31 days until April 2015, then 0, then 30; the carriers wrote 0 until October.
_MONTH_BY_31 = (40, 39, 37, 27, 30, 21)
_FIRST_ZERO = day("2015-03-01")
_FROM_31_TO_0 = day("2015-04-13")
_FROM_0_TO_30 = day("2015-06-01")
_CARRIERS_FROM_0_TO_30 = day("2015-11-01")
_BURST_OF_ZEROS = (day("2015-04-13"), day("2015-06-01"))


def in_outage(methods: Whole, days: Days) -> Flags:
    """Return whether a method cannot charge on a day."""
    bank = (methods == BANK_METHOD) & (days >= BANK_OUTAGE[0]) & (days < BANK_OUTAGE[1])
    carrier = (
        np.isin(methods, CARRIER_METHODS) & (days >= CARRIER_OUTAGE[0]) & (days < CARRIER_OUTAGE[1])
    )
    return np.asarray(bank | carrier)


def written_plan_days(products: Whole, days: Days, draw: Real) -> Whole:
    """Return the plan days the file shows, which for monthly plans is not always 30.

    Args:
        products: Product a row.
        days: Transaction day a row.
        draw: Uniform number a row.
    """
    plan = PRODUCTS.plan_days[products].copy()
    method = PRODUCTS.method[products]
    monthly = plan == 30
    by_31 = monthly & np.isin(method, _MONTH_BY_31)
    plan[by_31 & (days < _FROM_31_TO_0)] = 31
    plan[by_31 & (days >= _FROM_31_TO_0) & (days < _FROM_0_TO_30)] = 0
    carrier = monthly & np.isin(method, (*CARRIER_METHODS, 19, 23))
    plan[carrier & (days >= _FIRST_ZERO) & (days < _CARRIERS_FROM_0_TO_30)] = 0
    burst = monthly & (days >= _BURST_OF_ZEROS[0]) & (days < _BURST_OF_ZEROS[1])
    plan[burst & (draw < 0.15)] = 0
    return plan


def _share_of_reduced(months: Whole) -> Real:
    """Return the share of NT$99 among those who join or renew with method 41."""
    return np.clip((months - 5) / 9.0, 0.0, 1.0) * 0.92


def choose(rng: np.random.Generator, kinds: Whole, days: Days) -> Whole:
    """Draw a product for people who join.

    Args:
        rng: Source of chance.
        kinds: BY_ITSELF, BY_HAND, FOR_LONG or FREE_WEEK, one a person.
        days: Day of joining.
    """
    chosen: Whole = np.empty(len(kinds), dtype=np.int32)
    for kind, options in enumerate((AUTO, MANUAL, LONG, TRIAL)):
        who = np.flatnonzero(kinds == kind)
        weight = PRODUCTS.weight[options]
        chosen[who] = rng.choice(options, len(who), p=weight / weight.sum())
    return available(rng, chosen, days)


def available(rng: np.random.Generator, products: Whole, days: Days) -> Whole:
    """Replace products that are not sold on a day by the one sold instead."""
    sold = products.copy()
    method = PRODUCTS.method[sold]
    draw = rng.random(len(sold))
    month = month_of(days)
    method_41 = (sold == STANDARD) | (sold == REDUCED)
    sold[method_41] = np.where(draw < _share_of_reduced(month), REDUCED, STANDARD)[method_41]
    auto_180 = (PRODUCTS.list_price[sold] == 180) & (PRODUCTS.auto[sold] == 1)
    sold[auto_180 & (days < _180_FROM)] = STANDARD
    sold[(sold == MANUAL[1]) & (days >= _180_FOR_150)] = MANUAL[2]
    sold[np.isin(sold, MANUAL[2:4]) & (days < _180_FROM)] = MANUAL[1]
    not_yet = np.isin(method, CARRIER_METHODS) & (days < CARRIER_START)
    sold[not_yet | in_outage(method, days)] = product(40, 149)
    return sold


def reprice(rng: np.random.Generator, products: Whole, days: Days) -> Whole:
    """Move members to the price that replaces theirs."""
    moved = products.copy()
    # NT$149 by method 41 gives way to NT$99 from the middle of 2015 on.
    reduced = (products == STANDARD) & (month_of(days) >= 6) & (rng.random(len(products)) < 0.085)
    moved[reduced] = REDUCED
    moved[(products == MANUAL[1]) & (days >= _180_FOR_150)] = MANUAL[2]
    return moved
