"""Writes a file's bad values to quarantine with line, column, value and reason."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.ingest.engine import execute
from pipeline.ingest.parse import is_valid_sql, rejection_reason_sql, typed_value_sql
from pipeline.ingest.read import Reading
from pipeline.ingest.records import Survey
from pipeline.project.duck import quoted

_SHAPE_REASONS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "a quote out of place",
    "LINE SIZE OVER MAXIMUM": "line too long",
}


@dataclass(frozen=True)
class RejectionReason:
    """One kind of bad value: column (None for the whole row), reason, and count."""

    column: str | None
    reason: str
    values: int

    def __str__(self) -> str:
        return f"{self.column} {self.reason}" if self.column else self.reason


@dataclass(frozen=True)
class Rejection:
    """A file's rows in quarantine and the reasons."""

    rows: int
    reasons: tuple[RejectionReason, ...]


NOTHING = Rejection(0, ())


def reject(
    reading: Reading,
    folder: Path,
    con: duckdb.DuckDBPyConnection,
    watch: Callable[[float], None],
    *,
    found: Survey | None,
    is_repaired: bool = False,
) -> Rejection:
    """Re-read a file as text and write one row per bad value to `<folder>/rejected.parquet`.

    Lines are numbered from 1 including the header, as in an editor; a row with line ends in a value
    has the number of its first line. For Parquet they are row numbers.

    Args:
        reading: The file, or its repaired copy.
        folder: Where to write; not created without bad values.
        con: The session.
        watch: Called with the percentage done.
        found: The records of a csv; None for Parquet.
        is_repaired: Whether the copy has only the records that are fit, and no empty lines.
    """
    found = found or Survey()
    _find(reading, con, watch)
    _add_unfit(found, con, is_repaired=is_repaired)
    row = con.execute(
        "select count(distinct record) + (select count(*) from shapeless) from flagged"
    ).fetchone()
    bad = int(row[0]) if row else 0
    if bad:
        _name_lines(reading, [*found.blank, *found.continued], con)
        _write(reading, folder, con)
    return Rejection(bad, _reasons(con))


def sample_reasons(reading: Reading, con: duckdb.DuckDBPyConnection) -> tuple[RejectionReason, ...]:
    """Return the reasons in the first thousand rows of a file without a good row."""
    _find(reading, con, lambda _: None, limit=1000)
    return _reasons(con)


def _find(
    reading: Reading,
    con: duckdb.DuckDBPyConnection,
    watch: Callable[[float], None],
    limit: int | None = None,
) -> None:
    con.execute("set preserve_insertion_order = true")  # line numbers need the file's order
    for table in ("reject_errors", "reject_scans", "flagged", "shapeless"):
        con.execute(f"drop table if exists {table}")
    execute(con, f"create temp table flagged as {_flagged_rows(reading, limit)}", watch)
    _gather_shapeless(reading, con)


def _reasons(con: duckdb.DuckDBPyConnection) -> tuple[RejectionReason, ...]:
    rows = con.execute(
        "select column_name, reason, count(*) from (select column_name, reason from flagged"
        " union all select null, reason from shapeless) group by all order by 3 desc, 1, 2"
    ).fetchall()
    return tuple(RejectionReason(*row) for row in rows)


def _add_unfit(found: Survey, con: duckdb.DuckDBPyConnection, *, is_repaired: bool) -> None:
    """Give the rows that DuckDB refused their lines in the raw file, and add the unfit ones."""
    # DuckDB counts a row with line ends in a value as one line
    unfit = [line for line, _, _ in found.unfit]
    skipped = np.array(
        sorted([*found.continued, *(unfit + found.blank if is_repaired else [])]), np.int64
    )
    if skipped.size:
        lines = [row[0] for row in con.execute("select line from shapeless").fetchall()]
        before = np.searchsorted(skipped - np.arange(1, skipped.size + 1), lines)
        con.register("moved", pa.table({"line": lines, "in_file": lines + before}))
        con.execute(
            "update shapeless set line = in_file from moved where shapeless.line = moved.line"
        )
        con.unregister("moved")
    if found.unfit:
        lines, values, reasons = map(list, zip(*found.unfit, strict=True))
        con.register("unfit", pa.table({"line": lines, "value": values, "reason": reasons}))
        con.execute("insert into shapeless from unfit")
        con.unregister("unfit")


def _name_lines(reading: Reading, skipped: list[int], con: duckdb.DuckDBPyConnection) -> None:
    """Turn record numbers into line numbers by adding the skipped lines before each record."""
    con.execute("create or replace temp table blank (line bigint)")
    if skipped:
        con.register("skipped_lines", pa.table({"line": skipped}))
        con.execute("insert into blank from skipped_lines")
        con.unregister("skipped_lines")
    header = 0 if reading.raw.format == "parquet" else 1
    con.execute(
        f"""
        create or replace temp table rejected as
        with skipped as (
            select line, row_number() over (order by line) as place
            from (select line from shapeless union select line from blank)
        ),
        steps as (
            select line - place as record, max(place) as skipped
            from skipped
            group by all
        )
        select
            flagged.record + {header} + coalesce(steps.skipped, 0) as line,
            column_name, value, reason
        from flagged asof left join steps on flagged.record >= steps.record
        union all
        select line, null, value, reason from shapeless
        """
    )


def _write(reading: Reading, folder: Path, con: duckdb.DuckDBPyConnection) -> None:
    folder.mkdir(parents=True)
    con.execute(
        f"copy (select {quoted(reading.raw.name)} as file, * from rejected order by line, "
        f"column_name) to {quoted(folder / 'rejected.parquet')} (format parquet, compression zstd)"
    )


def _flagged_rows(reading: Reading, limit: int | None) -> str:
    columns = [c for c in reading.table.columns if c.name in reading.scans]
    typed = ", ".join(
        typed_value_sql(c, reading.scans[c.name], f'"raw_{c.name}"') + f' as "typed_{c.name}"'
        for c in columns
    )
    # A text that is not a number scans as null; the text itself shows that there was a value.
    problems = ", ".join(
        f"struct_pack(column_name := '{c.name}', value := {text}, reason := {wrong})"
        for c in columns
        for text in [f'"text_{c.name}"']
        for wrong in [rejection_reason_sql(c, text, f'"typed_{c.name}"', reading.scans[c.name])]
    )
    good = " and ".join(is_valid_sql(c, f'"text_{c.name}"', f'"typed_{c.name}"') for c in columns)
    rows = f"(select * from {reading.text_scan()}{f' limit {limit}' if limit else ''})"
    bad = f"select * from (select *, {typed} from {rows}) where not ({good})"
    return (
        "select record, problem.column_name, problem.value, problem.reason"
        f" from (select record, unnest([{problems}]) as problem from ({bad}))"
        " where problem.reason is not null"
    )


def _gather_shapeless(reading: Reading, con: duckdb.DuckDBPyConnection) -> None:
    con.execute("create temp table shapeless (line bigint, value varchar, reason varchar)")
    if reading.raw.format == "parquet":
        return
    reasons = _SHAPE_REASONS | {"INVALID ENCODING": f"not {reading.encoding.upper()}"}
    cases = " ".join(f"when '{error}' then '{words}'" for error, words in reasons.items())
    con.execute(
        "insert into shapeless select line, min(trim(csv_line, chr(10) || chr(13))),"
        f" min(case error_type {cases} else lower(error_type::varchar) end)"
        " from reject_errors group by line"
    )
