"""Compares how many days after its end a membership that is not renewed has lapsed.

The kind counts 30; the comparison says what 30 makes of the periods, and what others would. A
cancellation that pulls the end earlier is not followed; a change that moves it is, from the start.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np

from ml.cohorts import Cohort, TooLittleDataError, choose_fits, is_on_grid
from pipeline.onboarding.definitions import FEW_COME_BACK, LATER_DAYS, USUAL, learning_settings

GAPS = (7, 15, 30, 60, 90)
# int_subscription__lapse_labels_derived
KIND_GAP = 30
_MONTH = 31


@dataclass(frozen=True)
class Lapse:
    """What a number of days makes of the periods.

    Attributes:
        gap_days: Days after the end without a renewal that are leaving.
        customers: Customers of the newest closed cohort: those whose membership ends in its month.
        churn_rate: Share of the customers of all closed cohorts that leave; None without one.
        come_back: Of those who left, the share that renewed in the 180 days after; None where no
            cohort was observed for so long.
        closed: Closed cohorts.
        fit: Cohorts that the first fit learns from; 0 if training is refused.
        refusal: Why it is; empty if it is not.
    """

    gap_days: int
    customers: int
    churn_rate: float | None
    come_back: float | None
    closed: int
    fit: int
    refusal: str = ""


def load_purchases(con: duckdb.DuckDBPyConnection, periods: str) -> None:
    """Make `purchases` from the rows of a staged shape: customer_id, transacted_on, expires_on.

    A row is a purchase; it expires as the last change before the next purchase says.

    Args:
        con: A session.
        periods: A query with customer_id, transacted_on, expires_on, is_cancel, is_change.
    """
    con.execute(
        f"""
        create or replace table purchases as
        with ordered as (
            select
                customer_id,
                transacted_on,
                expires_on,
                is_change,
                row_number() over walk as position,
                count(*) filter (not is_change) over walk as purchase
            from ({periods})
            where not is_cancel and customer_id is not null and transacted_on is not null
                and expires_on is not null
            window walk as (
                partition by customer_id order by transacted_on, is_change, expires_on
                rows between unbounded preceding and current row
            )
        )
        select
            customer_id,
            min(transacted_on) as transacted_on,
            arg_max(expires_on, position) as expires_on
        from ordered
        where purchase > 0
        group by customer_id, purchase
        """
    )


def compare_lapses(con: duckdb.DuckDBPyConnection, gaps: Sequence[int] = GAPS) -> list[Lapse]:
    """Return what each number of days makes of the periods.

    Args:
        con: A session with `purchases`: customer_id, transacted_on, expires_on; no cancellations.
        gaps: Days after the end.
    """
    con.execute(
        """
        create or replace table renewals as
        select
            customer_id,
            transacted_on,
            expires_on,
            lead(transacted_on) over (
                partition by customer_id order by transacted_on, expires_on
            ) as next_on
        from purchases
        """
    )
    first, last = con.execute(
        "select min(transacted_on), max(transacted_on) from renewals"
    ).fetchone() or (None, None)
    if first is None or last is None:
        return []
    return [_judged(con, first, last + timedelta(days=1), gap) for gap in gaps]


def advice(lapses: Sequence[Lapse]) -> str:
    """Say what 30 days, which every subscription counts, make of those who come back later.

    Args:
        lapses: What was compared; one of them counts 30 days.
    """
    own = next(lapse for lapse in lapses if lapse.gap_days == KIND_GAP)
    says = f"Recommended: {KIND_GAP} days, which is what every subscription counts; "
    if own.come_back is None:
        says += "nobody was observed for long enough to say who comes back later."
    elif own.come_back <= FEW_COME_BACK:
        says += f"{own.come_back:.0%} of those who left come back later."
    else:
        says += (
            f"{own.come_back:.0%} of those who left come back later, which is many: leaving is a "
            "break to them, and an action may pay for a return that comes anyway."
        )
        fewer = [
            lapse
            for lapse in lapses
            if lapse.come_back is not None and lapse.come_back <= FEW_COME_BACK
        ]
        if longer := min((one.gap_days for one in fewer if one.gap_days > KIND_GAP), default=0):
            says += f" After {longer} days few do."
    return says + (f" These data have too little: {own.refusal}." if own.refusal else "")


def _judged(con: duckdb.DuckDBPyConnection, first: date, end: date, gap: int) -> Lapse:
    settings = learning_settings("month", USUAL)
    days = [
        day
        for n in range((end - first).days + 1)
        for day in [first + timedelta(days=n)]
        if is_on_grid(np.datetime64(day), settings)
    ]
    values = ", ".join(f"(date '{day}')" for day in days)
    later = gap + LATER_DAYS
    rows = con.execute(
        f"""
        select
            as_of_date,
            count(*),
            count(*) filter (next_on is null or next_on - expires_on >= {gap}),
            count(*) filter (next_on - expires_on between {gap} and {later - 1})
        from renewals
        inner join (values {values}) as cut_offs (as_of_date)
            on transacted_on < as_of_date
            and coalesce(next_on, date '9999-12-31') >= as_of_date
            and expires_on >= as_of_date
            and expires_on < as_of_date + interval 1 month
        group by as_of_date
        order by as_of_date
        """
    ).fetchall()
    cohorts = [
        Cohort(
            np.datetime64(day),
            customers,
            churners,
            np.datetime64(known_on),
            is_closed=known_on <= end,
        )
        for day, customers, churners, _ in rows
        for known_on in [day + timedelta(days=_MONTH + gap)]
    ]
    closed = [cohort for cohort in cohorts if cohort.is_closed]
    watched = [row for row in rows if row[0] + timedelta(days=_MONTH + later) <= end]
    left = sum(row[2] for row in watched)
    customers = sum(cohort.rows for cohort in closed)
    fit, refusal = 0, ""
    try:
        fit = len(choose_fits(cohorts, np.datetime64(end), settings).fit)
    except TooLittleDataError as error:
        refusal = str(error)
    return Lapse(
        gap,
        closed[-1].rows if closed else 0,
        sum(cohort.churners for cohort in closed) / customers if customers else None,
        sum(row[3] for row in watched) / left if left else None,
        len(closed),
        fit,
        refusal,
    )
