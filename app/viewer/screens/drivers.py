"""Churn drivers: their impact on the scores, its change, and the customers concerned."""

import streamlit as st

from app.viewer import charts, words
from app.viewer.audience import people
from app.viewer.context import context
from app.viewer.list_filters import choices
from app.viewer.plain import plain
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
st.subheader("Strongest drivers", anchor=False)
strongest = groups.head(12)
charts.show(
    charts.bars(
        strongest,
        "share",
        "group_title",
        kind="Driver",
        title="Share of total impact",
        form=".0%",
    ),
    "Share of total impact, by driver: "
    + charts.in_words(strongest.assign(share=100 * strongest["share"]), "group_title", "share")
    + " In percent.",
)
st.caption("How much each driver moves the risk of an average customer, up or down.")

before = groups["previous_as_of_date"].max()
moved = groups.dropna(subset=["before"]).assign(change=lambda table: table["now"] - table["before"])
st.subheader("Change since the previous scoring", anchor=False)
if moved.empty:
    st.caption("Not comparable: this is the first scoring, or the model has changed since.")
elif not (moved["change"].abs() > 0.005).any():
    st.caption("No noticeable change.")
else:
    noticeable = moved[moved["change"].abs() > 0.005]
    charts.show(
        charts.changes(noticeable, "change", "group_title"),
        "Change in impact since the previous scoring: "
        + ", ".join(
            f"{row['group_title']} {'more' if row['change'] > 0 else 'less'}"
            for row in noticeable.to_dict("records")
        )
        + ".",
    )
    st.caption(f"Compared with the scores of {words.day(before)}.")

st.subheader("Drivers you can act on", anchor=False)
reasons = rows(
    page.generation,
    """
    select driver_group, group_title, count(*) as customers
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
    charts.show(
        charts.bars(reasons, "customers", "group_title", kind="Driver", title="Customers at risk"),
        "Customers at risk, by driver that you can act on: "
        + charts.in_words(reasons, "group_title", "customers"),
    )
    st.caption("At-risk customers for whom this is a medium or strong driver.")
    titles = dict(zip(reasons["driver_group"], reasons["group_title"], strict=True))
    driver = st.selectbox("Driver", list(titles), format_func=titles.__getitem__, key="card")
    offered = choices(page)
    cancelled = {"already_cancelled": False} if offered.has_cancels else {}
    people(
        page,
        offered,
        {"band": ["critical", "high"], "driver": [driver]} | cancelled,
        titles[driver],
        key="driver",
    )

st.subheader(plain(f"{page.outcome}, by segment"), anchor=False)
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
    newest = cohorts[cohorts["as_of_date"] == cohorts["as_of_date"].max()]
    charts.show(
        charts.rates(cohorts, page.outcome),
        f"{page.outcome}, share by month and segment. Newest month: "
        + ", ".join(
            f"{row['segment']} {words.percent(row['churn_rate'])}"
            for row in newest.to_dict("records")
        )
        + ".",
    )
    st.caption(
        plain(
            f"{page.outcome}: share of customers who left. Leaving means that a customer "
            f"{page.domain['outcome']}."
        )
    )
