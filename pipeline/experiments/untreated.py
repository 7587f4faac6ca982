"""Customers of past cohorts whom nobody treated, for the self-test of a domain."""

from datetime import date, timedelta

import duckdb

from pipeline.experiments.shuffles import SelfTest, shuffle
from pipeline.labels.registry import entries
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.duck import files_sql
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.retention.decisions import ASSIGNMENTS, CONTACTS, decided, read_state


def shuffle_untreated(
    home: Home, domain: str, settings: DomainSettings, draws: int, looks: int | None
) -> SelfTest:
    """Test on a domain's frozen cohorts: one of each customer's in which nobody treated them.

    Customers leave who had a contact, or whom a plan was to treat, between the cut-off and the day
    on which the outcome was known.

    Args:
        home: CHURN_HOME with frozen labels.
        domain: Domain.
        settings: The domain's settings.
        draws: How often arms are drawn.
        looks: Looks at each draw; None for every day, or for ten waves where all outcomes become
            known on the same day.

    Raises:
        ChurnError: No cohort is frozen, or there are too few outcomes.
    """
    definition = settings.label_definition
    newest = {
        one.as_of_date: one.label_version
        for one in entries(home, domain)
        if one.label_definition == definition and one.withdrawn_at is None
    }
    folder = home.labels / domain / definition
    files = [folder / f"{day}.v{version}.parquet" for day, version in newest.items()]
    if not files:
        raise ChurnError(
            f"{domain} has no closed cohort yet.",
            where=str(folder),
            hint=f"Run `churn run --domain {domain}` on data that go on for longer, or give "
            "outcomes of your own by --outcomes.",
        )
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(
            "create table labels as select customer_id, as_of_date, label_known_on, "
            f"cast(is_churned as integer) as converted from read_parquet([{files_sql(files)}])"
        )
        connection.execute("create table treated (customer_id varchar, since date, until date)")
        if days := _treated(home, domain, timedelta(days=settings.retention.period_days)):
            connection.executemany("insert into treated values (?, ?, ?)", days)
        connection.execute(
            """
            create table subjects as
            select
                customer_id,
                '' as stratum,
                as_of_date,
                converted,
                date_diff('day', as_of_date, label_known_on) as enters,
                enters as converts
            from labels
            where not exists (
                select 1 from treated
                where treated.customer_id = labels.customer_id
                    and treated.since < labels.label_known_on
                    and treated.until >= labels.as_of_date
            )
            -- by chance, since the latest cohort of everybody who left is the one they left in
            qualify row_number() over (
                partition by customer_id
                order by md5_number_lower(customer_id || '|' || as_of_date), as_of_date
            ) = 1
            """
        )
        first, last, differ = connection.execute(
            "select min(as_of_date), max(as_of_date), min(enters) <> max(enters) from subjects"
        ).fetchone() or (None, None, False)
        # the outcome of the first customer is the first look
        connection.execute(
            "update subjects set enters = enters - least, converts = converts - least "
            "from (select min(enters) as least from subjects)"
        )
        population = f"untreated customers of {domain}, cut-offs {first} to {last}, {definition}"
        return shuffle(connection, population, draws=draws, looks=looks, has_days=bool(differ))


def _treated(home: Home, domain: str, period: timedelta) -> list[tuple[str, date, date]]:
    """Return customer, first and last day on which a contact or a plan may have reached them."""
    days = []
    names = [column.name for column in decided(CONTACTS)]
    for row in read_state(home, CONTACTS):
        contact = dict(zip(names, row, strict=True))
        if contact["domain"] == domain:
            days.append((contact["customer_id"], contact["contacted_on"], contact["contacted_on"]))
    names = [column.name for column in decided(ASSIGNMENTS)]
    for row in read_state(home, ASSIGNMENTS):
        drawn = dict(zip(names, row, strict=True))
        if drawn["domain"] == domain and drawn["arm"] == "treat":
            start = drawn["period_start"]
            days.append((drawn["customer_id"], start, start + period))
    return days
