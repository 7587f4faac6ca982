"""Audiences: filters of the customer list, saved under a name, counted as of now."""

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd
import streamlit as st

from app.customer_conditions import CONDITIONS
from app.viewer import client, words
from app.viewer.context import Context
from app.viewer.list_filters import Choices, Chosen, condition, link, state_of
from app.viewer.plain import plain
from app.viewer.published import one

_DELETING = "audience to delete"


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
            _offer(page, audience, show(audience["filter"]))
        save_form(page, chosen)


def save_form(page: Context, chosen: Chosen, key: str = "save_audience") -> None:
    """Show the form that saves filters under a name."""
    with st.form(key, border=False, clear_on_submit=True):
        name = st.text_input("Save these filters as", max_chars=100, key=f"{key} name")
        if st.form_submit_button("Save"):
            _save(page, name.strip(), chosen)


def size(page: Context, chosen: Chosen) -> int | None:
    """Return how many customers match filters now; None if this page cannot count them."""
    if not set(chosen) <= set(CONDITIONS):
        return None
    where, values = condition(page.name, chosen)
    found = one(
        page.generation, f"select count(*) as customers from bi_customer_360 where {where}", *values
    )
    return int(found["customers"]) if found else 0


def people(page: Context, offered: Choices, chosen: Chosen, title: str, *, key: str) -> None:
    """Show the link to the customers of a filter, and the form that makes an audience of them.

    Args:
        page: What the page shows.
        offered: What the customer list can choose.
        chosen: The filters.
        title: What the customers are called.
        key: Prefix of the widgets' keys.
    """
    number = size(page, chosen)
    if state_of(offered, chosen) is None or number is None:
        st.caption("The customer list has no filter for this.")
        return
    row = st.container(horizontal=True, vertical_alignment="center")
    row.page_link(
        "screens/customers.py",
        label=plain(f"See the {words.count(number, 'customer')}: {title}"),
        icon=":material/group:",
        query_params=link(page, offered, chosen),
    )
    with row.popover("Save as audience", icon=":material/bookmark_add:"):
        save_form(page, chosen, key=f"save {key}")


def about(page: Context, audience: Mapping[str, Any]) -> str:
    """Say how many customers match a saved audience now, and who saved it when."""
    customers = size(page, audience["filter"])
    parts = [] if customers is None else [f"{words.count(customers, 'customer')} now"]
    saved = f"saved {words.day(pd.Timestamp(audience['saved_at']))}"
    by = audience.get("saved_by")
    return " · ".join([*parts, f"{saved} by {plain(by)}" if by else saved])


def _offer(page: Context, audience: Mapping[str, Any], state: Mapping[str, Any] | None) -> None:
    name = audience["name"]
    opens, forgets = st.columns([5, 1])
    opens.button(
        plain(name),
        key=f"open audience {name}",
        on_click=None if state is None else st.session_state.update,
        args=None if state is None else (state,),
        disabled=state is None,
        help="This audience uses filters or names that this page does not have."
        if state is None
        else None,
        width="stretch",
    )
    st.caption(about(page, audience))
    if forgets.button(
        "", key=f"forget audience {name}", icon=":material/delete:", help=f"Delete {plain(name)}"
    ):
        st.session_state[_DELETING] = (page.name, name)
    if st.session_state.get(_DELETING) == (page.name, name):
        st.warning(f"Delete the audience {plain(name)} for everyone?")
        with st.container(horizontal=True):
            if st.button("Delete", key=f"really forget {name}", type="primary"):
                del st.session_state[_DELETING]
                client.show_change(lambda: client.forget_audience(page.name, name))
            if st.button("Keep", key=f"keep {name}"):
                del st.session_state[_DELETING]
                st.rerun()


def _save(page: Context, name: str, chosen: Chosen) -> None:
    if not name:
        st.error("Please enter a name. Others find the audience by it.")
    else:
        client.show_change(lambda: client.save_audience(page.name, name, chosen))
