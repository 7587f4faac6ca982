"""Customers at risk: filter, sort, pick, export."""

from typing import Any

import pandas as pd
import streamlit as st

from app.viewer import words
from app.viewer.context import Context, context
from app.viewer.published import one, rows
from app.viewer.tables import customer_table

SHOW = 500
ORDERS = {
    "value at risk": "value_at_risk desc nulls last, customer_id",
    "risk": "churn_probability desc, customer_id",
    "due date": "due_on asc nulls last, value_at_risk desc nulls last, customer_id",
    "customer value": "customer_value desc nulls last, customer_id",
    "expected profit": "expected_profit desc nulls last, customer_id",
}
EXPORTED = (
    "customer_id, churn_probability, risk_band, due_on, customer_value, value_at_risk, "
    "top_driver_1, top_driver_2, top_driver_3, decision, action_title, channel, reason_words, "
    "is_held_out, is_suppressed, as_of_date, run_id"
)


def choices(page: Context, column: str) -> list[str]:
    """What a filter can choose from."""
    found = rows(
        page.generation,
        f"select distinct {column} as choice from bi_customer_360 "
        f"where domain = ? and {column} is not null order by 1",
        page.name,
    )
    return [str(choice) for choice in found["choice"]]


def conditions(page: Context) -> tuple[str, list[Any]]:
    """Ask what to show; return it as a condition and its values."""
    where = ["domain = ?"]
    values: list[Any] = [page.name]
    has_cancels = one(
        page.generation,
        "select bool_or(already_cancelled) as some from bi_customer_360 where domain = ?",
        page.name,
    )
    with st.container(border=True):
        first, second, third = st.columns(3)
        bands = first.multiselect(
            "Risk band",
            words.BANDS,
            default=["critical", "high"],
            key="bands",
            bind="query-params",
            persist_state="session",
        )
        actions = second.multiselect(
            "Recommendation",
            choices(page, "action_title"),
            key="actions",
            bind="query-params",
        )
        segments = third.multiselect(
            "Part of the customers", choices(page, "segment"), key="segments", bind="query-params"
        )
        first, second, third = st.columns(3)
        least_value = first.number_input(
            f"Customer value from, {page.currency}",
            min_value=0,
            step=100,
            key="value",
            bind="query-params",
        )
        reason = second.text_input(
            "Words in the reasons", key="reason", bind="query-params", placeholder="auto-renew"
        )
        which = (
            third.segmented_control(
                "Already cancelled",
                ["predicted", "already cancelled"],
                default="predicted",
                required=True,
                key="which",
                bind="query-params",
                help="Who has cancelled is known to leave unless something changes; "
                "the others are predictions.",
            )
            if has_cancels and has_cancels["some"]
            else "predicted"
        )
    for column, picked in (("risk_band", bands), ("action_title", actions), ("segment", segments)):
        if picked:
            where.append(f"{column} in ({', '.join('?' * len(picked))})")
            values += picked
    if least_value:
        where.append("customer_value >= ?")
        values.append(least_value)
    if reason:
        where.append("contains(lower(concat_ws(' ', top_driver_1, top_driver_2, top_driver_3)), ?)")
        values.append(reason.lower())
    known = "coalesce(already_cancelled, false)"
    where.append(known if which == "already cancelled" else f"not {known}")
    return " and ".join(where), values


page = context()
st.title("Customers at risk")
where, values = conditions(page)
total = one(
    page.generation,
    "select count(*) as customers, sum(value_at_risk) as value_at_risk "
    f"from bi_customer_360 where {where}",
    *values,
)
assert total is not None  # noqa: S101 - an aggregate has a row
first, second = st.columns([3, 1], vertical_alignment="bottom")
first.markdown(
    f"**{words.count(total['customers'], 'customer')}**, "
    f"{words.money(total['value_at_risk'] or 0, page.currency)} at risk. "
    "This address keeps the choice: bookmark or share it."
)
order = second.selectbox("Sorted by", list(ORDERS), key="sort", bind="query-params")
found = rows(
    page.generation,
    f"select * from bi_customer_360 where {where} order by {ORDERS[order]} limit {SHOW}",
    *values,
)
selected = customer_table(found, page, key="customers", several=True)
if total["customers"] > len(found):
    st.caption(f"The first {len(found):,} are shown; the file holds all of them.")


def audience() -> bytes:
    """All that pass, or the rows that were picked, as a file."""
    table: pd.DataFrame = rows(
        page.generation,
        f"select {EXPORTED} from bi_customer_360 where {where} order by {ORDERS[order]}",
        *values,
    )
    if not selected.empty:
        table = table[table["customer_id"].isin(selected["customer_id"])]
    return words.spreadsheet(table)


if total["customers"]:
    label = f"the {len(selected)} picked" if not selected.empty else f"all {total['customers']:,}"
    st.download_button(
        f"Download {label} (CSV)",
        audience,
        file_name=f"customers_at_risk_{page.name}.csv",
        mime="text/csv",
        on_click="ignore",
    )
    st.caption(
        "Ids that begin like a formula get an apostrophe in front, so that no spreadsheet "
        "calculates them. For a CRM take the table `crm_churn_actions` or the API."
    )
st.caption(words.PATTERNS)
