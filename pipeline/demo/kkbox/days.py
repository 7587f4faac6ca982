"""The months the demo spans."""

import numpy as np

from pipeline.demo.arrays import Days, Whole, day

FIRST_DAY = day("2015-01-01")
LAST_DAY = day("2017-03-31")
NEVER = day("2099-01-01")

# Month 0 is January 2015. The table runs on for expiries of the longest plans.
_STARTS = np.arange("2015-01", "2022-01", dtype="datetime64[M]").astype("datetime64[D]")
MONTH_START: Days = _STARTS.astype(np.int32)
MONTH_DAYS: Whole = np.diff(MONTH_START)
WRITTEN_MONTHS = 27  # 2015-01 … 2017-03
APRIL_2017 = 27  # simulated, since the March labels need its payments, and never written

_MONTH_OF: Whole = np.repeat(np.arange(len(MONTH_DAYS), dtype=np.int32), MONTH_DAYS)


def month_of(days: Days) -> Whole:
    """Return the month number of days from 2015-01-01 on."""
    return _MONTH_OF[days - FIRST_DAY]


def day_of_month(days: Days) -> Whole:
    """Return 1…31."""
    return days - MONTH_START[month_of(days)] + 1


def months_later(days: Days, anchor: Whole, months: int) -> Days:
    """Move to day `anchor` of a later month, or to that month's last day if it is shorter."""
    month = month_of(days) + months
    return MONTH_START[month] + np.minimum(anchor, MONTH_DAYS[month]) - 1


def as_yyyymmdd(days: Days) -> Whole:
    """Write days as the raw files do: the integer YYYYMMDD."""
    dates = days.astype("datetime64[D]")
    starts = dates.astype("datetime64[M]")
    months = starts.astype(np.int64)
    in_month = (dates - starts).astype(np.int64) + 1
    written: Whole = (1970 + months // 12) * 10_000 + (months % 12 + 1) * 100 + in_month
    return written.astype(np.int32)
