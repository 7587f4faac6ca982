"""What a new generation keeps of the current one: the rows of domains that are not published anew.

A serving table has a column `domain`, so that its rows of one domain can be put beside those of
another publish. The few that have none are the same for every domain and always come from the
warehouse.
"""

import shutil
from collections.abc import Iterable
from pathlib import Path

import duckdb

from pipeline.project.duck import listed, name_sql
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.realtime.bundle import FOLDER as BUNDLE
from pipeline.realtime.bundle import kept_folder as bundle_of
from pipeline.retention.plan import kept_folder as plan_of

SCHEMA = "serving"
# Tables without a domain: the words of codes, which no domain owns.
SHARED = ("bi_codes",)


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

    A domain's own table is not built when the domain is left out of the build.
    """
    return [
        table
        for table in tables_of(connection, "published")
        if table not in built
        and "domain" in _columns(connection, "published", table)
        and connection.execute(
            f"select exists (from published.{SCHEMA}.{table} where domain in ({listed(domains)}))"
        ).fetchone()
        == (True,)
    ]


def merged(
    connection: duckdb.DuckDBPyConnection, table: str, domains: Iterable[str]
) -> tuple[str, tuple[str, ...]]:
    """Return a relation with a table's rows, those of kept domains from the current generation.

    Args:
        connection: Has the databases `warehouse` and `published` attached.
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
    if not built:
        return _made(connection, table, f"{_rows('published', table)} in ({listed(domains)})"), ()
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
            f"{_rows('warehouse', table)} not in ({listed(domains)}) union all "
            f"select {columns} from published.{SCHEMA}.{table} where domain in ({listed(domains)})",
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
    return _made(connection, table, f"{_rows('warehouse', table)} not in ({listed(domains)})")


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


def _rows(database: str, table: str) -> str:
    return f"select * from {database}.{SCHEMA}.{table} where domain"


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
