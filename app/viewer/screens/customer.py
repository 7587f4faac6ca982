"""One customer: risk, due date, reasons, recommendation and activity."""

from typing import Any

import streamlit as st

from app.viewer import files, segment_charts, words
from app.viewer.alternatives import alternatives
from app.viewer.annotations import annotations
from app.viewer.context import Context, context
from app.viewer.lookup import MOST, explained, find
from app.viewer.marks import banner, form
from app.viewer.plain import plain
from app.viewer.published import Row, columns, one, rows
from app.viewer.tables import customer_table
from pipeline.project.home import home
from pipeline.retention.decisions import last_contact

# Column of `bi_<domain>_customers` → what it is called, and how it is said. A page shows those that
# the business has.
FACTS = {
    "plan__days": ("Plan", "days"),
    "payment__last_list_price": ("List price", "money"),
    "payment__last_amount": ("Last paid", "money"),
    "payment__is_auto_renew": ("Auto-renew", "switch"),
    "membership__tenure_days": ("Member for", "days"),
    "membership__renewals": ("Renewals", "number"),
    "payment__amount_365d": ("Paid in a year", "money"),
    "orders__orders": ("Orders", "number"),
    "orders__amount": ("Spent in all", "money"),
    "orders__amount_365d": ("Spent in a year", "money"),
    "orders__last_amount": ("Last order", "money"),
    "orders__days_since_last": ("Days since the last order", "number"),
    "rhythm__mean_gap_days": ("Days between orders", "number"),
    "profile__tenure_days": ("Customer for", "days"),
}


def whom(page: Context) -> str | None:
    """Return the scored customer whom the address or the field names; None after saying why not."""
    typed = st.text_input(
        "Customer ID",
        key="customer",
        bind="query-params",
        placeholder="an ID, or its first characters",
        width=425,
    )
    if not typed.strip():
        st.info("Open a customer from the list, or enter an ID.")
        st.page_link("screens/customers.py", label="Customers", icon=":material/group:")
        return None
    found = find(page, typed)
    if found.one is not None:
        if found.one != typed:
            st.caption(f"Showing {plain(found.one)}.")
        return found.one
    if found.scored:
        several = rows(
            page.generation,
            "select * from bi_customer_360 where domain = ? and list_contains(?, customer_id) "
            "order by customer_id",
            page.name,
            found.scored[:MOST],
        )
        first = "The first " if len(found.scored) > MOST else ""
        st.info(f"{first}{len(several)} customers whose ID begins like this. Choose one.")
        customer_table(several, page, key="begins", if_empty="")
        return None
    is_marked = banner(page, found.text)
    st.warning(plain(explained(page, found)))
    if found.known or is_marked:
        score_history(page, found.text)
        form(page, found.text)
    return None


def headline(page: Context, found: Row) -> None:
    """Show risk, value and what is expected, as figures."""
    band = found["risk_band"]
    named = {
        "Risk": (words.percent(found["churn_probability"]), None),
        "Risk band": (
            words.capitalised(band),
            f"Critical: risk of {words.percent(page.domain['band_critical'])} or more. "
            f"High: {words.percent(page.domain['band_high'])} or more. "
            f"Medium: {words.percent(page.domain['band_medium'])} or more. Low: below that.",
        ),
        "Value at risk": (
            words.money(found["value_at_risk"], page.currency),
            "Risk times what leaving costs, before margin. "
            + words.leaving_cost(found["leaving_cost_days"]),
        ),
        "Customer value": (
            words.money(found["customer_value"], page.currency),
            words.capitalised(page.domain["value_definition"]),
        ),
    }
    if found.get("expected_next_order_on") is not None:
        named["Next order expected"] = (words.day(found["expected_next_order_on"]), None)
    if found.get("predicted_value") is not None:
        named["Predicted value"] = (words.money(found["predicted_value"], page.currency), None)
    with st.container(horizontal=True):
        for label, (value, why) in named.items():
            st.metric(label, value, help=plain(why) if why else None, border=True, width="content")


def in_short(page: Context, found: Row) -> None:
    """Say in sentences what the figures mean."""
    if found.get("summary"):
        st.markdown(f"**{plain(found['summary'])}**")
    parts = []
    if found["already_cancelled"]:
        parts.append("This customer has already cancelled.")
    cases = words.likelihood(found["churn_probability"])
    parts.append(f"In {cases}, a customer like this one {page.domain['outcome']}.")
    if found["due_on"] is not None:
        until = words.days_until(found["due_on"], page.domain["as_of_date"])
        parts.append(
            f"As of {page.cut_off}, renewal is due {until} ({words.day(found['due_on'])})."
        )
    st.markdown(plain(" ".join(parts)))


def about(page: Context, customer: str) -> None:
    """Show what the customer is: plan, price, orders, spend, last contact."""
    table = f"bi_{page.name}_customers"
    known = [name for name in FACTS if name in columns(page.generation, table)]
    found = (
        one(
            page.generation,
            f"select {', '.join(known)} from {table} where customer_id = ?",
            customer,
        )
        if known
        else None
    )
    facts = {
        FACTS[name][0]: said(page, value, FACTS[name][1])
        for name, value in (found or {}).items()
        if value is not None
    }
    contact = last_contact(home(), page.name, customer)
    facts["Last contact"] = words.day(contact[0]) if contact else "none reported"
    with st.container(horizontal=True, gap="medium"):
        for label, text in facts.items():
            st.markdown(f"{label}  \n**{plain(text)}**", width="content")


def said(page: Context, value: Any, kind: str) -> str:
    """A fact in words."""
    match kind:
        case "money":
            return words.money(value, page.currency)
        case "switch":
            return "on" if value else "off"
        case "days":
            years, days = int(value) // 365, int(value)
            return words.count(years, "year") if years > 1 else words.count(days, "day")
    return f"{value:,.0f}"


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
        acts = ", you can act on this" if row.is_actionable else ""
        st.markdown(f"{plain(row.sentence)} :gray[({row.strength}{acts})]")


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
        hint = files.filled(action["message_hint"], action)
        st.success(
            f"**{plain(action['action_title'])}** ({plain(words.channel(action['channel']))}). "
            f"{plain(hint)}"
        )
        st.markdown(
            plain(
                f"Expected profit {words.money(action['expected_profit'], page.currency)} at an "
                f"expected cost of {words.money(action['expected_spend'], page.currency)}. "
                f"Worth it above {words.percent(action['break_even_probability'])} risk. "
                f"Response rates are {str(action['evidence']).lower()}."
            )
        )
    else:
        st.info(f"**No contact planned.** {plain(sentence(action['reason_words']))}")
        if action["planned_action"] and action["decision"] == "hold_out":
            st.caption(
                f"In the control group: the action would be “{plain(action['action_title'])}”. The "
                "control group is drawn at random and not contacted, to measure what actions do."
            )
    return action


def why_this(page: Context, customer: str, action: Row) -> None:
    """Show the other actions, what each would earn, and why it is not chosen."""
    found = alternatives(page, customer, action["planned_action"])
    if found is None or found.empty:
        return
    st.subheader(
        "Why this and not another action" if action["planned_action"] else "What actions would earn"
    )
    amounts = [
        "not valued" if profit != profit else f"{profit:,.2f}"
        for profit in found["expected_profit"]
    ]
    st.dataframe(
        found.assign(expected_profit=amounts),
        hide_index=True,
        alt="Table of actions with what each would earn",
        column_config={
            "title": st.column_config.TextColumn("Action", width=190, pinned=True),
            "channel": None,
            "expected_profit": st.column_config.TextColumn(
                f"Profit, {page.currency}", width=95, alignment="right"
            ),
            "why": st.column_config.TextColumn("Why", width=480),
        },
    )
    st.caption("Valued when the plan was published, before budget and control group.")


def sentence(text: str | None) -> str:
    """A clause as a sentence."""
    return words.capitalised(text).rstrip(".") + "." if text else ""


def activity(page: Context, customer: str) -> None:
    """Show the weeks before the cut-off, with outages of the data and campaigns."""
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
    ends = page.domain["as_of_date"].date()
    marks = annotations(page, weeks["week_starts_on"].min().date(), ends)
    for column, meaning in (
        ("usage_amount", str(page.domain["usage_meaning"])),
        ("transactions", str(page.domain["transactions_meaning"])),
    ):
        if weeks[column].notna().any():
            title = words.capitalised(meaning)
            st.markdown(f"**{plain(title)}**")
            st.altair_chart(segment_charts.weeks(weeks, column, marks, title=title))
    for mark in marks.itertuples():
        st.caption(f"Dashed line, {words.day(mark.day)}. {plain(mark.note)}.")


def why_changed(found: Row) -> str:
    """The reason that changed the risk the most since the scores before, as far as it is known."""
    if found.get("changed_group_title"):
        fell = found["churn_probability"] < found["previous_probability"]
        did = "lowered" if fell else "raised"
        return f"What {did} the risk the most: {found['changed_group_title']}. "
    if found.get("change_not_explained_because") == "none_stands_out":
        return "Several reasons changed, none of them certainly the most. "
    return ""


def score_history(page: Context, customer: str, found: Row | None = None) -> None:
    """Show the published scores of a customer, what can be compared, and why they differ.

    Args:
        page: What the page shows.
        customer: The customer.
        found: Its row of `bi_customer_360`, if it is scored now.
    """
    history = rows(
        page.generation,
        "select as_of_date, run_id, churn_probability, is_churned from bi_churn_history "
        "where domain = ? and customer_id = ? order by as_of_date, scored_at",
        page.name,
        customer,
    )
    st.subheader("Risk over time")
    if history.empty:
        st.caption("No score of this customer has been published.")
        return
    if len(history) == 1:
        st.caption(
            f"One score has been published, that of {words.day(history['as_of_date'][0])}. There "
            "is nothing to compare it with."
        )
        return
    before = history["run_id"].shift()
    history = history.assign(is_new_model=before.notna() & (before != history["run_id"]))
    st.altair_chart(segment_charts.scores(history))
    last, previous = history.iloc[-1], history.iloc[-2]
    change = (
        f"{words.day(previous['as_of_date'])}: {words.percent(previous['churn_probability'])}. "
        f"{words.day(last['as_of_date'])}: {words.percent(last['churn_probability'])}. "
    )
    change += (
        "The model was trained again in between, so the two are not comparable: the difference "
        "may come from the model."
        if last["is_new_model"]
        else "The same model gave both, so what changed is the customer's behaviour. "
        + (why_changed(found) if found else "")
    )
    st.markdown(plain(change))
    known = history[history["is_churned"].notna()]
    if not known.empty:
        told = "; ".join(
            f"{words.day(row.as_of_date)}: {'left' if row.is_churned else 'stayed'}"
            for row in known.itertuples()
        )
        st.caption(f"Known outcomes. {told}.")
    if history["is_new_model"].any():
        st.caption("Dashed line: scored by another model from here.")


page = context("Customer")
customer = whom(page)
if customer is None:
    st.stop()
found = one(
    page.generation,
    "select * from bi_customer_360 where domain = ? and customer_id = ?",
    page.name,
    customer,
)
assert found is not None  # noqa: S101 - it was found
banner(page, customer)
headline(page, found)
in_short(page, found)
about(page, customer)

halves = st.container(horizontal=True, gap="medium")
with halves.container(width=450):
    st.subheader("Signs of leaving")
    reasons(page, customer, "raises")
    st.subheader("Signs of staying")
    reasons(page, customer, "lowers")
    st.caption(words.PATTERNS)
with halves.container(width=450):
    action = recommendation(page, customer)
    form(page, customer)
if action is not None:
    why_this(page, customer, action)

st.subheader("Activity per week")
activity(page, customer)
score_history(page, customer, found)
