"""Customers made up to be awkward: every flaw of an event log, and days next to every boundary.

The worlds come from a seed, many customers each, because one run of the SQL costs as much for one
customer as for a thousand.
"""

import random
from datetime import date, datetime, time, timedelta

from reference.ecommerce_changes import Change, Outage
from reference.ecommerce_rows import Event, FrozenLabel
from reference.frozen import Cohort, freeze
from reference.identities import make_map
from reference.worlds import World

KINDS = ("view", "cart", "remove_from_cart", "purchase")
RECORD_BEGINS = date(2012, 1, 1)
# Ages of orders at a cut-off: first and last days of each window and their neighbours, of the
# horizon and of memory. Ages of 0 and less lie in the horizon.
ORDER_EDGES = (
    *(-31, -30, -29, -1, 0, 0, 1, 1, 2, 29, 30, 31, 59, 60, 61, 89, 90, 91, 119, 120, 121),
    *(179, 180, 181, 330, 331, 334, 335, 336, 359, 360, 361, 364, 365, 366, 367),
    *(454, 455, 456, 499, 500, 501, 728, 729, 730, 731, 732),
)
RECENT_EDGES = (0, 1, 1, 2, 29, 30, 31, 59, 60, 61, 88, 89, 90, 91)
VISIT_EDGES = (-1, 0, 1, 2, 6, 7, 8, 27, 28, 29, 61, 62, 63, 89, 90, 91)
# Days from a cut-off to the one from which on an id is known as another's.
MAPPED = (-40, -1, 0, 1, 28, 29, 30, 31)
STEPS = (1, 1, 2, 5, 14, 30, 59, 60, 61, 90, 150, 365)
TIMES = (
    *(time(0), time(0, 0, 0, 1), time(23, 59, 59, 999_999), time(23, 59, 59)),
    *(time(5, 59, 59, 999_999), time(6), time(11, 59, 59, 999_999), time(12)),
    *(time(17, 59, 59, 999_999), time(18)),
)
PRICES = (9.99, 9.99, 19.5, 100.0, 2574.07, 0.01, 0.004, 1.005, 2.675, 0.125, 33.333333, 1e12)
CATEGORIES = (
    *("electronics.smartphone", "electronics.audio.headphone", "appliances.kitchen.kettle"),
    *("computers", "apparel.shoes", "construction.tools.light"),
)


def make_world(
    seed: int,
    customers: int,
    cut_offs: list[date],
    known_before: date,
    *,
    covered_from: dict[str, date] | None = None,
    covered_before: dict[str, date] | None = None,
    missing: tuple[str, ...] = (),
    with_visits: bool = True,
    with_gaps_in_prices: bool = False,
    frozen: tuple[Cohort, ...] = (),
    changes: tuple[Change, ...] | None = None,
    outages: tuple[Outage, ...] | None = None,
    holes: dict[str, tuple[date, ...]] | None = None,
    outcome_holes: tuple[tuple[date, date | None, date | None], ...] = (),
    with_map: bool = False,
) -> World:
    """Make a world; the same arguments make the same one.

    Args:
        seed: Decides everything random.
        customers: Number of customers.
        cut_offs: Cut-offs at which customers are looked at; events are drawn close to them.
        known_before: Rows on or after this day are hidden by the SQL.
        covered_from: First day of a type of event, long ago where it is not given.
        covered_before: Day after the last day of a type of event, which goes on if not given.
        missing: Types of event that are not in the files, and columns that are null throughout.
        with_visits: Labels need none, and visits are most of the work.
        with_gaps_in_prices: Some purchases of a customer have a price and others have none.
        frozen: Cohorts whose labels are on record: definition, cut-off, number of versions.
        changes: What this shop's log is known to have got wrong; the seed's if not given.
        outages: Days known to lack rows; the seed's if not given.
        holes: Days without rows of a type of event.
        outcome_holes: Days that keep cohorts open, and the cut-offs that they make unsure.
        with_map: Of every three customers two become the third for a time, which begins and ends
            next to a cut-off or the end of its horizon.
    """
    chance = random.Random(seed)
    first = {kind: (covered_from or {}).get(kind, RECORD_BEGINS) for kind in KINDS}
    end = {kind: (covered_before or {}).get(kind, date.max) for kind in KINDS}
    there = [kind for kind in KINDS if kind not in missing]
    if not with_visits:
        there = ["purchase"]
    if "purchase" in there:
        there.append("refund")
        first["refund"], end["refund"] = first["purchase"], end["purchase"]
    empty = {name: None for name in missing if name in Event._fields}
    missed = holes or {}
    events = {}
    for number in range(customers):
        shopper = _Shopper(chance, chance.choice(cut_offs), with_gaps_in_prices)
        rows = shopper.orders()
        if with_visits:
            rows += shopper.visits(rows)
        rows = shopper.refunds(rows)
        rows = [
            row._replace(**empty)
            for row in rows
            if row.event_type in there
            and first[row.event_type] <= row.event_date < end[row.event_type]
            and row.event_date not in missed.get(row.event_type, ())
        ]
        chance.shuffle(rows)
        events[f"{512_000_000 + number}"] = rows
    world = World("ecommerce", cut_offs, known_before, {"events": events})
    for kind in set(KINDS) & set(there):
        world.put_on_record(f"events.{kind}", first[kind], end[kind], missed.get(kind, ()))
    world.put_on_record(
        "events", min(first[kind] for kind in there), max(end[kind] for kind in there)
    )
    world.outcome_holes = list(outcome_holes)
    if outages is not None:
        world.seeds["feed_outages"] = list(outages)
    if changes is not None:
        world.seeds["ecommerce_log_changes"] = list(changes)
    if frozen:
        freeze(world, random.Random(seed), frozen, _frozen)
    if with_map:
        days = [cut_off + timedelta(days=days) for cut_off in cut_offs for days in MAPPED]
        world.identities = make_map(random.Random(seed), events, lambda _: days)
    return world


def _frozen(chance: random.Random, definition: str, cut_off: date, version: int) -> FrozenLabel:
    return FrozenLabel(
        as_of_date=cut_off,
        label_definition=definition,
        label_known_on=cut_off + timedelta(days=chance.choice((14, 30))),
        is_churned=chance.random() < 0.5,
        rule_version=1,
        label_version=version,
    )


class _Shopper:
    """One customer's habits, and what comes of them around one cut-off."""

    def __init__(self, chance: random.Random, cut_off: date, gaps_in_prices: bool):
        self.chance = chance
        self.cut_off = cut_off
        self.sessions = [f"session-{chance.randint(0, 50)}" for _ in range(4)]
        self.sessionless = chance.choice((0.0, 0.0, 0.1, 0.5, 1.0))
        self.unbranded = chance.choice((0.0, 0.1, 0.5, 1.0))
        self.uncategorised = chance.choice((0.0, 0.1, 0.5, 1.0))
        # of purchases
        self.unpriced = chance.choice((0.1, 0.5) if gaps_in_prices else (0.0,) * 7 + (1.0,))
        self.free = chance.choice((0.0, 0.0, 0.1, 0.6))
        self.products = chance.choice((2, 5, 40))
        self.times = chance.choice((TIMES, TIMES, None))
        self.returns = chance.choice((0.0, 0.0, 0.2, 0.7))
        self.several = chance.choice((0.0, 0.0, 0.5))

    def orders(self) -> list[Event]:
        """Purchases: next to window edges, in a rhythm, and in the horizon."""
        chance = self.chance
        ages = chance.sample(ORDER_EDGES, chance.choice((0, 1, 2, 5, 12)))
        ages += chance.sample(RECENT_EDGES, chance.choice((0, 1, 1, 2)))
        if chance.random() < 0.5:
            age = chance.choice(RECENT_EDGES)
            step = chance.choice(STEPS)
            for _ in range(chance.choice((1, 2, 3, 8, 25))):
                ages.append(age)
                age += max(1, step + chance.choice((0, 0, -1, 1, 7)))
        rows = []
        for age in ages:
            units = chance.choice((1, 1, 1, 2, 3))
            session = self._session()
            moment = self._moment(age)
            for _ in range(units):
                rows.append(self._event("purchase", moment, session))
                if chance.random() < 0.3:
                    session = self._session()
                if chance.random() < 0.5:
                    moment = self._moment(age)
                if chance.random() < 0.1:
                    rows.append(rows[-1])
        return rows

    def refunds(self, rows: list[Event]) -> list[Event]:
        """The rows, some purchases of several units, and what is given back for some of them.

        As refunds, negative prices or negative quantities; whole or in part; next to window edges,
        later the same day, and before what they give back.
        """
        chance = self.chance
        rows = [
            row._replace(quantity=chance.choice((1, 2, 3, 10)))
            if row.event_type == "purchase" and self._is(self.several)
            else row
            for row in rows
        ]
        found = []
        for row in rows:
            if row.event_type != "purchase" or not self._is(self.returns):
                continue
            age = (self.cut_off - row.event_date).days
            later = chance.choice((0, 1, 7, 30, -1, age, age - 1, age + 29, age + 30))
            moment = self._moment(age - later)
            price = row.price if chance.random() < 0.7 else self._price("purchase")
            given = row._replace(
                event_time=moment,
                event_date=moment.date(),
                user_session=chance.choice((row.user_session,) * 4 + (None, self._session())),
                product_id=chance.choice((row.product_id,) * 3 + (None,)),
                price=price,
            )
            kind = chance.choice(("refund", "refund", "price", "quantity", "both"))
            if kind == "refund":
                given = given._replace(event_type="refund")
            if kind in ("price", "both") or chance.random() < 0.1:
                given = given._replace(price=None if price is None else -price)
            if kind in ("quantity", "both"):
                given = given._replace(quantity=-given.units)
            found.append(given)
        return rows + found

    def visits(self, orders: list[Event]) -> list[Event]:
        """Views and carts: on order days, next to window edges, and anywhere."""
        chance = self.chance
        near = [
            (self.cut_off - row.event_date).days + chance.choice((0, 0, 1, -1)) for row in orders
        ]
        ages = chance.sample(near, min(len(near), chance.choice((0, 1, 3))))
        ages += chance.sample(VISIT_EDGES, chance.choice((0, 0, 2, 6, 12)))
        ages += [chance.randint(-3, 100) for _ in range(chance.choice((0, 0, 1, 10, 30)))]
        mix = chance.choice(
            (
                ("view",) * 8 + ("cart",),
                ("view",) * 3 + ("cart", "cart", "remove_from_cart"),
                ("view",),
                ("cart", "remove_from_cart"),
            )
        )
        rows = []
        for age in ages:
            session, moment = self._session(), self._moment(age)
            # a session of the day's order, so that carts are bought
            if near and chance.random() < 0.5:
                session = chance.choice(orders).user_session
            for _ in range(chance.choice((1, 1, 2, 5))):
                rows.append(self._event(chance.choice(mix), moment, session))
                if chance.random() < 0.5:
                    moment = self._moment(age)
                if chance.random() < 0.1:
                    rows.append(rows[-1])
        return rows

    def _moment(self, age: int) -> datetime:
        """A time of the day of that age, often next to a boundary within the day."""
        day = self.cut_off - timedelta(days=age)
        if self.times and self.chance.random() < 0.7:
            return datetime.combine(day, self.chance.choice(self.times))
        return datetime.combine(day, time()) + timedelta(seconds=self.chance.randint(0, 86_399))

    def _session(self) -> str | None:
        """One of a few, which therefore lives for days and is another customer's as well."""
        return None if self._is(self.sessionless) else self.chance.choice(self.sessions)

    def _event(self, kind: str, moment: datetime, session: str | None) -> Event:
        chance = self.chance
        category = chance.randrange(len(CATEGORIES))
        return Event(
            event_time=moment,
            event_date=moment.date(),
            event_type=kind,
            product_id=None if chance.random() < 0.02 else str(chance.randint(1, self.products)),
            category_id=None
            if chance.random() < 0.1
            else str(2_053_013_555_631_882_655 + category),
            category_code=None if self._is(self.uncategorised) else CATEGORIES[category],
            brand=None if self._is(self.unbranded) else chance.choice(("apple", "bosch", "lg")),
            price=self._price(kind),
            user_session=session,
        )

    def _price(self, kind: str) -> float | None:
        if self._is(self.unpriced if kind == "purchase" else 0.1):
            return None
        if self._is(self.free):
            return 0.0
        chance = self.chance
        return chance.choice(PRICES) if chance.random() < 0.5 else chance.uniform(0, 3000)

    def _is(self, likely: float) -> bool:
        return self.chance.random() < likely
