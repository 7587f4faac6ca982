"""What falls due within a week of the day the data end."""

from datetime import timedelta

import pandas as pd

from app.viewer.context import Context
from app.viewer.published import one, rows

DUE = "Renewals due this week"


def due_this_week(page: Context) -> pd.DataFrame | None:
    """Return the customers at risk whose renewal is due, the most value at risk first.

    None for a business without due dates.
    """
    dated = one(
        page.generation,
        "select count(due_on) as customers from bi_customer_360 where domain = ?",
        page.name,
    )
    if not dated or not dated["customers"]:
        return None
    return rows(
        page.generation,
        """
        select customer_id, due_on, previous_probability, churn_probability, risk_band,
            top_driver_1 as main_reason, value_at_risk
        from bi_customer_360
        where domain = ? and due_on < ? and is_at_risk
        order by value_at_risk desc nulls last, customer_id
        """,
        page.name,
        page.domain["as_of_date"] + timedelta(days=7),
    )
