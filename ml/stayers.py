"""Keeps every churner and a share of the stayers, where examples need more memory than there is.

A row is drawn by a hash of its customer and cut-off, so the same rows are drawn in every run, and
a smaller share is a part of a larger one. Rows and not customers are drawn: with as many rows, more
customers are seen, and those who stay are much the same from one cut-off to the next. A stayer who
was kept counts for those of the cohort who were not, so rates stay what they are (Horvitz and
Thompson 1952, with each cohort's own share).
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np

from ml.cohorts import RefusedError
from ml.recipe import SampledStayers

# Memory at the peak of a training, in matrices of all its examples; docs/performance.md has the
# measurement.
PEAK = 5.0
# A cohort of which fewer would be left is kept whole.
LEAST_KEPT = 50
_HASHES = 2**64


@dataclass(frozen=True)
class StayerSample:
    """Which stayers are read.

    Attributes:
        one_of: One of so many stayers is kept.
        weights: Cut-off → customers that a kept stayer of it stands for; other cut-offs are whole.
        stayers: Stayers of the sampled cut-offs.
        kept: Those of them who are kept.
    """

    one_of: int
    weights: Mapping[np.datetime64, float] = field(default_factory=dict)
    stayers: int = 0
    kept: int = 0

    @property
    def condition(self) -> str:
        """The rows that are read, as SQL on the columns of the examples."""
        days = ", ".join(f"date '{day}'" for day in self.weights)
        return f"(is_churned or as_of_date not in ({days}) or {is_drawn(self.one_of)})"

    def recorded(self) -> SampledStayers:
        """Return what a recipe keeps of it."""
        return SampledStayers(
            one_of=self.one_of,
            cohorts=len(self.weights),
            stayers=self.stayers,
            kept=self.kept,
        )


def is_drawn(one_of: int) -> str:
    """Return the condition in SQL under which a row is drawn: one of so many, by its hash."""
    drawn = "md5_number_lower('stayers|' || customer_id || '|' || cast(as_of_date as varchar))"
    return f"{drawn} < {_HASHES // one_of}"


def sample_stayers(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    cut_offs: Sequence[np.datetime64],
    whole: Sequence[np.datetime64],
    budget: int | None,
) -> StayerSample | None:
    """Return which stayers to read; None where all examples fit, so that nothing changes.

    Args:
        connection: The warehouse after the build.
        domain: Domain.
        cut_offs: Cut-offs of closed cohorts, whose examples are read.
        whole: Those of them that are read whole, since they are judged on: the test's.
        budget: Bytes that a training may take at its peak; None for no such bound.

    Raises:
        RefusedError: Not even as many stayers as churners fit.
    """
    if budget is None:
        return None
    table = f"{domain}.{domain}__churn_examples"
    columns = len(connection.execute(f"describe {table}").fetchall())
    a_row = max(columns, 1) * 8 * PEAK
    counts = connection.execute(
        "select as_of_date, count(*) filter (where is_churned), count(*) filter "
        f"(where not is_churned) from {table} where list_contains(cast(? as date[]), as_of_date) "
        "group by as_of_date order by as_of_date",
        [[str(day) for day in cut_offs]],
    ).fetchall()
    rows = sum(churners + stayers for _, churners, stayers in counts)
    room = math.floor(budget / a_row)
    if rows <= room:
        return None
    kept_whole = {str(day) for day in whole}
    drawn_from = [(day, c, s) for day, c, s in counts if str(day) not in kept_whole]
    churners, stayers = sum(c for _, c, _ in drawn_from), sum(s for _, _, s in drawn_from)
    free = room - (rows - stayers)
    one_of = math.ceil(stayers / free) if free > 0 else rows
    if one_of > max(stayers // max(churners, 1), 1):
        least = (rows - stayers + churners) * a_row
        raise RefusedError(
            f"every churner of {len(counts)} cohorts, as many stayers and the whole test take "
            f"{least / 10**9:.2g} GB of memory, and training has {budget / 10**9:.2g} GB: set "
            "training_memory_gb or CHURN_MEMORY higher, or a later least_history_days"
        )
    kept = dict(
        connection.execute(
            f"select as_of_date, count(*) from {table} where not is_churned "
            f"and list_contains(cast(? as date[]), as_of_date) and {is_drawn(one_of)} "
            "group by as_of_date",
            [[str(day) for day, _, _ in drawn_from]],
        ).fetchall()
    )
    sampled = {day: (s, kept.get(day, 0)) for day, _, s in drawn_from}
    sampled = {day: both for day, both in sampled.items() if both[1] >= LEAST_KEPT}
    if not sampled:
        return None
    return StayerSample(
        one_of,
        {np.datetime64(day, "D"): s / k for day, (s, k) in sampled.items()},
        sum(s for s, _ in sampled.values()),
        sum(k for _, k in sampled.values()),
    )
