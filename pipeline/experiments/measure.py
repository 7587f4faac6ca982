"""Measures an experiment from files: first whether its arms can be compared, then by how much."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.experiments.balance import BalanceCheck, check_balance
from pipeline.experiments.files import (
    check_features_cover,
    read_assignments,
    read_features,
    read_outcomes,
)
from pipeline.experiments.lift import Lift, measure_lifts, totals_sql, without_effect
from pipeline.experiments.ratio import RatioCheck, check_ratio


@dataclass(frozen=True)
class Measurement:
    """What an experiment shows.

    Attributes:
        control: Name of the control arm.
        lifts: One per arm and measure; without an effect if it cannot be told.
        ratio: Sizes of the arms: all customers first, then strata.
        balance: Differences before the draw; empty if no features were given.
        doubts: Why no effect can be told; empty if it can.
    """

    control: str
    lifts: list[Lift]
    ratio: list[RatioCheck]
    balance: list[BalanceCheck]
    doubts: list[str]


def measure_experiment(
    assignments: Path,
    outcomes: Path,
    control: str,
    *,
    shares: Mapping[str, float] | None = None,
    before: Path | None = None,
    expected: float | None = None,
) -> Measurement:
    """Measure every arm against the control, as assigned.

    Args:
        assignments: CSV or Parquet of customer_id, arm and perhaps stratum.
        outcomes: CSV or Parquet of customer_id, outcome and perhaps revenue, occurred_on.
        control: Name of the control arm.
        shares: Arm → share that was to be drawn; equal without it.
        before: CSV or Parquet of customer_id and numbers known before the draw, to compare the
            arms by.
        expected: Outcomes over all arms at the planned end, fixed before the first look, for an
            interval that holds at every look; None for the one of a single look.

    Raises:
        ChurnError: A file is wrong.
    """
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        read_assignments(connection, assignments, control)
        has_revenue = read_outcomes(connection, outcomes, assignments)
        connection.execute(f"create table totals as {totals_sql('assignments', 'outcomes')}")
        ratio = check_ratio(connection, "totals", shares)
        balance = []
        if before is not None:
            features = read_features(connection, before)
            check_features_cover(connection, before, assignments)
            balance = check_balance(connection, control, features)
        lifts = measure_lifts(
            connection, "totals", control, expected=expected, has_revenue=has_revenue
        )
    doubts = [f"arms are not of the drawn sizes: {one}" for one in ratio if not one.fits]
    doubts += [f"arms differed before the draw: {one}" for one in balance if not one.fits]
    if doubts:
        lifts = without_effect(lifts, f"cannot be told: {doubts[0]}")
    return Measurement(control, lifts, ratio, balance, doubts)
