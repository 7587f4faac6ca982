"""Says what of the period's budget and channels is taken, and what is left for a campaign.

Every amount is counted once: a message that the CRM reports as a contact is a contact, whom a
campaign has taken is no longer the plan's, and a campaign's own members count as its own.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import pyarrow as pa

from pipeline.project.errors import ChurnError

# A campaign's customer, the day of its scores, and so on: columns of `Standing.messages`.
MESSAGE = {
    "customer_id": pa.string(),
    "action_id": pa.string(),
    "channel": pa.string(),
    "spend_cents": pa.int64(),
    "as_of_date": pa.date32(),
    "period_start": pa.date32(),
    "delivered_on": pa.date32(),
}
ASSIGNED = {
    "customer_id": pa.string(),
    "period_start": pa.date32(),
    "arm": pa.string(),
    "action_id": pa.string(),
    "spend_cents": pa.int64(),
    "profit_cents": pa.int64(),
    "holdout_per_mille": pa.int64(),
}
CONTACTED = {
    "customer_id": pa.string(),
    "contacted_on": pa.date32(),
    "action_id": pa.string(),
}


@dataclass(frozen=True)
class ChannelUse:
    """A channel of limited capacity in the period.

    Attributes:
        channel: Channel.
        capacity: Contacts that it carries in the period.
        taken: Contacts that are made, planned, or stand for a control group.
        needed: Those that the campaign adds, for both arms.
    """

    channel: str
    capacity: int
    taken: int
    needed: int

    @property
    def left(self) -> int:
        """Contacts that are left for the campaign."""
        return max(0, self.capacity - self.taken)


@dataclass(frozen=True)
class PeriodUse:
    """What a period has to spend, what of it is taken, and what a campaign adds.

    Attributes:
        period: First day, and the day after the last.
        budget_cents: Budget of the period.
        contacts_cents: Contacts that were reported.
        campaigns_cents: Messages of campaigns that were delivered or are still to be sent.
        control_cents: Control groups of the period, which are not spent on others.
        plan_cents: Customers whom the published plan contacts, in no campaign of the period.
        needed_cents: What the campaign adds, for both arms.
        fixed_cents: That of members whom the period had assigned before; None for a campaign that
            was launched, whose members stay.
        channels: Channels of limited capacity, by name.
    """

    period: tuple[date, date]
    budget_cents: int
    contacts_cents: int
    campaigns_cents: int
    control_cents: int
    plan_cents: int
    needed_cents: int
    fixed_cents: int | None
    channels: tuple[ChannelUse, ...]

    @property
    def left_cents(self) -> int:
        """What is left for the campaign."""
        taken = self.contacts_cents + self.campaigns_cents + self.control_cents + self.plan_cents
        return max(0, self.budget_cents - taken)


def register(
    made: duckdb.DuckDBPyConnection,
    name: str,
    rows: Collection[tuple[Any, ...]],
    types: Mapping[str, pa.DataType],
) -> None:
    """Create a table from rows of the state."""
    columns = list(zip(*rows, strict=True)) or [()] * len(types)
    arrays = [pa.array(one, kind) for one, kind in zip(columns, types.values(), strict=True)]
    made.register("rows_of_state", pa.table(arrays, names=list(types)))
    made.execute(f"create table {name} as from rows_of_state")
    made.unregister("rows_of_state")


def count_taken(made: duckdb.DuckDBPyConnection, domain: str) -> None:
    """Create `period_taken`: a row per kind and channel, with customers and cents.

    Args:
        made: Has settings, catalogue, eligibility and capacities of the plan, the generation
            attached as `generation`, and the tables `state_assigned`, `state_reported`,
            `state_messages`, `state_members`, `state_suppressed` and `campaign_own`.
        domain: Domain.
    """
    names = {row[0] for row in made.execute(_COLUMNS).fetchall()}
    if "capacity" not in names:  # published before capacities were
        made.execute("alter table int_churn__channel_capacities_resolved add capacity bigint")
        made.execute("update int_churn__channel_capacities_resolved set capacity = contacts")
    made.execute(_TAKEN, [domain])


def read_use(
    made: duckdb.DuckDBPyConnection,
    domain: str,
    budget_cents: int | None,
    needed: Collection[Mapping[str, Any]],
) -> PeriodUse:
    """Return what is taken, and what members add who are still to be contacted or held out.

    Args:
        made: After `count_taken`.
        domain: Domain.
        budget_cents: Budget of the plan that was saved last; None for the published one.
        needed: Members with `channel` and `spend_cents`; of a draft, with `is_fixed`.
    """
    period = made.execute(
        "select period_start, period_end from int_churn__plan_settings_resolved"
    ).fetchall()[0]
    if budget_cents is None:
        budget_cents = made.execute(
            "select cast(round(100 * budget) as bigint) "
            "from generation.serving.bi_retention_budget where domain = ?",
            [domain],
        ).fetchall()[0][0]
    cents = dict(
        made.execute(
            "select kind, cast(sum(cents) as bigint) from period_taken group by kind"
        ).fetchall()
    )
    channels = tuple(
        ChannelUse(
            channel, capacity, taken, sum(1 for member in needed if member["channel"] == channel)
        )
        for channel, capacity, taken in made.execute(_CHANNELS).fetchall()
    )
    return PeriodUse(
        (period[0], period[1]),
        int(budget_cents or 0),
        cents.get("contacts", 0),
        cents.get("campaigns", 0),
        cents.get("control", 0),
        cents.get("plan", 0),
        sum(member["spend_cents"] for member in needed),
        sum(one["spend_cents"] for one in needed if one["is_fixed"])
        if all("is_fixed" in one for one in needed)
        else None,
        channels,
    )


class BeyondPeriodError(ChurnError):
    """The period's budget or a channel has too little left for a campaign."""


def refuse_beyond(use: PeriodUse, name: str, domain: str) -> None:
    """Refuse a campaign that the period cannot pay for.

    Raises:
        BeyondPeriodError: It needs more than is left.
    """
    left, until = use.left_cents, use.period[1]
    if use.needed_cents > left:
        taken = ", ".join(
            f"{cents / 100:,.2f} {words}"
            for cents, words in (
                (use.contacts_cents, "by reported contacts"),
                (use.campaigns_cents, "by messages of campaigns"),
                (use.control_cents, "by control groups"),
                (use.plan_cents, "by other customers of the published plan"),
            )
            if cents
        )
        ways = [
            "pause or finish another campaign",
            "wait for the next period",
            f"raise the period's budget (churn plan --domain {domain} --budget N --save)",
        ]
        # with less, it leaves out whom it would draw; whom the period has assigned stays the plan's
        if use.fixed_cents is not None and use.fixed_cents > left:
            ways.insert(0, "publish the plan at the period's budget of now (churn publish)")
        elif use.fixed_cents is not None and left:
            ways.insert(0, f"lower its budget to {left / 100:,.2f} or less")
        raise BeyondPeriodError(
            f"{name} would take {use.needed_cents / 100:,.2f} of the period's budget, and "
            f"{left / 100:,.2f} of {use.budget_cents / 100:,.2f} is left before {until}"
            + (f"; taken: {taken}." if taken else "."),
            hint=f"Either {', '.join(ways[:-1])}, or {ways[-1]}.",
        )
    for channel in use.channels:
        if channel.needed > channel.left:
            raise BeyondPeriodError(
                f"{name} would take {channel.needed:,} contacts by {channel.channel}, and "
                f"{channel.left:,} of the {channel.capacity:,} that it carries are left before "
                f"{until}.",
                hint="Leave the channel out or lower the campaign's budget, pause or finish "
                "another campaign, or wait for the next period.",
            )


_COLUMNS = (
    "select column_name from duckdb_columns() "
    "where table_name = 'int_churn__channel_capacities_resolved'"
)
# Contacts as int_churn__contacts_charged, messages as int_churn__messages_charged, and control
# groups as int_churn__controls_reserved: with the state of now instead of that of the publish.
_TAKEN = """
    create table period_taken as
    with
    plans as (
        select period_start, period_end from int_churn__plan_settings_resolved
    ),
    assigned as (
        select state_assigned.* from state_assigned inner join plans using (period_start)
    ),
    reported as (
        select state_reported.* from state_reported, plans
        where contacted_on >= period_start and contacted_on < period_end
    ),
    contacts as (
        select reported.customer_id, catalogue.channel,
            coalesce(
                case when coalesce(nullif(reported.action_id, ''), assigned.action_id)
                    = assigned.action_id then assigned.spend_cents end,
                cast(round(catalogue.contact_cents
                    + catalogue.acceptance * catalogue.incentive_cents) as bigint),
                0
            ) as cents
        from reported
        left join assigned using (customer_id)
        left join int_churn__actions_catalogued as catalogue
            on catalogue.action_id = coalesce(nullif(reported.action_id, ''), assigned.action_id)
    ),
    messages as (
        select messages.customer_id, messages.channel, messages.spend_cents as cents
        from state_messages as messages, plans
        where (
                messages.delivered_on is null
                or messages.period_start = plans.period_start
                or (messages.delivered_on >= plans.period_start
                    and messages.delivered_on < plans.period_end)
            )
            and not exists (
                select 1 from reported
                where reported.customer_id = messages.customer_id
                    and reported.contacted_on >= messages.as_of_date
                    and coalesce(nullif(reported.action_id, ''), messages.action_id)
                        = messages.action_id
            )
    ),
    controls as (
        select assigned.customer_id, catalogue.channel, coalesce(assigned.spend_cents, 0) as cents
        from assigned
        inner join int_churn__contact_eligibility_checked as customers using (customer_id)
        left join int_churn__actions_catalogued as catalogue using (action_id)
        where assigned.arm = 'control'
            and customer_id not in (select customer_id from state_suppressed)
            and customer_id not in (select customer_id from reported)
            and customer_id not in (select customer_id from campaign_own)
    ),
    planned as (
        select assigned.customer_id, catalogue.channel, coalesce(assigned.spend_cents, 0) as cents
        from generation.serving.bi_churn_actions as actions
        inner join assigned using (customer_id)
        left join int_churn__actions_catalogued as catalogue
            on assigned.action_id = catalogue.action_id
        where actions.domain = $1 and actions.decision = 'treat' and assigned.arm = 'treat'
            and customer_id not in (select customer_id from state_suppressed)
            and customer_id not in (select customer_id from reported)
            and customer_id not in (select customer_id from state_members)
            and customer_id not in (select customer_id from campaign_own)
    ),
    taken as (
        select 'contacts' as kind, * from contacts
        union all select 'campaigns', * from messages
        union all select 'control', * from controls
        union all select 'plan', * from planned
    )
    select kind, channel, count(*) as customers, cast(sum(cents) as bigint) as cents
    from taken group by kind, channel
"""
_CHANNELS = """
    select capacities.channel, capacities.capacity,
        cast(coalesce(sum(taken.customers), 0) as bigint)
    from int_churn__channel_capacities_resolved as capacities
    left join period_taken as taken using (channel)
    group by all order by all
"""
