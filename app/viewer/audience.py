"""Audiences: what is chosen on the customer list, as a condition, and kept by name."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app.viewer import client
from app.viewer.context import Context

# Members as the API's customer list spells its filters, so that both mean the same customers.
Chosen = dict[str, Any]

_CONDITIONS = {
    "band": "list_contains(?, risk_band)",
    "action": "list_contains(?, planned_action)",
    "segment": "list_contains(?, segment)",
    "min_customer_value": "customer_value >= ?",
    "reason": "contains(lower(concat_ws(' ', top_driver_1, top_driver_2, top_driver_3)), lower(?))",
    "already_cancelled": "coalesce(already_cancelled, false) = ?",
}


def condition(domain: str, chosen: Chosen) -> tuple[str, list[Any]]:
    """Return what was chosen as a condition on `bi_customer_360`, and what it binds."""
    where = ["domain = ?", *(_CONDITIONS[name] for name in chosen)]
    return " and ".join(where), [domain, *chosen.values()]


def saved_audiences(
    page: Context, chosen: Chosen, show: Callable[[Chosen], Mapping[str, Any] | None]
) -> None:
    """Offer the audiences that are kept, and to keep what is chosen now.

    Args:
        page: What the page shows.
        chosen: What is chosen now.
        show: Returns the state of the page's widgets that shows a filter, None if it cannot.
    """
    with st.popover("Saved audiences", icon=":material/bookmarks:"):
        try:
            kept = client.audiences(page.name)
        except client.UnavailableError as problem:
            st.info(str(problem))
            return
        if not kept:
            st.caption("None yet. What is chosen below can be kept by a name.")
        for audience in kept:
            _offer(page, audience["name"], show(audience["filter"]))
        with st.form("save_audience", border=False, clear_on_submit=True):
            name = st.text_input("Keep what is chosen now as", max_chars=100)
            if st.form_submit_button("Save"):
                _save(page, name.strip(), chosen)


def _offer(page: Context, name: str, state: Mapping[str, Any] | None) -> None:
    opens, forgets = st.columns([5, 1])
    opens.button(
        name,
        key=f"open audience {name}",
        on_click=None if state is None else st.session_state.update,
        args=None if state is None else (state,),
        disabled=state is None,
        help="Made with filters that this page does not have." if state is None else None,
        width="stretch",
    )
    if forgets.button(
        "", key=f"forget audience {name}", icon=":material/delete:", help=f"Forget {name}"
    ):
        _change(lambda: client.forget_audience(page.name, name))


def _save(page: Context, name: str, chosen: Chosen) -> None:
    if not name:
        st.error("Give it a name, so that others find it.")
    else:
        _change(lambda: client.save_audience(page.name, name, chosen))


def _change(change: Callable[[], object]) -> None:
    """Do it and show the list anew, or say why it could not be done."""
    try:
        change()
    except client.UnavailableError as problem:
        st.error(str(problem))
    else:
        st.rerun()
