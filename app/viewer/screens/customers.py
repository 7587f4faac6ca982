"""Customers at risk: filter, sort, select, download."""

from typing import Any

import pandas as pd
import streamlit as st

from app.viewer import words
from app.viewer.audience import Chosen, condition, saved_audiences
from app.viewer.context import Context, context
from app.viewer.published import one, rows
from app.viewer.tables import customer_table

SHOW = 500
PREDICTED, CANCELLED = "predicted", "already cancelled"
# The filters of this page, named as in the API.
FILTERS = {"band", "action", "segment", "min_customer_value", "reason", "already_cancelled"}
# In lower case: addresses that were bookmarked name the order and the choices above like this.
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
    """The values of a column, as the choices of a filter."""
    found = rows(
        page.generation,
        f"select distinct {column} as choice from bi_customer_360 "
        f"where domain = ? and {column} is not null order by 1",
        page.name,
    )
    return [str(choice) for choice in found["choice"]]


def choose(page: Context, titles: dict[str, str], has_cancels: bool) -> Chosen:
    """Show the filters and return what is chosen.

    Args:
        page: What the page shows.
        titles: Planned action → its title.
        has_cancels: Whether some customers have already cancelled.
    """
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
            "Recommendation", sorted(titles.values()), key="actions", bind="query-params"
        )
        segments = third.multiselect(
            "Segment", choices(page, "ladder_part"), key="segments", bind="query-params"
        )
        first, second, third = st.columns(3)
        least_value = first.number_input(
            f"Minimum customer value, {page.currency}",
            min_value=0,
            step=100,
            key="value",
            bind="query-params",
        )
        reason = second.text_input(
            "Reason contains",
            key="reason",
            bind="query-params",
            max_chars=100,
            placeholder="a word from a reason",
        )
        which = (
            third.segmented_control(
                "Show",
                [PREDICTED, CANCELLED],
                default=PREDICTED,
                required=True,
                key="which",
                bind="query-params",
                help="Customers who have already cancelled leave unless something changes. The "
                "others are predictions.",
            )
            if has_cancels
            else None
        )
    chosen: Chosen = {
        "band": bands,
        "action": [action for action, title in titles.items() if title in actions],
        "segment": segments,
        "min_customer_value": least_value or None,
        "reason": reason or None,
        "already_cancelled": None if which is None else which == CANCELLED,
    }
    return {name: value for name, value in chosen.items() if value not in (None, [])}


def state_of(
    page: Context, titles: dict[str, str], has_cancels: bool, chosen: Chosen
) -> dict[str, Any] | None:
    """Return the state of the widgets for saved filters, None if they cannot show them."""
    least = chosen.get("min_customer_value", 0)
    actions, segments = chosen.get("action", []), chosen.get("segment", [])
    can_be_shown = (
        set(chosen) <= FILTERS
        and least == int(least)
        and ("already_cancelled" in chosen) == has_cancels
        # the published tables may no longer have them
        and set(actions) <= set(titles)
        and set(segments) <= set(choices(page, "ladder_part"))
    )
    if not can_be_shown:
        return None
    state = {
        "bands": chosen.get("band", []),
        "actions": sorted({titles[action] for action in actions}),
        "segments": segments,
        "value": int(least),
        "reason": chosen.get("reason", ""),
    }
    if has_cancels:
        state["which"] = CANCELLED if chosen["already_cancelled"] else PREDICTED
    return state


page = context("Customers at risk")
planned = rows(
    page.generation,
    "select distinct planned_action, action_title from bi_customer_360 "
    "where domain = ? and action_title is not null order by 1",
    page.name,
)
titles = dict(zip(planned["planned_action"], planned["action_title"], strict=True))
cancels = one(
    page.generation,
    "select bool_or(already_cancelled) as some from bi_customer_360 where domain = ?",
    page.name,
)
has_cancels = bool(cancels and cancels["some"])
above = st.container()
chosen = choose(page, titles, has_cancels)
with above:
    saved_audiences(page, chosen, lambda kept: state_of(page, titles, has_cancels, kept))
where, values = condition(page.name, chosen)
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
    "To share these filters, copy the address of this page."
)
order = second.selectbox("Sort by", list(ORDERS), key="sort", bind="query-params")
found = rows(
    page.generation,
    f"select * from bi_customer_360 where {where} order by {ORDERS[order]} limit {SHOW}",
    *values,
)
selected = customer_table(
    found,
    page,
    key="customers",
    if_empty="No customers match these filters. Remove a filter to see more.",
    several=True,
)
if total["customers"] > len(found):
    st.caption(f"Showing the first {len(found):,}. The download includes all of them.")


def spreadsheet() -> bytes:
    """The selected customers as a file, or all that match the filters."""
    table: pd.DataFrame = rows(
        page.generation,
        f"select {EXPORTED} from bi_customer_360 where {where} order by {ORDERS[order]}",
        *values,
    )
    if not selected.empty:
        table = table[table["customer_id"].isin(selected["customer_id"])]
    return words.spreadsheet(table)


if total["customers"]:
    label = f"{len(selected)} selected" if not selected.empty else f"all {total['customers']:,}"
    st.download_button(
        f"Download {label} (CSV)",
        spreadsheet,
        file_name=f"customers_at_risk_{page.name}.csv",
        mime="text/csv",
        on_click="ignore",
    )
    st.caption(
        "Made for spreadsheets: an ID that begins with =, +, - or @ has an apostrophe in front. "
        "For unchanged IDs in a CRM, ask your data team to connect it to the published tables."
    )
st.caption(words.PATTERNS)
