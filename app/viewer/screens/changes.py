"""Changes: everybody who moved into or out of risk, and every renewal that is due this week."""

from datetime import timedelta

import streamlit as st

from app.viewer import files, words
from app.viewer.context import chosen_or_stop, context
from app.viewer.due import DUE, due_this_week
from app.viewer.moved import DIRECTIONS
from app.viewer.moved_table import moved_table
from app.viewer.moves import MEANINGS, moves

SHOW = 500

page = context("Changes")
due = due_this_week(page)
views = DIRECTIONS | ({} if due is None else {"due": DUE})
chosen = next(iter(chosen_or_stop(page, "view", "view", views)), "into")
with st.container(horizontal=True):
    for view, name in views.items():
        if view == chosen:
            st.badge(name, color="blue")
        else:
            page.link("changes", name, view=view)
if chosen == "due" and due is not None:
    found = due
    until = page.domain["as_of_date"] + timedelta(days=7)
    meaning = f"At-risk customers whose renewal is due before {words.day(until)}."
else:
    found_moves = moves(page)
    if found_moves.since is None:
        st.info("This is the first scoring: there are no earlier scores to compare with.")
        st.stop()
    found = found_moves.customers(chosen)
    meaning = f"{MEANINGS[chosen]} Before is {words.day(found_moves.since)}, now is {page.cut_off}."
if found.empty:
    st.info("No customers here.")
    st.stop()
total = words.count(len(found), "customer")
value = words.money(found["value_at_risk"].sum(), page.currency)
st.markdown(
    f"**{total}**, {words.in_markdown(value)} at risk. {meaning}"
    if found["value_at_risk"].notna().any()
    else f"**{total}**. {meaning}"
)
shown = found.head(SHOW)
moved_table(shown, page, key=f"changes_{chosen}")
if len(found) > len(shown):
    st.caption(f"Showing the first {len(shown):,}. The download includes all of them.")
files.downloads(
    page,
    f"all {len(found):,}",
    f"changes {chosen}",
    lambda _: found.drop(columns=["direction_code"], errors="ignore"),
    key=f"download_{chosen}",
)
st.caption(words.PATTERNS)
