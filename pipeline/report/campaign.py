"""Campaigns and playbooks on the terminal: their figures in words."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from pipeline.campaigns.forecast import Forecast
from pipeline.campaigns.life_cycle import Campaign
from pipeline.campaigns.playbooks import Playbook

_NEXT = {
    "draft": "Next: churn campaign preview, then churn campaign launch.",
    "running": "churn dispatch sends its messages.",
}


def show_campaign(campaign: Campaign, messages: Mapping[str, int], console: Console) -> None:
    """Print a campaign.

    Args:
        campaign: The campaign.
        messages: State of messages → how many there are.
        console: Where to.
    """
    console.print(
        f"{campaign.domain}: {campaign.name} is {campaign.status}", style="bold", markup=False
    )
    if campaign.ended_because:
        console.print(f"Stopped: {campaign.ended_because}.", markup=False)
    if campaign.forecast is not None:
        table = Table(show_header=False, box=None)
        for title, words in _lines(campaign, campaign.forecast):
            table.add_row(title, words)
        console.print(table, highlight=False)
    if messages:
        told = ", ".join(f"{count:,} {state}" for state, count in messages.items())
        console.print(f"messages: {told}", highlight=False)
    if campaign.status in _NEXT:
        console.print(_NEXT[campaign.status], highlight=False)


def show_playbooks(
    playbooks: Sequence[Playbook],
    achieved: Mapping[str, Sequence[Mapping[str, Any]]],
    console: Console,
) -> None:
    """Print playbooks with the save rate of all their members, then of each risk band.

    Args:
        playbooks: The playbooks.
        achieved: Id → rows of `bi_playbooks`.
        console: Where to.
    """
    table = Table()
    for title in ("playbook", "members", "campaigns", "customers", "of 100 leavers kept"):
        table.add_column(title, no_wrap=title == "playbook")
    for one in playbooks:
        rows = achieved.get(one.playbook_id, ())
        if not rows:
            table.add_row(one.name, "all", f"0 of {len(one.campaigns)}", "–", "not known yet")
        for place, row in enumerate(rows):
            table.add_row(
                "" if place else one.name,
                row["risk_band"],
                f"{row['campaigns']} of {len(one.campaigns)}",
                f"{row['customers_treated'] + row['customers_control']:,}",
                kept_in_words(row),
            )
    console.print(table, highlight=False)


def kept_in_words(row: Mapping[str, Any]) -> str:
    """Return of 100 who would leave how many were kept, with the interval."""
    if row["save_rate"] is None:
        return "cannot be told"
    words = f"{100 * row['save_rate']:.0f}"
    if row["ci_low"] is None:
        return words
    return f"{words} ({100 * row['ci_low']:.0f} to {100 * row['ci_high']:.0f})"


def _lines(campaign: Campaign, figures: Forecast) -> list[tuple[str, str]]:
    fixed = figures.fixed_treat + figures.fixed_control
    lines = [
        ("to contact", f"{figures.treat:,} customers, {figures.messages:,} messages"),
        ("control group", f"{figures.control:,} customers, not contacted"),
        ("assigned before", f"{fixed:,} of them, {figures.fixed_control:,} to the control group"),
        (
            "expected",
            f"cost {figures.expected_cost:,.2f}, profit {figures.expected_profit:,.2f}",
        ),
        (
            "of those contacted",
            f"{figures.expected_true_positives:,.0f} would leave, "
            f"{figures.expected_false_positives:,.0f} would stay anyway",
        ),
        (
            "left out",
            f"{figures.suppressed:,} do-not-contact, {figures.in_another_campaign:,} in another "
            f"campaign, {figures.cool_down:,} contacted lately, {figures.never_treated:,} in the "
            f"permanent control group, {figures.not_chosen:,} not chosen",
        ),
        ("what it can show", _power(figures)),
        *_period(figures),
        ("scores of", figures.as_of_date),
        ("messages go to", campaign.destination),
    ]
    if figures.explored:
        lines.insert(3, ("action drawn", f"for {figures.explored:,} customers, to keep learning"))
    return lines


def _period(figures: Forecast) -> list[tuple[str, str]]:
    if figures.period_budget is None:
        return []
    lines = [
        (
            "of the period's budget",
            f"it takes {figures.period_needed:,.2f}; {figures.period_left:,.2f} of "
            f"{figures.period_budget:,.2f} is left before {figures.period_end}",
        )
    ]
    lines += [
        (
            f"contacts by {one['channel']}",
            f"it takes {one['needed']:,}; {one['left']:,} of {one['capacity']:,} are left",
        )
        for one in figures.channels
    ]
    return lines


def _power(figures: Forecast) -> str:
    if figures.smallest_effect is None:
        return "nothing: there is no control group"
    least = f"an effect of {100 * figures.smallest_effect:.1f} points or more"
    if figures.rounds is None or figures.expected_effect is None:
        return least
    expected = f"{100 * figures.expected_effect:.1f} points are expected"
    if figures.rounds == 1:
        return f"{least}; {expected}"
    return f"{least}; {expected}, which takes {figures.rounds:,} campaigns of this size"
