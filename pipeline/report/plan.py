"""Tables and sentences of `churn plan`."""

import duckdb
from rich.console import Console
from rich.table import Table

from pipeline.project.codes import titles
from pipeline.project.duck import rows_of
from pipeline.publish.generation import GenerationInfo
from pipeline.retention.plan import RetentionPlan, Row


def show_plan(plan: RetentionPlan, console: Console) -> None:
    """Print a plan: totals, alternatives, measurability, actions, and customers left out."""
    figures, currency = plan.figures, plan.currency

    def money(cents: float) -> str:
        return f"{currency}{cents / 100:,.2f}"

    def say(words: str) -> None:
        console.print(words, highlight=False, markup=False)

    say(
        f"{plan.domain}: {figures['customers']:,} customers to contact, expected spend "
        f"{money(figures['spend_cents'])} of {money(figures['budget_cents'])}, expected profit "
        f"{money(figures['profit_cents'])} ({figures['evidence']})"
    )
    say(
        f"Control group: {figures['control_customers']:,} customers; contacting them would cost "
        f"{money(figures['control_spend_cents'])} and earn "
        f"{money(figures['control_profit_cents'])}."
    )
    say(
        f"Period from {figures['period_start']} up to {figures['period_end']}: "
        f"{money(figures['charged_cents'])} charged for {figures['contacts']:,} contacts, "
        f"{money(figures.get('campaigns_cents') or 0)} for messages of campaigns, "
        f"{money(figures['reserved_cents'])} set aside with the control group drawn before, "
        f"{money(figures['left_cents'])} left."
    )
    marginal = figures["marginal_profit"]
    say(
        f"One more {currency} of budget would earn {currency}{marginal:,.2f}."
        if marginal
        else "More budget would earn nothing: every profitable action is in the plan."
    )
    gap = max(0, figures["bound_cents"] - figures["chosen_profit_cents"])
    if figures["has_capacities"]:
        say(f"The best possible plan within budget and channels earns at most {money(gap)} more.")
    else:
        say(
            f"The best possible plan earns at most "
            f"{money(min(gap, figures['step_not_fitting_cents']))} more: the next action does not "
            "fit the budget."
        )
    _show_alternatives(plan, console)
    _show_actions(plan, console)
    _show_left(plan, console)
    for words in holdout_words(figures):
        say(words)


def show_published_plan(generation: GenerationInfo, plan: RetentionPlan, console: Console) -> None:
    """Print what a generation published of a domain's plan, beside the draft that was saved.

    They differ inside a period: whoever was assigned an action keeps it, and the draft begins where
    the published plan before it began.
    """
    with duckdb.connect(str(generation.path), read_only=True) as connection:
        found = rows_of(
            connection.execute(
                "select customers, expected_spend, expected_profit, budget "
                "from serving.bi_retention_budget where domain = ?",
                [plan.domain],
            )
        )
    if not found:
        return
    (published,) = found
    words = (
        f"Published: {published['customers']:,} customers to contact, expected spend "
        f"{plan.currency}{published['expected_spend']:,.2f} of "
        f"{plan.currency}{published['budget']:,.2f}, expected profit "
        f"{plan.currency}{published['expected_profit']:,.2f}."
    )
    if published["customers"] != plan.figures["customers"]:
        words += (
            f" The draft above had {plan.figures['customers']:,}: customers who were assigned an "
            "action earlier in the period keep it, and their spend is set aside first."
        )
    console.print(words, highlight=False, markup=False)


def holdout_words(figures: Row) -> list[str]:
    """Return sentences on the hold-out and on what it can measure."""
    share = figures["holdout_per_mille"] / 10
    how = "the minimum" if not figures["can_be_measured"] else "by the power rule"
    how = how if figures["is_holdout_automatic"] else "as set"
    words = [
        f"Held out: {share:g}% of customers who are chosen for the first time in a period, {how}; "
        "their budget is not spent on others, and whoever is drawn stays so until the period ends. "
        "2% of all customers are never treated."
    ]
    if not figures["chosen_customers"]:
        return words
    effect = (
        f"{100 * figures['effect']:.1f} in 100 fewer leave, of {100 * figures['churn_without']:.1f}"
    )
    if figures["can_be_measured"]:
        words.append(f"This plan alone can measure the expected effect ({effect}).")
    elif figures["customers_needed_at_10"] is None:
        words.append("No effect is expected, so nothing can be measured.")
    else:
        ways = " or ".join(
            f"{figures[f'customers_needed_at_{share}']:,} customers, "
            f"{figures[f'campaigns_needed_at_{share}']:,} campaigns like this one, with {share}% "
            "held out,"
            for share in (10, 50)
        )
        words.append(
            f"This plan cannot measure the expected effect ({effect}). Pool campaigns: it takes "
            f"{ways.rstrip(',')}."
        )
    return words


def _show_alternatives(plan: RetentionPlan, console: Console) -> None:
    table = Table(
        title="Other policies with the same eligibility, budget and channels, before hold-out",
        title_justify="left",
    )
    table.add_column("")
    for title in ("customers", f"spend, {plan.currency}", f"profit, {plan.currency}"):
        table.add_column(title, justify="right")
    for row in plan.alternatives:
        table.add_row(
            titles("strategy")[row["strategy"]],
            f"{row['customers']:,}",
            f"{row['expected_spend']:,.0f}",
            f"{row['expected_profit']:,.0f}",
        )
    console.print(table)


def _show_actions(plan: RetentionPlan, console: Console) -> None:
    table = Table(title="Actions by risk band and theme", title_justify="left")
    for title in ("band", "action", "answers", "channel"):
        table.add_column(title)
    for title in ("to contact", "held out", "spend", "profit"):
        table.add_column(title, justify="right")
    table.add_column("rates")
    for row in plan.actions:
        table.add_row(
            row["risk_band"],
            row["title"],
            row["theme"],
            row["channel"],
            f"{row['customers']:,}",
            f"{row['held_out'] or 0:,}",
            f"{row['spend']:,.0f}",
            f"{row['profit']:,.0f}",
            row["evidence"],
        )
    console.print(table)


def _show_left(plan: RetentionPlan, console: Console) -> None:
    table = Table(title="Customers not treated, by reason", title_justify="left")
    table.add_column("reason")
    table.add_column("customers", justify="right")
    table.add_column("description")
    for row in plan.left:
        words = row["words"] + (" …" if row["wordings"] > 1 else "")
        table.add_row(titles("reason")[row["reason"]], f"{row['customers']:,}", words)
    console.print(table)
