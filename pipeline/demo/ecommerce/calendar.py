"""The days of the demo, and their effects on browsing and buying.

Everything here is known in advance: season, weekday and outages are part of the stated
probabilities, not hidden.
"""

import numpy as np

from pipeline.demo.arrays import Days, Flags, Real, Whole, day

FIRST_DAY = day("2018-02-01")
END = day("2020-05-01")  # the first day that is not written
DAYS = END - FIRST_DAY
HORIZON = 30  # days after a cut-off in which an order counts
SPAN = DAYS + HORIZON  # the last cut-off looks this far

_DATES = np.arange(FIRST_DAY, FIRST_DAY + SPAN).astype("datetime64[D]")
_MONTHS = _DATES.astype("datetime64[M]")
_MONDAY_IS_0 = (np.arange(FIRST_DAY, FIRST_DAY + SPAN) + 3) % 7  # 1970-01-01 was a Thursday
MONTH: Whole = (_MONTHS - _MONTHS[0]).astype(np.int32)  # 0 is February 2018; one entry a day
MONTHS = int(MONTH[DAYS - 1]) + 1

_NAMES = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

# Days as numbers from FIRST_DAY on, which is how the whole package counts them.
BROKEN_CARTS = (day("2019-10-01") - FIRST_DAY, day("2019-12-01") - FIRST_DAY)
REMAPPED = day("2019-12-01") - FIRST_DAY
_NOTHING_SOLD = ("2019-11-15", "2020-01-01", "2020-01-02", "2020-04-20", "2020-04-21")
_NEARLY_NOTHING = day("2020-02-27") - FIRST_DAY

# Share of each day that the log holds.
LOGGED: Real = np.ones(SPAN)
LOGGED[_NEARLY_NOTHING] = 0.1

NO_SALES: Flags = np.isin(
    np.arange(FIRST_DAY, FIRST_DAY + SPAN), [day(outage) for outage in _NOTHING_SOLD]
)

# Buying by calendar month, January first: of most customers, and of those who buy for the season.
_STEADY = np.array([0.92, 0.96, 1.0, 1.0, 1.02, 0.96, 0.87, 0.87, 1.0, 1.03, 1.18, 1.20])
_SEASONAL = np.array([0.55, 0.60, 0.75, 0.80, 0.80, 0.70, 0.50, 0.50, 0.80, 1.10, 2.50, 2.70])

# Monday first: the week of most customers, of weekend shoppers, of those who shop at work.
_WEEKS = np.array(
    [
        (1.00, 1.00, 1.00, 1.00, 1.05, 1.00, 0.95),
        (0.70, 0.70, 0.70, 0.75, 1.00, 1.70, 1.60),
        (1.20, 1.20, 1.20, 1.20, 1.10, 0.55, 0.55),
    ]
)
HABITS = len(_WEEKS)

_CALENDAR_MONTH = _MONTHS.astype(np.int64) % 12

# The season repeats and drifts: it grows stronger from the first day to the last, and beside it
# trade goes up and down once in fourteen months, by a tenth.
_STRENGTH = np.linspace(0.9, 1.15, SPAN)
_COURSE = np.exp(0.1 * np.sin(2 * np.pi * np.arange(SPAN) / 425))
_BY_WEEKDAY = (_WEEKS / _WEEKS.mean(axis=1, keepdims=True))[:, _MONDAY_IS_0]

# Habit, seasonal or not, day. On days without sales the last step to an order is barred besides.
BUYING: Real = (
    np.stack((_STEADY, _SEASONAL))[None, :, _CALENDAR_MONTH] ** _STRENGTH
    * _COURSE
    * _BY_WEEKDAY[:, None, :]
    * LOGGED
)
# Habit, day.
BROWSING: Real = np.sqrt(_STEADY)[_CALENDAR_MONTH] * _BY_WEEKDAY * LOGGED


def cut_offs() -> Days:
    """Return the cut-offs that have a truth: month starts and Mondays from 2018-05-01 on."""
    days = np.arange(SPAN, dtype=np.int32)
    month_starts = _MONTHS.astype("datetime64[D]") == _DATES
    asked = (month_starts | (_MONDAY_IS_0 == 0)) & (days >= day("2018-05-01") - FIRST_DAY)
    return np.asarray(days[asked & (days <= DAYS)])


def file_names() -> list[str]:
    """Return the name of each month's file: 2018-Feb.csv and so on."""
    months = [str(month).split("-") for month in np.unique(_MONTHS)[:MONTHS]]
    return [f"{year}-{_NAMES[int(month) - 1]}.csv" for year, month in months]
