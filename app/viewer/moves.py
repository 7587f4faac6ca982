"""Who moved into and out of risk since the scores before. Cancellations are known, not moves."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from app.viewer.context import Context
from app.viewer.published import one, rows

# Direction of a move → what it is called.
DIRECTIONS = {
    "into": "Moved into risk",
    "out": "Moved out of risk",
    "new": "New at risk",
    "left_list": "No longer scored",
}
MEANINGS = {
    "into": "At risk now, not at risk before.",
    "out": "At risk before, not at risk now.",
    "new": "At risk now, not scored before.",
    "left_list": "At risk before, not scored now.",
}


# $1 is the domain.
_MOVED = """
    select
        moves.customer_id,
        moves.direction as direction_code,
        moves.previous_probability,
        moves.previous_risk_band,
        moves.churn_probability,
        moves.risk_band,
        moves.changed_group_title as what_changed,
        now.top_driver_1 as main_reason,
        moves.value_at_risk,
        moves.previous_run_id = moves.run_id as is_same_model
    from bi_churn_moves as moves
    left join bi_customer_360 as now
        on moves.domain = now.domain and moves.customer_id = now.customer_id
    where
        moves.domain = $1
        and (
            moves.direction in ('into', 'out')
            or (moves.direction = 'new' and moves.is_at_risk)
            or (moves.direction = 'left_list' and moves.was_at_risk)
        )
"""


@dataclass(frozen=True)
class Moves:
    """Who moved.

    Attributes:
        page: What the page shows.
        since: Cut-off of the scores before; None if there were none.
        is_same_model: Whether both were made by the same model.
        counts: Direction → customers and their value at risk.
    """

    page: Context
    since: date | None
    is_same_model: bool
    counts: dict[str, tuple[int, float]]

    def customers(self, direction: str, most: int | None = None) -> pd.DataFrame:
        """Return the customers who moved in a direction, the most value at risk first.

        Columns: customer_id, direction_code, previous_probability, previous_risk_band,
        churn_probability, risk_band, what_changed, main_reason, value_at_risk; who is not scored
        any more has no figures of now, and what changed is null where that is not certain.
        """
        return rows(
            self.page.generation,
            f"select * from ({_MOVED}) where direction_code = $2 "
            "order by value_at_risk desc nulls last, customer_id limit $3",
            self.page.name,
            direction,
            most,
        )


def moves(page: Context) -> Moves:
    """Return who moved since the scores before these."""
    before = one(
        page.generation,
        """
        select max(as_of_date) as since, max_by(run_id, as_of_date) as run_id
        from bi_churn_history where domain = ? and as_of_date < ?
        """,
        page.name,
        page.domain["as_of_date"],
    )
    since = before["since"] if before else None
    counts = dict.fromkeys(DIRECTIONS, (0, 0.0))
    if since is not None:
        counted = rows(
            page.generation,
            "select direction_code, count(*) as customers, "
            "coalesce(sum(value_at_risk), 0) as value "
            f"from ({_MOVED}) group by direction_code",
            page.name,
        )
        counts |= {
            row["direction_code"]: (int(row["customers"]), float(row["value"]))
            for row in counted.to_dict("records")
        }
    is_same = bool(before and before["run_id"] == page.domain["run_id"])
    return Moves(page, since, is_same, counts)
