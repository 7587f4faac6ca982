"""One customer: how likely, by when, why, what to do, what they did."""

from collections.abc import Callable

import streamlit as st

from app.viewer import charts, client, words
from app.viewer.context import Context, context
from app.viewer.published import Row, one, rows


def reasons(page: Context, customer: str, direction: str) -> None:
    """The reasons of one direction, the largest first."""
    found = rows(
        page.generation,
        """
        select sentence, strength, is_actionable from bi_churn_reasons
        where domain = ? and customer_id = ? and direction = ? and driver_group <> 'other'
        order by rank
        """,
        page.name,
        customer,
        direction,
    )
    if found.empty:
        st.caption("None of the larger reasons.")
    for row in found.itertuples():
        mark = {"strong": "●●●", "medium": "●●○", "weak": "●○○"}[row.strength]
        hand = "  :material/touch_app:" if row.is_actionable else ""
        st.markdown(f"{mark}  {row.sentence}{hand}")


def recommendation(page: Context, customer: str) -> Row | None:
    """What the plan does with the customer, or why nothing; returns its row."""
    action = one(
        page.generation,
        "select * from bi_churn_actions where domain = ? and customer_id = ?",
        page.name,
        customer,
    )
    st.subheader("What to do")
    if action is None:
        st.info("What is published holds no plan.")
        return None
    if action["decision"] == "treat":
        st.success(
            f"**{action['action_title']}**, by {action['channel']}. {action['message_hint'] or ''}"
        )
        st.markdown(
            f"Expected profit {words.money(action['expected_profit'], page.currency)} for an "
            f"expected cost of {words.money(action['expected_spend'], page.currency)}; it pays "
            f"from a risk of {words.percent(action['break_even_probability'])}. "
            f"Rests on rates that are {action['evidence']}."
        )
    else:
        st.info(f"**Not on the list.** {sentence(action['reason_words'])}")
        if action["planned_action"] and action["decision"] == "hold_out":
            st.caption(
                f"The plan chose “{action['action_title']}”, but a part of the chosen is left "
                "alone by chance, so that its effect can be measured."
            )
    return action


def sentence(text: str | None) -> str:
    """A clause as a sentence."""
    return "" if not text else text[0].upper() + text[1:].rstrip(".") + "."


def do_not_contact(page: Context, customer: str, is_suppressed: bool) -> None:
    """Mark or unmark; what is published follows with the next publish."""
    st.subheader("Do not contact")
    if is_suppressed:
        st.markdown("Marked: no plan treats this customer.")
        if st.button("Allow contact again"):
            tell(lambda: client.lift_suppression(page.name, customer), "May be contacted again")
        return
    with st.form("suppress", border=False):
        reason = st.text_input("Why", placeholder="asked not to be written to", max_chars=200)
        if st.form_submit_button("Do not contact"):
            if not reason.strip():
                st.error("Say why: whoever meets this mark later will ask.")
            else:
                tell(lambda: client.suppress(page.name, customer, reason), "Marked")


def tell(change: Callable[[], object], done: str) -> None:
    """Do it and say so, or say why it could not be done."""
    try:
        change()
    except client.UnavailableError as problem:
        st.error(str(problem))
    else:
        st.success(f"{done}. The list follows when the next run has published.")


def activity(page: Context, customer: str) -> None:
    """Week by week before the cut-off."""
    weeks = rows(
        page.generation,
        "select * from bi_customer_activity where domain = ? and customer_id = ? "
        "order by week_starts_on",
        page.name,
        customer,
    )
    if weeks.empty:
        st.caption("What is published holds no activity.")
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
        st.altair_chart(charts.trend(weeks, column, title=f"{meaning} a week"))


page = context()
st.title("Customer")
customer = st.text_input(
    "Customer", key="customer", bind="query-params", placeholder="an id from the list"
)
if not customer:
    st.info("Open a customer from the list, or enter an id.")
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
        f"{customer} is not scored. Not scored: {page.domain['not_scored']}. "
        "The id may also be misspelt: capitals count."
    )
    st.stop()

left, middle, right = st.columns(3)
left.metric("Risk", words.percent(found["churn_probability"]), border=True)
middle.metric(
    "Band",
    str(found["risk_band"]),
    border=True,
    help=f"Beside the other customers: critical from a risk of "
    f"{words.percent(page.domain['band_critical'])}, high from "
    f"{words.percent(page.domain['band_high'])}, medium from "
    f"{words.percent(page.domain['band_medium'])}, low below.",
)
right.metric("Value at risk", words.money(found["value_at_risk"], page.currency), border=True)
told = (
    f"About {words.likelihood(found['churn_probability'])}; leaving means that a customer "
    f"{page.domain['outcome']}."
)
if found["already_cancelled"]:
    told = "Has already cancelled: known, not predicted. " + told
if found["due_on"] is not None:
    until = words.days_until(found["due_on"], page.domain["as_of_date"])
    told += f" Due {words.day(found['due_on'])}, {until}."
if found["previous_probability"] is not None:
    told += (
        f" On {words.day(found['previous_as_of_date'])} the risk was "
        f"{words.percent(found['previous_probability'])}."
    )
st.markdown(told)

first, second = st.columns(2, gap="large")
with first:
    st.subheader("What speaks for leaving")
    reasons(page, customer, "raises")
    st.subheader("What speaks against")
    reasons(page, customer, "lowers")
    st.caption(f"{words.PATTERNS} ●●● strong, ●○○ weak; :material/touch_app: can be acted on.")
with second:
    action = recommendation(page, customer)
    do_not_contact(page, customer, bool(action and action["is_suppressed"]))

st.subheader("What they did")
activity(page, customer)
history = rows(
    page.generation,
    "select as_of_date, churn_probability, is_churned from bi_churn_history "
    "where domain = ? and customer_id = ? order by as_of_date, scored_at",
    page.name,
    customer,
)
if len(history) > 1:
    st.subheader("What we said before")
    st.altair_chart(charts.score_history(history))
