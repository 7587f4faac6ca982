"""Audiences: the filters of the customer list as a condition, and saved under a name."""

from collections.abc import Callable, Mapping
from typing import Any

import streamlit as st

from app.customer_conditions import CONDITIONS
from app.viewer import client
from app.viewer.context import Context

# Named as the filters of the API's customer list, so that both mean the same customers.
Chosen = dict[str, Any]


def condition(domain: str, chosen: Chosen) -> tuple[str, list[Any]]:
    """Return the filters as a condition on `bi_customer_360`, and the values it binds."""
    where = ["domain = ?", *(CONDITIONS[name] for name in chosen)]
    return " and ".join(where), [domain, *chosen.values()]


def saved_audiences(
    page: Context, chosen: Chosen, show: Callable[[Chosen], Mapping[str, Any] | None]
) -> None:
    """Show the saved audiences and the form that saves the current filters.

    Args:
        page: What the page shows.
        chosen: The current filters.
        show: Returns the state of the page's widgets for saved filters, None if they cannot
            show them.
    """
    with st.popover("Saved audiences", icon=":material/bookmarks:"):
        try:
            kept = client.audiences(page.name)
        except client.UnavailableError as problem:
            st.info(str(problem))
            return
        if not kept:
            st.caption("No saved audiences yet. Set filters, then save them here.")
        for audience in kept:
            _offer(page, audience["name"], show(audience["filter"]))
        with st.form("save_audience", border=False, clear_on_submit=True):
            name = st.text_input("Save these filters as", max_chars=100)
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
        help="This audience uses filters that this page does not have." if state is None else None,
        width="stretch",
    )
    if forgets.button(
        "", key=f"forget audience {name}", icon=":material/delete:", help=f"Delete {name}"
    ):
        _change(lambda: client.forget_audience(page.name, name))


def _save(page: Context, name: str, chosen: Chosen) -> None:
    if not name:
        st.error("Please enter a name. Others find the audience by it.")
    else:
        _change(lambda: client.save_audience(page.name, name, chosen))


def _change(change: Callable[[], object]) -> None:
    """Make the change and show the list again, or show why it failed."""
    try:
        change()
    except client.UnavailableError as problem:
        st.error(str(problem))
    else:
        st.rerun()
