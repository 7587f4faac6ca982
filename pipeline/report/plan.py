"""What `churn plan` prints."""

from rich.console import Console
from rich.table import Table

from pipeline.project.codes import titles
from pipeline.retention.plan import RetentionPlan, Row


def show_plan(plan: RetentionPlan, console: Console) -> None:
    """Print a plan: what it buys, beside the alternatives, what can be measured, who is left."""
    figures, currency = plan.figures, plan.currency

    def money(cents: float) -> str:
        return f"{currency}{cents / 100:,.2f}"

    def say(words: str) -> None:
        console.print(words, highlight=False, markup=False)

    say(
        f"{plan.domain}: {figures['customers']:,} customers, expected spend "
        f"{money(figures['spend_cents'])} of {money(figures['budget_cents'])}, expected profit "
        f"{money(figures['profit_cents'])} ({figures['evidence']})"
    )
    marginal = figures["marginal_profit"]
    say(
        f"One more {currency} of budget would earn {currency}{marginal:,.2f}."
        if marginal
        else "More budget would earn nothing: every step that pays is taken."
    )
    gap = max(0, figures["bound_cents"] - figures["profit_cents"])
    if figures["has_capacities"]:
        say(f"No plan within budget and channels can earn over {money(gap)} more than this one.")
    else:
        say(
            f"The best possible plan earns at most "
            f"{money(min(gap, figures['step_not_fitting_cents']))} more: the step that did not fit."
        )
    _show_alternatives(plan, console)
    _show_actions(plan, console)
    _show_left(plan, console)
    for words in holdout_words(figures):
        say(words)


def holdout_words(figures: Row) -> list[str]:
    """Return what is held out and what can be measured, in sentences."""
    share = figures["holdout_per_mille"] / 10
    how = "the least share there is" if not figures["can_be_measured"] else "by the power rule"
    how = how if figures["is_holdout_automatic"] else "as set"
    words = [
        f"Held out: {share:g}% of the chosen within each band and action, {how}; their money is "
        "not given to others. 2% of all customers are never treated."
    ]
    if not figures["customers"]:
        return words
    effect = (
        f"{100 * figures['effect']:.1f} of 100 fewer leave, of {100 * figures['churn_without']:.1f}"
    )
    if figures["can_be_measured"]:
        words.append(f"The expected effect ({effect}) can be measured with this plan alone.")
    elif figures["customers_needed_at_10"] is None:
        words.append("Cannot be measured: no effect is expected.")
    else:
        ways = " or ".join(
            f"{figures[f'customers_needed_at_{share}']:,} customers, "
            f"{figures[f'campaigns_needed_at_{share}']:,} campaigns like this one, with {share}% "
            "held out,"
            for share in (10, 50)
        )
        words.append(
            f"The expected effect ({effect}) cannot be measured; pool campaigns: it takes "
            f"{ways.rstrip(',')}."
        )
    return words


def _show_alternatives(plan: RetentionPlan, console: Console) -> None:
    table = Table(
        title="Beside the alternatives: same eligibility, budget and channels, before the hold-out",
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
    table = Table(title="Actions, by risk band and what they answer", title_justify="left")
    for title in ("band", "action", "answers", "channel"):
        table.add_column(title)
    for title in ("customers", "held out", "spend", "profit"):
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
    table = Table(title="Why the others are not on the list", title_justify="left")
    table.add_column("reason")
    table.add_column("customers", justify="right")
    table.add_column("in words")
    for row in plan.left:
        words = row["words"] + (" …" if row["wordings"] > 1 else "")
        table.add_row(titles("reason")[row["reason"]], f"{row['customers']:,}", words)
    console.print(table)
