"""The plan: budget, customers, expected profit, control group, and files for the CRM."""

import pandas as pd
import streamlit as st

from app.viewer import charts, draft, files, words
from app.viewer.context import Context, context
from app.viewer.published import Row, columns, one, rows, titles

CRM = (
    "customer_id, planned_action, action_title, channel, message_hint, theme, decision, due_on, "
    "churn_probability, customer_value, expected_profit, expected_spend, evidence, as_of_date"
)


def figures(page: Context, plan: Row) -> None:
    """Show what the plan costs and earns."""
    first, second, third, fourth, fifth = st.columns(5)
    first.metric("To contact", f"{plan['customers']:,}", border=True)
    second.metric(
        "Control group",
        f"{plan.get('control_customers') or 0:,}",
        border=True,
        help="In the plan, but drawn at random and not contacted. It forgoes "
        f"{words.in_markdown(words.money(plan.get('control_profit') or 0, page.currency))} of "
        "expected profit: the price of measuring the effect.",
    )
    third.metric("Expected spend", words.money(plan["expected_spend"], page.currency), border=True)
    fourth.metric(
        "Expected profit",
        words.money(plan["expected_profit"], page.currency),
        border=True,
        help="Margin kept by contacting these customers, less the cost of offers and contacts.",
    )
    more = float(plan["marginal_profit"] or 0)
    # without a plan it is that of the very first contact, which costs next to nothing
    if not plan["customers"]:
        returns = "unknown"
    else:
        returns = f"{page.currency}{more:,.2f}" if more else "nothing"
    fifth.metric(f"Return on the next {page.currency}1", returns, border=True)
    if has_period(plan):
        budget, charged, reserved, rest = (
            words.money(plan[name], page.currency)
            for name in ("budget", "budget_charged", "budget_reserved", "budget_left")
        )
        of_campaigns = plan.get("budget_campaigns")
        sent = (
            f"{words.money(of_campaigns, page.currency)} on messages of campaigns, "
            if of_campaigns
            else ""
        )
        last_day = pd.Timestamp(plan["period_end"]) - pd.Timedelta(days=1)
        st.caption(
            words.in_markdown(
                f"Budget {budget} from {words.day(plan['period_start'])} to {words.day(last_day)}: "
                f"{charged} spent on {words.count(plan['contacts'], 'reported contact')}, {sent}"
                f"{reserved} set aside with the control group drawn earlier, {rest} left for this "
                "plan."
            )
        )
    if plan["evidence_code"] == "assumed":
        st.caption(
            "Response rates are assumed: they come from the catalogue of actions and are not "
            "measured yet. The control group will show the real effect."
        )
    else:
        st.caption(f"Response rates are {plan['evidence']}.")


def has_period(plan: Row) -> bool:
    """Whether the plan was published since budgets are those of a period."""
    return plan.get("period_start") is not None


def measurable(page: Context, plan: Row) -> None:
    """Show what the control group can prove."""
    st.subheader("Control group")
    if not plan["customers"] and not plan.get("control_customers"):
        st.caption("Nobody is in this plan, so there is nothing to measure.")
        return
    share = words.percent(plan["holdout_share"])
    alone = 100 * (plan["churn_without"] or 0)
    contacted = alone - 100 * (plan["expected_effect"] or 0)
    st.markdown(
        f"{share} of the customers whom a plan chooses, drawn at random once a period, are the "
        "control group and are not contacted. Another 2 in 100 customers are in the permanent "
        f"control group of all plans. Of every 100 in the plan, {alone:.0f} would leave if left "
        f"alone and {contacted:.0f} if contacted."
    )
    if has_period(plan):
        spend, profit = (
            words.money(plan[name], page.currency) for name in ("control_spend", "control_profit")
        )
        st.markdown(
            words.in_markdown(
                f"The control group has {words.count(plan['control_customers'], 'customer')}. "
                f"Contacting them would cost {spend} and earn {profit}: the price of measuring the "
                "effect."
            )
        )
    if plan["can_be_measured"]:
        st.success("One campaign of this size can prove the effect.")
    elif plan["campaigns_needed_at_10"]:
        st.warning(
            "One campaign of this size cannot prove the effect. Pool "
            f"{plan['campaigns_needed_at_10']:,.0f} with a 10% control group, or "
            f"{plan['campaigns_needed_at_50']:,.0f} with 50%."
        )


def lists(page: Context) -> None:
    """Show the files for the CRM: customers to contact, and the control group."""
    st.subheader("Files")
    for decision, label in (("treat", "to contact"), ("hold_out", "in the control group")):
        where = "domain = ? and decision = ? and not coalesce(is_suppressed, false)"
        found = one(
            page.generation,
            f"select count(*) as customers from bi_churn_actions where {where}",
            page.name,
            decision,
        )
        customers = found["customers"] if found else 0

        def table(kind: str, where: str = where, decision: str = decision) -> pd.DataFrame:
            del kind
            listed = rows(
                page.generation,
                f"select {CRM} from bi_churn_actions where {where} "
                "order by expected_profit desc, customer_id",
                page.name,
                decision,
            )
            return files.with_hints(listed)

        files.downloads(
            page,
            f"{words.count(customers, 'customer')} {label}",
            label.replace(" ", "_"),
            table,
            key=f"download_{decision}",
            disabled=not customers,
        )
    st.caption(
        "The files hold the published plan, not a draft, without customers who are marked "
        "do-not-contact at the moment of the download."
    )


def catalogue(page: Context) -> None:
    """Show the actions, what each costs, and what its rates rest on."""
    st.subheader("Catalogue of actions")
    # what an earlier version published has no rates that campaigns measured
    is_measured = "save_rate_error" in columns(page.generation, "bi_retention_actions")
    before = "if(save_rate_error is null, null, 100 * assumed_save_rate)" if is_measured else "null"
    found = rows(
        page.generation,
        f"""
        select
            action_title, channel, contact_cost, incentive_cost, 100 * save_rate as save_rate,
            {before} as assumed,
            100 * acceptance_rate as acceptance_rate, cool_down_days, evidence, evidence_source
        from bi_retention_actions where domain = ? and is_active
        order by action_title
        """,
        page.name,
    )
    if found.empty:
        st.info("This business has no actions yet, so no plan contacts anybody.")
        return
    st.dataframe(
        found.assign(channel=found["channel"].map(words.channel)),
        hide_index=True,
        column_order=None
        if found["assumed"].notna().any()
        else [name for name in found.columns if name != "assumed"],
        column_config={
            "action_title": "Action",
            "channel": "Channel",
            "assumed": st.column_config.NumberColumn(
                "Assumed before", format="%.0f", help="Before campaigns measured it."
            ),
            "contact_cost": st.column_config.NumberColumn(
                f"Contact, {page.currency}", format="%,.2f"
            ),
            "incentive_cost": st.column_config.NumberColumn(
                f"Offer, {page.currency}", format="%,.2f"
            ),
            "save_rate": st.column_config.NumberColumn(
                "Kept of 100 leavers", format="%.0f", help="Of 100 contacted who would leave."
            ),
            "acceptance_rate": st.column_config.NumberColumn(
                "Offer taken by 100 stayers",
                format="%.0f",
                help="Of 100 contacted who would stay anyway, how many take the offer.",
            ),
            "cool_down_days": st.column_config.NumberColumn("Days until the next contact"),
            "evidence": "Response rates",
            "evidence_source": "Where they come from",
        },
    )


page = context("Plan")
published = one(page.generation, "select * from bi_retention_budget where domain = ?", page.name)
if published is None:
    st.info("No plan has been published for this business.")
    st.stop()
asked = draft.settings(page, published)
trial = draft.computed(page, asked) if asked else None
if asked and trial:
    st.info("Draft. The published plan is unchanged.")
    draft.save_form(page, asked)
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
    st.subheader("Profit by budget")
    if curve.empty:
        st.caption("No action is worth its cost for any customer.")
    else:
        left_of_budget = float(plan["budget_left"] if has_period(plan) else plan["budget"])
        st.altair_chart(charts.profit_curve(curve, left_of_budget, page.currency))
        most = float(curve["budget"].max())
        useful = (
            f" No more than {words.money(most, page.currency)} can be spent usefully."
            if most < left_of_budget
            else ""
        )
        st.caption(
            words.in_markdown(
                "Before the control group is taken out. The dashed line is what is left of the "
                f"budget.{useful}"
            )
        )
with second:
    st.subheader("Compared with other ways to choose")
    ways = titles(page.generation, "strategy")
    named = choices.assign(way=choices["strategy"].map(ways))
    st.altair_chart(
        charts.bars(
            named,
            "expected_profit",
            "way",
            kind="Way to choose",
            title=f"Expected profit, {page.currency}",
        )
    )
    st.caption("Same budget, channels and contact rules, before the control group is taken out.")

st.subheader("Actions")
treated = lines[lines["decision"] == "treat"]
if treated.empty:
    st.info("The budget allows no contacts.")
else:
    actions = (
        treated.groupby(["action_title", "channel", "evidence"], as_index=False)[
            ["customers", "expected_spend", "expected_profit", "expected_customers_kept"]
        ]
        .sum()
        .sort_values("expected_profit", ascending=False)
    )
    st.dataframe(
        actions.assign(channel=actions["channel"].map(words.channel)),
        hide_index=True,
        column_config={
            "action_title": "Action",
            "channel": "Channel",
            "evidence": "Response rates",
            "customers": st.column_config.NumberColumn("To contact", format="%,d"),
            "expected_spend": st.column_config.NumberColumn(
                f"Expected spend, {page.currency}", format="%,.0f"
            ),
            "expected_profit": st.column_config.NumberColumn(
                f"Expected profit, {page.currency}", format="%,.0f"
            ),
            "expected_customers_kept": st.column_config.NumberColumn(
                "Customers kept", format="%,.1f"
            ),
        },
    )
left = lines[lines["decision"] != "treat"]
if not left.empty:
    st.subheader("Why customers are not contacted")
    why = left.groupby("reason", as_index=False)["customers"].sum()
    why["why"] = why["reason"].map(titles(page.generation, "reason"))
    st.altair_chart(charts.bars(why, "customers", "why", kind="Why not", title="Customers"))
measurable(page, plan)
lists(page)
draft.saved_drafts(page, published)
catalogue(page)
