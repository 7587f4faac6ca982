"""Leaves customers who were contacted out of what is learned and judged; controls stand for them.

Somebody whom a contact kept is not an example of who stays by themselves. Where a plan drew who is
contacted, the customers it held out count 1 / P(held out) times, so that the cohort is what it
would have been without the plan (Horvitz and Thompson 1952; over several periods the product of
Robins, Hernán and Brumback 2000). Where nobody drew, no weight can undo it.
"""

from dataclasses import dataclass

import duckdb
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ml.contract import Examples, Floats

SCHEMA, TABLE = "churn", "int_churn__examples_contacted"
# Codes of the relation's reason.
TREATED, OUTSIDE, CONTROL = "treated_by_plan", "outside_plan", "control_of_plan"
_KEY = ["customer_id", "as_of_date"]


@dataclass(frozen=True)
class Contacted:
    """Examples of one domain whose outcome a contact may have changed, or that stand for such.

    Attributes:
        rows: customer_id, as_of_date, is_contacted, weight (customers that the row stands for) and
            reason; one row per customer and cut-off.
    """

    rows: pd.DataFrame

    def of(self, examples: Examples) -> pd.DataFrame:
        """Return weight and reason of n examples, in their order; null where no contact was."""
        keys = pd.DataFrame(
            {"customer_id": examples.customer_id, "as_of_date": _days(examples.as_of_date)}
        )
        return keys.merge(self.rows, on=_KEY, how="left")[["weight", "reason"]]


def read_contacted(connection: duckdb.DuckDBPyConnection, domain: str) -> Contacted | None:
    """Return a domain's contacted examples; None where no contact is on record.

    Args:
        connection: The warehouse after the build.
        domain: Domain.
    """
    if not has_contacted(connection):
        return None
    rows = connection.execute(
        f"select customer_id, as_of_date, weight, reason from {SCHEMA}.{TABLE} "
        "where domain = ? order by customer_id, as_of_date",
        [domain],
    ).df()
    if rows.empty:
        return None
    return Contacted(rows.assign(as_of_date=_days(rows["as_of_date"].to_numpy())))


def has_contacted(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether the relation is there: marts that are replayed at other cut-offs lack it."""
    found = connection.execute(
        "select count(*) from information_schema.tables "
        "where table_schema = ? and table_name = ? and table_catalog = current_database()",
        [SCHEMA, TABLE],
    ).fetchone()
    return found is not None and found[0] > 0


def without_contacted(
    examples: Examples, contacted: Contacted | None, *, keep_outside: bool = False
) -> Examples:
    """Return the examples to learn from or to be judged by, with their weights.

    Args:
        examples: n rows.
        contacted: What contacts may have changed; None changes nothing.
        keep_outside: Keep customers whom no plan drew, for the fit that is shown beside.

    Returns:
        The same object where no row is concerned, so that everything is the same to the last bit.
    """
    if contacted is None:
        return examples
    found = contacted.of(examples)
    reason = found["reason"].to_numpy(dtype=object)
    gone = reason == TREATED
    if not keep_outside:
        gone |= reason == OUTSIDE
    weight: Floats = found["weight"].fillna(1.0).to_numpy(dtype=np.float64)
    return standing_for(examples, np.where(gone, 0.0, weight))


def standing_for(examples: Examples, weight: Floats) -> Examples:
    """Return examples with the number of customers that each stands for.

    Args:
        examples: n rows.
        weight: The number of each; a row of 0 is left out.

    Returns:
        The same object where each stands for itself.
    """
    if (weight == 1).all():
        return examples
    kept, weight = examples.where(weight > 0), weight[weight > 0]
    if (weight == 1).all():
        return kept
    # of a sample, a row also stands for others like it
    return kept.weighing(weight if kept.weight is None else weight * kept.weight)


def counted(examples: Examples, contacted: Contacted | None) -> pd.DataFrame:
    """Return how many examples each reason concerns, before they are left out.

    Returns:
        reason, rows, churners, stand_for (customers that the rows count as), ordered by reason;
        empty where none is concerned.
    """
    if contacted is None:
        return pd.DataFrame(columns=["reason", "rows", "churners", "stand_for"])
    found = contacted.of(examples).assign(churned=examples.is_churned)
    found = found[found["reason"].notna()]
    return (
        found.groupby("reason", sort=True)
        .agg(rows=("churned", "size"), churners=("churned", "sum"), stand_for=("weight", "sum"))
        .reset_index()
    )


def _days(days: NDArray[np.datetime64]) -> NDArray[np.datetime64]:
    """One resolution, so that keys of two sources are equal."""
    return days.astype("datetime64[D]").astype("datetime64[s]")
