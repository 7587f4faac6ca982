"""Windows [D - w, D), and when the record is long enough to fill one."""

from collections.abc import Iterable
from datetime import date, timedelta

from reference.worlds import Coverage


def back(cut_off: date, days: int) -> date:
    """First day of the window of so many days before the cut-off."""
    return cut_off - timedelta(days=days)


def covers(cover: Coverage | None, cut_off: date, days: int, until: int = 0, *, grace: int) -> bool:
    """The record has begun by the first day of [D - days, D - until), and reaches to its end.

    Of the window's days, not more than a thirtieth are holes.

    Args:
        cover: What is on record before the cut-off.
        cut_off: The cut-off D.
        days: Days from the window's first day to the cut-off.
        until: Days from its end to the cut-off.
        grace: A record may end so many days before the cut-off (`coverage_grace_days`); where a
            window ends earlier, all of it is asked for.
    """
    if cover is None:
        return False
    holes = [day for day in cover.holes if back(cut_off, days) <= day < back(cut_off, until)]
    return (
        cover.covered_from <= back(cut_off, days)
        and cover.covered_before >= back(cut_off, until or grace)
        and len(holes) <= (days - until) / 30
    )


def days_since(days: Iterable[date], cut_off: date) -> int | None:
    """Days from the latest of the days to the cut-off."""
    latest = max(days, default=None)
    return None if latest is None else (cut_off - latest).days
