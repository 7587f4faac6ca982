"""Today: customers at risk, new ones among them, renewals due, and the plan in brief."""

from datetime import timedelta

import streamlit as st

from app.viewer import charts, words
from app.viewer.context import context
from app.viewer.published import one, rows
from app.viewer.tables import customer_table

page = context("Today")
domain, generation = page.name, page.generation
st.caption(
    f"{page.domain['title']}: {page.domain['population']}. Leaving means that a customer "
    f"{page.domain['outcome']}."
)

head = one(
    generation,
    """
    select
        count(*) as customers,
        count(*) filter (where is_at_risk) as at_risk,
        sum(value_at_risk) filter (where is_at_risk) as value_at_risk,
        max(leaving_cost_days) as leaving_cost_days,
        count(*) filter (where already_cancelled) as cancelled,
        count(due_on) as with_due_date,
        count(previous_probability) as scored_before
    from bi_customer_360 where domain = ?
    """,
    domain,
)
if not head or not head["customers"]:
    st.info(
        f"No customers of {page.domain['title']} are scored. "
        f"Not scored: {page.domain['not_scored']}."
    )
    st.stop()
budget = one(generation, "select * from bi_retention_budget where domain = ?", domain)

left, middle, right, last = st.columns(4)
left.metric(
    "Customers at risk",
    f"{head['at_risk']:,}",
    help=words.AT_RISK,
)
middle.metric(
    "Value at risk",
    words.money(head["value_at_risk"], page.currency),
    help="Risk times what leaving costs, before margin, of the customers at risk. "
    + words.leaving_cost(head["leaving_cost_days"]),
)
if budget:
    right.metric(
        "To contact",
        f"{budget['customers']:,}",
        help=f"{words.percent(budget['holdout_share'])} of the customers in the plan, drawn at "
        "random, are the control group and are not among them.",
    )
    last.metric(
        "Expected profit",
        words.money(budget["expected_profit"], page.currency),
        help="Margin kept by contacting these customers, less the cost of offers and contacts. "
        "The control group forgoes "
        f"{words.in_markdown(words.money(budget.get('control_profit'), page.currency))}. "
        "Response rates are "
        f"{'assumed' if budget['evidence_code'] == 'assumed' else 'measured'}.",
    )
if head["cancelled"]:
    st.caption(
        f"Another {head['cancelled']:,} {'has' if head['cancelled'] == 1 else 'have'} already "
        "cancelled (not counted above)."
    )

st.subheader("Moved into risk")
if not head["scored_before"]:
    st.info("This is the first scoring: there are no earlier scores to compare with.")
else:
    moved = rows(
        generation,
        """
        select * from bi_customer_360
        where domain = ? and is_at_risk and previous_risk_band not in ('critical', 'high')
        order by value_at_risk desc nulls last, customer_id
        limit 50
        """,
        domain,
    )
    customer_table(
        moved,
        page,
        key="moved",
        if_empty="No customers moved into risk since the previous scoring.",
    )
st.subheader("Renewals due this week")
if not head["with_due_date"]:
    st.info("These customers have no contract with an end date, so there are no renewals.")
else:
    until = page.domain["as_of_date"] + timedelta(days=7)
    due = rows(
        generation,
        """
        select * from bi_customer_360
        where domain = ? and due_on < ? and is_at_risk
        order by value_at_risk desc nulls last, customer_id
        limit 50
        """,
        domain,
        until,
    )
    st.caption(f"At-risk renewals due before {words.day(until)}, highest value at risk first.")
    customer_table(due, page, key="due", if_empty="No renewals of customers at risk are due.")

st.subheader("Plan and value at risk")
if budget is None:
    st.info("No plan has been published for this business.")
else:
    actions = rows(
        generation,
        """
        select action_title, sum(customers) as customers
        from bi_retention_plan
        where domain = ? and decision = 'treat'
        group by all order by customers desc
        """,
        domain,
    )
    by_band = rows(
        generation,
        """
        select risk_band, sum(value_at_risk) as value_at_risk
        from bi_customer_360
        where domain = ? and not coalesce(already_cancelled, false)
        group by all
        """,
        domain,
    )
    first, second = st.columns(2, gap="large")
    with first:
        if actions.empty:
            st.info("The budget allows no contacts.")
        else:
            st.altair_chart(
                charts.bars(
                    actions,
                    "customers",
                    "action_title",
                    kind="Action",
                    title="Customers to contact",
                )
            )
    with second:
        st.altair_chart(
            charts.band_bars(by_band, "value_at_risk", title=f"Value at risk, {page.currency}")
        )
    st.page_link("screens/plan.py", label="Open the plan", icon=":material/payments:")
