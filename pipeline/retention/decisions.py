"""Stores people's decisions in CHURN_HOME/state.sqlite, and the arms that plans drew.

SQLite in WAL mode, so that a service can write while others read. dbt reads it as Parquet, which is
exported before the models that need it are built.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple, TypeVar

import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from pipeline.project.forgotten import forgotten_among
from pipeline.project.home import Home
from pipeline.project.state import open_state, reading_from, writing_to
from pipeline.project.state_export import write_state_table
from pipeline.project.state_sums import check_state
from pipeline.retention.audit import customers_in_words, record
from pipeline.retention.plan_choice import PlanChoice

_METADATA = sa.MetaData()

SUPPRESSIONS = sa.Table(
    "suppressions",
    _METADATA,
    sa.Column("domain", sa.String, primary_key=True),
    sa.Column("customer_id", sa.String, primary_key=True),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("added_at", sa.DateTime, nullable=False),
    # null for marks from before authors were kept
    sa.Column("added_by", sa.String),
)
CONTACTS = sa.Table(
    "contacts",
    _METADATA,
    sa.Column("domain", sa.String, primary_key=True),
    sa.Column("customer_id", sa.String, primary_key=True),
    sa.Column("contacted_on", sa.Date, primary_key=True),
    sa.Column("action_id", sa.String, primary_key=True),
)
PLANS = sa.Table(
    "plans",
    _METADATA,
    sa.Column("domain", sa.String, primary_key=True),
    sa.Column("budget_cents", sa.BigInteger, nullable=False),
    sa.Column("holdout_per_mille", sa.Integer),
    # for whom and with what: lists between bars, null for all
    sa.Column("bands", sa.String),
    sa.Column("themes", sa.String),
    sa.Column("parts", sa.String),
    sa.Column("min_probability", sa.Float),
    sa.Column("max_probability", sa.Float),
    sa.Column("min_value", sa.Float),
    sa.Column("due_from", sa.Date),
    sa.Column("due_to", sa.Date),
    sa.Column("is_at_risk", sa.Boolean),
    sa.Column("already_cancelled", sa.Boolean),
    sa.Column("actions", sa.String),
    sa.Column("channels", sa.String),
    sa.Column("draft_id", sa.String),
)
# Written by publishing; the first draw of a customer's period stays.
ASSIGNMENTS = sa.Table(
    "assignments",
    _METADATA,
    sa.Column("domain", sa.String, primary_key=True),
    sa.Column("period_start", sa.Date, primary_key=True),
    sa.Column("customer_id", sa.String, primary_key=True),
    # treat, control or never_treated
    sa.Column("arm", sa.String, nullable=False),
    sa.Column("action_id", sa.String),
    sa.Column("holdout_per_mille", sa.Integer, nullable=False),
    sa.Column("as_of_date", sa.Date, nullable=False),
    sa.Column("run_id", sa.String, nullable=False),
    sa.Column("generation", sa.String, nullable=False),
    sa.Column("planned_spend_cents", sa.BigInteger),
    sa.Column("planned_profit_cents", sa.BigInteger),
    sa.Column("assigned_at", sa.DateTime, nullable=False),
)
# What was taken back, and when: what is gone without a row here was lost.
LIFTED = sa.Table(
    "lifted",
    _METADATA,
    sa.Column("domain", sa.String, primary_key=True),
    sa.Column("customer_id", sa.String, primary_key=True),
    # suppression, contact or assignment
    sa.Column("kind", sa.String, primary_key=True),
    sa.Column("at", sa.DateTime, primary_key=True),
    # of a contact its day and action, of a suppression its reason
    sa.Column("what", sa.String, primary_key=True),
)

# What dbt reads.
_EXPORTED = (SUPPRESSIONS, CONTACTS, PLANS, ASSIGNMENTS)
# What a plan depends on that somebody else than publishing writes.
_DECIDED = (CONTACTS, PLANS, SUPPRESSIONS)

_BATCH = 5_000
_GIVEN = TypeVar("_GIVEN", tuple[str, str], tuple[str, date, str])


class StoredSuppression(NamedTuple):
    """A stored suppression.

    Attributes:
        customer_id: The customer.
        reason: Why.
        added_at: When, UTC without a zone.
        added_by: Who; None for marks from before authors were kept.
    """

    customer_id: str
    reason: str
    added_at: datetime
    added_by: str | None


def decided(table: sa.Table) -> list[sa.Column[Any]]:
    """Return the columns of a table that say what was decided: all but the author."""
    return [column for column in table.columns if column.name != "added_by"]


def suppress(
    home: Home, domain: str, customers: Sequence[tuple[str, str]], by: str | None = None
) -> int:
    """Store that customers must not be contacted; return how many are new.

    A customer who is already suppressed gets the new reason and author and keeps the day.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        customers: Pairs of customer_id and reason.
        by: Who decided it.
    """
    statement = insert(SUPPRESSIONS)
    statement = statement.on_conflict_do_update(
        index_elements=["domain", "customer_id"],
        set_={name: statement.excluded[name] for name in ("reason", "added_by")},
    )
    customers = _not_forgotten(home, domain, customers)
    with writing(home) as connection:
        now = _moment(connection)
        rows = [
            {
                "domain": domain,
                "customer_id": customer,
                "reason": reason,
                "added_at": now,
                "added_by": by,
            }
            for customer, reason in customers
        ]
        if customers:
            marked = customers_in_words([customer for customer, _ in customers])
            record(connection, domain, "marked do-not-contact", marked, by)
        return put(connection, SUPPRESSIONS, statement, rows)


def _not_forgotten(home: Home, domain: str, given: Sequence[_GIVEN]) -> Sequence[_GIVEN]:
    """Leave out customers who were erased: a list would bring their ids back."""
    forgotten = forgotten_among(home, domain, [one[0] for one in given])
    return [one for one in given if one[0] not in forgotten] if forgotten else given


def lift(home: Home, domain: str, customers: Sequence[str], by: str | None = None) -> int:
    """Delete suppressions and record it; return how many there were."""
    lifted: list[str] = []
    with writing(home) as connection:
        now = _moment(connection)
        for start in range(0, len(customers), _BATCH):
            of_batch = (SUPPRESSIONS.c.domain == domain) & SUPPRESSIONS.c.customer_id.in_(
                customers[start : start + _BATCH]
            )
            there = connection.execute(
                sa.select(SUPPRESSIONS.c.customer_id, SUPPRESSIONS.c.reason).where(of_batch)
            ).all()
            connection.execute(sa.delete(SUPPRESSIONS).where(of_batch))
            gone = [(row.customer_id, row.reason) for row in there]
            _record_lifted(connection, domain, "suppression", now, gone)
            lifted += [row.customer_id for row in there]
        if lifted:
            record(connection, domain, "lifted do-not-contact", customers_in_words(lifted), by)
    return len(lifted)


def note_contacts(
    home: Home, domain: str, contacts: Sequence[tuple[str, date, str]], by: str | None = None
) -> int:
    """Store that customers were contacted; return how many contacts are new.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        contacts: Customer, day, and action_id, which is empty if unknown.
        by: Who reports them.
    """
    contacts = _not_forgotten(home, domain, contacts)
    rows = [
        {"domain": domain, "customer_id": customer, "contacted_on": day, "action_id": action}
        for customer, day, action in contacts
    ]
    with writing(home) as connection:
        if contacts:
            reached = customers_in_words([customer for customer, *_ in contacts])
            record(connection, domain, "reported contacts", reached, by)
        return put(connection, CONTACTS, insert(CONTACTS).on_conflict_do_nothing(), rows)


def lift_contacts(
    home: Home, domain: str, contacts: Sequence[tuple[str, date, str]], by: str | None = None
) -> int:
    """Delete contacts that were not made after all, and record it; return how many there were.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        contacts: As they were stored: customer, day, and action_id or an empty text.
        by: Who takes them back.
    """
    gone = []
    with writing(home) as connection:
        for customer, day, action in contacts:
            done = connection.execute(
                sa.delete(CONTACTS).where(
                    CONTACTS.c.domain == domain,
                    CONTACTS.c.customer_id == customer,
                    CONTACTS.c.contacted_on == day,
                    CONTACTS.c.action_id == action,
                )
            )
            if done.rowcount:
                gone.append((customer, f"{day} {action}".strip()))
        _record_lifted(connection, domain, "contact", _moment(connection), gone)
        if gone:
            whose = customers_in_words([customer for customer, _ in gone])
            record(connection, domain, "took back contacts", whose, by)
    return len(gone)


def save_plan(
    home: Home,
    domain: str,
    budget_cents: int,
    holdout_per_mille: int | None,
    choice: PlanChoice | None = None,
    by: str | None = None,
) -> None:
    """Save a domain's plan; it overrides dbt_project.yml from now on.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        budget_cents: Expected spend of one period.
        holdout_per_mille: Hold-out in thousandths; None for automatic.
        choice: Whom the plan is for and what it may use; as saved before if None.
        by: Who saves it.
    """
    with writing(home) as connection:
        put_plan(connection, domain, budget_cents, holdout_per_mille, choice)
        record(connection, domain, "saved a plan", f"budget {budget_cents / 100:,.2f}", by)


def put_plan(
    connection: sa.Connection,
    domain: str,
    budget_cents: int,
    holdout_per_mille: int | None,
    choice: PlanChoice | None = None,
    draft_id: str | None = None,
) -> None:
    """Save a domain's plan in a transaction from `writing`, as `save_plan` does.

    Args:
        connection: From `writing`.
        domain: Domain.
        budget_cents: Expected spend of one period.
        holdout_per_mille: Hold-out in thousandths; None for automatic.
        choice: Whom the plan is for and what it may use; as saved before if None.
        draft_id: The draft that becomes the plan; None if it is none.
    """
    row = {
        "domain": domain,
        "budget_cents": budget_cents,
        "holdout_per_mille": holdout_per_mille,
        "draft_id": draft_id,
        **({} if choice is None else choice.columns()),
    }
    statement = insert(PLANS)
    statement = statement.on_conflict_do_update(
        index_elements=["domain"],
        set_={name: statement.excluded[name] for name in row if name != "domain"},
    )
    put(connection, PLANS, statement, [row])


def read_state(home: Home, table: sa.Table) -> list[tuple[Any, ...]]:
    """Return what was decided, in the order of the table's key; empty before anything is stored.

    The rows have the columns of `decided`.
    """
    statement = sa.select(*decided(table)).order_by(*table.primary_key.columns)
    return _read(home, statement)


def read_suppressions(home: Home, domain: str, after: str, limit: int) -> list[StoredSuppression]:
    """Return the suppressions after a customer_id, by id.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        after: Last id of the previous page; an empty text for the first page.
        limit: Maximum number of rows.
    """
    statement = (
        sa.select(*(SUPPRESSIONS.c[name] for name in StoredSuppression._fields))
        .where(SUPPRESSIONS.c.domain == domain, SUPPRESSIONS.c.customer_id > after)
        .order_by(SUPPRESSIONS.c.customer_id)
        .limit(limit)
    )
    return [StoredSuppression(*row) for row in _read(home, statement)]


def suppression_of(home: Home, domain: str, customer_id: str) -> StoredSuppression | None:
    """Return the suppression of a customer as of now; None without one."""
    statement = sa.select(*(SUPPRESSIONS.c[name] for name in StoredSuppression._fields)).where(
        SUPPRESSIONS.c.domain == domain, SUPPRESSIONS.c.customer_id == customer_id
    )
    rows = _read(home, statement)
    return StoredSuppression(*rows[0]) if rows else None


def last_contact(home: Home, domain: str, customer_id: str) -> tuple[date, str] | None:
    """Return day and action of a customer's last reported contact; None without one.

    The action is empty if it was not reported.
    """
    statement = (
        sa.select(CONTACTS.c.contacted_on, CONTACTS.c.action_id)
        .where(CONTACTS.c.domain == domain, CONTACTS.c.customer_id == customer_id)
        .order_by(CONTACTS.c.contacted_on.desc(), CONTACTS.c.action_id)
        .limit(1)
    )
    rows = _read(home, statement)
    return (rows[0][0], rows[0][1]) if rows else None


def count_rows(home: Home, table: sa.Table, domain: str) -> int:
    """Return how many rows of a domain a table has; 0 before anything is stored."""
    statement = sa.select(sa.func.count()).where(table.c.domain == domain)
    found = _read(home, statement)
    return int(found[0][0]) if found else 0


def count_lifted(home: Home, domain: str) -> dict[str, int]:
    """Return how many rows of a domain were lifted on record, by kind."""
    statement = (
        sa.select(LIFTED.c.kind, sa.func.count())
        .where(LIFTED.c.domain == domain)
        .group_by(LIFTED.c.kind)
    )
    return {row[0]: row[1] for row in _read(home, statement)}


def state_fingerprint(home: Home) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Return what people decided without times, JSON-ready: equal decisions are equal."""
    return [
        (
            table.name,
            [
                tuple(
                    str(value)
                    for column, value in zip(decided(table), row, strict=True)
                    if not isinstance(column.type, sa.DateTime)
                )
                for row in read_state(home, table)
            ],
        )
        for table in _DECIDED
    ]


def export_state(home: Home) -> None:
    """Write the state as Parquet for dbt's sources.

    Raises:
        StateDamagedError: It is not what was written to it.
    """
    check_state(home)
    for table in _EXPORTED:
        write_state_table(home, table.name, decided(table), read_state(home, table))


def _read(home: Home, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """Return rows of a table without waiting for a writer; none before a state is there.

    Raises:
        ChurnError: A newer version of the platform wrote the state.
    """
    with reading_from(home) as connection:
        if connection is None:
            return []
        return [tuple(row) for row in connection.execute(statement)]


def put(
    connection: sa.Connection, table: sa.Table, statement: sa.Insert, rows: list[dict[str, Any]]
) -> int:
    """Execute an idempotent insert; return how many rows it added.

    Args:
        connection: From `writing`.
        table: The table.
        statement: The insert.
        rows: Its rows; nothing is executed without any.
    """
    count = sa.select(sa.func.count()).select_from(table)
    before = connection.execute(count).scalar_one()
    if rows:
        connection.execute(statement, rows)
    return int(connection.execute(count).scalar_one() - before)


def _record_lifted(
    connection: sa.Connection, domain: str, kind: str, at: datetime, gone: list[tuple[str, str]]
) -> None:
    rows = [
        {"domain": domain, "customer_id": customer, "kind": kind, "at": at, "what": what}
        for customer, what in gone
    ]
    if rows:
        connection.execute(insert(LIFTED).on_conflict_do_nothing(), rows)


def _moment(connection: sa.Connection) -> datetime:
    """Return now, later than every moment stored: who reads changes in their order misses none.

    It is taken while the state is locked for writing, so that what is stored later is later.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    for column in (SUPPRESSIONS.c.added_at, LIFTED.c.at):
        latest: datetime | None = connection.execute(sa.select(sa.func.max(column))).scalar_one()
        if latest is not None:
            now = max(now, latest + timedelta(microseconds=1))
    return now


@contextmanager
def writing(home: Home) -> Iterator[sa.Connection]:
    """Open the state in a transaction that waits for its turn; create it if missing."""
    engine = open_state(home)
    try:
        with writing_to(engine) as connection:
            yield connection
    finally:
        engine.dispose()
