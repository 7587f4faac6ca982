"""Stores people's decisions in CHURN_HOME/state.sqlite, and the arms that plans drew.

SQLite in WAL mode, so that a service can write while others read. dbt reads it as Parquet, which is
exported before the models that need it are built.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa
from sqlalchemy.dialects.sqlite import insert

from pipeline.project.duck import quoted
from pipeline.project.files import replaced
from pipeline.project.home import Home
from pipeline.project.state import check_version, open_state, state_engine, writing_to

_METADATA = sa.MetaData()

SUPPRESSIONS = sa.Table(
    "suppressions",
    _METADATA,
    sa.Column("domain", sa.String, primary_key=True),
    sa.Column("customer_id", sa.String, primary_key=True),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("added_at", sa.DateTime, nullable=False),
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

_ARROW = {
    sa.String: pa.string(),
    sa.DateTime: pa.timestamp("us"),
    sa.Date: pa.date32(),
    sa.BigInteger: pa.int64(),
    sa.Integer: pa.int64(),
}
_BATCH = 5_000


def suppress(home: Home, domain: str, customers: Sequence[tuple[str, str]]) -> int:
    """Store that customers must not be contacted; return how many are new.

    A customer who is already suppressed gets the new reason and keeps the day.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        customers: Pairs of customer_id and reason.
    """
    now = datetime.now(UTC).replace(tzinfo=None)
    rows = [
        {"domain": domain, "customer_id": customer, "reason": reason, "added_at": now}
        for customer, reason in customers
    ]
    statement = insert(SUPPRESSIONS)
    statement = statement.on_conflict_do_update(
        index_elements=["domain", "customer_id"], set_={"reason": statement.excluded.reason}
    )
    return _put(home, SUPPRESSIONS, statement, rows)


def lift(home: Home, domain: str, customers: Sequence[str]) -> int:
    """Delete suppressions and record that; return how many there were."""
    now = datetime.now(UTC).replace(tzinfo=None)
    lifted = 0
    with _writing(home) as connection:
        for start in range(0, len(customers), _BATCH):
            those = sa.and_(
                SUPPRESSIONS.c.domain == domain,
                SUPPRESSIONS.c.customer_id.in_(customers[start : start + _BATCH]),
            )
            connection.execute(
                sa.insert(LIFTED).from_select(
                    ["domain", "customer_id", "kind", "at", "what"],
                    sa.select(
                        SUPPRESSIONS.c.domain,
                        SUPPRESSIONS.c.customer_id,
                        sa.literal("suppression"),
                        sa.literal(now, sa.DateTime),
                        SUPPRESSIONS.c.reason,
                    ).where(those),
                )
            )
            lifted += connection.execute(sa.delete(SUPPRESSIONS).where(those)).rowcount
    return lifted


def note_contacts(home: Home, domain: str, contacts: Sequence[tuple[str, date, str]]) -> int:
    """Store that customers were contacted; return how many contacts are new.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        contacts: Customer, day, and action_id, which is empty if unknown.
    """
    rows = [
        {"domain": domain, "customer_id": customer, "contacted_on": day, "action_id": action}
        for customer, day, action in contacts
    ]
    return _put(home, CONTACTS, insert(CONTACTS).on_conflict_do_nothing(), rows)


def save_plan(home: Home, domain: str, budget_cents: int, holdout_per_mille: int | None) -> None:
    """Save a domain's budget and hold-out; they override dbt_project.yml from now on."""
    row = {
        "domain": domain,
        "budget_cents": budget_cents,
        "holdout_per_mille": holdout_per_mille,
    }
    statement = insert(PLANS)
    statement = statement.on_conflict_do_update(
        index_elements=["domain"],
        set_={
            "budget_cents": statement.excluded.budget_cents,
            "holdout_per_mille": statement.excluded.holdout_per_mille,
        },
    )
    _put(home, PLANS, statement, [row])


def read_state(home: Home, table: sa.Table) -> list[tuple[Any, ...]]:
    """Return a table's rows in the order of its key; empty before anything is stored."""
    return _read(home, table, sa.select(table).order_by(*table.primary_key.columns))


def read_suppressions(
    home: Home, domain: str, after: str, limit: int
) -> list[tuple[str, str, datetime]]:
    """Return customer, reason and time of the suppressions after a customer_id, by id.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        after: Last id of the previous page; an empty text for the first page.
        limit: Maximum number of rows.
    """
    statement = (
        sa.select(SUPPRESSIONS.c.customer_id, SUPPRESSIONS.c.reason, SUPPRESSIONS.c.added_at)
        .where(SUPPRESSIONS.c.domain == domain, SUPPRESSIONS.c.customer_id > after)
        .order_by(SUPPRESSIONS.c.customer_id)
        .limit(limit)
    )
    return [(row[0], row[1], row[2]) for row in _read(home, SUPPRESSIONS, statement)]


def count_rows(home: Home, table: sa.Table, domain: str) -> int:
    """Return how many rows of a domain a table has; 0 before anything is stored."""
    statement = sa.select(sa.func.count()).where(table.c.domain == domain)
    found = _read(home, table, statement)
    return int(found[0][0]) if found else 0


def count_lifted(home: Home, domain: str) -> dict[str, int]:
    """Return how many rows of a domain were lifted on record, by kind."""
    statement = (
        sa.select(LIFTED.c.kind, sa.func.count())
        .where(LIFTED.c.domain == domain)
        .group_by(LIFTED.c.kind)
    )
    return {row[0]: row[1] for row in _read(home, LIFTED, statement)}


def state_fingerprint(home: Home) -> list[tuple[str, list[tuple[Any, ...]]]]:
    """Return what people decided without times, JSON-ready: equal decisions are equal."""
    return [
        (
            table.name,
            [
                tuple(
                    str(value)
                    for column, value in zip(table.columns, row, strict=True)
                    if not isinstance(column.type, sa.DateTime)
                )
                for row in read_state(home, table)
            ],
        )
        for table in _DECIDED
    ]


def export_state(home: Home) -> None:
    """Write the state and the currently published CRM table as Parquet for dbt's sources."""
    home.state_export.mkdir(parents=True, exist_ok=True)
    for table in _EXPORTED:
        columns = list(zip(*read_state(home, table), strict=True)) or [()] * len(table.columns)
        arrays = [
            pa.array(values, _ARROW[type(column.type)])
            for column, values in zip(table.columns, columns, strict=True)
        ]
        with replaced(home.state_export / f"{table.name}.parquet") as part:
            pq.write_table(pa.table(arrays, names=[c.name for c in table.columns]), part)
    _export_published(home)


def _export_published(home: Home) -> None:
    path = home.state_export / "published_actions.parquet"
    link = home.published / "current.duckdb"
    if link.exists():
        with duckdb.connect(str(link.resolve()), read_only=True) as connection:
            there = connection.execute(
                "select count(*) from duckdb_tables() where table_name = 'crm_churn_actions'"
            ).fetchone()
            if there == (1,):
                with replaced(path) as part:
                    connection.execute(
                        f"copy serving.crm_churn_actions to {quoted(part)} (format parquet)"
                    )
                return
    path.unlink(missing_ok=True)


def _read(home: Home, table: sa.Table, statement: sa.Select[Any]) -> list[tuple[Any, ...]]:
    """Return rows of a table without waiting for a writer; create nothing.

    Raises:
        ChurnError: A newer version of the platform wrote the state.
    """
    if not home.state.exists():
        return []
    engine = state_engine(home)
    try:
        with engine.connect() as connection:
            check_version(home, connection)
            if not sa.inspect(connection).has_table(table.name):
                return []
            return [tuple(row) for row in connection.execute(statement)]
    finally:
        engine.dispose()


def _put(home: Home, table: sa.Table, statement: sa.Insert, rows: list[dict[str, Any]]) -> int:
    """Execute an idempotent insert; return how many rows it added."""
    with _writing(home) as connection:
        count = sa.select(sa.func.count()).select_from(table)
        before = connection.execute(count).scalar_one()
        if rows:
            connection.execute(statement, rows)
        return int(connection.execute(count).scalar_one() - before)


@contextmanager
def _writing(home: Home) -> Iterator[sa.Connection]:
    """Open the state in a transaction that waits for its turn; create it if missing."""
    engine = open_state(home)
    try:
        with writing_to(engine) as connection:
            yield connection
    finally:
        engine.dispose()
