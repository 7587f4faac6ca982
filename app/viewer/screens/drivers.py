"""Churn drivers: their impact on the scores, its change, and the customers concerned."""

import streamlit as st

from app.viewer import charts, words
from app.viewer.context import context
from app.viewer.published import rows

page = context("Churn drivers")
st.warning(
    f"{words.PATTERNS} Changing a sign does not by itself keep a customer. Only a control group "
    "shows what an action does.",
    icon=":material/info:",
)
groups = rows(
    page.generation,
    """
    select
        group_title,
        bool_or(is_actionable) as can_be_acted_on,
        sum(share_of_all) as share,
        sum(mean_abs_contribution) as now,
        sum(previous_mean_abs_contribution) as before,
        max(previous_as_of_date) as previous_as_of_date
    from bi_driver_importance
    where domain = ?
    group by group_title
    order by share desc
    """,
    page.name,
)
if groups.empty:
    st.info("No drivers have been published for this business.")
    st.stop()
st.subheader("Strongest drivers")
st.altair_chart(
    charts.bars(
        groups.head(12),
        "share",
        "group_title",
        kind="Driver",
        title="Share of total impact",
        form=".0%",
    )
)
st.caption("How much each driver moves the risk of an average customer, up or down.")

before = groups["previous_as_of_date"].max()
moved = groups.dropna(subset=["before"]).assign(change=lambda table: table["now"] - table["before"])
st.subheader("Change since the previous scoring")
if moved.empty:
    st.caption("Not comparable: this is the first scoring, or the model has changed since.")
elif not (moved["change"].abs() > 0.005).any():
    st.caption("No noticeable change.")
else:
    st.altair_chart(charts.changes(moved[moved["change"].abs() > 0.005], "change", "group_title"))
    st.caption(f"Compared with the scores of {words.day(before)}.")

st.subheader("Drivers you can act on")
reasons = rows(
    page.generation,
    """
    select group_title, count(*) as customers
    from bi_churn_reasons as reasons
    inner join bi_churn_risk as risk using (domain, customer_id)
    where reasons.domain = ? and direction = 'raises' and is_actionable
        and strength <> 'weak' and not is_typical and is_at_risk
    group by all order by customers desc
    limit 12
    """,
    page.name,
)
if reasons.empty:
    st.caption("No driver that you can act on is medium or strong for a customer at risk.")
else:
    st.altair_chart(
        charts.bars(reasons, "customers", "group_title", kind="Driver", title="Customers at risk")
    )
    st.caption("At-risk customers for whom this is a medium or strong driver.")

st.subheader("Leavers by segment")
cohorts = rows(
    page.generation,
    """
    select cohorts.as_of_date, ladder_part as segment, customers, churn_rate
    from bi_churn_cohorts as cohorts
    inner join bi_domains using (domain, label_definition)
    where domain = ? and is_closed and is_period_start
    order by all
    """,
    page.name,
)
if cohorts.empty:
    st.caption("No outcomes are known yet.")
else:
    st.altair_chart(charts.rates(cohorts))
    st.caption(
        f"Share of customers who left. Leaving means that a customer {page.domain['outcome']}."
    )
