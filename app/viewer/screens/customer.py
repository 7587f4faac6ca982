"""One customer: risk, due date, reasons, recommendation and activity."""

from collections.abc import Callable

import streamlit as st

from app.viewer import charts, client, words
from app.viewer.context import Context, context
from app.viewer.published import Row, one, rows


def reasons(page: Context, customer: str, direction: str) -> None:
    """Show the reasons of one direction, the strongest first."""
    found = rows(
        page.generation,
        """
        select sentence, strength, is_actionable from bi_churn_reasons
        where domain = ? and customer_id = ? and direction = ? and driver_group <> 'other'
            and not is_typical
        order by rank
        """,
        page.name,
        customer,
        direction,
    )
    if found.empty:
        st.caption("No strong signs.")
    for row in found.itertuples():
        mark = {"strong": "●●●", "medium": "●●○", "weak": "●○○"}[row.strength]
        hand = "  :material/touch_app:" if row.is_actionable else ""
        st.markdown(f"{mark}  {row.sentence}{hand}")


def recommendation(page: Context, customer: str) -> Row | None:
    """Show the planned action, or why there is none, and return its row."""
    action = one(
        page.generation,
        "select * from bi_churn_actions where domain = ? and customer_id = ?",
        page.name,
        customer,
    )
    st.subheader("Recommendation")
    if action is None:
        st.info("No plan has been published for this business.")
        return None
    if action["decision"] == "treat":
        st.success(
            f"**{action['action_title']}** ({words.channel(action['channel'])}). "
            f"{action['message_hint'] or ''}"
        )
        st.markdown(
            words.in_markdown(
                f"Expected profit {words.money(action['expected_profit'], page.currency)} at an "
                f"expected cost of {words.money(action['expected_spend'], page.currency)}. "
                f"Worth it above {words.percent(action['break_even_probability'])} risk. "
                f"Response rates are {action['evidence']}."
            )
        )
    else:
        st.info(f"**No contact planned.** {sentence(action['reason_words'])}")
        if action["planned_action"] and action["decision"] == "hold_out":
            st.caption(
                f"In the control group: the action would be “{action['action_title']}”. The "
                "control group is drawn at random and not contacted, to measure what actions do."
            )
    return action


def sentence(text: str | None) -> str:
    """A clause as a sentence."""
    return words.capitalised(text).rstrip(".") + "." if text else ""


def do_not_contact(page: Context, customer: str, is_suppressed: bool) -> None:
    """Mark or unmark the customer; the published lists follow at the next publish."""
    st.subheader("Do not contact")
    if is_suppressed:
        st.markdown("Marked do-not-contact: every plan leaves this customer out.")
        if st.button("Allow contact again"):
            save(lambda: client.lift_suppression(page.name, customer))
        return
    with st.form("suppress", border=False):
        reason = st.text_input("Reason", placeholder="asked for no messages", max_chars=200)
        if st.form_submit_button("Mark do-not-contact"):
            if not reason.strip():
                st.error("Please add a reason.")
            else:
                save(lambda: client.suppress(page.name, customer, reason))


def save(change: Callable[[], object]) -> None:
    """Make the change and confirm it, or show why it failed."""
    try:
        change()
    except client.UnavailableError as problem:
        st.error(str(problem))
    else:
        st.success("Saved. Lists and files update at the next publish.")


def activity(page: Context, customer: str) -> None:
    """Show the weeks before the cut-off."""
    weeks = rows(
        page.generation,
        "select * from bi_customer_activity where domain = ? and customer_id = ? "
        "order by week_starts_on",
        page.name,
        customer,
    )
    if weeks.empty:
        st.caption("No activity has been published for this customer.")
        return
    shown = [
        (column, meaning)
        for column, meaning in (
            ("usage_amount", str(page.domain["usage_meaning"])),
            ("transactions", str(page.domain["transactions_meaning"])),
        )
        if weeks[column].notna().any()
    ]
    for column, meaning in shown:
        st.altair_chart(charts.trend(weeks, column, title=words.capitalised(meaning)))


page = context("Customer")
customer = st.text_input(
    "Customer ID", key="customer", bind="query-params", placeholder="an ID from the list"
)
if not customer:
    st.info("Open a customer from the list, or enter an ID.")
    st.page_link("screens/customers.py", label="Customers at risk", icon=":material/group:")
    st.stop()
found = one(
    page.generation,
    "select * from bi_customer_360 where domain = ? and customer_id = ?",
    page.name,
    customer,
)
if found is None:
    st.warning(
        f"{customer} is not among the scored customers of {page.domain['title']}. "
        f"Not scored: {page.domain['not_scored']}. "
        "Check the ID: upper and lower case matter."
    )
    st.stop()

left, middle, right = st.columns(3)
left.metric("Risk", words.percent(found["churn_probability"]), border=True)
middle.metric(
    "Risk band",
    str(found["risk_band"]),
    border=True,
    help=f"Critical: risk of {words.percent(page.domain['band_critical'])} or more. "
    f"High: {words.percent(page.domain['band_high'])} or more. "
    f"Medium: {words.percent(page.domain['band_medium'])} or more. Low: below that.",
)
right.metric("Value at risk", words.money(found["value_at_risk"], page.currency), border=True)
summary = (
    f"In {words.likelihood(found['churn_probability'])}, a customer like this one "
    f"{page.domain['outcome']}."
)
if found["already_cancelled"]:
    summary = "This customer has already cancelled. " + summary
if found["due_on"] is not None:
    until = words.days_until(found["due_on"], page.domain["as_of_date"])
    summary += f" As of {page.cut_off}, renewal is due {until} ({words.day(found['due_on'])})."
if found["previous_probability"] is not None:
    summary += (
        f" On {words.day(found['previous_as_of_date'])} the risk was "
        f"{words.percent(found['previous_probability'])}."
    )
st.markdown(summary)

first, second = st.columns(2, gap="large")
with first:
    st.subheader("Signs of leaving")
    reasons(page, customer, "raises")
    st.subheader("Signs of staying")
    reasons(page, customer, "lowers")
    st.caption(words.PATTERNS)
    st.caption("●●● strong, ●●○ medium, ●○○ weak; :material/touch_app: you can act on this.")
with second:
    action = recommendation(page, customer)
    do_not_contact(page, customer, bool(action and action["is_suppressed"]))

st.subheader("Activity per week")
activity(page, customer)
history = rows(
    page.generation,
    "select as_of_date, churn_probability, is_churned from bi_churn_history "
    "where domain = ? and customer_id = ? order by as_of_date, scored_at",
    page.name,
    customer,
)
if len(history) > 1:
    st.subheader("Earlier scores")
    st.altair_chart(charts.score_history(history))
