"""The rules: each judges a small table of figures and returns what is wrong."""

from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

from scipy.special import pdtr

from pipeline.alerts.trouble import DRIFT, FRESHNESS, QUALITY, VANISHED, VOLUME, Trouble
from pipeline.project.alert_settings import AlertRules

# A count so low happens by chance, at a steady rate, on fewer days than this share.
_CHANCE = 1e-6
# The days before the newest ones that say what is usual.
USUAL_DAYS = 28
_NAMED = 5


class DayCount(NamedTuple):
    """Rows of a table on a day.

    Attributes:
        table: Table.
        day: Day.
        rows: Its rows.
        expected: Rows if it were like the days before it; None where nothing is expected.
        is_hole: Missing, by itself or with the days around it.
        is_explained: Missing for a reason that somebody gave.
    """

    table: str
    day: date
    rows: int
    expected: float | None
    is_hole: bool = False
    is_explained: bool = False


class ValueCount(NamedTuple):
    """Rows of a value in a column.

    Attributes:
        table: Table.
        column: Column.
        value: Value.
        usual: Its rows in the `USUAL_DAYS` before the newest days.
        newest: Its rows in the newest days.
    """

    table: str
    column: str
    value: str
    usual: int
    newest: int


def is_far_fewer(rows: float, expected: float | None, share: float) -> bool:
    """Whether rows are below a share of what is expected, and hardly by chance.

    Args:
        rows: Rows.
        expected: Rows that were expected; nothing is far fewer than None.
        share: Share.
    """
    if expected is None or rows >= share * expected:
        return False
    return bool(pdtr(rows, expected) < _CHANCE)


def old_tables(
    domain: str, last_days: Mapping[str, date], today: date, rules: AlertRules
) -> list[Trouble]:
    """Judge freshness.

    Args:
        domain: Domain.
        last_days: Table → its newest day with rows.
        today: The day it is.
        rules: The domain's rules.
    """
    return [
        Trouble(
            domain,
            FRESHNESS,
            table,
            f"{table} ends on {last}, {(today - last).days:,} days before today; "
            f"{rules.freshness_days} are allowed.",
        )
        for table, last in sorted(last_days.items())
        if (today - last).days > rules.freshness_days
    ]


def thin_days(domain: str, days: Iterable[DayCount], rules: AlertRules) -> list[Trouble]:
    """Judge volume: days among the newest of each table with far fewer rows than usual, or none.

    Args:
        domain: Domain.
        days: Days of any tables; of each, the newest `volume_days` before its last are judged,
            and holes in the `USUAL_DAYS` before it.
        rules: The domain's rules.
    """
    by_table: dict[str, list[DayCount]] = {}
    for one in days:
        by_table.setdefault(one.table, []).append(one)
    found = []
    for table, counts in sorted(by_table.items()):
        last = max(one.day for one in counts)
        thin = sorted(one for one in counts if _is_thin(one, last, rules))
        if thin:
            told = "; ".join(map(_in_words, thin[-_NAMED:]))
            more = f"; and {len(thin) - _NAMED} more days" if len(thin) > _NAMED else ""
            found.append(Trouble(domain, VOLUME, table, f"{table} lacks rows: {told}{more}."))
    return found


def _is_thin(one: DayCount, last: date, rules: AlertRules) -> bool:
    if one.is_explained:
        return False
    age = (last - one.day) / timedelta(days=1)
    if one.is_hole:
        return age < USUAL_DAYS
    return age < rules.volume_days and is_far_fewer(one.rows, one.expected, rules.volume_share)


def _in_words(one: DayCount) -> str:
    usual = f", usually about {one.expected:,.0f}" if one.expected else ""
    return f"{one.day} has {one.rows or 'none'}{usual}"


def vanished_values(
    domain: str,
    counts: Iterable[ValueCount],
    rows: Mapping[str, tuple[int, int]],
    rules: AlertRules,
) -> list[Trouble]:
    """Judge values that stopped coming, where enough of them were to be expected.

    What is expected is the value's usual share of the newest rows: a table whose rows are missing
    is not a table without a brand.

    Args:
        domain: Domain.
        counts: Values of the columns of `rules.vanishing`.
        rows: Table → its rows in the usual days and in the newest.
        rules: The domain's rules.
    """
    found = []
    for one in sorted(counts):
        usual, newest = rows[one.table]
        expected = one.usual / usual * newest if usual else 0.0
        if one.newest == 0 and pdtr(0, expected) < _CHANCE:
            found.append(
                Trouble(
                    domain,
                    VANISHED,
                    f"{one.table}.{one.column}={one.value}",
                    f"{one.column} {one.value} has not come in the newest {rules.vanishing_days} "
                    f"days of {one.table}; about {expected:,.0f} rows were to be expected.",
                )
            )
    return found


def poor_quality(
    domain: str,
    realised: Mapping[str, Any] | None,
    intervals: Mapping[str, tuple[float | None, float | None]],
    rules: AlertRules,
) -> list[Trouble]:
    """Judge published scores whose outcomes are known by the interval of the back-test.

    Args:
        domain: Domain.
        realised: The newest row of `bi_realised_quality`; None without any.
        intervals: Metric → ends of its interval in `bi_model_quality`.
        rules: The domain's rules.
    """
    if realised is None or realised["customers"] < rules.quality_customers:
        return []
    found = []
    for metric in rules.quality:
        low, high = intervals.get(metric, (None, None))
        value = realised[metric]
        if value is None or low is None or high is None:
            continue
        too_low = value < low and metric != "log_loss"
        too_high = value > high and metric != "auc"
        if too_low or too_high:
            found.append(
                Trouble(
                    domain,
                    QUALITY,
                    metric,
                    f"{metric} of the scores published for {realised['as_of_date']} is "
                    f"{value:.3f}; the back-test gave {low:.3f} to {high:.3f}.",
                )
            )
    return found


def strong_drift(
    domain: str, drift: Iterable[Mapping[str, Any]], rules: AlertRules
) -> list[Trouble]:
    """Judge drift by what it does to the model, not by how much a feature moved.

    Args:
        domain: Domain.
        drift: Rows of `bi_drift`: kind, subject, effect_log_odds.
        rules: The domain's rules.
    """
    named = {"score": "The mean score", "base_rate": "The churn rate of the newest cohort"}
    return [
        Trouble(
            domain,
            DRIFT,
            f"{row['kind']} {row['subject']}".strip(),
            f"{named.get(row['kind'], row['subject'])} has moved by {row['effect_log_odds']:+.2f} "
            "log-odds since the training; "
            f"{rules.drift_log_odds:g} are allowed.",
        )
        for row in drift
        if abs(row["effect_log_odds"]) >= rules.drift_log_odds
    ]
