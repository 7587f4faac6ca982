"""The plan: what a budget buys, for whom, what it is expected to earn, what can be measured."""

from typing import Any

import pandas as pd
import streamlit as st

from app.viewer import charts, client, words
from app.viewer.context import Context, context
from app.viewer.published import Row, one, rows
from pipeline.retention.plan import STRATEGIES

CRM = (
    "customer_id, action_title, planned_action, channel, message_hint, theme, decision, due_on, "
    "churn_probability, customer_value, expected_profit, expected_spend, evidence, as_of_date"
)


def another(page: Context, published: Row) -> tuple[Row, pd.DataFrame, pd.DataFrame] | None:
    """Ask for a budget; return that plan's figures, lines and alternatives if it is another."""
    most = max(4 * float(published["budget"]), 1000.0)
    with st.container(border=True):
        first, second = st.columns([2, 1])
        budget = first.slider(
            f"Budget, {page.currency}",
            min_value=0.0,
            max_value=most,
            value=float(published["budget"]),
            step=max(round(most / 100, -1), 10.0),
            format="%,.0f",
            key=f"budget_{page.name}",
        )
        share = second.slider(
            "Left alone to measure, %",
            min_value=0,
            max_value=50,
            value=round(100 * published["holdout_share"]),
            key=f"holdout_{page.name}",
            help="A part of the chosen, by chance, is not contacted: only the difference between "
            "them and the others shows what the contacts did.",
        )
    if budget == published["budget"] and share == round(100 * published["holdout_share"]):
        return None
    try:
        with st.spinner("Computing the plan …"):
            answer = _computed(page.generation.name, page.name, budget, share / 100)
    except client.UnavailableError as problem:
        st.error(str(problem))
        return None
    st.info("A trial: what is published and sent to the CRM stays as it is.")
    return (
        answer["budget"],
        pd.DataFrame(answer["items"]),
        pd.DataFrame(answer["alternatives"]),
    )


@st.cache_data(max_entries=50, show_spinner=False)
def _computed(generation: str, domain: str, budget: float, holdout: float) -> dict[str, Any]:
    del generation  # a plan of one generation is not shown for another
    return client.compute_plan(domain, budget, holdout)


def figures(page: Context, plan: Row) -> None:
    """What the plan costs and earns."""
    first, second, third, fourth = st.columns(4)
    first.metric("Chosen customers", f"{plan['customers']:,}", border=True)
    second.metric("Expected spend", words.money(plan["expected_spend"], page.currency), border=True)
    third.metric(
        "Expected profit",
        words.money(plan["expected_profit"], page.currency),
        border=True,
        help="Margin kept, less offers and contacts.",
    )
    more = float(plan["marginal_profit"] or 0)
    fourth.metric(
        f"One more {page.currency} would earn",
        f"{page.currency}{more:,.2f}" if more else "nothing",
        border=True,
    )
    if plan["evidence"] == "assumed":
        st.caption(
            "Assumed: how many customers an offer saves is taken from the catalogue of actions, "
            "not yet measured here. The part that is left alone will show it."
        )
    else:
        st.caption(f"Rates: {plan['evidence']}.")


def measurable(plan: Row) -> None:
    """What the hold-out can show."""
    st.subheader("What is left alone to measure")
    share = words.percent(plan["holdout_share"])
    st.markdown(
        f"{share} of the chosen are left alone by chance, and 2 of 100 customers are never "
        f"contacted. Of 100 chosen, {100 * (plan['churn_without'] or 0):.0f} are expected to "
        f"leave without contact and {100 * (plan['expected_effect'] or 0):.1f} fewer with it."
    )
    if plan["can_be_measured"]:
        st.success("That difference can be measured with this plan alone.")
    elif plan["campaigns_needed_at_10"]:
        st.warning(
            "That difference is too small to see in one round: it takes about "
            f"{plan['campaigns_needed_at_10']:,.0f} such rounds with a tenth left alone, or "
            f"{plan['campaigns_needed_at_50']:,.0f} with half."
        )


def lists(page: Context) -> None:
    """Files for the CRM: who is contacted, and who is left alone."""
    st.subheader("For the CRM")
    for decision, label in (("treat", "to contact"), ("hold_out", "left alone to measure")):
        found = one(
            page.generation,
            "select count(*) as customers from bi_churn_actions where domain = ? and decision = ?",
            page.name,
            decision,
        )
        customers = found["customers"] if found else 0

        def table(decision: str = decision) -> bytes:
            return words.spreadsheet(
                rows(
                    page.generation,
                    f"select {CRM} from bi_churn_actions where domain = ? and decision = ? "
                    "order by expected_profit desc, customer_id",
                    page.name,
                    decision,
                )
            )

        st.download_button(
            f"{words.count(customers, 'customer')} {label} (CSV)",
            table,
            file_name=f"{decision}_{page.name}.csv",
            mime="text/csv",
            on_click="ignore",
            disabled=not customers,
            key=f"download_{decision}",
        )
    st.caption("The files hold the published plan, not a trial.")


page = context()
st.title("Plan")
published = one(page.generation, "select * from bi_retention_budget where domain = ?", page.name)
if published is None:
    st.info("There is no plan in what is published.")
    st.stop()
trial = another(page, published)
plan, lines, choices = trial or (
    published,
    rows(page.generation, "select * from bi_retention_plan where domain = ?", page.name),
    rows(page.generation, "select * from bi_retention_alternatives where domain = ?", page.name),
)
figures(page, plan)

curve = rows(
    page.generation,
    "select * from bi_retention_curve where domain = ? order by budget",
    page.name,
)
first, second = st.columns(2, gap="large")
with first:
    st.subheader("What a budget earns")
    if curve.empty:
        st.caption("No action pays for any customer.")
    else:
        st.altair_chart(charts.profit_curve(curve, float(plan["budget"]), page.currency))
        st.caption("Expected profit by budget; the dashed line is this plan's budget.")
with second:
    st.subheader("Beside other ways to choose")
    named = choices.assign(way=choices["strategy"].map(STRATEGIES))
    st.altair_chart(
        charts.bars(named, "expected_profit", "way", title=f"expected profit, {page.currency}")
    )
    st.caption("Same budget, channels and guards, before anybody is left alone to measure.")

st.subheader("Actions")
treated = lines[lines["decision"] == "treat"]
if treated.empty:
    st.info("With this budget nobody is contacted.")
else:
    actions = (
        treated.groupby(["action_title", "channel", "evidence"], as_index=False)[
            ["customers", "expected_spend", "expected_profit", "expected_customers_kept"]
        ]
        .sum()
        .sort_values("expected_profit", ascending=False)
    )
    st.dataframe(
        actions,
        hide_index=True,
        column_config={
            "action_title": "action",
            "channel": "channel",
            "evidence": "rates are",
            "customers": st.column_config.NumberColumn("customers", format="%,d"),
            "expected_spend": st.column_config.NumberColumn(
                f"spend, {page.currency}", format="%,.0f"
            ),
            "expected_profit": st.column_config.NumberColumn(
                f"profit, {page.currency}", format="%,.0f"
            ),
            "expected_customers_kept": st.column_config.NumberColumn(
                "customers kept", format="%,.1f"
            ),
        },
    )
left = lines[lines["decision"] != "treat"]
if not left.empty:
    st.subheader("Why not the others")
    why = left.groupby("reason", as_index=False)["customers"].sum()
    why["why"] = why["reason"].map(words.WHY_NOT).fillna(why["reason"])
    st.altair_chart(charts.bars(why, "customers", "why", title="customers"))
measurable(plan)
lists(page)
