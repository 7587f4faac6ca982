"""A demo as it arrives night after night: one file a table and day, and what goes wrong on request.

The rows are those of a demo's raw files. What happens to them is planted by a seed and recorded, so
that a test knows which rows are true. Nothing here knows a domain: a feed is a table of the sources
YAML with its event time and ids; `AMOUNTS` names the columns that hold money.
"""

import shutil
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path

import numpy as np

from pipeline.demo.folder import MARKER
from pipeline.project.errors import ChurnError
from pipeline.project.files import empty_folder
from pipeline.project.sources import SourceTable, source_tables

# Columns of money in the demos' raw files.
AMOUNTS = ("price", "plan_list_price", "actual_amount_paid")
# Kind of event that is an order, where a table has kinds.
ORDER, REFUND = "purchase", "refund"
HISTORY = "history"
# Folder of the days after the last night.
REST = "rest"
# Nights after its own on which a delayed day, late rows or a repeated file come.
DELAY = 2
_LATE_SHARE, _FIRST_SHARE = 0.1, 0.6
_REFUNDS = 4
_AHEAD = timedelta(days=400)
_EPOCH = date(1970, 1, 1)


@dataclass(frozen=True)
class Feed:
    """A table that arrives daily.

    Attributes:
        table: Its entry in the sources YAML.
        header: Names of its raw columns, in the order of the files.
    """

    table: SourceTable
    header: tuple[str, ...]

    @property
    def _day_at(self) -> int:
        return self.header.index(str(self.table.event_time))

    @property
    def id_at(self) -> int:
        """Place of the customer id."""
        return self.header.index(str(self.table.id_column))

    @property
    def amounts_at(self) -> tuple[int, ...]:
        """Places of the amounts of money."""
        return tuple(place for place, name in enumerate(self.header) if name in AMOUNTS)

    @property
    def kind_at(self) -> int | None:
        """Place of the kind of event; None if the table has no kinds."""
        name = self.table.covered_by
        return self.header.index(name) if name else None

    def file_name(self, day: date) -> str:
        """Return the name of a day's file."""
        own = "*.csv" not in self.table.files
        return f"{self.table.name}_{day}.csv" if own else f"{day}.csv"

    def day_of(self, row: str) -> date:
        """Return the day of a row."""
        text = row.split(",")[self._day_at]
        if text[4] != "-":
            return date(int(text[:4]), int(text[4:6]), int(text[6:8]))
        return date.fromisoformat(text[:10])

    def moved(self, row: str, day: date) -> str:
        """Return a row with another day and the same time."""
        text = row.split(",")[self._day_at]
        moved = f"{day:%Y%m%d}" if text[4] != "-" else f"{day}{text[10:]}"
        return self.changed(row, {self._day_at: moved})

    def changed(self, row: str, values: Mapping[int, str]) -> str:
        """Return a row with other values at some places."""
        parts = row.split(",")
        for place, value in values.items():
            parts[place] = value
        return ",".join(parts)


@dataclass(frozen=True)
class Planted:
    """Something that was made to go wrong.

    Attributes:
        mishap: What, a name of `MISHAPS`.
        kind: Which of its kinds.
        table: Table of the rows.
        night: Night on which it is seen first.
        day: Day of the rows.
        rows: Rows as they arrive: wrong ones, late ones, or those that never come.
        instead_of: The true rows that they replace or come after; empty for rows that are made up.
        arrives: Night on which the true rows are there; None for never.
    """

    mishap: str
    kind: str
    table: str
    night: date
    day: date
    rows: tuple[str, ...]
    instead_of: tuple[str, ...] = ()
    arrives: date | None = None


@dataclass
class Delivery:
    """A file that arrives on a night."""

    night: date
    feed: Feed
    name: str
    rows: list[str]

    def write(self, folder: Path) -> None:
        """Write the file."""
        lines = [",".join(self.feed.header), *self.rows]
        (folder / self.name).write_text("\n".join(lines) + "\n")


@dataclass(frozen=True)
class NightOptions:
    """What nights to make.

    Attributes:
        nights: How many, up to the last day of the demo or of what is before the rest.
        mishaps: Names of `MISHAPS`.
        seed: Fixes what is hit.
        rest: Days after the last night, in which the outcomes of the nights show; they come in a
            folder of their own, and only ids go on being wrong in them.
        with_map: Whether the map of ids tells, on the night of a merge, who has become whom.
    """

    nights: int
    mishaps: tuple[str, ...] = ()
    seed: int = 1
    rest: int = 0
    with_map: bool = False


@dataclass(frozen=True)
class Nights:
    """A demo cut into nights.

    Attributes:
        raw_dir: Folder of the demo's raw files.
        first: Day of the first night.
        last: Day of the last night; without a rest, the last one with events.
        feeds: Table → feed.
        history: File → rows from before the first night, with the header first.
        true_rows: Table → day → the rows of the raw files, from the first night on.
        deliveries: What arrives, by night and name.
        planted: What went wrong.
        hit: Days on which it did.
        with_map: Whether a file of the map of ids comes with a merge.
        rest: Days after the last night that arrive as well.
    """

    raw_dir: Path
    first: date
    last: date
    feeds: Mapping[str, Feed]
    history: Mapping[str, list[str]]
    true_rows: Mapping[str, Mapping[date, list[str]]]
    deliveries: list[Delivery] = field(default_factory=list)
    planted: list[Planted] = field(default_factory=list)
    hit: set[date] = field(default_factory=set)
    with_map: bool = False
    rest: int = 0

    def identities(self) -> list[tuple[str, str, date]]:
        """Return rows of the map of ids: an id that has become another customer's, and since when.

        It is what cures a merge: from the cut-off after that night on, both are one customer.
        """
        found: dict[tuple[str, str], date] = {}
        for planted in self.planted:
            if planted.kind == "merged":
                place = self.feeds[planted.table].id_at
                for wrong, right in zip(planted.rows, planted.instead_of, strict=True):
                    ids = right.split(",")[place], wrong.split(",")[place]
                    day = self.feeds[planted.table].day_of(right)
                    found[ids] = min(day, found.get(ids, day))
        return sorted((*ids, day) for ids, day in found.items())

    def days(self) -> list[date]:
        """All nights, each named by the day whose rows it should bring."""
        return [self.first + timedelta(n) for n in range((self.last - self.first).days + 1)]

    def write(self, folder: Path) -> Iterator[tuple[str, Path]]:
        """Write the history, then night after night; yield each name and folder once it is there.

        A folder holds only what arrived that night; a night without files has an empty one. The
        rest comes last, if there is one.
        """
        empty_folder(folder)
        names = [HISTORY, *map(str, self.days()), *([REST] if self.rest else [])]
        for name in names:
            part = folder / name
            part.mkdir()
            shutil.copyfile(self.raw_dir / MARKER, part / MARKER)
            if name == HISTORY:
                self._history_into(part)
            for delivery in self.deliveries:
                if name == (REST if delivery.night > self.last else str(delivery.night)):
                    delivery.write(part)
            told = [row for row in self.identities() if self.with_map and str(row[2]) == name]
            if told:
                lines = ["id,customer_id,known_from", *(",".join(map(str, row)) for row in told)]
                (part / f"identities_{name}.csv").write_text("\n".join(lines) + "\n")
            yield name, part

    def _history_into(self, folder: Path) -> None:
        for name, lines in self.history.items():
            (folder / name).write_text("\n".join(lines) + "\n")


def make_nights(domain: str, raw_dir: Path, options: NightOptions) -> Nights:
    """Cut a demo's raw files into nights, and plant what goes wrong.

    Args:
        domain: Domain of the files.
        raw_dir: Folder of the demo.
        options: How many nights, and what goes wrong.

    Raises:
        ChurnError: There is no demo, a mishap is unknown, or the nights are too few.
    """
    if not (raw_dir / MARKER).is_file():
        raise ChurnError(
            "There is no demo to cut into nights.", where=str(raw_dir), hint="Run churn demo first."
        )
    unknown = [name for name in options.mishaps if name not in MISHAPS]
    if unknown:
        raise ChurnError(
            f"There is no mishap {unknown[0]!r}.", hint=f"Choose from {', '.join(MISHAPS)}."
        )
    nights = _cut(domain, raw_dir, options.nights, options.rest)
    nights = replace(nights, with_map=options.with_map)
    of_kind = {kind: name for name in options.mishaps for kind in MISHAPS[name]}
    # the first night stays as it is, and what is late still arrives by the last one
    free = nights.days()[1 : -DELAY or None]
    if len(free) < len(of_kind):
        raise ChurnError(
            f"{options.nights} nights are too few for what should go wrong.",
            hint=f"Ask for {len(of_kind) + DELAY + 1} or more, or for less to go wrong.",
        )
    rng = np.random.default_rng(options.seed)
    kinds = [kind for kind in _PLANTS if kind in of_kind]
    # a day has one mishap, so that the record of one is not changed by the next
    hit = [free[place] for place in rng.choice(len(free), len(kinds), replace=False)]
    nights.hit.update(hit)
    for kind, night in zip(kinds, hit, strict=True):
        found = list(_PLANTS[kind](nights, night, rng))
        if not found:
            raise ChurnError(
                f"The demo has no rows for {of_kind[kind]} ({kind}) on {night}.",
                hint="Make a larger demo, or choose another seed.",
            )
        nights.planted.extend(replace(one, mishap=of_kind[kind], kind=kind) for one in found)
    nights.deliveries.sort(key=lambda one: (one.night, one.name))
    return nights


def _cut(domain: str, raw_dir: Path, count: int, rest: int) -> Nights:
    """Every row where it belongs: the history, or the file of its day."""
    if count < 1 or rest < 0:
        raise ChurnError(
            f"{count} nights and {rest} days after them cannot be made.",
            hint="Ask for 1 night or more.",
        )
    tables = source_tables(domain)
    feeds: dict[str, Feed] = {}
    dated: list[tuple[str, Feed, list[str], list[date]]] = []
    history: dict[str, list[str]] = {}
    for path in sorted(raw_dir.glob("*.csv")):
        header, *rows = path.read_text().splitlines()
        table = next(t for t in tables if _is_of(t, path.name))
        if table.event_time is None or table.history != "append_only":
            history[path.name] = [header, *rows]
            continue
        feed = feeds.setdefault(table.name, Feed(table, tuple(header.split(","))))
        dated.append((path.name, feed, rows, [feed.day_of(row) for row in rows]))
    last = min(
        max(max(days) for _, other, _, days in dated if other is feed and days)
        for feed in feeds.values()
    )
    last -= timedelta(days=rest)
    first = last - timedelta(days=count - 1)
    true_rows: dict[str, dict[date, list[str]]] = {name: defaultdict(list) for name in feeds}
    for name, feed, rows, days in dated:
        before = [row for row, day in zip(rows, days, strict=True) if day < first]
        if before:
            history[name] = [",".join(feed.header), *before]
        for row, day in zip(rows, days, strict=True):
            if first <= day:
                true_rows[feed.table.name][day].append(row)
    nights = Nights(raw_dir, first, last, feeds, history, true_rows, rest=rest)
    after = [last + timedelta(days=n) for n in range(1, rest + 1)]
    for feed in feeds.values():
        for day in (*nights.days(), *after):
            rows = true_rows[feed.table.name].get(day, [])
            nights.deliveries.append(Delivery(day, feed, feed.file_name(day), list(rows)))
    return nights


def _is_of(table: SourceTable, name: str) -> bool:
    return any(Path(name).match(pattern) for pattern in table.files)


def _delivery(nights: Nights, feed: Feed, night: date) -> Delivery:
    return next(d for d in nights.deliveries if d.feed is feed and d.name == feed.file_name(night))


def _any(nights: Nights, night: date, rng: np.random.Generator) -> Delivery:
    """A day's file of one of the feeds that have rows on it."""
    there = [_delivery(nights, feed, night) for feed in nights.feeds.values()]
    full = [one for one in there if one.rows] or there
    return full[int(rng.integers(len(full)))]


def _paid(nights: Nights) -> Feed:
    """The feed that holds money."""
    return next(feed for feed in nights.feeds.values() if feed.amounts_at)


def _later(night: date) -> date:
    return night + timedelta(days=DELAY)


def _never(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """A day's file is lost."""
    lost = _any(nights, night, rng)
    nights.deliveries.remove(lost)
    yield Planted("", "", lost.feed.table.name, night, night, tuple(lost.rows))


def _delayed(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """A day's file comes some nights later, under its own name."""
    late = _any(nights, night, rng)
    late.night = _later(night)
    rows = tuple(late.rows)
    yield Planted("", "", late.feed.table.name, night, night, rows, rows, late.night)


def _late_rows(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """Some rows of a day come within the file of a later day."""
    here = _any(nights, night, rng)
    # not within a file that something else happens to
    days = [d for d in nights.days() if d >= _later(night) and d not in nights.hit]
    if days:
        there = _delivery(nights, here.feed, days[0])
    else:
        name = here.name.replace(".csv", "-late.csv")
        there = Delivery(nights.last, here.feed, name, [])
        nights.deliveries.append(there)
    count = max(1, round(_LATE_SHARE * len(here.rows)))
    places = set(rng.choice(len(here.rows), min(count, len(here.rows)), replace=False).tolist())
    late = tuple(row for place, row in enumerate(here.rows) if place in places)
    here.rows = [row for place, row in enumerate(here.rows) if place not in places]
    there.rows = [*there.rows, *late]
    yield Planted("", "", here.feed.table.name, night, night, late, late, there.night)


def _stray(day_of: Callable[[date], date]) -> "Plant":
    """One row more, of a customer who is there, with a day far away."""

    def plant(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
        here = _any(nights, night, rng)
        feed = here.feed
        stray = feed.moved(here.rows[int(rng.integers(len(here.rows)))], day_of(night))
        here.rows = [*here.rows, stray]
        yield Planted("", "", feed.table.name, night, day_of(night), (stray,))

    return plant


def _refunds(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """Newest payments are given back: by an event of its own, or a negative amount."""
    feed = _paid(nights)
    here = _delivery(nights, feed, night)
    price = feed.amounts_at[-1]
    paid = next(
        (found for day in _days_before(nights, night) if (found := _sales(nights, feed, day))), []
    )
    chosen = [paid[place] for place in sorted(rng.permutation(len(paid))[:_REFUNDS].tolist())]
    for number, row in enumerate(chosen):
        values = {price: f"-{row.split(',')[price]}"}
        if feed.kind_at is not None and number % 2 == 0:
            values = {feed.kind_at: REFUND}
        back = feed.changed(feed.moved(row, night), values)
        here.rows = [*here.rows, back]
        yield Planted("", "", feed.table.name, night, night, (back,), (row,), night)


def _days_before(nights: Nights, night: date) -> Iterator[date]:
    """The nights before one, newest first."""
    return (day for day in reversed(nights.days()) if day < night)


def _sales(nights: Nights, feed: Feed, day: date) -> list[str]:
    """The rows of a day in which money was paid."""
    return [
        row
        for row in _delivery(nights, feed, day).rows
        if (parts := row.split(","))
        and (feed.kind_at is None or parts[feed.kind_at] == ORDER)
        and float(parts[feed.amounts_at[-1]] or 0) > 0
    ]


def _twice(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """A day's file comes again some nights later: the same bytes under another name."""
    first = _any(nights, night, rng)
    name = first.name.replace(".csv", "-copy.csv")
    again = Delivery(_later(night), first.feed, name, list(first.rows))
    nights.deliveries.append(again)
    rows = tuple(first.rows)
    yield Planted("", "", first.feed.table.name, again.night, night, rows, rows, night)


def _resent(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """A day's file comes in part, and whole some nights later under the same name."""
    whole = _any(nights, night, rng)
    cut = round(_FIRST_SHARE * len(whole.rows))
    nights.deliveries.append(Delivery(night, whole.feed, whole.name, whole.rows[:cut]))
    missing = tuple(whole.rows[cut:])
    whole.night = _later(night)
    yield Planted("", "", whole.feed.table.name, night, night, missing, missing, whole.night)


def _currency(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """All amounts of a day are a hundred times too high."""
    feed = _paid(nights)
    here = _delivery(nights, feed, night)
    before = tuple(here.rows)
    here.rows = [_times_hundred(feed, row) for row in before]
    yield Planted("", "", feed.table.name, night, night, tuple(here.rows), before)


def _times_hundred(feed: Feed, row: str) -> str:
    parts = row.split(",")
    return feed.changed(
        row,
        {
            place: f"{100 * float(parts[place]):.{len(parts[place].partition('.')[2])}f}"
            for place in feed.amounts_at
            if parts[place]
        },
    )


def _merge(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """Two customers become one: from this night on one of them has the other's id, everywhere."""
    feed = _paid(nights)
    ids = sorted({row.split(",")[feed.id_at] for row in _delivery(nights, feed, night).rows})
    if len(ids) < 2:
        return
    kept, gone = (ids[place] for place in rng.choice(len(ids), 2, replace=False))
    yield from _spelled(
        nights, lambda day: day >= night, lambda name: kept if name == gone else name
    )


def _respelled(nights: Nights, night: date, rng: np.random.Generator) -> Iterator[Planted]:
    """The ids of a day come as floating-point numbers, or with a blank if they have letters."""
    yield from _spelled(
        nights, lambda day: day == night, lambda name: f"{name}.0" if name.isdigit() else f" {name}"
    )


def _spelled(
    nights: Nights, is_hit: Callable[[date], bool], spelling: Callable[[str], str]
) -> Iterator[Planted]:
    for delivery in nights.deliveries:
        feed = delivery.feed
        changed, before = [], []
        for place, row in enumerate(delivery.rows):
            if not is_hit(feed.day_of(row)):
                continue
            name = row.split(",")[feed.id_at]
            if (other := spelling(name)) != name:
                delivery.rows[place] = feed.changed(row, {feed.id_at: other})
                changed.append(delivery.rows[place])
                before.append(row)
        if changed:
            day = feed.day_of(before[0])
            yield Planted(
                "", "", feed.table.name, delivery.night, day, tuple(changed), tuple(before)
            )


Plant = Callable[[Nights, date, np.random.Generator], Iterable[Planted]]
# In the order in which they are planted: values first, then which files hold them and when.
_PLANTS: dict[str, Plant] = {
    "merged": _merge,
    "refund": _refunds,
    "respelled": _respelled,
    "hundredfold": _currency,
    "ahead": _stray(lambda night: night + _AHEAD),
    "behind": _stray(lambda _: _EPOCH),
    "resent": _resent,
    "delayed": _delayed,
    "twice": _twice,
    "never": _never,
    "rows": _late_rows,
}
# What can go wrong → its kinds.
MISHAPS: dict[str, tuple[str, ...]] = {
    "gap": ("never", "delayed"),
    "late": ("rows",),
    "future": ("ahead", "behind"),
    "refunds": ("refund",),
    "double": ("twice", "resent"),
    "currency": ("hundredfold",),
    "ids": ("merged", "respelled"),
}
