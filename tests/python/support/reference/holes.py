"""Which days of a feed are holes, what is known, and which windows are whole: in plain Python.

A feed is rows by day; a day that is not named has none.
"""

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import pairwise, takewhile
from statistics import median

Feed = Mapping[date, int]
DAY = timedelta(days=1)


def span(first: date, days: int) -> list[date]:
    """So many days from the first on."""
    return [first + n * DAY for n in range(days)]


def is_far_below(count: int, expected: float, share: float) -> bool:
    """Below a share of it, and P(X <= count) < 1e-6 for a Poisson X with that mean."""
    chance = sum(
        math.exp(k * math.log(expected) - expected - math.lgamma(k + 1)) if expected else k == 0
        for k in range(count + 1)
    )
    return count < share * expected and chance < 1e-6


def expected_on(feed: Feed, day: date) -> float | None:
    """Median of the same weekday in the last eight weeks with rows; None with under four."""
    first = min(feed)
    weeks = []
    past = day - 7 * DAY
    while past >= first and len(weeks) < 8:
        if any(feed.get(one) for one in span(past, 7)):
            weeks.append(feed.get(past, 0))
        past -= 7 * DAY
    return median(weeks) if len(weeks) >= 4 else None


def is_full(feed: Feed, expected: Mapping[date, float | None], day: date) -> bool:
    """A day with rows, not fewer than a fifth of what was expected."""
    usual = expected[day]
    return bool(feed.get(day)) and (usual is None or feed[day] >= 0.2 * usual)


@dataclass
class Judged:
    """A feed's days, judged.

    Attributes:
        thin: Days that end a stretch far below the usual, by the stretch's days: 1, 7 or 28.
        holes: First cut-off that can tell, by the day that is a hole.
        starts: First cut-off that can tell, by the day from which the record goes on.
    """

    thin: dict[int, set[date]]
    holes: dict[date, date]
    starts: dict[date, date]
    feed: Feed

    def is_whole(self, day: date) -> bool:
        """The day goes on with the record."""
        return bool(self.feed.get(day)) and not any(day in days for days in self.thin.values())


def judge(feed: Feed) -> Judged:
    """Judge every day of a feed by the days before it."""
    days = span(min(feed), (max(feed) - min(feed)).days + 1)
    expected = {day: expected_on(feed, day) for day in days}
    thin: dict[int, set[date]] = {1: set(), 7: set(), 28: set()}
    holes: dict[date, date] = {}
    for day in days:
        for length, share in ((1, 0.2), (7, 0.1), (28, 0.1)):
            stretch = [one for one in span(day - (length - 1) * DAY, length) if one in expected]
            usual = [expected[one] for one in stretch]
            if len(stretch) == length and None not in usual:
                rows = sum(feed.get(one, 0) for one in stretch)
                if is_far_below(rows, sum(usual), share):  # type: ignore[arg-type]
                    thin[length].add(day)
            if length == 28:
                there = sum(bool(feed.get(one)) for one in stretch)
                if is_far_below(there, sum(bool(one) for one in usual), share):
                    thin[length].add(day)
            if day in thin[length]:
                for one in takewhile(lambda one: not is_full(feed, expected, one), stretch[::-1]):
                    holes[one] = min(holes.get(one, date.max), day + DAY)
    starts = {days[0]: days[0]}
    for last, first in pairwise(sorted(day for day, rows in feed.items() if rows)):
        before = {day: rows for day, rows in feed.items() if rows and day <= last}
        after = sum(feed.get(day, 0) for day in span(first, 28))
        is_stray = is_far_below(sum(before.values()), after, 0.2) or (
            (first - last).days > 365 and len(before) < 28
        )
        if (first - last).days > 28 and is_stray:
            starts[first] = first + 28 * DAY
    return Judged(thin, holes, starts, feed)


def known_before(
    judged: Judged, explained: Collection[date], memory_days: int, settle_days: int
) -> tuple[date, list[date]]:
    """The knowledge cut-off of an anchor, and its holes without a reason."""

    def holes_in(cut_off: date, days: int) -> int:
        return sum(cut_off - days * DAY <= hole < cut_off for hole in unsure)

    whole = [
        day
        for day, rows in judged.feed.items()
        if judged.is_whole(day) or (rows and day in judged.holes and day in explained)
    ]
    unsure = [day for day in judged.holes if day not in explained]
    end = max(whole) + DAY
    candidates = [end, *(day for day in unsure if day < end)]
    return (
        max(
            day
            for day in candidates
            if not holes_in(day, settle_days) and holes_in(day, memory_days) <= memory_days // 30
        ),
        sorted(unsure),
    )


def record_before(judged: Judged, cut_off: date) -> tuple[date, date] | None:
    """First day of the record as told at a cut-off, and the day after its last whole one."""
    starts = [day for day, told in judged.starts.items() if day < cut_off and told <= cut_off]
    if not starts:
        return None
    whole = [day for day in judged.feed if max(starts) <= day < cut_off and judged.is_whole(day)]
    return (max(starts), max(whole) + DAY) if whole else None
