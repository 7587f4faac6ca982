"""Tells new rows from updated, unchanged and deleted ones, and writes what has to be kept."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from pipeline.connections.reader import DatabaseColumn
from pipeline.connections.schema import event_column
from pipeline.connections.window import position_sql
from pipeline.ingest.ids import spelt_sql
from pipeline.project.connection_settings import ConnectedTable
from pipeline.project.duck import file_sql, files_sql, listed, name_sql, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.forgotten import forgotten_among, is_anybody_forgotten
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable

_PARQUET = "format parquet, compression zstd"
_BETWEEN = "chr(31)"


@dataclass(frozen=True)
class TablePull:
    """What a comparison needs of a table.

    Attributes:
        home: CHURN_HOME, with the list of the forgotten.
        settings: The table's settings.
        source: The table of the sources YAML.
        columns: The columns that were read.
        compared: Those in which a row may differ from what was pulled before, with the number of
            the pull from which on they were read with their type.
        rows: Parquet file of the rows that were read.
        earlier: Files of its earlier rows and changes.
    """

    home: Home
    settings: ConnectedTable
    source: SourceTable
    columns: dict[str, DatabaseColumn]
    compared: Mapping[str, int]
    rows: Path
    earlier: Sequence[Path]


@dataclass(frozen=True)
class RowCounts:
    """Rows of a pull.

    Attributes:
        read: Rows that were read.
        new: Rows of keys that were never seen.
        updated: Rows of known keys with other values.
        events: Updates that count as rows of their own.
        already: New rows that had become something else before they were first seen.
        deleted: Known keys that are gone.
        forgotten: Rows of forgotten customers, which are not kept.
        cursor: The largest value of the cursor that is not in the future.
    """

    read: int = 0
    new: int = 0
    updated: int = 0
    events: int = 0
    already: int = 0
    deleted: int = 0
    forgotten: int = 0
    cursor: int | None = None


def load_rows(con: duckdb.DuckDBPyConnection, pull: TablePull) -> int:
    """Make the view `pulled` of the rows that were read; return how many there are.

    Ids and keys become texts in their one spelling, in which a customer is found again.

    Raises:
        ChurnError: The key does not identify a row.
    """
    ids = {column.in_files: column for column in pull.source.raw_columns if column.is_id}
    parts = []
    for name in pull.columns:
        own, text = name_sql(name), f"{name_sql(name)}::varchar"
        if name in ids:
            text = f"coalesce({spelt_sql(ids[name], 'text', text)}, {text})"
        is_text = name in ids or name in (pull.settings.key or ())
        parts.append(f"{text} as {own}" if is_text else own)
    rows = f"(select {', '.join(parts)} from read_parquet({file_sql(pull.rows)}))"
    con.execute(
        f"create or replace view pulled as select {_listed(pull.columns)}, "
        f"{_key(pull.settings)} as churn_key from {rows}"
    )
    key = pull.settings.key
    count, distinct, bare = _first(
        con,
        "select count(*), count(distinct churn_key), "
        + (
            f"count(*) filter (where {' or '.join(f'{name_sql(k)} is null' for k in key)})"
            if key
            else "0"
        )
        + " from pulled",
    )
    if key and (bare or distinct < count):
        raise ChurnError(
            f"{', '.join(key)} does not identify the rows of {pull.settings.table}: "
            + (f"{bare:,} have none." if bare else f"{count - distinct:,} have another row's."),
            where=f"{pull.source.domain}, connection.tables.{pull.source.name}.key",
            hint="Nothing was pulled. Name all columns of the key.",
            exit_code=REFUSED,
        )
    return int(count)


def compare_rows(
    con: duckdb.DuckDBPyConnection,
    pull: TablePull,
    *,
    since: int | None,
    keys: Path | None,
    limit: int,
) -> RowCounts:
    """Judge the rows of `pulled`; what was found is in the tables `judged` and `deleted`.

    Args:
        con: The session, after `load_rows`.
        pull: The table.
        since: Position of the cursor from which on rows were read; all were read if None.
        keys: File of all keys of the table, where deletions are looked for among all.
        limit: Position of the cursor that is in the future.
    """
    settings = pull.settings
    _load_latest(con, pull, since=None if keys else since)
    values, latest = (
        "["
        + ", ".join(
            f"case when latest.churn_pull >= {since_pull} then {side}.{name_sql(name)}::varchar end"
            for name, since_pull in pull.compared.items()
        )
        + "]::varchar[]"
        for side in ("pulled", "latest")
    )
    becomes = settings.becomes
    was = f"latest.{name_sql(becomes.column)}::varchar" if becomes else "null"
    now = f"pulled.{name_sql(becomes.column)}::varchar" if becomes else "null"
    words = listed(becomes.values) if becomes else "''"
    con.execute(
        f"""
        create or replace table judged as
        select
            pulled.*,
            case
                when latest.churn_key is null then 'new'
                when latest.churn_change = 'deleted' or {values} is distinct from {latest}
                    then 'updated'
                else 'same'
            end as churn_status,
            coalesce({now} in ({words}), false)
                and not coalesce({was} in ({words}), false) as churn_became
        from pulled
        left join latest on pulled.churn_key = latest.churn_key
        """
    )
    gone = f"select {_key(settings)} from read_parquet({file_sql(keys)})" if keys else "null"
    con.execute(
        f"""
        create or replace table deleted as
        select * exclude (churn_change, churn_pull)
        from latest
        where
            churn_change is distinct from 'deleted'
            and churn_key not in (select churn_key from pulled)
            {f"and churn_key not in ({gone})" if keys else ""}
        """
    )
    forgotten = _leave_out_forgotten(con, pull)
    new, updated, events, already, gone_rows = _first(
        con,
        """
        select
            count(*) filter (where churn_status = 'new'),
            count(*) filter (where churn_status = 'updated'),
            count(*) filter (where churn_status = 'updated' and churn_became),
            count(*) filter (where churn_status = 'new' and churn_became),
            (select count(*) from deleted)
        from judged
        """,
    )
    read, *_ = _first(con, "select count(*) from pulled")
    return RowCounts(
        read=read,
        new=new,
        updated=updated,
        events=events,
        already=already,
        deleted=gone_rows,
        forgotten=forgotten,
        cursor=_position(con, pull, limit),
    )


def write_new_rows(con: duckdb.DuckDBPyConnection, pull: TablePull, part: Path) -> None:
    """Write the rows that ingest reads: new ones, and updates that are events."""
    columns, settings = _listed(pull.columns), pull.settings
    rows = f"select {columns} from judged where churn_status = 'new'"
    event = event_column(pull.source)
    if settings.becomes and settings.cursor and event:
        dated = f"{name_sql(settings.cursor)}::{_type_of(con, event)} as {name_sql(event)}"
        rows += (
            f" union all by name select * replace ({dated}) from (select {columns} from judged "
            "where churn_status = 'updated' and churn_became)"
        )
    con.execute(f"copy ({rows}) to {quoted(part)} ({_PARQUET})")


def write_changes(
    con: duckdb.DuckDBPyConnection, pull: TablePull, part: Path, seen_on: date
) -> None:
    """Write updated rows as they are now and deleted ones as they were last."""
    columns = _listed(pull.columns)
    there = {row[0] for row in con.execute("describe deleted").fetchall()}
    known = _listed(name for name in pull.columns if name in there)
    con.execute(
        f"copy (select {columns}, 'updated' as churn_change, date '{seen_on}' as churn_seen_on "
        "from judged where churn_status = 'updated' union all by name "
        f"select {known}, 'deleted' as churn_change, date '{seen_on}' as churn_seen_on "
        f"from deleted) to {quoted(part)} ({_PARQUET})"
    )


def write_all_rows(con: duckdb.DuckDBPyConnection, pull: TablePull, part: Path) -> None:
    """Write every row that was read."""
    con.execute(f"copy (select {_listed(pull.columns)} from pulled) to {quoted(part)} ({_PARQUET})")


def has_same_rows(con: duckdb.DuckDBPyConnection, one: Path, other: Path) -> bool:
    """Return whether two files have the same rows and columns."""
    a, b = (f"(from read_parquet({file_sql(path)}))" for path in (one, other))
    if con.execute(f"describe {a}").fetchall() != con.execute(f"describe {b}").fetchall():
        return False
    different, *_ = _first(
        con,
        f"select count(*) from ((from {a} except all from {b}) "
        f"union all (from {b} except all from {a}))",
    )
    return not different


def _load_latest(con: duckdb.DuckDBPyConnection, pull: TablePull, *, since: int | None) -> None:
    """Make the table `latest`: of each key that matters, its row as it was pulled last."""
    columns = _listed(pull.columns)
    if not pull.earlier:
        con.execute(
            "create or replace table latest as select *, null::varchar as churn_change, "
            "0 as churn_pull from pulled where false"
        )
        return
    rows = (
        f"read_parquet([{files_sql(pull.earlier)}], union_by_name = true, "
        "hive_partitioning = false, filename = 'churn_file')"
    )
    there = {row[0] for row in con.execute(f"describe from {rows}").fetchall()}
    # a column that the domain has only known since today was never pulled
    columns = ", ".join(
        name_sql(name) if name in there else f"null as {name_sql(name)}" for name in pull.columns
    )
    change = "churn_change" if "churn_change" in there else "null::varchar"
    con.execute(
        f"create or replace view landed as select {columns}, {change} as churn_change, "
        f"{_key(pull.settings)} as churn_key, "
        r"regexp_extract(churn_file, '_(\d+)\.parquet$', 1)::integer as churn_pull "
        f"from {rows}"
    )
    cursor = pull.settings.cursor
    matters = ""
    if since is not None and cursor:
        position = position_sql(name_sql(cursor), pull.columns[cursor])
        matters = (
            "where churn_key in (select churn_key from pulled union "
            f"select churn_key from landed where {position} >= {since})"
        )
    con.execute(
        f"""
        create or replace table latest as
        select * exclude (churn_place) from (
            select
                *,
                row_number() over (
                    partition by churn_key
                    -- an update that is an event is in both files, dated otherwise in the other
                    order by churn_pull desc, churn_change is null
                ) as churn_place
            from landed
            {matters}
        )
        where churn_place = 1
        """
    )
    if matters:
        # an older cursor that a later row has overtaken says nothing of where the row is now
        con.execute(
            f"delete from latest where not coalesce({position} >= {since}, true) "
            "and churn_key not in (select churn_key from pulled)"
        )


def _leave_out_forgotten(con: duckdb.DuckDBPyConnection, pull: TablePull) -> int:
    """Take rows of forgotten customers out of what will be written; return how many."""
    domain = pull.source.domain
    if not is_anybody_forgotten(pull.home, domain):
        return 0
    gone = 0
    for column in pull.source.raw_columns:
        name = name_sql(column.in_files)
        if not column.is_id or column.in_files not in pull.columns:
            continue
        ids = con.execute(
            f"select distinct {name} from judged where churn_status <> 'same' union "
            f"select distinct {name} from deleted"
        ).fetchall()
        found = forgotten_among(pull.home, domain, {one for (one,) in ids if one is not None})
        if found:
            theirs = f"{name} in ({listed(found)})"
            count, *_ = _first(con, f"select count(*) from judged where {theirs}")
            gone += int(count)
            con.execute(f"delete from judged where {theirs}")
            con.execute(f"delete from deleted where {theirs}")
    return gone


def _position(con: duckdb.DuckDBPyConnection, pull: TablePull, limit: int) -> int | None:
    cursor = pull.settings.cursor
    if cursor is None:
        return None
    position = position_sql(name_sql(cursor), pull.columns[cursor])
    found, *_ = _first(con, f"select max({position}) from pulled where {position} <= {limit}")
    return None if found is None else int(found)


def _key(settings: ConnectedTable) -> str:
    if not settings.key:
        return "null::varchar"
    if len(settings.key) == 1:
        return f"{name_sql(settings.key[0])}::varchar"
    return f"concat_ws({_BETWEEN}, {', '.join(f'{name_sql(k)}::varchar' for k in settings.key)})"


def _type_of(con: duckdb.DuckDBPyConnection, name: str) -> str:
    return next(str(row[1]) for row in con.execute("describe pulled").fetchall() if row[0] == name)


def _first(con: duckdb.DuckDBPyConnection, sql: str) -> tuple[int, ...]:
    return con.execute(sql).fetchone() or ()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(map(name_sql, names))
