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


@dataclass(frozen=True)
class Moves:
    """Who moved.

    Attributes:
        since: Cut-off of the scores before; None if there were none.
        is_same_model: Whether both were made by the same model.
        customers: A row each: customer_id, direction_code, previous_probability,
            previous_risk_band, churn_probability, risk_band, main_reason, value_at_risk; those not
            scored any more have no figures of now.
    """

    since: date | None
    is_same_model: bool
    customers: pd.DataFrame

    def of(self, direction: str) -> pd.DataFrame:
        """The customers who moved in a direction, the most value at risk first."""
        return self.customers[self.customers["direction_code"] == direction]


def moves(page: Context) -> Moves:
    """Return who moved since the scores before these."""
    before = one(
        page.generation,
        """
        select
            max(history.as_of_date) as since,
            max_by(history.run_id, history.as_of_date) as run_id
        from bi_churn_history as history
        where history.domain = ? and history.as_of_date < ?
        """,
        page.name,
        page.domain["as_of_date"],
    )
    since = before["since"] if before else None
    customers = rows(
        page.generation,
        """
        select
            customer_id,
            case
                when is_at_risk and previous_risk_band is null then 'new'
                when is_at_risk and previous_risk_band not in ('critical', 'high') then 'into'
                when
                    not is_at_risk and not coalesce(already_cancelled, false)
                    and previous_risk_band in ('critical', 'high')
                    then 'out'
            end as direction_code,
            previous_probability,
            previous_risk_band,
            churn_probability,
            risk_band,
            top_driver_1 as main_reason,
            value_at_risk
        from bi_customer_360
        where domain = $1 and $2::date is not null

        union all

        select history.customer_id, 'left_list', history.churn_probability, history.risk_band,
            null, null, null, null
        from bi_churn_history as history
        left join bi_customer_360 as now
            on history.domain = now.domain and history.customer_id = now.customer_id
        where
            history.domain = $1 and history.as_of_date = $2 and now.customer_id is null
            and history.risk_band in ('critical', 'high')
        order by value_at_risk desc nulls last, customer_id
        """,
        page.name,
        since,
    )
    return Moves(
        since,
        bool(before and before["run_id"] == page.domain["run_id"]),
        customers.dropna(subset=["direction_code"]),
    )
