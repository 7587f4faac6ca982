"""Listening day by day: who listens on which day, and the log rows of a month.

Listening comes first and lapses follow it: how much a member listens changes by itself (habits
drift, some fall silent), and the lapse probability reads the days as they were logged.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.demo.arrays import Days, Flags, Real, Rows, Whole
from pipeline.demo.kkbox.days import MONTH_DAYS, MONTH_START
from pipeline.demo.kkbox.population import Population

# Days from one month to the next: habits drift slowly, silence comes suddenly and may end.
_DRIFT_KEEPS, _DRIFT_SD = 0.80, 0.45
_FALLS_SILENT, _SPEAKS_AGAIN = 0.040, 0.20
_SLIDES, _SLIDE = 0.035, -2.4
_WITHOUT_MEMBERSHIP = 0.15

# Seconds a day: median 4,583, 99th percentile 43,806.
_SECONDS_MEDIAN, _SECONDS_SD = 4_610.0, 0.97
_SONG_SECONDS = np.float32(245.0)
_PARTLY_PLAYED = (0.21, 0.052, 0.032, 0.036)  # num_25, num_50, num_75, num_985 a full song
_BETWEEN_MEMBERS = 0.45  # share of the variance of log seconds that lies between members

# Out of 392,106,543 log rows.
_NEGATIVE = 61_493 / 392e6
_OVER_A_DAY = 142_993 / 392e6
_DUPLICATED = 286_404 / 392e6
LEAST_SECONDS = -9_223_372_036_854_775.0  # the least value of the real files, written once
_MONTH_OF_LEAST = 4

Real32 = NDArray[np.float32]


@dataclass(frozen=True)
class LogRows:
    """Log rows of one month; `member` counts into the population."""

    member: Rows
    on: Days
    counts: NDArray[np.int32]
    seconds: Real


class Listening:
    """The habits of every member and the days on which they listened."""

    def __init__(self, people: Population, rng: np.random.Generator) -> None:
        n = len(people)
        self.people, self.rng = people, rng
        self.drift = rng.normal(0.0, _DRIFT_SD / np.sqrt(1 - _DRIFT_KEEPS**2), n)
        self.slide = np.zeros(n)
        self.silent = rng.random(n) < _FALLS_SILENT / (_FALLS_SILENT + _SPEAKS_AGAIN)
        between = _SECONDS_SD * np.sqrt(_BETWEEN_MEMBERS)
        self.level = rng.normal(np.log(_SECONDS_MEDIAN), between, n).astype(np.float32)
        self.weekend = rng.normal(0.0, 0.5, n)
        self.last_month: Flags = np.zeros((n, 31), dtype=np.bool_)
        self.month_before: Flags = np.zeros((n, 31), dtype=np.bool_)

    def active_days(self) -> tuple[Whole, Whole]:
        """Return days with a row in the last 28 days and in the 28 days before those."""
        days = np.concatenate((self.month_before, self.last_month), axis=1)
        recent = days[:, -28:].sum(axis=1)
        before = days[:, -56:-28].sum(axis=1)
        return recent.astype(np.int32), before.astype(np.int32)

    def run_month(self, month: int, covered: Flags) -> LogRows:
        """Draw who listens on which day of a month, and the rows of those days.

        Args:
            month: Month number, 0 for January 2015.
            covered: Whether the membership runs, one row a member, one column a day.
        """
        rng, people, n = self.rng, self.people, len(self.people)
        length = int(MONTH_DAYS[month])
        days = np.arange(MONTH_START[month], MONTH_START[month] + length, dtype=np.int32)

        self.drift = _DRIFT_KEEPS * self.drift + rng.normal(0.0, _DRIFT_SD, n)
        self.slide = np.where(rng.random(n) < _SLIDES, _SLIDE, 0.75 * self.slide)
        turn = rng.random(n)
        self.silent = np.where(self.silent, turn >= _SPEAKS_AGAIN, turn < _FALLS_SILENT)

        habit = people.habit + self.drift + self.slide - 4.5 * self.silent
        is_weekend = ((days + 3) % 7) >= 5  # 1970-01-01 was a Thursday
        score = (habit[:, None] + self.weekend[:, None] * is_weekend[None, :]).astype(np.float32)
        chance = 1.0 / (1.0 + np.exp(-score))
        chance *= np.where(covered[:, :length], 1.0, _WITHOUT_MEMBERSHIP).astype(np.float32)
        chance *= people.has_logs[:, None] & (days[None, :] >= people.registered_on[:, None])
        active = rng.random((n, length), dtype=np.float32) < chance

        self.month_before, self.last_month = self.last_month, active
        member, at = np.nonzero(active)
        return self._rows(member, days[at], month)

    def _rows(self, member: Rows, on: Days, month: int) -> LogRows:
        """Draw the values of the rows, data errors included."""
        rng = self.rng
        doubled = np.flatnonzero(rng.random(len(member)) < _DUPLICATED)
        copies = len(member) + np.arange(len(doubled))
        member = np.concatenate((member, member[doubled]))
        on = np.concatenate((on, on[doubled]))

        played = self._seconds(member)
        counts = self._counts(played)
        seconds = np.asarray(np.round(played.astype(np.float64), 3), dtype=np.float64)
        self._misstate(seconds)
        if month == _MONTH_OF_LEAST and len(seconds):
            seconds[len(seconds) // 2] = LEAST_SECONDS
        # Half of the doubled days repeat the row exactly, the others differ in what they count.
        counts[copies[::2]], seconds[copies[::2]] = counts[doubled[::2]], seconds[doubled[::2]]
        return LogRows(member=member, on=on, counts=counts, seconds=seconds)

    def _seconds(self, member: Rows) -> Real32:
        """Draw seconds played, all of them possible."""
        spread = np.float32(_SECONDS_SD * np.sqrt(1 - _BETWEEN_MEMBERS))
        noise = self.rng.standard_normal(len(member), dtype=np.float32)
        seconds: Real32 = np.exp(self.level[member] + spread * noise)
        too_long = seconds > 80_000
        draw = self.rng.random(int(too_long.sum()), dtype=np.float32)
        seconds[too_long] = 40_000 + 46_000 * draw
        return seconds

    def _counts(self, seconds: Real32) -> NDArray[np.int32]:
        """Draw songs by how much of them was played, and how many different ones."""
        rng, rows = self.rng, len(seconds)
        songs = seconds / _SONG_SECONDS * (0.75 + 0.4 * rng.random(rows, dtype=np.float32))
        counts = np.empty((rows, 6), dtype=np.int32)
        for column, share in enumerate(_PARTLY_PLAYED):
            exponential = rng.standard_exponential(rows, dtype=np.float32)
            counts[:, column] = (songs + 2) * np.float32(share) * exponential
        counts[:, 4] = songs + rng.random(rows, dtype=np.float32)
        variety = 0.62 + 0.38 * rng.random(rows, dtype=np.float32)
        counts[:, 5] = np.maximum(counts[:, :5].sum(axis=1) * variety, 1)
        return counts

    def _misstate(self, seconds: Real) -> None:
        """Make some totals negative and some longer than a day."""
        lie = self.rng.random(len(seconds))
        negative, over = lie < _NEGATIVE, lie > 1 - _OVER_A_DAY
        size = self.rng.random(int(negative.sum())) ** 3
        seconds[negative] = -np.round(9.2e15 * size, 3)
        days = 1 + self.rng.exponential(1.5, int(over.sum()))
        seconds[over] = np.round(86_400 * days, 3)
