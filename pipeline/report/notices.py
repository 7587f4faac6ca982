"""What a run tells of its data: days that are missing or late, and what they hold back."""

from collections.abc import Collection

import duckdb

from pipeline.runs.context import RunContext
from pipeline.warehouse.control import late_feed, missing_days

# Stretches of missing days that a run names.
_MOST_TOLD = 5


def tell_missing_days(context: RunContext, domain: str) -> None:
    """Report the holes for which nobody gave a reason, and what they hold back."""
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        found = missing_days(connection, domain)
        known = connection.execute(
            "select knowledge.known_before, max(event_days.day) "
            "from control.control__knowledge as knowledge "
            "inner join control.control__grids as grids using (domain) "
            "inner join control.control__event_days as event_days on "
            "event_days.domain = grids.domain and event_days.table_name = grids.anchor_table "
            "where knowledge.domain = ? group by all",
            [domain],
        ).fetchone()
    for missing in found[:_MOST_TOLD]:
        context.warn(f"{domain}: {missing}", domain)
    if len(found) > _MOST_TOLD:
        context.warn(
            f"{domain}: and {len(found) - _MOST_TOLD} more stretches of missing days", domain
        )
    if found:
        context.warn(
            f"{domain}: ingest the missing rows, or list the days with a reason in "
            "seeds/feed_outages.csv",
            domain,
        )
    if known and known[0] <= known[1]:
        context.warn(
            f"{domain}: what is known ends before {known[0]}, though there are rows of {known[1]}: "
            "days are missing in between",
            domain,
        )


def tell_late_feed(context: RunContext, domain: str) -> None:
    """Report that the newest days have not come, of a feed that brings each day once it is over."""
    now = context.today(domain)
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        late = late_feed(connection, domain, now)
    if late is not None:
        context.warn(f"{domain}: {late}", domain)


def tell_unknown_contacts(context: RunContext) -> None:
    """Report the contacts of the period that are not charged."""
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select domain, contacts_of_unknown_actions from churn.int_churn__periods_summarised "
            "where contacts_of_unknown_actions > 0 order by domain"
        ).fetchall()
    for domain, contacts in rows:
        context.say(
            f"{domain}: {contacts:,} contacts of this period have no action that the catalogue "
            "knows; they are not charged to the budget"
        )


def tell_departures(context: RunContext, domains: Collection[str]) -> None:
    """Report whose CRM rows wait because days are missing.

    Args:
        context: The run.
        domains: Domains that it builds.
    """
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            """
            select doubted.domain, doubted.last_missing_day, count(*)
            from churn.int_churn__departures_doubted as doubted
            inner join serving.crm_churn_actions as crm on doubted.domain = crm.domain
            left join serving.bi_churn_risk as risk
                on crm.domain = risk.domain and crm.customer_id = risk.customer_id
            where not crm.is_deleted and risk.customer_id is null
            group by all order by all
            """
        ).fetchall()
    for domain, day, customers in rows:
        if domain in domains:
            context.say(
                f"{domain}: {customers:,} customers who left keep their CRM row, without an "
                f"action: what they did on {day} is missing"
            )
