"""Do not contact: everybody who is marked, and marking one, many or a file."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from app.viewer import client, files, words
from app.viewer.context import Context, context
from app.viewer.marks import change, lift
from app.viewer.plain import plain
from app.viewer.tables import address_of, without_toolbar
from pipeline.project.errors import ChurnError
from pipeline.project.home import home
from pipeline.retention.decisions import SUPPRESSIONS, count_rows, read_suppressions
from pipeline.retention.imports import read_suppressions as read_file
from pipeline.retention.listed_ids import read_ids

SHOW = 500
# Marks that the search reads at most.
READ = 100_000
_SAID = "what the last change did"


def marked(page: Context) -> pd.DataFrame:
    """Return the marks as of now, the newest first."""
    found = read_suppressions(home(), page.name, "", READ)
    table = pd.DataFrame(found, columns=["customer_id", "reason", "added_at", "added_by"])
    return table.sort_values(["added_at", "customer_id"], ascending=[False, True])


def listing(page: Context) -> None:
    """Show who is marked, with a search, a file, and the way back."""
    table = marked(page)
    total = count_rows(home(), SUPPRESSIONS, page.name)
    st.markdown(f"**{words.count(total, 'customer')}** marked do-not-contact.")
    if table.empty:
        st.info("Nobody is marked. Mark customers above, or on a customer's page.")
        return
    asked = st.text_input(
        "Search ID, reason or author",
        key="search",
        bind="query-params",
        icon=":material/search:",
        width=425,
    ).strip()
    if asked:
        text = table["customer_id"] + " " + table["reason"] + " " + table["added_by"].fillna("")
        table = table[text.str.lower().str.contains(asked.lower(), regex=False)]
    if table.empty:
        st.info("No mark matches this search.")
        return
    shown = table.head(SHOW)
    without_toolbar()
    event = st.dataframe(
        shown.assign(customer_id=[address_of(one, page) for one in shown["customer_id"]]),
        key=f"marked_{page.name}",
        hide_index=True,
        on_select="rerun",
        selection_mode="multi-row",
        placeholder="",
        alt=f"Table of {len(shown):,} customers marked do-not-contact",
        column_config={
            "customer_id": st.column_config.LinkColumn(
                "Customer", display_text=r"customer=([^&]*)", width=170, pinned=True
            ),
            "reason": st.column_config.TextColumn("Reason", width=250),
            "added_at": st.column_config.DatetimeColumn(
                "Since, UTC", format="D MMM YYYY, HH:mm", width=170
            ),
            "added_by": st.column_config.TextColumn("By", width=180),
        },
    )
    if len(table) > SHOW:
        st.caption(f"The newest {SHOW:,} of {len(table):,}. The files have all of them.")
    ids = [str(one) for one in shown.iloc[event["selection"]["rows"]]["customer_id"]]
    if not ids:
        st.caption("Select rows to allow contact again.")
    lift(page, ids, key="lift")
    files.downloads(
        page,
        words.count(len(table), "mark"),
        "do_not_contact",
        lambda _: table,
        key="marks",
    )


def paste(page: Context) -> None:
    """Show the form that marks the ids that are pasted, one a line."""
    with st.form("paste", border=False):
        text = st.text_area(
            "Customer IDs, one per line", key="pasted", placeholder="one ID per line", height=120
        )
        reason = st.text_input(
            "Reason", key="pasted reason", max_chars=200, placeholder="asked for no messages"
        )
        if not st.form_submit_button("Mark do-not-contact"):
            return
        listed = [line.strip() for line in text.splitlines() if line.strip()]
        if not listed:
            st.error("Please paste at least one ID.")
        elif not reason.strip():
            st.error("Please add a reason.")
        else:
            found = read_ids(home(), page.name, listed)
            wrong = [
                f"{one}: {spelling.reason}"
                for one, spelling in zip(listed, found.spellings, strict=True)
                if spelling.customer_id is None
            ]
            if wrong:
                st.error(
                    f"{words.count(len(wrong), 'line')} cannot be read as an ID; nothing was "
                    f"saved. {plain('; '.join(wrong[:10]))}"
                )
            else:
                ids = dict.fromkeys(str(one.customer_id) for one in found.spellings)
                mark(page, [(one, reason.strip()) for one in ids], found.unknown)


def upload(page: Context) -> None:
    """Show the form that marks the customers of a CSV file."""
    with st.form("upload", border=False):
        file = st.file_uploader("CSV with the columns customer_id and reason", type="csv")
        if not st.form_submit_button("Mark the customers of the file"):
            return
        if file is None:
            st.error("Please choose a file.")
            return
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "list.csv"
            path.write_bytes(file.getvalue())
            try:
                listed = read_file(path, home(), page.name)
            except ChurnError as problem:
                where = str(problem.where or "").replace(str(path), plain(file.name))
                lines = "  \n".join(plain(line) for line in where.splitlines())
                st.error(f"{plain(problem.what)}  \n{lines}  \n{plain(problem.hint or '')}")
                return
        if not listed.rows:
            st.error("The file has no customers.")
            return
        mark(page, listed.rows, listed.unknown)


def mark(page: Context, customers: Sequence[tuple[str, str]], unknown: list[str] | None) -> None:
    """Mark customers and keep what is to be said about it for the next run of the page."""

    def made() -> None:
        added = client.suppress(page.name, customers)
        said = f"Marked {words.count(len(customers), 'customer')}, {added:,} of them new."
        if unknown is None:
            said += " The data could not be read, so unknown IDs were not looked for."
        elif unknown:
            ids = "ID is" if len(unknown) == 1 else "IDs are"
            more = f" and {len(unknown) - 20:,} more" if len(unknown) > 20 else ""
            said += (
                f" {len(unknown):,} {ids} not known to {page.domain['title']}: "
                f"{', '.join(unknown[:20])}{more}. Kept for data that come later; check the "
                "spelling."
            )
        st.session_state[_SAID] = said

    change(made)


page = context("Do not contact")
st.markdown(
    "Marked customers are left out of every list, file and plan from the moment of the mark. The "
    "CRM gets the change at its next sync."
)
said = st.session_state.pop(_SAID, None)
if said:
    st.success(plain(said))
with st.expander("Mark customers", icon=":material/person_off:"):
    pasted, uploaded = st.tabs(["Paste IDs", "Import a file"])
    with pasted:
        paste(page)
    with uploaded:
        upload(page)
listing(page)
