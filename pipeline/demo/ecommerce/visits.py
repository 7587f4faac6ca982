"""Visits by day: of customers, of people who never order, and of bots."""

from dataclasses import dataclass

import numpy as np

from pipeline.demo.arrays import Flags, Rows, Whole
from pipeline.demo.ecommerce.calendar import BROWSING, DAYS, LOGGED
from pipeline.demo.ecommerce.customers import Behaviour, Customers

PASSERS_BY = 5.8  # people who never order, for each customer
_VISITS_OF_PASSER_BY = 1.85
_DAYS_BETWEEN = 12.0
_VISITS_BEFORE_FIRST_ORDER = 1.2

# View counts are natural logarithms: half of all visits see two products or fewer.
_LOG_VIEWS, _LOG_VIEWS_SD, _MOST_VIEWS = 0.32, 1.42, 900
_LOG_VIEWS_OF_BOTS, _LOG_VIEWS_OF_BOTS_SD = 4.0, 1.3
_VISITS_OF_BOT = 45


@dataclass(frozen=True)
class Visits:
    """One entry a visit.

    Attributes:
        person: Customers first, then passers-by, then bots.
        day: Day on which it begins.
        is_order: Whether it ends with an order.
        views: Products viewed, repeats included.
    """

    person: Rows
    day: Rows
    is_order: Flags
    views: Whole


@dataclass(frozen=True)
class Crowd:
    """How many people of each sort there are."""

    customers: int
    passers_by: int
    bots: int

    def __len__(self) -> int:
        return self.customers + self.passers_by + self.bots


def crowd_of(customers: int) -> Crowd:
    """Return the crowd around a number of customers."""
    return Crowd(customers, round(PASSERS_BY * customers), max(3, customers // 1250))


def all_visits(
    rng: np.random.Generator, crowd: Crowd, customers: Customers, behaviour: Behaviour
) -> Visits:
    """Return every visit, in no order."""
    orders = _repeated(behaviour.orders)
    browsing = [
        _repeated(behaviour.visits),
        _before_first_order(rng, customers),
        _passers_by(rng, crowd),
    ]
    bots = _bots(rng, crowd)
    parts = [orders, *browsing, bots]
    person = np.concatenate([part[0] for part in parts])
    count, from_bots = len(person), len(bots[0])
    log_views = rng.normal(_LOG_VIEWS, _LOG_VIEWS_SD, count)
    log_views[count - from_bots :] = rng.normal(
        _LOG_VIEWS_OF_BOTS, _LOG_VIEWS_OF_BOTS_SD, from_bots
    )
    return Visits(
        person=person,
        day=np.concatenate([part[1] for part in parts]),
        is_order=np.arange(count) < len(orders[0]),
        views=np.minimum(np.ceil(np.exp(log_views)), _MOST_VIEWS).astype(np.int32),
    )


def _repeated(counts: np.ndarray[tuple[int, int], np.dtype[np.integer]]) -> tuple[Rows, Rows]:
    """Return customer and day, as often as the count says."""
    day, person = np.nonzero(counts)
    times = counts[day, person]
    return np.repeat(person, times), np.repeat(day, times)


def _before_first_order(rng: np.random.Generator, customers: Customers) -> tuple[Rows, Rows]:
    """Add visits of newcomers in the two weeks before their first order, whatever their kind."""
    looks = rng.poisson(_VISITS_BEFORE_FIRST_ORDER, len(customers))
    looks[customers.first_order < 0] = 0
    person = np.repeat(np.arange(len(customers)), looks)
    day = customers.first_order[person] - rng.integers(1, 15, len(person))
    return _within_log(rng, person, day)


def _passers_by(rng: np.random.Generator, crowd: Crowd) -> tuple[Rows, Rows]:
    weight = (BROWSING[0] / LOGGED)[:DAYS]
    first = rng.choice(DAYS, crowd.passers_by, p=weight / weight.sum())
    times = rng.geometric(1 / _VISITS_OF_PASSER_BY, crowd.passers_by)
    person = np.repeat(np.arange(crowd.passers_by), times)
    begins = np.cumsum(times) - times
    gap = np.floor(rng.exponential(_DAYS_BETWEEN, len(person))).astype(np.int64)
    gap[begins] = 0
    since = np.cumsum(gap)
    day = first[person] + since - since[begins][person]
    return _within_log(rng, person + crowd.customers, day)


def _bots(rng: np.random.Generator, crowd: Crowd) -> tuple[Rows, Rows]:
    """Add visits of bots, each several times a day for a month."""
    person = np.repeat(np.arange(crowd.bots), _VISITS_OF_BOT)
    day = rng.integers(0, DAYS - 30, crowd.bots)[person] + rng.integers(0, 30, len(person))
    return _within_log(rng, person + crowd.customers + crowd.passers_by, day)


def _within_log(rng: np.random.Generator, person: Rows, day: Rows) -> tuple[Rows, Rows]:
    """Drop visits outside the written days, and those that the log misses."""
    inside = (day >= 0) & (day < DAYS)
    person, day = person[inside], day[inside]
    kept = rng.random(len(day)) < LOGGED[day]
    return person[kept], day[kept]
