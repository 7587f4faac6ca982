"""The log as written: in the order of time, ids and prices as text, data errors included."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.demo.arrays import Rows, Whole
from pipeline.demo.ecommerce.calendar import DAYS, FIRST_DAY, MONTH, MONTHS, REMAPPED
from pipeline.demo.ecommerce.catalogue import Catalogue
from pipeline.demo.ecommerce.events import PURCHASE, Events, within_log
from pipeline.demo.ecommerce.visits import Visits

_DAY_SECONDS = 86_400
_KINDS = ["view", "cart", "purchase"]

_FREE = 0.0027  # views and carts with a price of 0
_WITHOUT_SESSION = 6e-5
_KEEPS_SESSION, _SESSION_LIVES = 0.004, 71  # people, days

# Exact duplicates in the real files, October 2019 to April 2020; before that as in October.
_DUPLICATES = np.array([30_220, 100_519, 112_119, 137_596, 703_916, 165_912, 134_140]) / np.array(
    [42_448_764, 67_501_979, 67_542_878, 55_967_041, 55_318_565, 56_341_241, 66_589_268]
)


@dataclass(frozen=True)
class Log:
    """All rows of the files, in the order of time, one entry per row.

    Attributes:
        second: Since the first day's midnight.
        kind: As in Events.
        product: Product.
        price: Entry of `prices`.
        person: Person.
        session: Entry of `sessions`.
        people: Ids of all people.
        sessions: Ids of all sessions; the last is empty.
        prices: Prices, two decimals, product × month in one row; the last is 0.
        month_ends: Rows up to the end of each month.
    """

    second: Rows
    kind: NDArray[np.int8]
    product: Whole
    price: Whole
    person: Whole
    session: Whole
    people: NDArray[np.str_]
    sessions: NDArray[np.bytes_]
    prices: NDArray[np.str_]
    month_ends: Rows


def log_of(
    rng: np.random.Generator, visits: Visits, events: Events, catalogue: Catalogue, people: int
) -> Log:
    """Sort all events by time and add data errors."""
    rows = np.flatnonzero(within_log(events))
    rows = rows[np.argsort(events.second[rows], kind="stable")]
    month = MONTH[events.second[rows] // _DAY_SECONDS]
    doubled = rng.random(len(rows)) < _duplicates()[month]
    rows = np.repeat(rows, 1 + doubled)
    month = np.repeat(month, 1 + doubled)
    original = np.repeat(np.cumsum(1 + doubled) - 1 - doubled, 1 + doubled)

    visit, kind, product = events.visit[rows], events.kind[rows], events.product[rows]
    draw = rng.random(len(rows))[original]
    free = (kind != PURCHASE) & (draw < _FREE)
    # Never the event by which a visit or an order is known.
    lost = ~events.is_first[rows] & (rng.random(len(rows))[original] < _WITHOUT_SESSION)
    session, sessions = _sessions(rng, visits, people)
    return Log(
        second=events.second[rows],
        kind=kind,
        product=product.astype(np.int32),
        price=np.where(free, catalogue.prices.size, product * MONTHS + month).astype(np.int32),
        person=visits.person[visit].astype(np.int32),
        session=np.where(lost, len(sessions) - 1, session[visit]).astype(np.int32),
        people=_people(rng, visits, people),
        sessions=sessions,
        prices=np.append(np.char.mod("%.2f", catalogue.prices.ravel()), "0.00"),
        month_ends=np.searchsorted(month, np.arange(MONTHS), side="right"),
    )


def _duplicates() -> NDArray[np.float64]:
    before = np.full(MONTHS - len(_DUPLICATES), _DUPLICATES[0])
    return np.concatenate((before, _DUPLICATES))


def _first_days(visits: Visits, people: int) -> Rows:
    first = np.full(people, DAYS, dtype=np.int64)
    np.minimum.at(first, visits.person, visits.day)
    return first


def _people(rng: np.random.Generator, visits: Visits, people: int) -> NDArray[np.str_]:
    """Return ids that rise with the day on which somebody first came."""
    order = np.lexsort((rng.random(people), _first_days(visits, people)))
    ids = np.empty(people, dtype=np.int64)
    ids[order] = 512_000_000 + np.cumsum(rng.integers(1, 500, people))
    return ids.astype(np.str_)


def _sessions(
    rng: np.random.Generator, visits: Visits, people: int
) -> tuple[Rows, NDArray[np.bytes_]]:
    """Return the session of each visit, and the ids; a few people keep theirs for weeks."""
    keeps = np.flatnonzero((rng.random(people) < _KEEPS_SESSION)[visits.person])
    person, day = visits.person[keeps], visits.day[keeps]
    term = (day - _first_days(visits, people)[person]) // _SESSION_LIVES
    _, first, same = np.unique(person * DAYS + term, return_index=True, return_inverse=True)
    session = np.arange(len(visits.person))
    session[keeps] = keeps[first][same]
    return session, np.append(_uuids(rng, len(session)), b"")


def _uuids(rng: np.random.Generator, count: int) -> NDArray[np.bytes_]:
    """Return random uuids of version 4."""
    raw = rng.integers(0, 256, (count, 16), dtype=np.uint8)
    raw[:, 6] = raw[:, 6] & 0x0F | 0x40
    raw[:, 8] = raw[:, 8] & 0x3F | 0x80
    pairs = np.frombuffer("".join(f"{byte:02x}" for byte in range(256)).encode(), dtype=np.uint8)
    digits = pairs.reshape(256, 2)[raw].reshape(count, 32)
    text = np.full((count, 36), ord("-"), dtype=np.uint8)
    text[:, np.delete(np.arange(36), [8, 13, 18, 23])] = digits
    return text.view("S36").ravel()


class Pages:
    """The months of a log as tables."""

    def __init__(self, log: Log, catalogue: Catalogue) -> None:
        self._log = log
        self._people = pa.array(log.people)
        self._sessions = pa.array(log.sessions).cast(pa.string())
        self._prices = pa.array(log.prices)
        self._kinds = pa.array(_KINDS)
        self._products = pa.array(catalogue.product_id)
        self._brands = pa.array(catalogue.brand)
        self._category_ids = [pa.array(ids) for ids in catalogue.category_id.T]
        self._category_codes = [pa.array(codes) for codes in catalogue.category_code.T]
        dates = np.arange(FIRST_DAY, FIRST_DAY + DAYS).astype("datetime64[D]")
        self._dates = _letters([f"{date} " for date in dates])
        self._times = _times()

    def month(self, month: int) -> pa.Table:
        """Return a month's rows in the columns of the real files; an empty text is a null."""
        log = self._log
        ends = log.month_ends
        rows = slice(int(ends[month - 1]) if month else 0, int(ends[month]))
        era = int(log.second[rows.start] // _DAY_SECONDS >= REMAPPED)
        product = pa.array(log.product[rows])
        return pa.table(
            {
                "event_time": self._times_of(log.second[rows]),
                "event_type": _picked(pa.array(log.kind[rows]), self._kinds),
                "product_id": _picked(product, self._products),
                "category_id": _picked(product, self._category_ids[era]),
                "category_code": _picked(product, self._category_codes[era]),
                "brand": _picked(product, self._brands),
                "price": _picked(pa.array(log.price[rows]), self._prices),
                "user_id": _picked(pa.array(log.person[rows]), self._people),
                "user_session": _picked(pa.array(log.session[rows]), self._sessions),
            }
        )

    def _times_of(self, second: Rows) -> pa.Array:
        letters = np.concatenate(
            (self._dates[second // _DAY_SECONDS], self._times[second % _DAY_SECONDS]), axis=1
        )
        ends = np.arange(len(second) + 1, dtype=np.int32) * letters.shape[1]
        return pa.StringArray.from_buffers(len(second), pa.py_buffer(ends), pa.py_buffer(letters))


def _times() -> NDArray[np.uint8]:
    """Return the text of every second of a day, second × letter."""
    second = np.arange(_DAY_SECONDS)
    two_digits = _letters([f"{number:02}" for number in range(60)])
    text = np.tile(_letters(["00:00:00 UTC"]), (_DAY_SECONDS, 1))
    for at, number in ((0, second // 3600), (3, second // 60 % 60), (6, second % 60)):
        text[:, at : at + 2] = two_digits[number]
    return text


def _letters(words: list[str]) -> NDArray[np.uint8]:
    """Return words of equal length as bytes, word × letter."""
    return np.frombuffer("".join(words).encode(), dtype=np.uint8).reshape(len(words), -1)


def _picked(indices: pa.Array, values: pa.Array) -> pa.Array:
    return values.take(indices)
