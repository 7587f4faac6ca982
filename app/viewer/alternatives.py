"""Why a customer gets this action and not another, from the inputs of the published plan."""

from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import streamlit as st

from app.viewer import words
from app.viewer.context import Context
from app.viewer.published import Row
from pipeline.project.duck import file_sql
from pipeline.retention.plan import can_plan, kept_folder

CHOSEN = "Chosen by the plan"


def alternatives(page: Context, customer: str, planned: str | None) -> pd.DataFrame | None:
    """Return the actions of the catalogue with what each would earn and why it is not chosen.

    Args:
        page: What the page shows.
        customer: A scored customer.
        planned: The action of the plan; None without one.

    Returns:
        `title`, `channel`, `expected_profit` (missing where it is not valued) and `why`, the best
        first; None if the inputs of the plan are not published.
    """
    folder = kept_folder(page.generation.path.with_suffix(".plan"), page.name)
    if not can_plan(folder):
        return None
    found = _options(str(folder), page.name, customer)
    records = found.to_dict("records")
    best = next((row["profit"] for row in records if row["action_id"] == planned), None)
    lines = [
        {
            "title": row["title"],
            "channel": words.channel(row["channel"]),
            "expected_profit": row["profit"],
            "why": CHOSEN if row["action_id"] == planned else why_not(page, row, best),
        }
        for row in records
    ]
    return pd.DataFrame(lines, columns=["title", "channel", "expected_profit", "why"])


def why_not(page: Context, row: Row, best: float | None) -> str:
    """Return why an action is not chosen for a customer.

    Args:
        page: What the page shows.
        row: The action beside the customer.
        best: Expected profit of the action that is chosen; None without one.
    """
    if row["is_offered"] is not True:
        return _why_not_offered(page, row)
    if row["profit"] <= 0:
        return "Would cost more than it earns"
    if best is None:
        return "Worth it, but the plan leaves this customer out"
    return "Would earn less" if row["profit"] <= best else "Budget or channel used up"


def _why_not_offered(page: Context, row: Row) -> str:
    if isinstance(row["exclusion"], str):
        return "The plan leaves this customer out"
    if row["is_within_bounds"] is True:
        days = words.count(row["lead_days"], "day")
        return f"Takes {days} to reach the customer, and the due date is before that"
    if row["is_within_bounds"] is False:
        return f"For another risk or value: {_bounds(page, row)}"
    if row["answers"]:
        return f"Only for customers with: {str(row['condition']).replace('_', ' ')}"
    return "Does not fit this customer's reasons"


def _bounds(page: Context, row: Row) -> str:
    parts = []
    for name, said in (
        ("probability", words.percent),
        ("value", lambda amount: words.money(amount, page.currency)),
    ):
        low, high = row[f"min_{name}"], row[f"max_{name}"]
        called = "risk" if name == "probability" else "value"
        if low == low and low is not None:
            parts.append(f"{called} from {said(low)}")
        if high == high and high is not None:
            parts.append(f"{called} up to {said(high)}")
    return ", ".join(parts)


@st.cache_data(max_entries=200, show_spinner=False)
def _options(folder: str, domain: str, customer: str) -> pd.DataFrame:
    """Return the active actions of a domain beside a customer."""

    def table(name: str) -> str:
        return f"read_parquet({file_sql(Path(folder) / f'churn.int_churn__{name}.parquet')})"

    values: list[Any] = [domain, customer]
    with duckdb.connect() as connection:
        return connection.execute(
            f"""
            with customer as (
                from {table("contact_eligibility_checked")}
                where domain = $1 and customer_id = $2
            ),
            valued as (
                select * from {table("actions_valued")}
                where domain = $1 and customer_number = (select customer_number from customer)
            )
            select
                catalogue.action_id, title, catalogue.channel, condition, lead_days,
                min_probability, max_probability, min_value, max_value,
                valued.is_within_bounds, valued.is_offered, customer.exclusion,
                profit_cents / 100.0 as profit,
                coalesce(
                    themes like '%|' || theme_1 || '|%' or themes like '%|' || theme_2 || '|%'
                    or themes like '%|' || theme_3 || '|%', false
                ) as answers
            from {table("actions_catalogued")} as catalogue
            cross join customer
            left join valued using (action_id)
            where catalogue.domain = $1 and is_active
            order by is_offered desc nulls last, profit desc nulls last, title
            """,
            values,
        ).df()
