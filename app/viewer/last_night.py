"""What went wrong in the last run, in words."""

from datetime import UTC, datetime, timedelta

import streamlit as st

from app.viewer import words
from app.viewer.context import Context
from app.viewer.plain import plain
from pipeline.project.errors import ChurnError
from pipeline.project.home import home
from pipeline.runs.nights import Night, Note, nights

# A run that has not ended after this time was killed.
LONGEST = timedelta(hours=24)
OUTCOMES = {
    "published": "Finished",
    "warned": "Finished with warnings",
    "refused": "Refused",
    "failed": "Failed",
    "running": "Running",
    "stopped": "Stopped before its end",
}


def outcome_of(night: Night) -> str:
    """How a night ended; one that was killed never said so."""
    if night.outcome == "running" and datetime.now(UTC) - night.began_at > LONGEST:
        return "stopped"
    return night.outcome


def about(night: Night, domain: str) -> list[Note]:
    """Warnings and refusals of a business, and those of no single one."""
    return [note for note in night.notes if note.domain in ("", domain)]


def show_last_night(page: Context) -> None:
    """Say what went wrong for the business of a page; nothing if all went well."""
    try:
        found = nights(home(), 1)
    except ChurnError:
        st.warning("The record of last night cannot be read. Ask your data team to look at it.")
        return
    if not found:
        return
    night = found[0]
    refused = [note for note in about(night, page.name) if note.kind != "warning"]
    warnings = [note for note in about(night, page.name) if note.kind == "warning"]
    when = f"Last run ({words.minute(night.began_at)})"
    if refused:
        st.error(
            f"{when}: not published. {plain(refused[0].what)} "
            "These pages show what was published before."
        )
    elif outcome_of(night) == "stopped":
        st.error(f"{when}: stopped before its end. These pages show what was published before.")
    elif warnings:
        more = f" And {len(warnings) - 1} more." if len(warnings) > 1 else ""
        st.warning(f"{when}: {plain(warnings[0].what)}{plain(more)}")
    else:
        return
    page.link("nights", "What happened last night")
