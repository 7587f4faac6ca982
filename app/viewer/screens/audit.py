"""Who did what: marks, audiences, drafts and approvals, the newest first."""

import pandas as pd
import streamlit as st

from app.viewer import client
from app.viewer.context import context

SHOW = 500

page = context("Who did what")
try:
    found = client.audit(page.name, SHOW)
except client.UnavailableError as problem:
    st.info(str(problem))
    st.stop()
if not found:
    st.info("Nobody has marked, saved or approved anything yet.")
    st.stop()
st.dataframe(
    pd.DataFrame(
        [
            {
                "at": pd.Timestamp(row["at"]),
                "decided_by": row["decided_by"] or "not recorded",
                "what": row["what"],
                "subject": row["subject"],
            }
            for row in found
        ]
    ),
    hide_index=True,
    column_config={
        "at": st.column_config.DatetimeColumn("When (UTC)", format="D MMM YYYY, HH:mm"),
        "decided_by": "Who",
        "what": "What",
        "subject": "Customer, audience or draft",
    },
)
if len(found) == SHOW:
    st.caption(f"The newest {SHOW:,} are shown.")
st.caption("Kept with every change on these pages, by the API and on the command line.")
