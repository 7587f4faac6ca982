"""Keeps the arms that plans drew: the first draw of a customer's period stays."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy.dialects.sqlite import insert

from pipeline.project.home import Home
from pipeline.retention.decisions import ASSIGNMENTS, put, writing

# Columns of `int_churn__assignments_drawn`.
DRAWN = (
    "domain",
    "period_start",
    "customer_id",
    "arm",
    "action_id",
    "holdout_per_mille",
    "as_of_date",
    "run_id",
    "planned_spend_cents",
    "planned_profit_cents",
)


def keep_assignments(home: Home, generation: str, drawn: Sequence[Sequence[Any]]) -> int:
    """Store drawn arms; return how many are new.

    Args:
        home: CHURN_HOME.
        generation: Name of the generation that publishes them.
        drawn: Rows of the columns `DRAWN`.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    lineage = {"generation": generation, "assigned_at": now}
    rows = [{**dict(zip(DRAWN, row, strict=True)), **lineage} for row in drawn]
    if not rows:
        return 0
    with writing(home) as connection:
        return put(connection, ASSIGNMENTS, insert(ASSIGNMENTS).on_conflict_do_nothing(), rows)
