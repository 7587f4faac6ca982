"""The table of customers who moved: was, now, and the main reason."""

import pandas as pd
import streamlit as st

from app.viewer.context import Context
from app.viewer.tables import open_customer

COLUMNS = {
    "customer_id": "Customer",
    "due_on": "Due",
    "previous_probability": "Was",
    "churn_probability": "Now",
    "value_at_risk": "Value at risk",
    "what_changed": "What changed",
    "main_reason": "Main reason now",
}


def moved_table(found: pd.DataFrame, page: Context, *, key: str) -> None:
    """Show customers; a selected row gets a link to its page.

    Args:
        found: Customers with some of the columns above.
        page: What the page shows.
        key: Prefix of the widgets' keys.
    """
    shown = found.assign(
        previous_probability=100 * found["previous_probability"],
        churn_probability=100 * found["churn_probability"],
    )
    event = st.dataframe(
        shown[[name for name in COLUMNS if name in shown and shown[name].notna().any()]],
        key=f"{key}_{page.name}_{page.generation.name}",
        hide_index=True,
        on_select="rerun",
        selection_mode="single-row",
        column_config={
            "customer_id": st.column_config.TextColumn(COLUMNS["customer_id"], width="small"),
            "due_on": st.column_config.DateColumn(COLUMNS["due_on"], format="D MMM YYYY"),
            "previous_probability": st.column_config.NumberColumn(
                COLUMNS["previous_probability"],
                format="%.0f%%",
                width="small",
                help="Risk at the scoring before.",
            ),
            "churn_probability": st.column_config.NumberColumn(
                COLUMNS["churn_probability"], format="%.0f%%", width="small", help="Risk."
            ),
            "what_changed": st.column_config.TextColumn(
                COLUMNS["what_changed"],
                help="The driver whose effect on the risk changed most. Empty where that is not "
                "certain, and where another model made the scores before.",
            ),
            "main_reason": st.column_config.TextColumn(COLUMNS["main_reason"], width="large"),
            "value_at_risk": st.column_config.NumberColumn(
                f"{COLUMNS['value_at_risk']}, {page.currency}", format="%,.0f"
            ),
        },
    )
    if event["selection"]["rows"]:
        customer = found.iloc[event["selection"]["rows"][0]]["customer_id"]
        open_customer(str(customer), page, key)
