"""Do-not-contact marks: read as of now, made and lifted through the API."""

from collections.abc import Callable, Sequence

import streamlit as st

from app.viewer import client, words
from app.viewer.context import Context
from app.viewer.plain import plain
from app.viewer.published import today
from pipeline.project.home import home
from pipeline.retention.decisions import StoredSuppression, suppression_of

_LIFTING = "customer to contact again"


def mark_of(page: Context, customer: str) -> StoredSuppression | None:
    """Return a customer's mark as of now; None without one."""
    if (page.name, customer) not in today().suppressed:
        return None
    return suppression_of(home(), page.name, customer)


def banner(page: Context, customer: str) -> bool:
    """Show whether a customer must not be contacted; return it."""
    mark = mark_of(page, customer)
    if mark is None:
        return False
    by = f", by {plain(mark.added_by)}" if mark.added_by else ""
    st.error(
        f"**Do not contact** since {words.day(mark.added_at)}{by}: {plain(mark.reason)}",
        icon=":material/do_not_disturb_on:",
    )
    return True


def form(page: Context, customer: str) -> None:
    """Show the form that marks a customer, or the button that lifts the mark."""
    st.subheader("Do not contact")
    if mark_of(page, customer) is not None:
        st.markdown("Left out of every list, file and plan from the moment of the mark.")
        lift(page, [customer], key=f"lift {customer}")
        return
    with st.form("suppress", border=False):
        reason = st.text_input(
            "Reason", key="suppress reason", placeholder="asked for no messages", max_chars=200
        )
        if st.form_submit_button("Mark do-not-contact"):
            if not reason.strip():
                st.error("Please add a reason.")
            else:
                change(lambda: client.suppress(page.name, [(customer, reason.strip())]))


def lift(page: Context, customers: Sequence[str], *, key: str) -> None:
    """Show the button that lifts marks; it asks first."""
    asked = (page.name, tuple(customers))
    if st.button("Allow contact again", key=key, disabled=not customers):
        st.session_state[_LIFTING] = asked
    if customers and st.session_state.get(_LIFTING) == asked:
        who = "this customer" if len(customers) == 1 else f"{len(customers):,} customers"
        st.warning(f"Allow contact with {who} again? The next publish may plan an action.")
        with st.container(horizontal=True):
            if st.button("Allow", key=f"{key} yes", type="primary"):
                del st.session_state[_LIFTING]
                change(
                    lambda: [client.lift_suppression(page.name, customer) for customer in customers]
                )
            if st.button("Keep the mark", key=f"{key} no"):
                del st.session_state[_LIFTING]
                st.rerun()


def change(make: Callable[[], object]) -> None:
    """Make a change and show the page with it, or show why it failed."""
    try:
        make()
    except client.UnavailableError as problem:
        st.error(plain(str(problem)))
    else:
        st.rerun()
