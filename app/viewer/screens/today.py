"""Today: who moved into risk, what is at stake, what falls due, what the plan would do."""

from datetime import timedelta

import streamlit as st

from app.viewer import charts, words
from app.viewer.context import context
from app.viewer.published import one, rows
from app.viewer.tables import customer_table

page = context()
domain, generation = page.name, page.generation
st.title("Today")
st.caption(
    f"{page.domain['title']}: {page.domain['population']}. Leaving means: a customer "
    f"{page.domain['outcome']}."
)

head = one(
    generation,
    """
    select
        count(*) as customers,
        count(*) filter (where risk_band in ('critical', 'high') and not is_known) as at_risk,
        sum(value_at_risk) filter (where risk_band in ('critical', 'high') and not is_known)
            as value_at_risk,
        count(*) filter (where is_known) as cancelled,
        count(due_on) as with_due_date,
        count(previous_probability) as scored_before
    from (
        select *, coalesce(already_cancelled, false) as is_known
        from bi_customer_360 where domain = ?
    )
    """,
    domain,
)
if not head or not head["customers"]:
    st.info(f"Nobody of {page.domain['title']} is scored. Not scored: {page.domain['not_scored']}.")
    st.stop()
budget = one(generation, "select * from bi_retention_budget where domain = ?", domain)

left, middle, right, last = st.columns(4)
left.metric("Customers at risk", f"{head['at_risk']:,}", help="Critical and high risk together.")
middle.metric(
    "Value at risk",
    words.money(head["value_at_risk"], page.currency),
    help=f"Risk times what a customer is worth: {page.domain['value_definition']}. Before margin.",
)
if budget:
    right.metric(
        "Chosen by the plan",
        f"{budget['customers']:,}",
        help=f"Of them {words.percent(budget['holdout_share'])} are left alone, by chance, to "
        "measure what contacts do.",
    )
    last.metric(
        "Expected profit",
        words.money(budget["expected_profit"], page.currency),
        help="Of the plan, after offers and contacts; "
        f"{'rests on assumed' if budget['evidence'] == 'assumed' else 'rests on measured'} rates.",
    )
if head["cancelled"]:
    st.caption(
        f"Beside them, {words.count(head['cancelled'], 'customer')} already cancelled: known, "
        "not predicted."
    )

st.subheader("Moved into risk")
if not head["scored_before"]:
    st.info("This is the first score of these customers: nobody can have moved yet.")
else:
    moved = rows(
        generation,
        """
        select * from bi_customer_360
        where domain = ? and risk_band in ('critical', 'high')
            and previous_risk_band not in ('critical', 'high')
        order by value_at_risk desc nulls last, customer_id
        limit 50
        """,
        domain,
    )
    customer_table(moved, page, key="moved")
st.subheader("Falls due this week")
if not head["with_due_date"]:
    st.info("These customers have no contract that ends, so nothing falls due on a day.")
else:
    until = page.domain["as_of_date"] + timedelta(days=7)
    due = rows(
        generation,
        """
        select * from bi_customer_360
        where domain = ? and due_on < ? and risk_band in ('critical', 'high')
            and not coalesce(already_cancelled, false)
        order by value_at_risk desc nulls last, customer_id
        limit 50
        """,
        domain,
        until,
    )
    st.caption(f"At risk and due before {words.day(until)}, the most valuable first.")
    customer_table(due, page, key="due")

st.subheader("What the plan would do")
if budget is None:
    st.info("There is no plan in what is published.")
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
        from bi_customer_360 where domain = ? group by all
        """,
        domain,
    )
    first, second = st.columns(2, gap="large")
    with first:
        if actions.empty:
            st.info("With this budget the plan contacts nobody.")
        else:
            st.altair_chart(
                charts.bars(actions, "customers", "action_title", title="customers to contact")
            )
    with second:
        st.altair_chart(
            charts.band_bars(by_band, "value_at_risk", title=f"value at risk, {page.currency}")
        )
    st.page_link("screens/plan.py", label="Open the plan", icon=":material/payments:")
