"""Lays the suppressions of today over what is published, which knows those of its publish.

One definition for the API and for the next publish: what a sync has seen meanwhile is no news to it
then. A suppression that was lifted gives no action back; the next publish decides.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import duckdb
import pyarrow as pa
import sqlalchemy as sa

from pipeline.project.codes import titles
from pipeline.project.duck import quoted
from pipeline.project.home import Home
from pipeline.project.state import state_engine
from pipeline.retention.decisions import LIFTED, SUPPRESSIONS, decided

# The tables that `fill` makes.
SUPPRESSED, TAKEN_BACK = "suppressed_today", "lifted_today"
# What stands before the reason of a suppression, as in int_churn__contact_eligibility_checked.
MARKED = "Marked do-not-contact: "

# What `_compared` adds.
_ADDED = "newest, added_at, added_reason, lifted_at, is_added, is_again, is_lifted, is_back"
# Columns of an action, empty for a customer without one.
OF_AN_ACTION = (
    "planned_action",
    "action_title",
    "message_hint",
    "channel",
    "theme",
    "expected_profit",
    "expected_spend",
    "break_even_probability",
    "expected_churn_averted",
    "evidence",
    "evidence_code",
)
# The same of a CRM row.
_OF_A_CRM_ROW = (
    "recommended_action",
    "channel",
    "action_title",
    "message_hint",
    "profit_to_contact",
)

Key = tuple[str, str]


@dataclass(frozen=True)
class Today:
    """What is decided now.

    Attributes:
        suppressed: Domain and customer → reason and moment.
        lifted: Domain and customer → moment of the last time that a suppression was lifted.
        version: The same for the same decisions.
    """

    suppressed: dict[Key, tuple[str, datetime]] = field(default_factory=dict)
    lifted: dict[Key, datetime] = field(default_factory=dict)
    version: str = ""


def read_today(home: Home, known: Today | None = None) -> Today:
    """Return what is decided now; `known` again if nothing changed since."""
    if not home.state.exists():
        return Today()
    engine = state_engine(home)
    try:
        with engine.connect() as connection:
            tables = set(sa.inspect(connection).get_table_names())
            if not {SUPPRESSIONS.name, LIFTED.name} <= tables:
                return Today()
            version = str(
                [
                    tuple(connection.execute(counted).one())
                    for counted in (
                        sa.select(
                            sa.func.count(),
                            sa.func.max(SUPPRESSIONS.c.added_at),
                            sa.func.sum(sa.func.length(SUPPRESSIONS.c.reason)),
                        ),
                        sa.select(sa.func.count(), sa.func.max(LIFTED.c.at)),
                    )
                ]
            )
            if known is not None and known.version == version:
                return known
            suppressed = {
                (row.domain, row.customer_id): (row.reason, row.added_at)
                for row in connection.execute(sa.select(*decided(SUPPRESSIONS)))
            }
            last = (
                sa.select(LIFTED.c.domain, LIFTED.c.customer_id, sa.func.max(LIFTED.c.at))
                .where(LIFTED.c.kind == "suppression")
                .group_by(LIFTED.c.domain, LIFTED.c.customer_id)
            )
            lifted = {(row[0], row[1]): row[2] for row in connection.execute(last)}
            return Today(suppressed, lifted, version)
    finally:
        engine.dispose()


def latest(home: Home) -> datetime | None:
    """Return the last moment at which a customer was suppressed or no more; None before any."""
    today = read_today(home)
    return max([*(at for _, at in today.suppressed.values()), *today.lifted.values()], default=None)


def fill(connection: duckdb.DuckDBPyConnection, today: Today, schema: str) -> None:
    """Replace the two tables of today's decisions in a schema."""
    keys = {"domain": pa.string(), "customer_id": pa.string()}
    for name, rows, types in (
        (
            SUPPRESSED,
            [(*key, reason, at) for key, (reason, at) in today.suppressed.items()],
            keys | {"reason": pa.string(), "at": pa.timestamp("us")},
        ),
        (
            TAKEN_BACK,
            [(*key, at) for key, at in today.lifted.items()],
            keys | {"at": pa.timestamp("us")},
        ),
    ):
        columns = list(zip(*rows, strict=True)) or [()] * len(types)
        arrays = [pa.array(one, kind) for one, kind in zip(columns, types.values(), strict=True)]
        connection.register("rows_of_today", pa.table(arrays, names=list(types)))
        connection.execute(f"create or replace table {schema}.{name} as from rows_of_today")
        connection.unregister("rows_of_today")


def crm_today_sql(connection: duckdb.DuckDBPyConnection, published: str, schema: str) -> str:
    """Return the rows of `crm_churn_actions` with today's suppressions laid over.

    A row that changed has a later time than all that were published, so that a sync gets it;
    `is_overlaid` marks it.

    Args:
        connection: Used to read the columns: a generation of an older version has fewer.
        published: The table.
        schema: Where `fill` made its tables.
    """
    today = {name: f"case when not is_added then {name} end" for name in _OF_A_CRM_ROW} | {
        "decision": "case when is_added then 'leave' else decision end",
        "decision_title": f"case when is_added then {quoted(titles('decision')['leave'])} "
        "else decision_title end",
        "reason_words": _REASON_WORDS,
    }
    columns = _columns(connection, published)
    more = ", ".join(f"{sql} as {name}" for name, sql in today.items() if name in columns)
    return f"""
        select * exclude ({_ADDED}) replace (
            case when is_added then true
                when is_lifted then case when not is_deleted then false end
                else is_suppressed end as is_suppressed,
            case when is_added or is_again then added_reason
                when not is_lifted then suppression_reason end as suppression_reason,
            {more},
            case when is_added then greatest(added_at, newest + interval 1 microsecond)
                when is_again then added_at
                when is_lifted or is_back then lifted_at
                else updated_at end as updated_at
        ), is_added or is_again or is_lifted or is_back as is_overlaid
        from ({_compared(published, published, schema)})
    """


def actions_today_sql(
    connection: duckdb.DuckDBPyConnection, published: str, crm: str, schema: str
) -> str:
    """Return the rows of `bi_churn_actions` with today's suppressions: no action, and why.

    Args:
        connection: Used to read the columns: a generation of an older version has fewer.
        published: The table.
        crm: The CRM table of the same generation.
        schema: Where `fill` made its tables.
    """
    columns = _columns(connection, published)
    return _replaced(columns, published, crm, schema, _ACTIONS_TODAY)


def customers_today_sql(
    connection: duckdb.DuckDBPyConnection, published: str, crm: str, schema: str
) -> str:
    """Return the rows of `bi_customer_360` with today's suppressions: no action, and why.

    Args:
        connection: Used to read the columns: a generation of an older version has fewer.
        published: The table.
        crm: The CRM table of the same generation.
        schema: Where `fill` made its tables.
    """
    own = {name: _ACTIONS_TODAY[name] for name in _OF_A_CUSTOMER}
    # this table has the arm in place of `is_never_treated`
    never = "coalesce(arm = 'never_treated', false)"
    own["is_held_out"] = f"case when is_added then {never} else is_held_out end"
    return _replaced(_columns(connection, published), published, crm, schema, own)


def _replaced(
    columns: set[str], published: str, crm: str, schema: str, today: Mapping[str, str]
) -> str:
    """SQL of published rows with those of their columns as they are today."""
    own = ", ".join(f"{sql} as {name}" for name, sql in today.items() if name in columns)
    return f"""
        select * exclude ({_ADDED}) replace ({own})
        from ({_compared(published, crm, schema)})
    """


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> set[str]:
    return {row[0] for row in connection.execute(f"describe {table}").fetchall()}


_REASON_WORDS = (
    f"case when is_added then '{MARKED}' || added_reason "
    "when is_lifted then 'Do-not-contact was lifted; the next publish decides' "
    "else reason_words end"
)
# Column of an action → what it is today.
_ACTIONS_TODAY = {
    "decision": "case when is_added then 'leave' else decision end",
    "reason": "case when is_added then 'suppressed' when is_lifted then 'lifted' else reason end",
    "reason_words": _REASON_WORDS,
    **{
        name: f"case when not is_added then {name} end"
        for name in (*OF_AN_ACTION, "profit_to_contact")
    },
    "is_held_out": "case when is_added then is_never_treated else is_held_out end",
    "is_suppressed": (
        "case when is_added then true when is_lifted then false else is_suppressed end"
    ),
    "suppression_reason": (
        "case when is_added then added_reason when not is_lifted then suppression_reason end"
    ),
}
# Those that `bi_customer_360` has too.
_OF_A_CUSTOMER = (
    "decision",
    "reason_words",
    "planned_action",
    "action_title",
    "channel",
    "expected_profit",
    "profit_to_contact",
    "is_suppressed",
)


def _compared(published: str, crm: str, schema: str) -> str:
    """SQL of published rows beside what was decided since: added, or lifted after the publish.

    A sync has seen every step: `is_again` was lifted and added since, `is_back` added and lifted.
    What was lifted before the publish is suppressed by it under another id of the customer.
    """
    return f"""
        select *,
            added_at is not null and not coalesce(is_suppressed, false) as is_added,
            coalesce(is_suppressed and added_at > newest, false) as is_again,
            added_at is null and coalesce(is_suppressed and lifted_at > newest, false)
                as is_lifted,
            added_at is null and not coalesce(is_suppressed, false)
                and coalesce(lifted_at > newest, false) as is_back
        from (
            select published.*, (select max(updated_at) from {crm}) as newest,
                added.at as added_at, added.reason as added_reason, taken_back.at as lifted_at
            from {published} as published
            left join {schema}.{SUPPRESSED} as added using (domain, customer_id)
            left join {schema}.{TAKEN_BACK} as taken_back using (domain, customer_id)
        )
    """
