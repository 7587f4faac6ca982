"""Says what a campaign is expected to cost, to bring and to show."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from pipeline.campaigns.members import Chosen
from pipeline.campaigns.period_use import PeriodUse

# Quantiles of a two-sided test at 5 % that finds the effect in 80 % of campaigns.
_QUANTILES = 1.959964 + 0.841621


@dataclass(frozen=True)
class Forecast:
    """What a campaign would do if it were launched now.

    Attributes:
        customers: Members, both arms.
        treat: Members to contact.
        control: Members held out.
        fixed_treat: Of those to contact, how many the period had assigned before.
        fixed_control: Of those held out, how many the period had assigned before.
        cooling: Of those to contact, how many were contacted so lately that they get no message.
        messages: Messages that the launch makes.
        explored: Members whose action is drawn among those offered.
        expected_cost: What the messages cost, contacts and accepted offers.
        expected_profit: What they earn.
        expected_true_positives: Of those who get a message, how many would leave without it.
        expected_false_positives: How many of them would stay anyway.
        suppressed: Customers who pass the filter and must not be contacted.
        in_another_campaign: Members of a campaign that is under way.
        cool_down: Customers left out since they were contacted lately.
        never_treated: Customers of the permanent control group.
        not_chosen: Customers without an action that pays within the budget.
        churn_without: Share of the members who are expected to leave if nobody is contacted.
        expected_effect: By how much contacting lowers that, as a share of those to contact.
        smallest_effect: Smallest effect that this campaign can show; None without a control group.
        rounds: Campaigns of this size that it takes to show the expected effect; None if there is
            nothing to show.
        members_hash: The same for the same members with the same arms and actions.
        generation: The generation it is computed from.
        as_of_date: Cut-off of its scores.
        period_start: First day of the period.
        period_end: Day after its last.
        period_budget: Budget of the period; None where that is not known, as the next ones.
        period_contacts: What of it went to contacts that were reported.
        period_campaigns: What of it is for messages of other campaigns, sent or still to be sent.
        period_control: What of it stands for control groups, and is not spent on others.
        period_plan: What of it is for customers whom the published plan contacts, in no campaign.
        period_left: What of it is left for this campaign.
        period_needed: What this campaign takes of it, both arms.
        channels: Channels of limited capacity: `channel`, `capacity`, `left` and `needed`, in
            contacts of the period.
    """

    customers: int
    treat: int
    control: int
    fixed_treat: int
    fixed_control: int
    cooling: int
    messages: int
    explored: int
    expected_cost: float
    expected_profit: float
    expected_true_positives: float
    expected_false_positives: float
    suppressed: int
    in_another_campaign: int
    cool_down: int
    never_treated: int
    not_chosen: int
    churn_without: float | None
    expected_effect: float | None
    smallest_effect: float | None
    rounds: int | None
    members_hash: str
    generation: str
    as_of_date: str
    period_start: str
    period_end: str
    period_budget: float | None = None
    period_contacts: float | None = None
    period_campaigns: float | None = None
    period_control: float | None = None
    period_plan: float | None = None
    period_left: float | None = None
    period_needed: float | None = None
    channels: list[dict[str, Any]] = field(default_factory=list)


def forecast(chosen: Chosen) -> Forecast:
    """Return what a campaign with these members is expected to do."""
    members = chosen.members
    treat = [one for one in members if one["arm"] == "treat"]
    control = [one for one in members if one["arm"] == "control"]
    reached = [one for one in treat if not one["is_cooling"]]
    churn = _sum(members, "churn_probability") / len(members) if members else None
    effect = _sum(reached, "expected_churn_averted") / len(treat) if treat else None
    least = smallest_effect(churn, len(treat), len(control))
    return Forecast(
        customers=len(members),
        treat=len(treat),
        control=len(control),
        fixed_treat=sum(one["is_fixed"] for one in treat),
        fixed_control=sum(one["is_fixed"] for one in control),
        cooling=len(treat) - len(reached),
        messages=len(reached),
        explored=sum(one["is_explored"] for one in members),
        expected_cost=_sum(reached, "spend_cents") / 100,
        expected_profit=_sum(reached, "profit_cents") / 100,
        expected_true_positives=_sum(reached, "churn_probability"),
        expected_false_positives=len(reached) - _sum(reached, "churn_probability"),
        suppressed=chosen.left_out.get("suppressed", 0),
        in_another_campaign=chosen.left_out.get("in_another_campaign", 0),
        cool_down=chosen.left_out.get("cool_down", 0),
        never_treated=chosen.left_out.get("never_treated", 0),
        not_chosen=chosen.left_out.get("not_chosen", 0),
        churn_without=churn,
        expected_effect=effect,
        smallest_effect=least,
        # the interval narrows with the square root of the number of customers
        rounds=math.ceil((least / effect) ** 2) if least and effect else None,
        members_hash=chosen.members_hash,
        generation=chosen.generation,
        as_of_date=str(chosen.as_of_date),
        period_start=str(chosen.period[0]),
        period_end=str(chosen.period[1]),
        **_of_period(chosen.use),
    )


def _of_period(use: PeriodUse | None) -> dict[str, Any]:
    if use is None:
        return {}
    return {
        "period_budget": use.budget_cents / 100,
        "period_contacts": use.contacts_cents / 100,
        "period_campaigns": use.campaigns_cents / 100,
        "period_control": use.control_cents / 100,
        "period_plan": use.plan_cents / 100,
        "period_left": use.left_cents / 100,
        "period_needed": use.needed_cents / 100,
        "channels": [
            {
                "channel": one.channel,
                "capacity": one.capacity,
                "left": one.left,
                "needed": one.needed,
            }
            for one in use.channels
        ],
    }


def smallest_effect(churn: float | None, treat: int, control: int) -> float | None:
    """Return the smallest difference of two shares that a test finds in 80 % of cases.

    Two proportions, two-sided 5 %, power 80 %, both variances at the share without contact (Fleiss,
    Levin and Paik 2003, Statistical Methods for Rates and Proportions, chapter 4).

    Args:
        churn: Share that leaves without contact, from 0 to 1.
        treat: Customers to contact.
        control: Customers held out.
    """
    if churn is None or not treat or not control:
        return None
    return _QUANTILES * math.sqrt(churn * (1 - churn) * (1 / treat + 1 / control))


def _sum(rows: Sequence[dict[str, Any]], name: str) -> float:
    return math.fsum(row[name] for row in rows)
