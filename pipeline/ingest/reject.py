"""Writes a file's bad values to quarantine with line, column, value and reason."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.ingest.engine import execute
from pipeline.ingest.parse import is_valid_sql, rejection_reason_sql, typed_value_sql
from pipeline.ingest.read import Reading
from pipeline.project.duck import quoted
from pipeline.project.errors import ChurnError

_SHAPE_REASONS = {
    "MISSING COLUMNS": "too few columns",
    "TOO MANY COLUMNS": "too many columns",
    "UNQUOTED VALUE": "a quote out of place",
    "LINE SIZE OVER MAXIMUM": "line too long",
    "INVALID ENCODING": "not UTF-8",
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


def reject(
    reading: Reading,
    folder: Path,
    con: duckdb.DuckDBPyConnection,
    watch: Callable[[float], None],
    *,
    good: int,
    lines: int,
) -> Rejection:
    """Re-read a file as text and write one row per bad value to `<folder>/rejected.parquet`.

    Lines are numbered from 1 including the header, as in an editor; a value with a line feed
    counts as one line. For Parquet they are row numbers.

    Args:
        reading: The file.
        folder: Where to write; not created without bad values.
        con: The session.
        watch: Called with the percentage done.
        good: Rows the first pass kept.
        lines: Lines of a csv, rows of a Parquet file.

    Raises:
        ChurnError: An unclosed quote swallows lines, or rows are unaccounted for.
    """
    _find(reading, con, watch)
    found = con.execute(
        "select count(distinct record) + (select count(*) from shapeless) from flagged"
    ).fetchone()
    bad = int(found[0]) if found else 0
    blank: list[int] = []
    if reading.raw.format == "parquet":
        is_complete = good + bad == lines
    elif not (is_complete := good + bad == lines - 1):
        blank, has_quotes = _blank_lines(reading)
        rows = lines - 1 - len(blank)
        is_complete = good + bad == rows or (has_quotes and good + bad < rows)
    if not is_complete:
        raise ChurnError(
            f"Of {lines:,} lines, {good:,} were loaded and {bad:,} rejected; the rest is lost.",
            where=reading.raw.name,
            hint="Save the file as a plain CSV, separated by commas and quoted with double quotes.",
        )
    if bad:
        _name_lines(reading, blank, con)
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


def _blank_lines(reading: Reading) -> tuple[list[int], bool]:
    """Return the numbers of empty lines, which DuckDB skips, and whether any value is quoted."""
    has_quotes, blank = False, []
    with reading.path.open("rb") as file:
        for number, line in enumerate(file, 1):
            has_quotes = has_quotes or b'"' in line
            if line in (b"\n", b"\r\n") and len(reading.header) > 1:
                blank.append(number)
    return blank, has_quotes


def _name_lines(reading: Reading, blank: list[int], con: duckdb.DuckDBPyConnection) -> None:
    """Turn record numbers into line numbers by adding the skipped lines before each record."""
    con.execute("create or replace temp table blank (line bigint)")
    if blank:
        con.execute("insert into blank select unnest(?::bigint[])", [blank])
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
    cases = " ".join(f"when '{error}' then '{words}'" for error, words in _SHAPE_REASONS.items())
    con.execute(
        "insert into shapeless select line, min(trim(csv_line, chr(10) || chr(13))),"
        f" min(case error_type {cases} else lower(error_type::varchar) end)"
        " from reject_errors group by line"
    )
    swallowed = con.execute(
        "select line from shapeless where contains(value, chr(10))"
        " and reason in ('a quote out of place', 'line too long') order by line"
    ).fetchone()
    if swallowed:
        raise ChurnError(
            "A value opens a quote that is not closed in its row, so the lines after it cannot be"
            " separated.",
            where=f"{reading.raw.name}, line {swallowed[0]}",
            hint="Remove or double that quote, or export the file again with quoting.",
        )
