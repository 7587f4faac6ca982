"""Today: who is at risk, who moved, what is due, what went wrong last night, the plan in brief."""

from datetime import timedelta

import streamlit as st

from app.viewer import charts, words
from app.viewer.context import Context, context
from app.viewer.due import DUE, due_this_week
from app.viewer.last_night import show_last_night
from app.viewer.moved import AT_RISK, DIRECTIONS, PLANNED
from app.viewer.moved_table import moved_table
from app.viewer.moves import MEANINGS, moves
from app.viewer.plain import plain
from app.viewer.published import Row, one, rows

# Customers of a table; all of them are behind the link.
SHOWN = 10


def counted(page: Context, customers: int, value: float | None) -> str:
    """A number of customers with what they put at risk, for Markdown."""
    text = words.count(customers, "customer")
    if value:
        text += f", {words.money(value, page.currency)} at risk"
    return words.in_markdown(text)


def headline(page: Context, head: Row, budget: Row | None) -> None:
    """Show the four figures of the morning."""
    left, middle, right, last = st.columns(4)
    left.metric("Customers at risk", f"{head['at_risk']:,}", help=words.AT_RISK, border=True)
    middle.metric(
        "Value at risk",
        words.money(head["value_at_risk"], page.currency),
        help="Risk times what leaving costs, before margin, of the customers at risk. "
        + words.leaving_cost(head["leaving_cost_days"]),
        border=True,
    )
    if budget:
        right.metric(
            "To contact",
            f"{budget['customers']:,}",
            help=f"{words.percent(budget['holdout_share'])} of the customers in the plan, drawn at "
            "random, are the control group and are not among them.",
            border=True,
        )
        last.metric(
            "Expected profit",
            words.money(budget["expected_profit"], page.currency),
            help="Margin kept by contacting these customers, less the cost of offers and contacts. "
            "The control group forgoes "
            f"{words.in_markdown(words.money(budget.get('control_profit'), page.currency))}. "
            "Response rates are "
            f"{'assumed' if budget['evidence_code'] == 'assumed' else 'measured'}.",
            border=True,
        )
    if head["cancelled"]:
        st.caption(
            f"Another {head['cancelled']:,} {'has' if head['cancelled'] == 1 else 'have'} already "
            "cancelled (not counted above)."
        )


def movements(page: Context) -> None:
    """Show who moved into and out of risk since the scores before."""
    found = moves(page)
    if found.since is None:
        st.subheader("Moved into risk", anchor=False)
        st.info("This is the first scoring: there are no earlier scores to compare with.")
        return
    st.subheader(f"Changes since {words.day(found.since)}", anchor=False)
    if not found.is_same_model:
        st.caption("The model has changed since: some moves come from the model.")
    columns = st.columns(len(DIRECTIONS))
    for column, (direction, name) in zip(columns, DIRECTIONS.items(), strict=True):
        customers, value = found.counts[direction]
        with column:
            st.metric(name, f"{customers:,}", help=MEANINGS[direction], border=True)
            if value:
                st.caption(words.in_markdown(f"{words.money(value, page.currency)} at risk"))
            if customers:
                page.link("changes", f"See all: {name.lower()}", view=direction)
    into, _ = found.counts["into"]
    if not into:
        st.info("No customers moved into risk since the previous scoring.")
        return
    st.markdown(f"**Moved into risk**: {_first_of(into, 'the most value at risk first')}")
    moved_table(found.customers("into", SHOWN), page, key="moved")


def renewals(page: Context) -> None:
    """Show what falls due this week."""
    st.subheader(DUE, anchor=False)
    due = due_this_week(page)
    if due is None:
        st.info("These customers have no contract with an end date, so there are no renewals.")
        return
    until = words.day(page.domain["as_of_date"] + timedelta(days=7))
    if due.empty:
        st.info(f"No renewals of customers at risk are due before {until}.")
        return
    st.markdown(
        f"**{counted(page, len(due), due['value_at_risk'].sum())}**, due before {until}. "
        f"{_first_of(len(due), 'the most value at risk first').capitalize()}"
    )
    moved_table(due.head(SHOWN), page, key="due")
    page.link("changes", f"See all {len(due):,} renewals", view="due")


def _first_of(size: int, order: str) -> str:
    return f"the first {SHOWN} of {size:,}, {order}." if size > SHOWN else f"{order}."


def plan_in_brief(page: Context, budget: Row | None) -> None:
    """Show what the plan does, and where the value at risk is."""
    st.subheader("Plan and value at risk", anchor=False)
    if budget is None:
        st.info("No plan has been published for this business.")
        return
    actions = rows(page.generation, PLANNED, page.name)
    by_band = rows(
        page.generation,
        """
        select risk_band, sum(value_at_risk) as value_at_risk
        from bi_customer_360
        where domain = ? and not coalesce(already_cancelled, false)
        group by all
        """,
        page.name,
    )
    first, second = st.columns(2, gap="large")
    with first:
        if actions.empty:
            st.info("The budget allows no contacts.")
        else:
            charts.show(
                charts.bars(
                    actions,
                    "customers",
                    "action_title",
                    kind="Action",
                    title="Customers to contact",
                ),
                "Customers to contact, by action: "
                + charts.in_words(actions, "action_title", "customers"),
            )
    with second:
        charts.show(
            charts.band_bars(by_band, "value_at_risk", title=f"Value at risk, {page.currency}"),
            "Value at risk, by risk band: "
            + charts.in_words(by_band, "risk_band", "value_at_risk", page.currency),
        )
        st.caption("The customers at risk are those of the bands critical and high.")
    page.link("plan", "Open the plan", icon=":material/payments:")


page = context("Today")
st.caption(
    plain(
        f"{page.domain['title']}: {page.domain['population']}. Leaving means that a customer "
        f"{page.domain['outcome']}."
    )
)
head = one(page.generation, AT_RISK, page.name)
if not head or not head["customers"]:
    st.info(
        plain(
            f"No customers of {page.domain['title']} are scored. "
            f"Not scored: {page.domain['not_scored']}."
        )
    )
    st.stop()
show_last_night(page)
budget = one(page.generation, "select * from bi_retention_budget where domain = ?", page.name)
headline(page, head, budget)
movements(page)
renewals(page)
plan_in_brief(page, budget)
