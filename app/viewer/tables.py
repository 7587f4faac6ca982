"""The table of customers, shared by several pages."""

import pandas as pd
import streamlit as st

from app.viewer.context import BUSINESS, Context

SHOWN = {
    "customer_id": "Customer",
    "churn_probability": "Risk",
    "risk_band": "Risk band",
    "due_on": "Due",
    "value_at_risk": "Value at risk",
    "top_driver_1": "Top reason",
    "action_title": "Recommendation",
}


def customer_table(
    found: pd.DataFrame, page: Context, *, key: str, if_empty: str, several: bool = False
) -> pd.DataFrame:
    """Show customers and return the selected rows; one selected row gets a link to its page.

    Args:
        found: Rows of `bi_customer_360`.
        page: What the page shows.
        key: Prefix of the widgets' keys.
        if_empty: Message in place of an empty table.
        several: Whether more than one row can be selected.
    """
    if found.empty:
        st.info(if_empty)
        return found
    shown = found.assign(
        churn_probability=100 * found["churn_probability"],
        action_title=[
            title if decision == "treat" else f"No contact: {why}" if why else "No contact"
            for title, decision, why in zip(
                found["action_title"], found["decision"], found["reason_words"], strict=True
            )
        ],
    )
    columns = [name for name in SHOWN if shown[name].notna().any()]
    event = st.dataframe(
        shown[columns],
        key=f"{key}_{page.name}_{page.generation.name}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row" if several else "single-row",
        column_config={
            "customer_id": st.column_config.TextColumn(SHOWN["customer_id"], width="small"),
            "churn_probability": st.column_config.ProgressColumn(
                SHOWN["churn_probability"], min_value=0, max_value=100, format="%.0f%%"
            ),
            "risk_band": st.column_config.TextColumn(SHOWN["risk_band"]),
            "due_on": st.column_config.DateColumn(SHOWN["due_on"], format="D MMM YYYY"),
            "value_at_risk": st.column_config.NumberColumn(
                f"{SHOWN['value_at_risk']}, {page.currency}", format="%,.0f"
            ),
            "top_driver_1": st.column_config.TextColumn(SHOWN["top_driver_1"], width="large"),
            "action_title": st.column_config.TextColumn(SHOWN["action_title"]),
        },
    )
    selected = found.iloc[event["selection"]["rows"]]
    if len(selected) == 1:
        open_customer(str(selected.iloc[0]["customer_id"]), page, key)
    return selected


def open_customer(customer_id: str, page: Context, key: str) -> None:
    """Show the link to a customer's page."""
    st.page_link(
        "screens/customer.py",
        label=f"Open {customer_id}",
        icon=":material/person:",
        query_params={"customer": customer_id, BUSINESS: str(page.domain["title"])},
    )
