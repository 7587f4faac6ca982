"""Nights: what each run did, what it read, what it warned of or refused, and what it published."""

from collections.abc import Iterable

import pandas as pd
import streamlit as st
from sqlalchemy.exc import SQLAlchemyError

from app.viewer import words
from app.viewer.context import Context, context
from app.viewer.last_night import OUTCOMES, about, outcome_of
from app.viewer.plain import plain
from pipeline.alerts.book import read_alerts
from pipeline.alerts.trouble import KINDS
from pipeline.project.errors import ChurnError
from pipeline.project.home import home
from pipeline.runs.nights import Night, Note, nights

SHOW = 60


def summary(found: Iterable[Night]) -> pd.DataFrame:
    """A row for each night."""
    return pd.DataFrame(
        [
            {
                "Began (UTC)": night.began_at.replace(tzinfo=None),
                "Outcome": OUTCOMES[outcome_of(night)],
                "Took": words.seconds((night.ended_at - night.began_at).total_seconds())
                if night.ended_at
                else "",
                "Rows read": sum(rows.read for rows in night.rows),
                "Set aside": sum(rows.quarantined for rows in night.rows),
                "Warnings": sum(note.kind == "warning" for note in night.notes),
                "Refusals": sum(note.kind != "warning" for note in night.notes),
                "Published": "yes" if night.generation else "no",
            }
            for night in found
        ]
    )


def one_night(page: Context, night: Night) -> None:
    """What a night did for the business of the page."""
    notes = about(night, page.name)
    for note in (note for note in notes if note.kind != "warning"):
        st.error(plain(note.what))
    for note in (note for note in notes if note.kind == "warning"):
        st.warning(plain(note.what))
    if not notes and night.ended_at:
        st.success("No warnings and nothing refused.")
    if night.generation and page.name in night.kept:
        st.markdown("Published, but this business keeps what was published of it before.")
    elif night.generation:
        st.markdown("Published: pages, files and other tools show it since.")
    else:
        st.markdown("Nothing new was published. What was published before stays.")
    steps = [step for step in night.steps if step.domain in ("", page.name)]
    if steps:
        st.dataframe(
            pd.DataFrame(
                {
                    "Step": [words.STEPS.get(step.name, step.name) for step in steps],
                    "Took": [words.seconds(step.seconds) for step in steps],
                }
            ),
            hide_index=True,
        )
    read = [rows for rows in night.rows if rows.domain == page.name]
    if read:
        st.dataframe(
            pd.DataFrame(
                {
                    "Files of": [rows.table.replace("_", " ") for rows in read],
                    "Rows read": [rows.read for rows in read],
                    "Rows set aside": [rows.quarantined for rows in read],
                }
            ),
            hide_index=True,
            column_config={
                name: st.column_config.NumberColumn(format="%,d")
                for name in ("Rows read", "Rows set aside")
            },
        )
        st.caption("Set aside: rows with values that could not be read. They count nowhere.")
    for_the_data_team(night, notes)


def for_the_data_team(night: Night, notes: list[Note]) -> None:
    """Commands and names of files."""
    with st.expander("For your data team"):
        lines = [f"churn {night.command}", *([night.generation] if night.generation else [])]
        for note in notes:
            lines += [note.what, *(part for part in (note.where, note.hint) if part)]
        st.code("\n".join(lines), language=None, wrap_lines=True)


def open_alerts(page: Context) -> None:
    """What is wrong by now, since when; nothing if nothing is."""
    try:
        found = [one for one in read_alerts(home()) if one.domain in ("", page.name)]
    except (ChurnError, SQLAlchemyError):
        st.warning("The alerts cannot be read. Ask your data team to look at them.")
        return
    if not found:
        return
    st.subheader(f"Open alerts: {len(found):,}", anchor=False)
    st.dataframe(
        pd.DataFrame(
            {
                "Alert": [KINDS[one.kind].title for one in found],
                "Since (UTC)": [one.since for one in found],
                "What": [one.words for one in found],
            }
        ),
        hide_index=True,
        column_config={"Since (UTC)": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm")},
    )


page = context("Nights")
st.caption("Every run that reads files, scores customers or publishes leaves a record here.")
try:
    found = nights(home(), SHOW)
except ChurnError as problem:
    st.error("A record of a night cannot be read. Ask your data team to look at it.")
    with st.expander("For your data team"):
        st.code(str(problem), language=None, wrap_lines=True)
    st.stop()
if not found:
    st.info("No night has been recorded yet. The next run will be the first.")
    st.stop()
st.subheader(f"Last night: {OUTCOMES[outcome_of(found[0])].lower()}", anchor=False)
st.caption(
    f"Began {words.minute(found[0].began_at)}"
    + (f", ended {words.minute(found[0].ended_at)}." if found[0].ended_at else ".")
)
one_night(page, found[0])
open_alerts(page)
st.subheader("Earlier nights", anchor=False)
st.dataframe(
    summary(found),
    hide_index=True,
    column_config={
        "Began (UTC)": st.column_config.DatetimeColumn(format="D MMM YYYY, HH:mm"),
        "Rows read": st.column_config.NumberColumn(format="%,d"),
        "Set aside": st.column_config.NumberColumn(
            format="%,d", help="Rows with values that could not be read."
        ),
    },
)
earlier = {words.minute(night.began_at): night for night in found[1:]}
if earlier:
    chosen = st.selectbox("Look at an earlier night", list(earlier), index=None)
    if chosen:
        one_night(page, earlier[chosen])
