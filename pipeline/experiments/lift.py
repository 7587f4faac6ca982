"""Differences between arms and their intervals, by the SQL of macros/experiments."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist

import duckdb
from jinja2 import Environment, StrictUndefined

from pipeline.project.duck import quoted, rows_of
from pipeline.project.home import PROJECT

# Share of false alarms that intervals accept.
ALPHA = 0.05
# Revenue is summed in whole units of this share of one: sums are exact whatever their order.
UNITS = 10_000
_MACROS = ("arms_totalled", "critical_value", "wilson_limit", "lifts_measured")


@dataclass(frozen=True)
class Lift:
    """How an arm differs from the control, per customer as assigned.

    Attributes:
        arm: The arm.
        outcome: `outcome` (a share) or `revenue` (money).
        n_arm: Customers of the arm.
        n_control: Customers of the control.
        effect: Difference from the control per customer; None if it cannot be told.
        ci_low: Lower limit of its 95 % interval.
        ci_high: Upper limit.
        method: How the interval was made, or why there is none.
    """

    arm: str
    outcome: str
    n_arm: int
    n_control: int
    effect: float | None
    ci_low: float | None
    ci_high: float | None
    method: str

    @property
    def is_told(self) -> bool:
        """Whether the interval leaves out no difference."""
        return (
            self.ci_low is not None and self.ci_high is not None and self.ci_low * self.ci_high > 0
        )


def totals_sql(assignments: str, outcomes: str) -> str:
    """Return the select of one row per experiment, stratum and arm.

    Args:
        assignments: Relation of experiment, customer_id, arm, stratum.
        outcomes: Relation of experiment, customer_id, outcome, revenue_units.
    """
    return _rendered(f"arms_totalled({assignments!r}, {outcomes!r})")


def lifts_sql(totals: str, experiments: str) -> str:
    """Return the select of one row per experiment, arm and measure.

    Args:
        totals: Relation as `totals_sql` gives it.
        experiments: Relation as `experiments_sql` gives it.
    """
    return _rendered(f"lifts_measured({totals!r}, {experiments!r})")


def experiments_sql(
    control: str, *, expected: float | None, has_revenue: bool, alpha: float = ALPHA
) -> str:
    """Return the columns that `lifts_measured` wants of an experiment, without its name.

    Args:
        control: Name of the control arm.
        expected: Outcomes over all arms at the planned end, for the running interval; None for the
            fixed one.
        has_revenue: Whether revenue is measured.
        alpha: Accepted share of false alarms.
    """
    return (
        f"{quoted(control)} as control_arm, cast({expected or 'null'} as double) as expected, "
        f"cast({alpha!r} as double) as alpha, "
        f"cast({NormalDist().inv_cdf(1 - alpha / 2)!r} as double) as quantile, "
        f"cast({UNITS if has_revenue else 'null'} as double) as units"
    )


def measure_lifts(
    connection: duckdb.DuckDBPyConnection,
    totals: str,
    control: str,
    *,
    expected: float | None = None,
    has_revenue: bool = False,
) -> list[Lift]:
    """Return the differences of one experiment, arm by arm, the outcome before revenue.

    Args:
        connection: Has the relation of totals.
        totals: Its name.
        control: Name of the control arm.
        expected: As in `experiments_sql`.
        has_revenue: As in `experiments_sql`.
    """
    experiment = experiments_sql(control, expected=expected, has_revenue=has_revenue)
    measured = connection.execute(
        "select arm, outcome, n_arm, n_control, effect, ci_low, ci_high, method from ("
        + lifts_sql(totals, f"(select '' as experiment, {experiment})")
        + ") order by arm, outcome"
    )
    return [Lift(**row) for row in rows_of(measured)]


def without_effect(lifts: Iterable[Lift], why: str) -> list[Lift]:
    """Return the same rows with the reason in place of an effect."""
    return [
        Lift(one.arm, one.outcome, one.n_arm, one.n_control, None, None, None, why) for one in lifts
    ]


def _rendered(call: str) -> str:
    return _environment().from_string(_text() + "{{ " + call + " }}").render()


@cache
def _environment() -> Environment:
    # SQL, not a page
    return Environment(undefined=StrictUndefined, autoescape=False)  # noqa: S701


@cache
def _text() -> str:
    return "".join(
        (PROJECT / "macros" / "experiments" / f"{name}.sql").read_text(encoding="utf-8")
        for name in _MACROS
    )
