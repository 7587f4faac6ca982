"""Takes customers out of single files: rows of Parquet, lines of text, words of JSON."""

import re
import sqlite3
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, closing
from functools import cache
from pathlib import Path

import duckdb

from pipeline.project import state_sums
from pipeline.project.duck import file_sql, listed, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home
from pipeline.project.sums import SUMS, replaced_with_sum

ERASED = "(erased)"
_TRIES = 20


@cache
def _session() -> duckdb.DuckDBPyConnection:
    """One engine for all files: to open one takes longer than to read a small file."""
    session = duckdb.connect()
    session.execute("set preserve_insertion_order = true")
    return session


def pattern_of(customers: Collection[str]) -> re.Pattern[bytes]:
    """Return a pattern that finds ids in bytes where they are not part of a longer word."""
    ids = b"|".join(
        re.escape(one.encode("utf-8", "surrogatepass"))
        for one in sorted(customers, key=len, reverse=True)
    )
    return re.compile(rb"(?<![0-9A-Za-z])(?:" + ids + rb")(?![0-9A-Za-z])")


def theirs_sql(
    connection: duckdb.DuckDBPyConnection, relation: str, customers: Collection[str], *, deep: bool
) -> str:
    """Return the condition of the rows of a relation in which a text is an id.

    Args:
        connection: To ask for the columns.
        relation: What is read.
        customers: The ids.
        deep: A text that holds an id among other words counts, too.
    """
    texts = [
        row[0]
        for row in connection.execute(f"describe from {relation}").fetchall()
        if "VARCHAR" in row[1]
    ]
    ids = listed(customers)
    conditions = [f'coalesce(cast("{text}" as varchar) in ({ids}), false)' for text in texts]
    if deep:
        words = "|".join(map(re.escape, customers))
        pattern = quoted(rf"(^|[^0-9A-Za-z])({words})($|[^0-9A-Za-z])")
        conditions += [
            f'coalesce(regexp_matches(cast("{text}" as varchar), {pattern}), false)'
            for text in texts
        ]
    return f"({' or '.join(conditions)})" if conditions else "false"


def count_rows(path: Path, customers: Collection[str], *, deep: bool = False) -> int:
    """Return how many rows of a Parquet file are those of the customers."""
    with _session().cursor() as connection:
        relation = f"read_parquet({file_sql(path)}, hive_partitioning = false)"
        theirs = theirs_sql(connection, relation, customers, deep=deep)
        row = connection.execute(f"select count(*) from {relation} where {theirs}").fetchone()
    return int(row[0]) if row else 0


def take_out_rows(path: Path, customers: Collection[str], *, deep: bool = False) -> int:
    """Take the rows of customers out of a Parquet file; return how many there were."""
    rows = count_rows(path, customers, deep=deep)
    if rows == 0:
        return 0
    with _session().cursor() as connection:
        relation = f"read_parquet({file_sql(path)}, hive_partitioning = false)"
        theirs = theirs_sql(connection, relation, customers, deep=deep)
        found = connection.execute(
            "select lower(min(compression)) from parquet_metadata(?)", [str(path)]
        ).fetchone()
        compression = found[0] if found and found[0] else "snappy"
        with in_place_of(path) as part:
            connection.execute(
                f"copy (select * from {relation} where not {theirs}) to {quoted(part)} "
                f"(format parquet, compression {compression})"
            )
    return rows


def take_out_lines(path: Path, customers: Collection[str]) -> int:
    """Take the lines that hold an id out of a text file; return how many there were."""
    pattern, taken = pattern_of(customers), 0
    with path.open("rb") as lines:
        if not any(pattern.search(line) for line in lines):
            return 0
    with in_place_of(path) as part, path.open("rb") as lines, part.open("wb") as kept:
        for line in lines:
            if pattern.search(line):
                taken += 1
            else:
                kept.write(line)
    return taken


def take_out_words(path: Path, customers: Collection[str]) -> int:
    """Put a word in the place of ids in a text file; return how many there were."""
    content, found = pattern_of(customers).subn(ERASED.encode(), path.read_bytes())
    if found:
        with in_place_of(path) as part:
            part.write_bytes(content)
    return found


def in_place_of(path: Path) -> AbstractContextManager[Path]:
    """Replace a file, with its content hash where it has one; its mode stays."""
    folder = next(
        (
            parent
            for parent in path.parents
            if (parent / SUMS).exists() and _is_listed(parent / SUMS, path)
        ),
        None,
    )
    return replaced(path) if folder is None else replaced_with_sum(path, folder)


def _is_listed(sums: Path, path: Path) -> bool:
    return path.relative_to(sums.parent).as_posix() in sums.read_text(encoding="utf-8")


def take_out_of_state(
    home: Home, domain: str, customers: Collection[str], say: Callable[[str], None]
) -> dict[str, int]:
    """Delete the rows of customers from the state, and overwrite what was there.

    Returns:
        Table → rows that were deleted or changed.

    Raises:
        ChurnError: A service keeps reading, so that old pages cannot be overwritten.
    """
    if not home.state.exists():
        return {}
    changed: dict[str, int] = {}
    text_pattern = pattern_of(customers)

    def without(text: str | None) -> str | None:
        if text is None:
            return None
        return text_pattern.sub(ERASED.encode(), text.encode()).decode()

    with closing(sqlite3.connect(home.state, timeout=60, isolation_level=None)) as connection:
        connection.execute("pragma secure_delete = on")
        connection.create_function("without_ids", 1, without, deterministic=True)
        state_sums.register(connection)
        connection.execute("begin immediate")
        connection.execute("create temp table erased (customer_id text primary key)")
        connection.executemany(
            "insert or ignore into erased values (?)", [(customer,) for customer in customers]
        )
        tables = [
            row[0]
            for row in connection.execute(
                "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' "
                "and name != ?",
                [state_sums.SUMS],
            )
        ]
        for table in tables:
            described = connection.execute(f'pragma table_info("{table}")').fetchall()
            columns = {row[1]: row[2] for row in described}
            if "customer_id" in columns:
                own = " and domain = ?" if "domain" in columns else ""
                found = connection.execute(
                    f'delete from "{table}" where customer_id in (select customer_id from erased)'
                    + own,
                    [domain] if own else [],
                ).rowcount
                changed[table] = changed.get(table, 0) + found
                # what is said of others in these tables is no id
                continue
            for column, kind in columns.items():
                if kind.upper().startswith(("VARCHAR", "TEXT")):
                    found = connection.execute(
                        f'update "{table}" set "{column}" = without_ids("{column}") '
                        f'where "{column}" is not without_ids("{column}")'
                    ).rowcount
                    changed[table] = changed.get(table, 0) + found
        connection.execute("drop table erased")
        connection.execute("commit")
        connection.execute("vacuum")
        for _ in range(_TRIES):
            (is_busy, *_rest) = connection.execute("pragma wal_checkpoint(truncate)").fetchone()
            if not is_busy:
                break
            say("a service reads the state: waiting until old pages can be overwritten")
            connection.execute("pragma busy_timeout = 3000")
        else:
            raise ChurnError(
                "A service keeps reading the state, so old pages of it cannot be overwritten yet.",
                where=str(home.state),
                hint="Stop the services and run the same command again.",
            )
    return {table: rows for table, rows in changed.items() if rows}
