"""Compares definitions of leaving where there is no contract, and recommends one.

A definition is a horizon (so many days without an order are leaving), a lookback (so recently must
a customer have ordered to be in the cohort) and the least orders. Nothing is built: cohorts and
outcomes are counted from the order days, and chosen for training by the rules of a training.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

import duckdb
import numpy as np

from ml.cohorts import Cohort, TooLittleDataError, choose_fits, is_on_grid
from ml.settings import Alarms, LearningSettings, Minimum, RiskBands
from pipeline.runs.presets import SMALLEST

HORIZONS = (14, 30, 60, 90, 180)
LOOKBACKS = (30, 60, 90, 180, 365)
USUAL = Minimum(rows=500, churners=50, cohorts=3)
LEAST = Minimum(**SMALLEST)
# Fewer of those who were counted as gone come back than this, within so many days more.
FEW_COME_BACK = 0.25
LATER_DAYS = 180
_WARM_UPS = (365, 180, 90, 60, 30, 14, 7)
# A churn rate beyond these leaves next to nothing to tell apart.
_RATES = (0.02, 0.98)

Grid = Literal["month", "week"]


@dataclass(frozen=True)
class Definition:
    """What a definition of leaving makes of the orders.

    Attributes:
        horizon_days: Days without an order that are leaving.
        lookback_days: Days before a cut-off in which a customer of the cohort ordered.
        min_orders: Orders that a customer of the cohort has at least.
        grid: How its cut-offs are laid.
        warm_up_days: Days of orders before the first cut-off.
        customers: Customers of the newest closed cohort; 0 without one.
        rows: Customers of all closed cohorts.
        churn_rate: Share of them that leave; None without a closed cohort.
        come_back: Of those who left, the share that ordered in the 180 days after the horizon; None
            where no cohort was observed for so long.
        closed: Closed cohorts.
        fit: Cohorts that the first fit learns from; 0 if training is refused.
        minimum: Minimum that it was trained with.
        refusal: Why training is refused; empty if it is not.
    """

    horizon_days: int
    lookback_days: int
    min_orders: int
    grid: Grid
    warm_up_days: int
    customers: int
    rows: int
    churn_rate: float | None
    come_back: float | None
    closed: int
    fit: int
    minimum: Minimum
    refusal: str = ""

    @property
    def is_usual(self) -> bool:
        """Whether a training takes it as it is, without a lower minimum."""
        return self.fit > 0 and self.minimum == USUAL and not self.refusal

    @property
    def tells_apart(self) -> bool:
        """Whether some leave and some stay."""
        return self.churn_rate is not None and _RATES[0] <= self.churn_rate <= _RATES[1]


@dataclass(frozen=True)
class Recommendation:
    """A definition and why it is taken, in sentences; asked for, if it was said."""

    definition: Definition
    because: str
    is_asked_for: bool = False


def load_spells(con: duckdb.DuckDBPyConnection) -> None:
    """Make `spells` from `order_days`: each order day, the next one, and order days so far."""
    con.execute(
        """
        create or replace table spells as
        select
            customer_id,
            ordered_on,
            lead(ordered_on) over customers as next_on,
            row_number() over customers as orders
        from order_days
        window customers as (partition by customer_id order by ordered_on)
        """
    )


def compare(
    con: duckdb.DuckDBPyConnection,
    known_before: date | None = None,
    horizons: Sequence[int] = HORIZONS,
    lookbacks: Sequence[int] = LOOKBACKS,
    min_orders: int = 1,
) -> list[Definition]:
    """Return what each horizon and lookback makes of the orders.

    Args:
        con: A session with `order_days`: customer_id, ordered_on.
        known_before: Day before which orders are known; the day after the last one by default.
        horizons: Days without an order.
        lookbacks: Days before a cut-off; those shorter than the horizon are left out.
        min_orders: Least orders.
    """
    load_spells(con)
    first, last = con.execute("select min(ordered_on), max(ordered_on) from spells").fetchone() or (
        None,
        None,
    )
    if first is None or last is None:
        return []
    end = known_before or last + timedelta(days=1)
    return [
        _judged(con, first, end, horizon, lookback, min_orders)
        for horizon in horizons
        for lookback in lookbacks
        # a customer who is silent for longer than the lookback is in no cohort
        if lookback >= horizon or len(lookbacks) == 1
    ]


def recommend(
    definitions: Sequence[Definition], gaps: tuple[int, ...] | None
) -> Recommendation | None:
    """Return the definition to begin with; None without any closed cohort.

    Args:
        definitions: What was compared.
        gaps: Days between two order days of a customer: the 10, 50, 80 and 95 % points.
    """
    _, typical, _, reach = gaps or (0, 0, 0, 0)
    usable = [d for d in definitions if d.is_usual and d.tells_apart]
    usable = usable or [d for d in definitions if d.fit and d.tells_apart]
    if not usable:
        return None
    settled = [
        d
        for d in usable
        if d.come_back is not None and d.come_back <= FEW_COME_BACK and d.horizon_days >= typical
    ]
    if settled:
        horizon = min(d.horizon_days for d in settled)
        why = f"Few of those who place no order for {horizon} days come back in the 180 days after"
    else:
        horizon = min(usable, key=lambda d: (d.come_back is None, d.come_back or 0)).horizon_days
        why = f"Of the horizons that the data can carry, after {horizon} days the fewest come back"
    of_it = sorted(
        (d for d in settled or usable if d.horizon_days == horizon), key=lambda d: d.lookback_days
    )
    chosen = next((d for d in of_it if d.lookback_days >= reach), of_it[-1])
    shown = f" ({chosen.come_back:.0%})" if chosen.come_back is not None else ""
    longer = "" if chosen.lookback_days >= reach else ", the longest that the data can carry"
    return Recommendation(
        chosen,
        f"{why}{shown}. 95 % of the gaps between orders are at most {reach} days; the lookback is "
        f"{chosen.lookback_days} days{longer}.",
    )


@dataclass(frozen=True)
class _Tried:
    """A cohort that was counted, and how many of those who left came back later."""

    cohort: Cohort
    returned: int


def _judged(
    con: duckdb.DuckDBPyConnection,
    first: date,
    end: date,
    horizon: int,
    lookback: int,
    min_orders: int,
) -> Definition:
    """Try the grids, warm-ups and minimums in the order of preference."""
    warm_ups = [lookback, *(days for days in _WARM_UPS if days < lookback)]
    made: dict[tuple[Grid, int], list[_Tried]] = {}
    trials = [
        (grid, minimum, warm_up)
        for minimum in (USUAL, LEAST)
        for grid in _GRIDS
        for warm_up in warm_ups
    ]
    refusal = ""
    for grid, minimum, warm_up in trials:
        if (grid, warm_up) not in made:
            made[grid, warm_up] = _cohorts(
                con, first, end, horizon, lookback, min_orders, grid, warm_up
            )
        cohorts = [one.cohort for one in made[grid, warm_up]]
        try:
            fit = len(
                choose_fits(cohorts, np.datetime64(end), learning_settings(grid, minimum)).fit
            )
        except TooLittleDataError as error:
            refusal = refusal or str(error)
            continue
        refusal = ""
        break
    else:
        grid, warm_up = min(made, key=lambda key: key[1])
        minimum, fit = LEAST, 0
    tried = made[grid, warm_up]
    closed = [one.cohort for one in tried if one.cohort.is_closed]
    rows = sum(cohort.rows for cohort in closed)
    watched = [
        one for one in tried if one.cohort.as_of_date + horizon + LATER_DAYS <= np.datetime64(end)
    ]
    left = sum(one.cohort.churners for one in watched)
    return Definition(
        horizon_days=horizon,
        lookback_days=lookback,
        min_orders=min_orders,
        grid=grid,
        warm_up_days=warm_up,
        customers=closed[-1].rows if closed else 0,
        rows=rows,
        churn_rate=sum(cohort.churners for cohort in closed) / rows if rows else None,
        come_back=sum(one.returned for one in watched) / left if left else None,
        closed=len(closed),
        fit=fit,
        minimum=minimum,
        refusal=refusal,
    )


_GRIDS: tuple[Grid, ...] = ("month", "week")
GRID_DAYS = (1, 16)


def learning_settings(grid: Grid, minimum: Minimum) -> LearningSettings:
    """Return settings of which only the grid and the minimum are read: by `choose_fits`."""
    return LearningSettings(
        label_definition="tried",
        grid=grid,
        grid_days=GRID_DAYS,
        minimum=minimum,
        alarms=Alarms(single_feature_auc=1),
        baselines={},
        risk_bands=RiskBands(critical=0.3, high=0.2, medium=0.1, because="not read"),
    )


def _cohorts(
    con: duckdb.DuckDBPyConnection,
    first: date,
    end: date,
    horizon: int,
    lookback: int,
    min_orders: int,
    grid: Grid,
    warm_up: int,
) -> list[_Tried]:
    """The cohorts of the grid, closed or not."""
    rule = learning_settings(grid, USUAL)
    days = [
        day
        for n in range(warm_up, (end - first).days + 1)
        for day in [first + timedelta(days=n)]
        if is_on_grid(np.datetime64(day), rule)
    ]
    if not days:
        return []
    values = ", ".join(f"(date '{day}')" for day in days)
    rows = con.execute(
        f"""
        select
            as_of_date,
            count(*),
            count(*) filter (next_on is null or next_on - as_of_date >= {horizon}),
            count(*) filter (
                next_on - as_of_date between {horizon} and {horizon + LATER_DAYS - 1}
            )
        from spells
        inner join (values {values}) as cut_offs (as_of_date)
            on ordered_on < as_of_date
            and coalesce(next_on, date '9999-12-31') >= as_of_date
        where as_of_date - ordered_on <= {lookback} and orders >= {min_orders}
        group by as_of_date
        order by as_of_date
        """
    ).fetchall()
    return [
        _Tried(
            Cohort(
                np.datetime64(day),
                customers,
                churners,
                np.datetime64(day + timedelta(days=horizon)),
                is_closed=day + timedelta(days=horizon) <= end,
            ),
            returned,
        )
        for day, customers, churners, returned in rows
    ]
