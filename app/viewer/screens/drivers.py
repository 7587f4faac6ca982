"""What precedes leaving: the patterns that move scores most, how they moved, and for whom."""

import streamlit as st

from app.viewer import charts, words
from app.viewer.context import context
from app.viewer.published import rows

page = context()
st.title("What precedes leaving")
st.warning(
    f"{words.PATTERNS} A customer who is made to look otherwise does not stay for it; what an "
    "action does is measured by leaving some customers alone.",
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
    st.info("What is published does not say what moves the scores.")
    st.stop()
st.subheader("What moves the scores most")
st.altair_chart(
    charts.bars(groups.head(12), "share", "group_title", title="share of all moves", form=".0%")
)
st.caption("How much each subject moves the risk of an average customer, up or down.")

before = groups["previous_as_of_date"].max()
moved = groups.dropna(subset=["before"]).assign(change=lambda table: table["now"] - table["before"])
st.subheader("How it moved since the last scoring")
if moved.empty or not (moved["change"].abs() > 0.005).any():
    st.caption("Nothing moved noticeably since the scoring before.")
else:
    st.altair_chart(charts.changes(moved[moved["change"].abs() > 0.005], "change", "group_title"))
    st.caption(f"Compared with the scoring for {words.day(before)}.")

st.subheader("What can be acted on")
reasons = rows(
    page.generation,
    """
    select group_title, count(*) as customers
    from bi_churn_reasons as reasons
    inner join bi_churn_risk as risk using (domain, customer_id)
    where reasons.domain = ? and direction = 'raises' and is_actionable
        and strength <> 'weak' and risk_band in ('critical', 'high')
    group by all order by customers desc
    limit 12
    """,
    page.name,
)
if reasons.empty:
    st.caption("No reason that can be acted on is strong for anybody at risk.")
else:
    st.altair_chart(charts.bars(reasons, "customers", "group_title", title="customers at risk"))
    st.caption("Customers at risk for whom the subject raises it more than weakly.")

st.subheader("Who leaves: parts of the customers")
cohorts = rows(
    page.generation,
    """
    select as_of_date, segment, customers, churn_rate from bi_churn_cohorts
    inner join bi_domains using (domain, label_definition)
    where domain = ? and bi_churn_cohorts.is_closed
    order by all
    """.replace("as_of_date,", "bi_churn_cohorts.as_of_date,", 1),
    page.name,
)
if cohorts.empty:
    st.caption("No month's outcomes are known yet.")
else:
    st.altair_chart(charts.rates(cohorts))
    st.caption(f"Share of customers for whom it came true: {page.domain['outcome']}.")
