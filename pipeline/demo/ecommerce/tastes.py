"""Tastes of people: shelves, price level, hour of the day.

They are drawn independently of a customer's kind and state, and so are all choices that follow from
them: products and hours carry no information about the future.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.demo.arrays import Real, Rows
from pipeline.demo.ecommerce.catalogue import Catalogue

_FAVOURITES = (0.6, 0.28, 0.12)
_OF_FAVOURITES = 0.65  # sessions that go to a favourite shelf
_AT_OWN_HOUR = 0.6

# Visits by hour, UTC; the evening of most customers begins at 14.
_HOURS = np.array(
    [
        (0.6, 0.9, 1.6, 2.7, 3.8, 4.4, 4.7, 4.9, 4.9, 4.8, 4.7, 4.7),
        (4.8, 5.2, 6.0, 6.7, 7.0, 6.7, 5.8, 4.3, 2.9, 1.9, 1.1, 0.7),
    ]
).ravel()


@dataclass(frozen=True)
class Tastes:
    """One entry a person.

    Attributes:
        shelves: Favourite shelves, person × 3.
        level: Price level within a shelf, 0…1.
        hour: Favourite hour, 0 ≤ hour < 24.
    """

    shelves: Rows
    level: Real
    hour: Real


def draw_tastes(rng: np.random.Generator, catalogue: Catalogue, people: int) -> Tastes:
    """Draw the tastes of all people."""
    return Tastes(
        shelves=popular_shelves(rng, catalogue, people * len(_FAVOURITES)).reshape(people, -1),
        level=rng.beta(1.6, 1.6, people),
        hour=_popular_hours(rng, people),
    )


def popular_shelves(rng: np.random.Generator, catalogue: Catalogue, count: int) -> Rows:
    """Draw shelves by demand."""
    return np.searchsorted(catalogue.shelf_ends[:-1], rng.random(count), side="right")


def shelves_of_sessions(
    rng: np.random.Generator, catalogue: Catalogue, tastes: Tastes, person: Rows
) -> Rows:
    """Draw the shelf each session is about."""
    count = len(person)
    which = rng.choice(len(_FAVOURITES), count, p=_FAVOURITES)
    favourite = rng.random(count) < _OF_FAVOURITES
    elsewhere = popular_shelves(rng, catalogue, count)
    return np.where(favourite, tastes.shelves[person, which], elsewhere)


def seconds_of_sessions(rng: np.random.Generator, tastes: Tastes, person: Rows) -> Rows:
    """Draw the second of the day at which each session begins."""
    count = len(person)
    own = tastes.hour[person] + rng.normal(0.0, 1.3, count)
    hour = np.where(rng.random(count) < _AT_OWN_HOUR, own, _popular_hours(rng, count))
    return np.asarray(np.floor(hour % 24.0 * 3600.0).astype(np.int64) % 86_400)


def products_near(rng: np.random.Generator, catalogue: Catalogue, shelf: Rows, level: Real) -> Rows:
    """Draw a product of a shelf, near a price level."""
    ends = np.concatenate(([0.0], catalogue.shelf_ends))
    where = np.clip(level + rng.normal(0.0, 0.22, len(shelf)), 0.0, 0.999)
    at = ends[shelf] + where * (ends[shelf + 1] - ends[shelf])
    return np.asarray(np.searchsorted(catalogue.ends[:-1], at, side="right"))


def _popular_hours(rng: np.random.Generator, count: int) -> Real:
    return rng.choice(24, count, p=_HOURS / _HOURS.sum()) + rng.random(count)
