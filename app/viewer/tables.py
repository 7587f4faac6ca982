"""The table of customers, shared by several pages."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import urlencode

import pandas as pd
import streamlit as st

from app.viewer.context import BUSINESS, Context
from app.viewer.plain import plain

Kind = Literal["id", "text", "share", "day", "money", "number"]


@dataclass(frozen=True)
class ShownColumn:
    """A column of the table.

    Attributes:
        title: What its head says, without the currency.
        kind: What its cells are.
        width: Pixels, wide enough for every figure; a long text is cut off and shown on a click.
    """

    title: str
    kind: Kind
    width: int


# What a reader can choose, in the order of the table. A column that is not published, or has
# nothing in it, is not shown.
COLUMNS = {
    "customer_id": ShownColumn("Customer", "id", 150),
    "churn_probability": ShownColumn("Risk", "share", 75),
    "risk_band": ShownColumn("Risk band", "text", 90),
    "previous_probability": ShownColumn("Risk before", "share", 100),
    "due_on": ShownColumn("Due", "day", 110),
    "expected_next_order_on": ShownColumn("Next order expected", "day", 150),
    "days_between_orders": ShownColumn("Days between orders", "number", 150),
    "customer_value": ShownColumn("Customer value", "money", 150),
    "value_at_risk": ShownColumn("Value at risk", "money", 145),
    "predicted_value": ShownColumn("Predicted value", "money", 150),
    "expected_profit": ShownColumn("Expected profit", "money", 155),
    "action_title": ShownColumn("Recommendation", "text", 260),
    "channel": ShownColumn("Channel", "text", 90),
    "top_driver_1": ShownColumn("Top reason", "text", 320),
    "top_driver_2": ShownColumn("Second reason", "text", 320),
    "top_driver_3": ShownColumn("Third reason", "text", 320),
    "top_driver_against": ShownColumn("Strongest sign of staying", "text", 320),
    "ladder_part": ShownColumn("Segment", "text", 150),
    "active_days_4w": ShownColumn("Active days in 4 weeks", "number", 160),
    "summary": ShownColumn("In short", "text", 420),
}
SHOWN = (
    "customer_id",
    "churn_probability",
    "risk_band",
    "due_on",
    "expected_next_order_on",
    "value_at_risk",
    "expected_profit",
    "action_title",
    "top_driver_1",
)


def customer_table(
    found: pd.DataFrame,
    page: Context,
    *,
    key: str,
    if_empty: str,
    several: bool = False,
    columns: Sequence[str] = SHOWN,
) -> pd.DataFrame:
    """Show customers and return the selected rows; an id is a link to the customer's page.

    Args:
        found: Rows of `bi_customer_360`.
        page: What the page shows.
        key: Prefix of the widgets' keys.
        if_empty: Message in place of an empty table.
        several: Whether more than one row can be selected.
        columns: Names of columns, of `COLUMNS`.
    """
    if found.empty:
        st.info(if_empty)
        return found
    without_toolbar()
    names = [name for name in COLUMNS if name in columns and name in present(found)]
    event = st.dataframe(
        _readable(found, page)[names],
        key=f"{key}_{page.name}_{page.generation.name}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row" if several else "single-row",
        column_config={name: _config(COLUMNS[name], page) for name in names},
        alt=f"Table of {len(found):,} customers",
        placeholder="",
    )
    selected = found.iloc[event["selection"]["rows"]]
    if len(selected) == 1:
        open_customer(str(selected.iloc[0]["customer_id"]), page, key)
    return selected


def without_toolbar() -> None:
    """Hide the table's own download and search.

    They hold the rows that are shown, escaped for nothing, with the control groups.
    """
    buttons = ", ".join(
        f'[data-testid="stElementToolbarButton"]:has(button[aria-label^="{label}"])'
        for label in ("Download as CSV", "Search")
    )
    st.html(f"<style>{buttons} {{display: none}}</style>")


def present(found: pd.DataFrame) -> list[str]:
    """Return the columns that the table has, and something in them."""
    return [name for name in COLUMNS if name in found and found[name].notna().any()]


def address_of(customer_id: str, page: Context) -> str:
    """Return the address of a customer's page; an id's `/`, `+` and `=` are percent-encoded."""
    asked = {BUSINESS: str(page.domain["title"]), "customer": customer_id}
    return f"/customer?{urlencode(asked)}"


def open_customer(customer_id: str, page: Context, key: str) -> None:
    """Show the link to a customer's page."""
    del key
    st.page_link(
        "screens/customer.py",
        label=f"Open {plain(customer_id)}",
        icon=":material/person:",
        query_params={"customer": customer_id, BUSINESS: str(page.domain["title"])},
    )


def _readable(found: pd.DataFrame, page: Context) -> pd.DataFrame:
    """Return the rows with what a reader sees in place of codes and shares."""
    shown = found.assign(customer_id=[address_of(one, page) for one in found["customer_id"]])
    for name, column in COLUMNS.items():
        if column.kind == "share" and name in shown:
            # a prediction is never certain, and no cell may round it to 0 or 100
            shown[name] = (100 * shown[name]).clip(0.1, 99.9)
    if "channel" in shown:
        shown["channel"] = [
            one.replace("_", "-") if isinstance(one, str) else one for one in shown["channel"]
        ]
    if "risk_band" in shown:
        shown["risk_band"] = [
            one.capitalize() if isinstance(one, str) else one for one in shown["risk_band"]
        ]
    if {"decision", "reason_words", "action_title"} <= set(shown.columns):
        shown["action_title"] = [
            title if decision == "treat" else f"No contact: {why}" if why else "No contact"
            for title, decision, why in zip(
                found["action_title"], found["decision"], found["reason_words"], strict=True
            )
        ]
    return shown


def _config(column: ShownColumn, page: Context) -> Any:
    configs = st.column_config
    match column.kind:
        case "id":
            return configs.LinkColumn(
                column.title, display_text=r"customer=([^&]*)", width=column.width, pinned=True
            )
        case "share":
            return configs.NumberColumn(column.title, format="%.1f%%", width=column.width)
        case "day":
            return configs.DateColumn(column.title, format="D MMM YYYY", width=column.width)
        case "money":
            return configs.NumberColumn(
                f"{column.title}, {page.currency}", format="%,.0f", width=column.width
            )
        case "number":
            return configs.NumberColumn(column.title, format="%,.0f", width=column.width)
        case "text":
            return configs.TextColumn(column.title, width=column.width)
