"""The listening__ features of one member and cut-off, from their descriptions."""

from collections import defaultdict
from datetime import date
from typing import Any

from reference.exact import ratio, slope, spread, total, whole
from reference.kkbox_rows import LogRow
from reference.windows import back, covers, days_since
from reference.worlds import Coverage

SECONDS_A_DAY = 86_400
SATURDAY = 5
GRACE = 3  # coverage_grace_days


class Day:
    """One member's listening on one day, all log rows of the day together."""

    def __init__(self, rows: list[LogRow]):
        self.rows = len(rows)
        self.seconds = sum(whole(row.total_secs) for row in rows)
        self.skipped = total(row.num_25 for row in rows)
        self.completed = total(row.num_100 for row in rows)
        self.different = total(row.num_unq for row in rows)
        self.songs = sum(
            total((row.num_25, row.num_50, row.num_75, row.num_985, row.num_100)) for row in rows
        )
        # flaws are flaws of a row, before any rounding
        self.is_negative = any((row.total_secs or 0) < 0 for row in rows)
        self.is_over_a_day = any((row.total_secs or 0) > SECONDS_A_DAY for row in rows)


class Window(dict[date, Day]):
    """The days with a log row in [start, end)."""

    def __init__(self, logs: list[LogRow], start: date, end: date):
        rows = defaultdict(list)
        for row in logs:
            if start <= row.date < end:
                rows[row.date].append(row)
        super().__init__((day, Day(rows[day])) for day in rows)

    def total(self, measure: str) -> int:
        """Sum of a measure over the days."""
        return sum(getattr(day, measure) for day in self.values())


def listening(logs: list[LogRow], cut_off: date, cover: Coverage | None) -> dict[str, Any]:
    """Every listening__ feature; a covered window without a row is silence, not null."""
    last_7, last_14, last_28, last_90 = (
        Window(logs, back(cut_off, width), cut_off) for width in (7, 14, 28, 90)
    )
    before_28 = Window(logs, back(cut_off, 56), back(cut_off, 28))
    before_62 = Window(logs, back(cut_off, 90), back(cut_off, 28))
    ninety_days = [last_90.get(back(cut_off, days)) for days in range(90, 0, -1)]
    songs = last_28.total("songs")
    by_reach = {
        7: {
            "active_days_7d": len(last_7),
            "seconds_7d": last_7.total("seconds"),
        },
        14: {
            "active_days_14d": len(last_14),
        },
        28: {
            "active_days_28d": len(last_28),
            "seconds_28d": last_28.total("seconds"),
            "songs_28d": songs,
            "seconds_per_active_day_28d": ratio(last_28.total("seconds"), len(last_28)),
            "seconds_spread_28d": spread([day.seconds for day in last_28.values()]),
            "skip_share_28d": ratio(last_28.total("skipped"), songs),
            "completed_share_28d": ratio(last_28.total("completed"), songs),
            "different_share_28d": ratio(last_28.total("different"), songs),
            "weekend_share_28d": ratio(
                sum(day.weekday() >= SATURDAY for day in last_28), len(last_28)
            ),
        },
        56: {
            "active_days_change_28d": len(last_28) - len(before_28),
        },
        90: {
            "active_days_90d": len(last_90),
            "seconds_90d": last_90.total("seconds"),
            "is_silent_90d": not last_90,
            "days_since_last": days_since(last_90, cut_off),
            "active_days_to_own_past": ratio(len(last_28) * 62, len(before_62) * 28),
            "seconds_to_own_past": ratio(
                last_28.total("seconds") * 62, before_62.total("seconds") * 28
            ),
            "active_days_slope_90d": slope([0 if day is None else 1 for day in ninety_days]),
            "seconds_slope_90d": slope([0 if day is None else day.seconds for day in ninety_days]),
            "negative_days_90d": last_90.total("is_negative"),
            "over_a_day_days_90d": last_90.total("is_over_a_day"),
            "excess_rows_90d": last_90.total("rows") - len(last_90),
        },
    }
    return {
        f"listening__{name}": value if covers(cover, cut_off, reach, grace=GRACE) else None
        for reach, features in by_reach.items()
        for name, value in features.items()
    }


def active_days_last_year(logs: list[LogRow], cut_off: date, cover: Coverage | None) -> int | None:
    """Days with listening in the 28 days that end 365 days before the cut-off."""
    start, end = back(cut_off, 365 + 28), back(cut_off, 365)
    known = covers(cover, cut_off, 365 + 28, 365, grace=GRACE)
    return len(Window(logs, start, end)) if known else None
