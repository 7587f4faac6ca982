"""Chooses the members of a campaign: who is in it, in which arm, and with which action.

Nobody is chosen by the arm. Customers whom the period has assigned come in with the arm and the
action that it gave them, contacted since or not, so that both arms lose and keep the same people.
The others are allocated as the plan does it, within what the budget has left, and their arm is
drawn as the plan draws it: a salted hash below the share that is held out.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from pipeline.campaigns.period_use import (
    ASSIGNED,
    CONTACTED,
    MESSAGE,
    PeriodUse,
    count_taken,
    read_use,
    register,
)
from pipeline.campaigns.tables import CAMPAIGNS, MEMBERS, OUTBOX
from pipeline.project.duck import file_sql, quoted, rows_of
from pipeline.project.errors import ChurnError
from pipeline.project.generations import current_file
from pipeline.project.home import Home
from pipeline.retention.decisions import ASSIGNMENTS, CONTACTS, PLANS, SUPPRESSIONS
from pipeline.retention.plan import PlanChanges, can_plan, kept_folder, planning_published
from pipeline.retention.plan_choice import PlanChoice

# While a campaign has one of them, its members are in no other.
UNDER_WAY = ("running", "paused")
Row = dict[str, Any]


@dataclass(frozen=True)
class Standing:
    """What the state says of a domain's customers, as far as a campaign depends on it.

    Attributes:
        assigned: Arms of all periods: customer, period, arm, action, planned spend and profit in
            cents, and thousandths held out.
        busy: Members of other campaigns that are under way.
        contacted: Customer, day and action of contacts that the CRM reported and of messages that
            were delivered; the action is empty if unknown.
        suppressed: Customer → reason.
        reported: Those of `contacted` that the CRM reported.
        messages: Messages that were delivered, and those that running campaigns are still to send:
            columns of `period_use.MESSAGE`.
        members: Customers of the campaigns of the newest period that has one.
        budget_cents: Budget of the plan that was saved last; None without one.
    """

    assigned: tuple[tuple[str, date, str, str | None, int | None, int | None, int], ...]
    busy: frozenset[str]
    contacted: frozenset[tuple[str, date, str]]
    suppressed: Mapping[str, str]
    reported: frozenset[tuple[str, date, str]] = frozenset()
    messages: tuple[tuple[Any, ...], ...] = ()
    members: frozenset[tuple[str, date]] = frozenset()
    budget_cents: int | None = None


@dataclass(frozen=True)
class Asked:
    """Whom a campaign asks for.

    Attributes:
        campaign_id: Its id, the salt of what is explored.
        domain: Domain.
        budget_cents: What its contacts may cost.
        holdout_per_mille: Thousandths held out of those drawn; None for what the period requires.
        explore_per_mille: Thousandths of members whose action is drawn among those offered.
        choice: Whom it is for and what it may use.
        among: Only these customers; None for all.
    """

    campaign_id: str
    domain: str
    budget_cents: int
    holdout_per_mille: int | None
    explore_per_mille: int
    choice: PlanChoice
    among: frozenset[str] | None = None


@dataclass(frozen=True)
class Chosen:
    """The members of a campaign on a generation.

    Attributes:
        generation: The generation.
        run_id: Run of its scores.
        as_of_date: Cut-off of its scores.
        period: First day of the period, and the day after its last.
        members: Rows of `campaign_members` without the campaign and the hash, by customer.
        words: Action → title and what to say.
        cool_downs: Action → days until the next contact; under the empty action those of others.
        left_out: Customers who pass the filter and are left out, by reason.
        use: What the period has left for it, and what it takes; None where that is not known.
    """

    generation: str
    run_id: str
    as_of_date: date
    period: tuple[date, date]
    members: list[Row]
    words: Mapping[str, tuple[str, str]]
    cool_downs: Mapping[str, int]
    left_out: Mapping[str, int]
    use: PeriodUse | None = None

    @property
    def members_hash(self) -> str:
        """The same for the same members with the same arms, actions and figures."""
        return hashlib.sha256("".join(map(member_hash, self.members)).encode()).hexdigest()


def member_hash(member: Row) -> str:
    """Return the hash of a member as it is frozen."""
    told = {name: str(value) for name, value in member.items()}
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def read_standing(connection: sa.Connection, domain: str, campaign_id: str) -> Standing:
    """Return what the state says of a domain's customers, in the transaction of the caller."""
    assigned = sa.select(
        ASSIGNMENTS.c.customer_id,
        ASSIGNMENTS.c.period_start,
        ASSIGNMENTS.c.arm,
        ASSIGNMENTS.c.action_id,
        ASSIGNMENTS.c.planned_spend_cents,
        ASSIGNMENTS.c.planned_profit_cents,
        ASSIGNMENTS.c.holdout_per_mille,
    ).where(ASSIGNMENTS.c.domain == domain)
    busy = (
        sa.select(MEMBERS.c.customer_id)
        .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == MEMBERS.c.campaign_id)
        .where(
            CAMPAIGNS.c.domain == domain,
            CAMPAIGNS.c.status.in_(UNDER_WAY),
            CAMPAIGNS.c.campaign_id != campaign_id,
        )
    )
    reported = sa.select(
        CONTACTS.c.customer_id, CONTACTS.c.contacted_on, CONTACTS.c.action_id
    ).where(CONTACTS.c.domain == domain)
    delivered = (
        sa.select(OUTBOX.c.customer_id, OUTBOX.c.ended_at, MEMBERS.c.action_id)
        .join(
            MEMBERS,
            (MEMBERS.c.campaign_id == OUTBOX.c.campaign_id)
            & (MEMBERS.c.customer_id == OUTBOX.c.customer_id),
        )
        .where(OUTBOX.c.domain == domain, OUTBOX.c.state == "delivered")
    )
    suppressed = sa.select(SUPPRESSIONS.c.customer_id, SUPPRESSIONS.c.reason).where(
        SUPPRESSIONS.c.domain == domain
    )
    by_crm = frozenset((row[0], row[1], row[2]) for row in connection.execute(reported))
    contacted = set(by_crm)
    contacted |= {(row[0], row[1].date(), row[2]) for row in connection.execute(delivered)}
    arms: list[Any] = sorted(tuple(row) for row in connection.execute(assigned))
    return Standing(
        tuple(arms),
        frozenset(row[0] for row in connection.execute(busy)),
        frozenset(contacted),
        {row[0]: row[1] for row in connection.execute(suppressed)},
        by_crm,
        tuple(sorted(_messages(connection, domain), key=str)),
        frozenset((row[0], row[1]) for row in connection.execute(_members(domain))),
        connection.execute(
            sa.select(PLANS.c.budget_cents).where(PLANS.c.domain == domain)
        ).scalar_one_or_none(),
    )


def _messages(connection: sa.Connection, domain: str) -> list[tuple[Any, ...]]:
    """Messages that cost: delivered ones, and those that a running campaign is still to send."""
    found = (
        sa.select(
            OUTBOX.c.customer_id,
            MEMBERS.c.action_id,
            MEMBERS.c.channel,
            MEMBERS.c.spend_cents,
            CAMPAIGNS.c.as_of_date,
            CAMPAIGNS.c.period_start,
            sa.case((OUTBOX.c.state == "delivered", OUTBOX.c.ended_at)).label("delivered_at"),
        )
        .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == OUTBOX.c.campaign_id)
        .join(
            MEMBERS,
            (MEMBERS.c.campaign_id == OUTBOX.c.campaign_id)
            & (MEMBERS.c.customer_id == OUTBOX.c.customer_id),
        )
        .where(
            OUTBOX.c.domain == domain,
            (OUTBOX.c.state == "delivered")
            | ((OUTBOX.c.state == "pending") & (CAMPAIGNS.c.status == "running")),
        )
    )
    return [
        (*row[:6], None if row[6] is None else row[6].date()) for row in connection.execute(found)
    ]


def _members(domain: str) -> sa.Select[Any]:
    newest = sa.select(sa.func.max(CAMPAIGNS.c.period_start)).where(CAMPAIGNS.c.domain == domain)
    return (
        sa.select(MEMBERS.c.customer_id, CAMPAIGNS.c.period_start)
        .join(CAMPAIGNS, CAMPAIGNS.c.campaign_id == MEMBERS.c.campaign_id)
        .where(CAMPAIGNS.c.domain == domain, CAMPAIGNS.c.period_start == newest.scalar_subquery())
    )


def choose_members(home: Home, asked: Asked, standing: Standing) -> Chosen:
    """Return the members of a campaign on what is published now.

    Raises:
        ChurnError: Nothing is published that a plan can be made from, or nobody is scored.
    """
    path, folder = _published(home, asked.domain)
    changes = PlanChanges(
        asked.budget_cents / 100,
        None if asked.holdout_per_mille is None else asked.holdout_per_mille / 1000,
        asked.choice,
        standing.suppressed,
    )
    with planning_published(
        folder,
        asked.domain,
        changes,
        {"int_churn__plan_options_offered": lambda made: _prepare(made, asked, standing, path)},
    ) as made:
        (settings,) = rows_of(made.execute("select * from int_churn__plan_settings_resolved"))
        (scored,) = rows_of(
            made.execute(
                "select run_id, as_of_date from int_churn__contact_eligibility_checked limit 1"
            )
        )
        catalogue = rows_of(made.execute("select * from int_churn__actions_catalogued"))
        members = rows_of(made.execute(_MEMBERS, [asked.campaign_id, asked.explore_per_mille]))
        left_out = {str(reason): int(count) for reason, count in made.execute(_LEFT_OUT).fetchall()}
        use = read_use(
            made,
            asked.domain,
            standing.budget_cents,
            [one for one in members if not one["is_cooling"]],
        )
    return Chosen(
        path.stem,
        scored["run_id"],
        scored["as_of_date"],
        (settings["period_start"], settings["period_end"]),
        members,
        {row["action_id"]: (row["title"], row["message_hint"]) for row in catalogue},
        {row["action_id"]: row["cool_down_days"] for row in catalogue}
        | {"": settings["cool_down_days"]},
        left_out,
        use,
    )


def use_of_rest(
    home: Home, domain: str, standing: Standing, members: Collection[Row]
) -> PeriodUse | None:
    """Return what the period has left for the messages that a paused campaign has not sent.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        standing: What the state says.
        members: Whom the messages are for, with `customer_id`, `channel` and `spend_cents`.

    Returns:
        None where nothing is published that a plan can be made from.
    """
    try:
        path, folder = _published(home, domain)
    except ChurnError:
        return None
    with duckdb.connect() as made:
        made.execute("set enable_progress_bar = false")
        for name in _READ:
            made.execute(
                f"create table {name} as select * from "
                f"read_parquet({file_sql(folder / f'churn.{name}.parquet')}) "
                f"where domain = {quoted(domain)}"
            )
        _register_state(made, standing)
        register(made, "campaign_own", [(one["customer_id"],) for one in members], _CUSTOMER)
        made.execute(f"attach {quoted(path)} as generation (read_only)")
        count_taken(made, domain)
        return read_use(made, domain, standing.budget_cents, members)


def published_name(home: Home) -> str | None:
    """Return the name of the published generation; None before the first publish."""
    path = current_file(home)
    return None if path is None else path.stem


def _published(home: Home, domain: str) -> tuple[Path, Path]:
    path = current_file(home)
    folder = None if path is None else kept_folder(path.with_suffix(".plan"), domain)
    if path is None or folder is None or not can_plan(folder):
        raise ChurnError(
            f"Nothing is published that a campaign of {domain} can be made from.",
            where=str(home.published),
            hint="Publish first: churn run.",
        )
    return path, folder


def _prepare(made: duckdb.DuckDBPyConnection, asked: Asked, standing: Standing, path: Path) -> None:
    """Set apart whom the period has assigned, and leave out who may not be drawn."""
    _register_state(made, standing)
    among: Collection[str] = asked.among or ()
    register(made, "campaign_among", [(customer,) for customer in among], _CUSTOMER)
    made.execute(_AUDIENCE, [asked.among is None])
    made.execute(_FIXED)
    made.execute("create table campaign_own as select customer_id from campaign_fixed")
    made.execute(f"attach {quoted(path)} as generation (read_only)")
    count_taken(made, asked.domain)
    for statement in _SET_APART:
        made.execute(statement)


def _register_state(made: duckdb.DuckDBPyConnection, standing: Standing) -> None:
    register(made, "state_assigned", standing.assigned, ASSIGNED)
    register(made, "state_busy", [(customer,) for customer in standing.busy], _CUSTOMER)
    register(made, "state_contacted", list(standing.contacted), CONTACTED)
    register(made, "state_reported", list(standing.reported), CONTACTED)
    register(made, "state_messages", standing.messages, MESSAGE)
    register(made, "state_members", _of_period(made, standing), _CUSTOMER)
    register(made, "state_suppressed", [(one,) for one in standing.suppressed], _CUSTOMER)


def _of_period(made: duckdb.DuckDBPyConnection, standing: Standing) -> list[tuple[str]]:
    (start,) = made.execute(
        "select period_start from int_churn__plan_settings_resolved"
    ).fetchall()[0]
    return [(customer,) for customer, day in standing.members if day == start]


_CUSTOMER = {"customer_id": pa.string()}
# What the use of a period is read from.
_READ = (
    "int_churn__plan_settings_resolved",
    "int_churn__actions_catalogued",
    "int_churn__contact_eligibility_checked",
    "int_churn__channel_capacities_resolved",
)
# One row per scored customer who passes the filter: the period's arm, and what stands against it.
_AUDIENCE = """
    create table campaign_audience as
    select customers.customer_number, customers.customer_id, customers.exclusion,
        assigned.arm, assigned.action_id, assigned.spend_cents, assigned.profit_cents,
        assigned.holdout_per_mille,
        busy.customer_id is not null as is_busy,
        coalesce(customers.exclusion = 'cool_down', false)
            or cooling.customer_id is not null as is_cooling
    from int_churn__contact_eligibility_checked as customers
    inner join int_churn__plan_audience_selected using (customer_number)
    cross join int_churn__plan_settings_resolved as plans
    left join state_assigned as assigned
        on customers.customer_id = assigned.customer_id
        and plans.period_start = assigned.period_start
    left join state_busy as busy on customers.customer_id = busy.customer_id
    left join (
        select distinct contacted.customer_id
        from state_contacted as contacted
        cross join int_churn__plan_settings_resolved as plans
        left join int_churn__actions_catalogued as catalogue using (action_id)
        cross join (select max(as_of_date) as as_of_date
            from int_churn__contact_eligibility_checked) as scored
        where contacted.contacted_on + cast(
            coalesce(catalogue.cool_down_days, plans.cool_down_days) as integer
        ) > scored.as_of_date
    ) as cooling on customers.customer_id = cooling.customer_id
    where ? or customers.customer_id in (select customer_id from campaign_among)
"""
# Contacted since or not: both arms keep the same people.
_FIXED = """
    create table campaign_fixed as
    select audience.*, catalogue.channel
    from campaign_audience as audience
    cross join int_churn__plan_settings_resolved as plans
    inner join int_churn__actions_catalogued as catalogue using (action_id)
    where audience.arm in ('treat', 'control') and not audience.is_busy
        and coalesce(audience.exclusion in ('cool_down', 'in_campaign'), true)
        and (plans.actions is null or position('|' || action_id || '|' in plans.actions) > 0)
        and (
            plans.channels is null
            or position('|' || catalogue.channel || '|' in plans.channels) > 0
        )
    -- no arm in the order: both are cut at the same place
    qualify sum(coalesce(audience.spend_cents, 0)) over (
        order by audience.profit_cents / greatest(audience.spend_cents, 1) desc nulls last,
            audience.customer_id
    ) <= plans.budget_cents
"""
_SET_APART = (
    """
    create table campaign_open as
    select customer_number from campaign_audience
    where arm is null and not is_busy and not is_cooling
    """,
    "delete from int_churn__actions_valued "
    "where customer_number not in (select customer_number from campaign_open)",
    "delete from int_churn__customer_options_summarised "
    "where customer_number not in (select customer_number from campaign_open)",
    "delete from int_churn__assignments_kept",
    # what was assigned is paid for first
    """
    update int_churn__budgets_left_derived set left_cents = greatest(
        0, budget_cents - (select coalesce(sum(spend_cents), 0) from campaign_fixed)
    )
    """,
    """
    update int_churn__channel_capacities_resolved as capacities set contacts = greatest(
        0, capacity - (
            select coalesce(sum(customers), 0) from period_taken
            where period_taken.channel = capacities.channel
        ) - (
            select count(*) from campaign_fixed
            where campaign_fixed.channel = capacities.channel and not is_cooling
        )
    )
    """,
)
_MEMBERS = """
    with offered as (
        select customer_number, count(*) as actions,
            list({'action_id': action_id, 'channel': channel, 'spend_cents': spend_cents,
                'profit_cents': profit_cents} order by action_id) as options
        from int_churn__plan_options_offered
        group by customer_number
    ),
    drawn as (
        select assigned.*, catalogue.channel, offered.actions, offered.options,
            $2 / 1000.0 as share,
            md5_number_lower($1 || '|' || customers.customer_id || '|explore') % 1000 < $2
                as is_explored,
            cast(md5_number_lower($1 || '|' || customers.customer_id || '|action')
                % offered.actions as bigint) as place
        from int_churn__arms_assigned as assigned
        inner join int_churn__contact_eligibility_checked as customers using (customer_number)
        inner join offered using (customer_number)
        inner join int_churn__actions_catalogued as catalogue using (action_id)
    ),
    explored as (
        select customer_number, arm, holdout_per_mille, is_explored,
            case when is_explored then options[place + 1]
                else {'action_id': action_id, 'channel': channel, 'spend_cents': spend_cents,
                    'profit_cents': profit_cents} end as option,
            action_id as best_action_id, share, actions
        from drawn
    ),
    chosen as (
        select customer_number, arm, false as is_fixed, holdout_per_mille,
            option.action_id as action_id, option.channel as channel, is_explored,
            case when option.action_id = best_action_id then 1 - share else 0 end
                + share / actions as action_probability,
            false as is_cooling, option.spend_cents as spend_cents,
            option.profit_cents as profit_cents
        from explored
        union all
        select customer_number, arm, true, holdout_per_mille, action_id, channel, false, 1.0,
            is_cooling, coalesce(spend_cents, 0), coalesce(profit_cents, 0)
        from campaign_fixed
    )
    select customers.customer_id, customers.domain, chosen.arm, chosen.is_fixed,
        cast(md5_number_lower(
            plans.holdout_salt || '|' || customers.domain || '|' || customers.customer_id || '|'
            || cast(plans.period_start as varchar)
        ) % 1000 as integer) as draw,
        cast(chosen.holdout_per_mille as integer) as holdout_per_mille,
        chosen.action_id, chosen.channel, chosen.is_explored,
        cast(chosen.action_probability as double) as action_probability, chosen.is_cooling,
        customers.risk_band, customers.churn_probability, customers.customer_value,
        customers.due_on,
        customers.churn_probability * catalogue.save_rate as expected_churn_averted,
        chosen.spend_cents, chosen.profit_cents
    from chosen
    inner join int_churn__contact_eligibility_checked as customers using (customer_number)
    inner join int_churn__actions_catalogued as catalogue on chosen.action_id = catalogue.action_id
    cross join int_churn__plan_settings_resolved as plans
    order by customers.customer_id
"""
_LEFT_OUT = """
    select case when exclusion = 'suppressed' then 'suppressed'
            when exclusion = 'never_treated' then 'never_treated'
            when is_busy then 'in_another_campaign'
            when is_cooling then 'cool_down'
            else 'not_chosen' end as reason,
        count(*)
    from campaign_audience
    where customer_number not in (select customer_number from campaign_fixed)
        and customer_number not in (select customer_number from int_churn__arms_assigned)
    group by reason
"""
