"""What a new generation keeps of the current one: the rows of domains that are not published anew.

A serving table has a column `domain`, so that its rows of one domain can be put beside those of
another publish. The few that have none are the same for every domain and always come from the
warehouse.

Do-not-contact waits for no domain: it is laid over the rows that are kept.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from pipeline.project.duck import listed, name_sql, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.realtime.bundle import FOLDER as BUNDLE
from pipeline.realtime.bundle import kept_folder as bundle_of
from pipeline.retention.overlay import (
    Today,
    actions_today_sql,
    crm_today_sql,
    customers_today_sql,
    fill,
)
from pipeline.retention.plan import kept_folder as plan_of

SCHEMA = "serving"
# Tables without a domain: the words of codes, which no domain owns.
SHARED = ("bi_codes",)
# Tables that say whom to contact; the first one is the CRM's, with the times of the rows.
_CRM, _ACTIONS, _CUSTOMERS = "crm_churn_actions", "bi_churn_actions", "bi_customer_360"
_HERE, _LAID_OVER = "memory.main", "today_"


def tables_of(connection: duckdb.DuckDBPyConnection, database: str) -> list[str]:
    """Return the serving tables of an attached database."""
    rows = connection.execute(
        "select table_name from duckdb_tables() "
        "where database_name = ? and schema_name = ? order by table_name",
        [database, SCHEMA],
    ).fetchall()
    return [row[0] for row in rows]


def kept_tables(
    connection: duckdb.DuckDBPyConnection, domains: Iterable[str], built: Iterable[str]
) -> list[str]:
    """Return the published tables that the warehouse lacks and that hold rows of kept domains.

    A domain's own table is not built when the domain is left out of the build. A warehouse without
    any has lost them: then all that is published stays.
    """
    built = set(built)
    return [
        table
        for table in tables_of(connection, "published")
        if not built
        or (
            table not in built
            and "domain" in _columns(connection, "published", table)
            and connection.execute(
                f"select exists (from published.{SCHEMA}.{table} "
                f"where domain in ({listed(domains)}))"
            ).fetchone()
            == (True,)
        )
    ]


def lay_over(connection: duckdb.DuckDBPyConnection, today: Today) -> list[str]:
    """Lay today's do-not-contact over the published rows of `merged`.

    Args:
        connection: Has the database `published` attached.
        today: What is decided now.

    Returns:
        The domains of which a row is another one by it.
    """
    crm, actions, customers = (
        f"published.{SCHEMA}.{table}" if _columns(connection, "published", table) else None
        for table in (_CRM, _ACTIONS, _CUSTOMERS)
    )
    if crm is None:
        return []
    fill(connection, today, _HERE)
    crm_today = crm_today_sql(connection, crm, _HERE)
    # its hash tells that it is another row; the next publish of the domain computes it anew
    laid_over = {
        _CRM: "select * exclude (is_overlaid) replace (case when is_overlaid "
        f"then md5(row_hash || updated_at) else row_hash end as row_hash) from ({crm_today})"
    }
    if actions is not None:
        laid_over[_ACTIONS] = actions_today_sql(connection, actions, crm, _HERE)
    if customers is not None:
        laid_over[_CUSTOMERS] = customers_today_sql(connection, customers, crm, _HERE)
    for table, sql in laid_over.items():
        connection.execute(f"create temp view {_LAID_OVER}{table} as {sql}")
    rows = connection.execute(
        f"select distinct domain from ({crm_today}) where is_overlaid order by domain"
    ).fetchall()
    return [row[0] for row in rows]


def decided_since(live: Path, today: Today) -> tuple[list[str], list[str]]:
    """Return the domains of a generation of which do-not-contact changed since, and all of it."""
    with duckdb.connect() as connection:
        connection.execute(f"attach {quoted(live)} as published (read_only)")
        changed = lay_over(connection, today)
        there = connection.execute(
            f"select distinct domain from published.{SCHEMA}.bi_domains order by domain"
        ).fetchall()
    return changed, [row[0] for row in there]


def merged(
    connection: duckdb.DuckDBPyConnection, table: str, domains: Iterable[str]
) -> tuple[str, tuple[str, ...]]:
    """Return a relation with a table's rows, those of kept domains from the current generation.

    Args:
        connection: Has the databases `warehouse` and `published` attached, and `lay_over` done.
        table: Serving table.
        domains: Domains whose rows are kept.

    Returns:
        The relation, and the columns that the published table does not have; they are null in
        the rows kept.

    Raises:
        ChurnError: A published column cannot be read as the type that it has now; exit code 3.
    """
    built = _columns(connection, "warehouse", table)
    old = _columns(connection, "published", table)
    if not built and "domain" not in old:
        return f"published.{SCHEMA}.{table}", ()
    if not built:
        rows = f"from {_published(connection, table)} where domain in ({listed(domains)})"
        return _made(connection, table, rows), ()
    if "domain" not in built:
        if table not in SHARED:
            raise ChurnError(
                f"{table} has no column domain, so its rows cannot be told apart by domain.",
                hint=f"Give it one, or name it in SHARED of {__name__}.",
            )
        return f"warehouse.{SCHEMA}.{table}", ()
    if not old or "domain" not in old:
        return f"warehouse.{SCHEMA}.{table}", ()
    columns = ", ".join(
        f"cast({name_sql(name) if name in old else 'null'} as {kind}) as {name_sql(name)}"
        for name, kind in built.items()
    )
    try:
        relation = _made(
            connection,
            table,
            f"{_rows(table)} not in ({listed(domains)}) union all "
            f"select {columns} from {_published(connection, table)} "
            f"where domain in ({listed(domains)})",
        )
    except duckdb.Error as problem:
        raise ChurnError(
            f"The published rows of {', '.join(sorted(domains))} in {table} do not fit its columns "
            "as they are now, so they cannot be kept.",
            where=str(problem).splitlines()[0],
            hint="Publish these domains: churn run. Nothing was published.",
            exit_code=REFUSED,
        ) from problem
    return relation, tuple(name for name in built if name not in old)


def built_alone(connection: duckdb.DuckDBPyConnection, table: str, domains: Iterable[str]) -> str:
    """Return a relation with a table's rows without those of kept domains, never published."""
    if "domain" not in _columns(connection, "warehouse", table):
        return f"warehouse.{SCHEMA}.{table}"
    return _made(connection, table, f"{_rows(table)} not in ({listed(domains)})")


def keep_bundle(live: Path, copies: Path, domains: Iterable[str]) -> None:
    """Copy what real time answers from, for each kept domain; the newer one has other rows."""
    for domain in domains:
        _copy_files(bundle_of(live.with_suffix("") / BUNDLE, domain), copies / BUNDLE / domain)


def keep_plan(live: Path, folder: Path, domains: Iterable[str]) -> None:
    """Copy the inputs of plans, for each kept domain."""
    for domain in domains:
        _copy_files(plan_of(live.with_suffix(".plan"), domain), folder / domain)


def _copy_files(source: Path, target: Path) -> None:
    if not source.is_dir():
        return
    target.mkdir(parents=True)
    for path in source.iterdir():
        if path.is_file():
            shutil.copy2(path, target)


def _published(connection: duckdb.DuckDBPyConnection, table: str) -> str:
    """The published rows of a table, as they are today."""
    there = connection.execute(
        "select count(*) from duckdb_views() where view_name = ?", [f"{_LAID_OVER}{table}"]
    ).fetchone()
    return f"{_LAID_OVER}{table}" if there == (1,) else f"published.{SCHEMA}.{table}"


def _rows(table: str) -> str:
    return f"select * from warehouse.{SCHEMA}.{table} where domain"


def _made(connection: duckdb.DuckDBPyConnection, table: str, sql: str) -> str:
    connection.execute(f"create or replace temp table kept_{table} as {sql}")
    return f"kept_{table}"


def _columns(connection: duckdb.DuckDBPyConnection, database: str, table: str) -> dict[str, str]:
    """Column → type, empty if there is no such table."""
    rows = connection.execute(
        "select column_name, data_type from duckdb_columns() where database_name = ? "
        "and schema_name = ? and table_name = ? order by column_index",
        [database, SCHEMA, table],
    ).fetchall()
    return {row[0]: row[1] for row in rows}
