"""Who moved into and out of risk since the scores before. Cancellations are known, not moves."""

from dataclasses import dataclass
from datetime import date

import pandas as pd

from app.viewer.context import Context
from app.viewer.moved import BEFORE, COUNTED, DIRECTIONS, MOVED
from app.viewer.published import one, rows

MEANINGS = {
    "into": "At risk now, not at risk before.",
    "out": "At risk before, not at risk now.",
    "new": "At risk now, not scored before.",
    "left_list": "At risk before, not scored now.",
}


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
            f"select * from ({MOVED}) where direction_code = $2 "
            "order by value_at_risk desc nulls last, customer_id limit $3",
            self.page.name,
            direction,
            most,
        )


def moves(page: Context) -> Moves:
    """Return who moved since the scores before these."""
    before = one(
        page.generation,
        BEFORE,
        page.name,
        page.domain["as_of_date"],
    )
    since = before["since"] if before else None
    counts = dict.fromkeys(DIRECTIONS, (0, 0.0))
    if since is not None:
        counted = rows(page.generation, COUNTED, page.name)
        counts |= {
            row["direction_code"]: (int(row["customers"]), float(row["value"]))
            for row in counted.to_dict("records")
        }
    is_same = bool(before and before["run_id"] == page.domain["run_id"])
    return Moves(page, since, is_same, counts)
