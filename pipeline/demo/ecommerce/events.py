"""The events of each visit, second by second: views, carts, purchases."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.arrays import Flags, Real, Rows
from pipeline.demo.ecommerce.calendar import BROKEN_CARTS, DAYS
from pipeline.demo.ecommerce.catalogue import Catalogue
from pipeline.demo.ecommerce.tastes import (
    Tastes,
    popular_shelves,
    products_near,
    seconds_of_sessions,
    shelves_of_sessions,
)
from pipeline.demo.ecommerce.visits import Visits

VIEW, CART, PURCHASE = 0, 1, 2
_DAY_SECONDS = 86_400

# Seconds from one event of a visit to the next; never half an hour, so visits can be told apart.
_LOG_GAP, _LOG_GAP_SD, _LONGEST_GAP = 3.3, 1.25, 1_500
_LOOKS_AGAIN = 0.35  # at the product the visit is about
_LOOKS_AROUND = 0.15  # at something of another shelf
_MOST_VIEWS_BEFORE_ORDER = 40

_ADDS_PRODUCT, _ADDS_UNIT = 0.10, 0.12  # to an order of one unit
_ABANDONED = 0.12  # visits with a cart and no order
_NO_CART, _NO_CART_WHEN_BROKEN = 0.010, 0.615  # orders without a cart


@dataclass(frozen=True)
class Events:
    """One entry an event.

    Attributes:
        visit: Visit, counted as in Visits.
        second: Since the first day's midnight.
        kind: VIEW, CART or PURCHASE.
        product: Product.
        is_first: Whether it is the first of its kind in the visit.
    """

    visit: Rows
    second: Rows
    kind: NDArray[np.int8]
    product: Rows
    is_first: Flags


def happen(
    rng: np.random.Generator, visits: Visits, tastes: Tastes, catalogue: Catalogue
) -> Events:
    """Draw the events of all visits, visit after visit, each in the order of time."""
    counts = _counts(rng, visits)
    length = counts.sum(axis=1)
    begins = np.cumsum(length) - length
    visit = np.repeat(np.arange(len(length)), length)
    kind = np.repeat(
        np.tile(np.array([VIEW, CART, PURCHASE, CART, PURCHASE], dtype=np.int8), len(length)),
        counts.ravel(),
    )
    # The second cart and purchases are of a product that joined the order.
    joined = np.repeat(np.tile(np.arange(5) >= 3, len(length)), counts.ravel())
    starts_kind = np.zeros(len(visit), dtype=np.bool_)
    block = np.cumsum(counts, axis=1) - counts + begins[:, None]
    starts_kind[block[:, :3][counts[:, :3] > 0]] = True
    return Events(
        visit=visit,
        second=_seconds(rng, visits, tastes, begins, length, visit),
        kind=kind,
        product=_products(rng, visits, tastes, catalogue, visit, kind, joined),
        is_first=starts_kind,
    )


def _counts(rng: np.random.Generator, visits: Visits) -> NDArray[np.int64]:
    """Draw views, carts, units, and carts and units of a second product; visit × 5."""
    count, order = len(visits.person), visits.is_order
    broken = (visits.day >= BROKEN_CARTS[0]) & (visits.day < BROKEN_CARTS[1])
    counts = np.zeros((count, 5), dtype=np.int64)
    counts[:, 0] = np.where(order, np.minimum(visits.views, _MOST_VIEWS_BEFORE_ORDER), visits.views)
    no_cart = rng.random(count) < np.where(broken, _NO_CART_WHEN_BROKEN, _NO_CART)
    abandoned = rng.random(count) < _ABANDONED
    counts[:, 1] = ~no_cart & (order | abandoned)
    adds = order & (rng.random(count) < _ADDS_PRODUCT)
    counts[:, 2] = order * (1 + (rng.random(count) < _ADDS_UNIT))
    counts[:, 3] = adds & ~no_cart
    counts[:, 4] = adds
    return counts


def _seconds(
    rng: np.random.Generator,
    visits: Visits,
    tastes: Tastes,
    begins: Rows,
    length: Rows,
    visit: Rows,
) -> Rows:
    gaps = np.exp(rng.normal(_LOG_GAP, _LOG_GAP_SD, len(visit)))
    gaps = np.clip(gaps, 1, _LONGEST_GAP).astype(np.int64)
    gaps[begins] = 0
    since = np.cumsum(gaps)
    since -= since[begins][visit]
    start = seconds_of_sessions(rng, tastes, visits.person)
    # A visit may run on after midnight, but an order is made on its day.
    lasts = since[begins + length - 1]
    start = np.where(visits.is_order, np.minimum(start, _DAY_SECONDS - 1 - lasts), start)
    return np.asarray((visits.day * _DAY_SECONDS + start)[visit] + since)


def _products(
    rng: np.random.Generator,
    visits: Visits,
    tastes: Tastes,
    catalogue: Catalogue,
    visit: Rows,
    kind: NDArray[np.int8],
    joined: Flags,
) -> Rows:
    """Draw what each event is about: mostly one product and its neighbours on the shelf."""
    level: Real = tastes.level[visits.person]
    shelf = shelves_of_sessions(rng, catalogue, tastes, visits.person)
    wanted = products_near(rng, catalogue, shelf, level)
    second = products_near(rng, catalogue, popular_shelves(rng, catalogue, len(level)), level)
    product = np.where(joined, second[visit], wanted[visit])
    draw = rng.random(len(visit), dtype=np.float32)
    other = np.flatnonzero((kind == VIEW) & (draw >= _LOOKS_AGAIN))
    around = draw[other] >= 1 - _LOOKS_AROUND
    of_shelf = shelf[visit[other]]
    of_shelf[around] = popular_shelves(rng, catalogue, int(around.sum()))
    product[other] = products_near(rng, catalogue, of_shelf, level[visit[other]])
    return np.asarray(product)


def within_log(events: Events) -> Flags:
    """Say which events lie before the end of the last file."""
    return np.asarray(events.second < DAYS * _DAY_SECONDS)
