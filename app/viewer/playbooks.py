"""Playbooks on the page of campaigns: settings that are used again, and what they achieved."""

from typing import Any

import pandas as pd
import streamlit as st

from app.viewer import client, words
from app.viewer.context import Context
from app.viewer.plain import plain
from app.viewer.published import titles

_NAMES = 100


def playbooks(page: Context) -> None:
    """Show the playbooks, and offer to draft from one or to delete it."""
    try:
        kept = client.playbooks(page.name)
    except client.UnavailableError:
        return
    st.subheader("Playbooks", anchor=False)
    if not kept:
        st.caption("Keep the settings of a campaign as a playbook, to use them again.")
        return
    bands = titles(page.generation, "risk_band")
    st.dataframe(
        pd.DataFrame([line for one in kept for line in _lines(one, bands)]),
        hide_index=True,
        column_config={
            "members": st.column_config.TextColumn("Members"),
            "playbook": st.column_config.TextColumn("Playbook"),
            "campaigns": st.column_config.TextColumn("Campaigns with a result"),
            "kept": st.column_config.TextColumn(
                "Of 100 who would leave, kept",
                help="By the control groups of its campaigns, with the 95% interval.",
            ),
        },
    )
    st.caption(
        "A campaign counts once all its outcomes are known and its groups can be compared. A band "
        "with few customers says little alone."
    )
    with st.form(f"from_playbook_{page.name}", clear_on_submit=True):
        first, second = st.columns(2)
        chosen = first.selectbox("Playbook", [one["name"] for one in kept])
        name = second.text_input("Name of the new campaign", max_chars=_NAMES)
        first, second = st.columns(2)
        if first.form_submit_button("Draft from it", width="stretch"):
            if not name.strip() or "/" in name:
                st.error("Please enter a name, without a slash.")
            else:
                client.show_change(
                    lambda: client.draft_from_playbook(
                        page.name, chosen, {"campaign": name.strip()}
                    )
                )
        if second.form_submit_button("Delete it", width="stretch"):
            client.show_change(lambda: client.forget_playbook(page.name, chosen))


def keep_as_playbook(page: Context, campaign: str) -> None:
    """Offer to keep the settings of a campaign."""
    with st.popover("Keep as playbook …"):
        name = st.text_input(
            "Name of the playbook", max_chars=_NAMES, key=f"playbook_of_{page.name}"
        )
        if st.button("Keep", key=f"keep_playbook_{page.name}"):
            if not name.strip() or "/" in name:
                st.error("Please enter a name, without a slash.")
            else:
                client.show_change(lambda: client.save_playbook(page.name, name.strip(), campaign))


def _lines(one: dict[str, Any], bands: dict[str, str]) -> list[dict[str, str]]:
    used = words.count(len(one["campaigns"]), "campaign")
    if not one["achieved"]:
        return [
            {
                "playbook": one["name"],
                "members": "All",
                "campaigns": f"none of {used}",
                "kept": "not known yet",
            }
        ]
    return [
        {
            "playbook": one["name"],
            "members": plain(bands.get(row["risk_band"], "All")),
            "campaigns": f"{row['campaigns']} of {used}",
            "kept": _kept(row),
        }
        for row in one["achieved"]
    ]


def _kept(row: dict[str, Any]) -> str:
    if row["save_rate"] is None:
        return "cannot be told"
    found = f"{100 * row['save_rate']:.0f}"
    if row["ci_low"] is None:
        return found
    return f"{found} ({100 * row['ci_low']:.0f} to {100 * row['ci_high']:.0f})"
