"""The members: ids, when and how they join, habits, and hidden traits."""

import base64
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.arrays import Days, Flags, Real, Whole, day
from pipeline.demo.kkbox import catalogue
from pipeline.demo.kkbox.days import FIRST_DAY, MONTH_DAYS, MONTH_START, WRITTEN_MONTHS, month_of
from pipeline.demo.kkbox.hazard import FRAILTY_SD

SHARE_AT_START = 0.47  # were members before the files begin
SHARE_WITHOUT_LOGS = 0.145  # 12 % of labelled members have no log rows at all

# Shares of members charged a few days ahead, every month.
_PAY_EARLY = 0.30

# How much each month draws in: the service grows, and free weeks are given away in bursts.
_JOINS = np.linspace(0.45, 1.65, WRITTEN_MONTHS)
_TRIALS = np.full(WRITTEN_MONTHS, 0.20)
_TRIALS[[5, 10, 11, 13, 17, 18, 19, 20, 21, 22]] = (
    *(2.9, 0.6, 0.6, 0.7, 0.5, 1.1, 1.0, 1.2, 1.8, 2.5),
)
# In February 2017 a month's pass is sold to many: March 2017 churns more for its mix (9 %).
_PASSES_IN, _PASS_SHARE = 25, 0.45
_JOINS[[23, 24, _PASSES_IN]] *= (2.0, 3.0, 2.2)
# Kinds in the order of `catalogue.choose`: auto-renew, manual, long plan.
_KINDS_AT_START = (0.85, 0.095, 0.055)
_KINDS_JOINING = (0.50, 0.37, 0.13)


@dataclass(frozen=True)
class Population:
    """Members, one entry a member; only `msno` and dates of joining reach the raw files."""

    msno: NDArray[np.bytes_]
    joins_on: Days
    registered_on: Days
    product: Whole
    was_member: Flags
    anchor: Whole
    frailty: Real
    habit: Real
    has_logs: Flags
    pays_early: Flags
    lead_days: Whole

    def __len__(self) -> int:
        return len(self.joins_on)


def member_ids(rng: np.random.Generator, count: int) -> NDArray[np.bytes_]:
    """Return ids as the organisers made them: base64 of 32 random bytes, 44 characters."""
    # 33 bytes a member encode to 44 characters without padding, so one call does all of them.
    # The 33rd byte is zero: its character, always "A", stands where the real ids have "=".
    raw = np.zeros((count, 33), dtype=np.uint8)
    raw[:, :32] = rng.integers(0, 256, (count, 32), dtype=np.uint8)
    text = np.frombuffer(base64.b64encode(raw.tobytes()), dtype=np.uint8).reshape(count, 44).copy()
    text[:, 43] = ord("=")
    return text.view("S44").ravel()


def populate(rng: np.random.Generator, count: int) -> Population:
    """Draw the members."""
    was_member = np.arange(count) < round(SHARE_AT_START * count)
    newcomers = int((~was_member).sum())

    weight = _JOINS + _TRIALS * _JOINS.mean()
    month = np.zeros(count, dtype=np.int32)
    month[~was_member] = rng.choice(WRITTEN_MONTHS, newcomers, p=weight / weight.sum())
    joins_on = MONTH_START[month] + (rng.random(count) * MONTH_DAYS[month]).astype(np.int32)

    trial = ~was_member & (rng.random(count) < (_TRIALS / (_TRIALS + _JOINS))[month])
    passes = ~was_member & (month == _PASSES_IN) & (rng.random(count) < _PASS_SHARE)
    draw = rng.random(count)
    at_start, joining = np.cumsum(_KINDS_AT_START), np.cumsum(_KINDS_JOINING)
    kind = np.where(was_member, np.searchsorted(at_start, draw), np.searchsorted(joining, draw))
    kind = np.where(passes, catalogue.BY_HAND, np.minimum(kind, catalogue.FOR_LONG))
    kind = np.where(trial, catalogue.FREE_WEEK, kind).astype(np.int32)
    product = catalogue.choose(rng, kind, joins_on)

    # Long plans bought before the files begin show up as they come up for renewal.
    long_at_start = was_member & (kind == catalogue.FOR_LONG)
    joins_on[long_at_start] = FIRST_DAY + rng.integers(0, 300, int(long_at_start.sum()))
    joins_on, product = _billed_at_month_end(rng, joins_on, product, was_member)

    return Population(
        msno=member_ids(rng, count),
        joins_on=joins_on,
        registered_on=_registrations(rng, joins_on, was_member),
        product=product,
        was_member=was_member,
        anchor=rng.integers(1, 32, count).astype(np.int32),
        frailty=rng.normal(0.0, FRAILTY_SD, count),
        habit=rng.normal(0.85, 1.45, count),
        has_logs=rng.random(count) >= SHARE_WITHOUT_LOGS,
        pays_early=rng.random(count) < _PAY_EARLY,
        lead_days=np.minimum(rng.geometric(0.4, count), 6).astype(np.int32),
    )


def _billed_at_month_end(
    rng: np.random.Generator, joins_on: Days, product: Whole, was_member: Flags
) -> tuple[Days, Whole]:
    """Move to the month's end those whose method bills only then."""
    method = catalogue.PRODUCTS.method[product]
    carrier = was_member & np.isin(method, catalogue.CARRIER_METHODS)
    # Sold as another method before the carriers start; here they are given back.
    back = was_member & (method == 40) & (rng.random(len(product)) < 0.50)
    product = product.copy()
    carriers = np.array([catalogue.product(m, 149) for m in (34, 34, 34, 33, 33, 31)])
    product[back] = rng.choice(carriers, int(back.sum()))
    method = catalogue.PRODUCTS.method[product]
    carrier |= back
    at_end = np.isin(method, catalogue.BILLED_AT_MONTH_END)
    month = month_of(joins_on)
    joins_on = np.where(at_end, MONTH_START[month + 1] - 1, joins_on).astype(np.int32)
    joins_on[carrier] = catalogue.CARRIER_START
    return joins_on, product


def _registrations(rng: np.random.Generator, joins_on: Days, was_member: Flags) -> Days:
    """Draw registration days, mostly on or before the first transaction."""
    count = len(joins_on)
    old_from, old_to = day("2004-03-26"), FIRST_DAY
    # More registered recently than long ago.
    long_ago = old_to - ((old_to - old_from) * rng.random(count) ** 2.2).astype(np.int32)
    same_week = joins_on - rng.geometric(0.45, count).astype(np.int32) + 1
    registered = np.where(was_member | (rng.random(count) < 0.22), long_ago, same_week)
    late = rng.random(count) < 0.006
    registered[late] = (joins_on + rng.integers(1, 60, count))[late]
    return np.minimum(registered, day("2017-11-13")).astype(np.int32)
