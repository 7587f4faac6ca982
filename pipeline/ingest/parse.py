"""Builds the SQL that types a raw value, checks it, and gives the reason if it is rejected.

Both passes over a file use these expressions, so a row is good in both or bad in both. A value is
scanned as text, as a number (the fastest for DuckDB's reader; an integer saved as `149.0` is read,
`149.5` is not rounded) or, from Parquet, as a moment or as an instant, which has a time zone. An id
is scanned as text or, from Parquet, as the kind of number it is stored as; see `ids`.
"""

from typing import Literal

from pipeline.ingest.ids import reason_sql, spelt_sql, without_nothing_sql
from pipeline.project.duck import quoted
from pipeline.project.sources import MOMENTS, SourceColumn

Scan = Literal["text", "number", "single", "decimal", "moment", "instant"]

SCAN_TYPES: dict[Scan, str] = {
    "text": "varchar",
    "number": "double",
    "single": "double",
    "decimal": "varchar",
    "moment": "timestamp",
    "instant": "timestamptz",
}
_SMALL_INTEGERS = ("tinyint", "smallint", "integer", "int", "utinyint", "usmallint")
_FLOATS = ("double", "float", "real")
_COMPACT_DATE = "%Y%m%d"
_NO_ZONE = "[+-](1[5-9]|[2-9][0-9])"
# The sum of a few larger values would be infinite.
_LARGEST_DOUBLE = 1e300
# Years of four digits; excludes the infinities.
_FOUR_DIGITS = "timestamp '1000-01-01' and timestamp '9999-12-31 23:59:59.999999'"


def scan_of(column: SourceColumn, values: list[str]) -> Scan:
    """Choose how a csv column is scanned, from a sample of its values."""
    if column.data_type in (*_SMALL_INTEGERS, *_FLOATS):
        return "number"
    if _is_compact_date(column) and all(_is_number(value) for value in values if value):
        return "number"
    return "text"


def scan_of_type(column: SourceColumn, stored: str) -> Scan:
    """Choose how a Parquet column is scanned, from the DuckDB type it is stored in."""
    if column.is_id:
        scans: dict[str, Scan] = {"DOUBLE": "number", "FLOAT": "single"}
        return scans.get(stored, "decimal" if stored.startswith("DECIMAL") else "text")
    if column.data_type in MOMENTS and stored.startswith(("DATE", "TIMESTAMP")):
        return "instant" if stored.endswith("WITH TIME ZONE") else "moment"
    if stored in ("VARCHAR", "BOOLEAN") or stored.startswith(("DATE", "TIME", "BLOB")):
        return "text"
    is_numeric = column.data_type in (*_SMALL_INTEGERS, *_FLOATS) or _is_compact_date(column)
    return "number" if is_numeric else "text"


def typed_value_sql(column: SourceColumn, scan: Scan, raw: str) -> str:
    """Return SQL for the typed value of the scanned expression `raw`; null if it has none."""
    kind = column.data_type
    if column.is_id:
        return spelt_sql(column, scan, raw)
    if kind == "varchar":
        return _spelt_as_listed(column, without_nothing_sql(column, raw))
    if kind in (*_SMALL_INTEGERS, *_FLOATS):
        number = raw if scan == "number" else f"try_cast({raw} as double)"
        if kind in _FLOATS:
            return f"case when abs({number}) <= {_LARGEST_DOUBLE!r} then {number}::{kind} end"
        return f"case when {number} = trunc({number}) then try_cast({number} as {kind}) end"
    if kind == "date":
        return _date(column, scan, raw)
    if kind == "timestamp":
        moment = _utc(raw, column.format) if scan == "text" else _moment(scan, raw)
        return f"case when {moment} between {_FOUR_DIGITS} then {moment} end"
    if kind in ("bigint", "hugeint", "ubigint", "uinteger"):
        whole = f"regexp_full_match({raw}, '\\s*[+-]?[0-9]+(\\.0*)?\\s*')"
        return f"case when {whole} then try_cast({raw} as {kind}) end"
    return f"try_cast({raw} as {kind})"


def is_valid_sql(column: SourceColumn, raw: str, typed: str) -> str:
    """Return SQL for whether a value is valid; never null."""
    checks = []
    if column.not_null:
        checks.append(f"{typed} is not null")
    elif column.data_type != "varchar":
        checks.append(f"(({raw} is null) = ({typed} is null))")
    if column.min is not None:
        checks.append(f"coalesce({typed} >= {_literal(column.min)}, true)")
    if column.max is not None:
        checks.append(f"coalesce({typed} <= {_literal(column.max)}, true)")
    if column.nonzero:
        checks.append(f"coalesce({typed} <> 0, true)")
    if column.values:
        checks.append(f"coalesce({typed} in ({_listed(column)}), true)")
    return " and ".join(checks) or "true"


def rejection_reason_sql(column: SourceColumn, raw: str, typed: str, scan: Scan = "text") -> str:
    """Return SQL for the reason a value is rejected; null if it is valid."""
    if column.is_id:
        return reason_sql(column, scan, raw, typed)
    cases = [f"when {raw} is not null and {typed} is null then {quoted(_mismatch(column))}"]
    if column.not_null:
        cases.append(f"when {typed} is null then 'empty'")
    if column.min is not None:
        cases.append(f"when {typed} < {_literal(column.min)} then 'below {column.min:g}'")
    if column.max is not None:
        cases.append(f"when {typed} > {_literal(column.max)} then 'above {column.max:g}'")
    if column.nonzero:
        cases.append(f"when {typed} = 0 then 'is 0'")
    if column.values:
        words = quoted(f"not one of {', '.join(column.values)}")
        cases.append(f"when {typed} not in ({_listed(column)}) then {words}")
    return f"case {' '.join(cases)} end"


def _spelt_as_listed(column: SourceColumn, text: str) -> str:
    """SQL for a text in the list's own word where a file uses another one for it."""
    if not column.spellings:
        return text
    words = " ".join(f"when {quoted(word)} then {quoted(to)}" for word, to in column.spellings)
    return f"case {text} {words} else {text} end"


def _utc(raw: str, form: str | None) -> str:
    """SQL for a text moment as UTC: ISO without a zone or with UTC, Z or an offset, or as `form`.

    A cast to timestamp silently drops an offset. A cast to timestamptz takes thirty times as long
    for `UTC` and reads text without a zone in the session's zone. So each is used where it works.
    """
    is_zoned = f"contains({raw}, '+') or contains(substr({raw}, 11), '-')"
    zoned = _moment("instant", f"try_cast({raw} as timestamptz)")
    # DuckDB takes any two digits for hours; no zone is further from UTC than 14
    zoned = f"case when not regexp_matches(substr({raw}, 11), '{_NO_ZONE}') then {zoned} end"
    iso = f"case when {is_zoned} then {zoned} else try_cast({raw} as timestamp) end"
    if form is None:
        return iso
    is_instant = "%z" in form.lower()
    formed = _moment("instant" if is_instant else "moment", f"try_strptime({raw}, {quoted(form)})")
    if is_instant:
        no_zone = f"regexp_matches({raw}, '{_NO_ZONE}(:?[0-9]{{2}})?\\s*$')"
        formed = f"case when not {no_zone} then {formed} end"
    return f"coalesce({iso}, {formed})"


def _moment(scan: Scan, raw: str) -> str:
    # A cast would use the session's zone and take four times as long.
    return f"make_timestamp(epoch_us({raw}))" if scan == "instant" else raw


def _date(column: SourceColumn, scan: Scan, raw: str) -> str:
    if scan == "number":
        return _compact_date(raw)
    moment = _moment(scan, raw)
    if scan == "text":
        formats = [column.format, "%Y-%m-%d", "%Y-%m-%d %H:%M:%S"]
        written = ", ".join(quoted(f) for f in formats if f and f != _COMPACT_DATE)
        # strptime reads these words as 1 January 1900, whatever the format.
        is_word = f"lower(trim({raw})) in ('epoch', 'infinity', '-infinity')"
        moment = f"case when not {is_word} then try_strptime({raw}, [{written}]) end"
    day = f"case when {moment} = date_trunc('day', {moment}) then ({moment})::date end"
    if scan == "text" and _is_compact_date(column):
        # Not by strptime, which reads 2017031 as 1 March.
        return f"coalesce({_compact_date(f'try_cast({raw} as double)')}, {day})"
    return day


def _compact_date(number: str) -> str:
    day = f"{number}::integer"
    return (
        f"case when {number} between 10000101 and 99991231 and {number} = trunc({number})"
        f" and {day} // 100 % 100 between 1 and 12 and {day} % 100 between 1 and 31"
        f" then try(make_date({day} // 10000, {day} // 100 % 100, {day} % 100)) end"
    )


def _mismatch(column: SourceColumn) -> str:
    if column.data_type in MOMENTS:
        return f"not a {column.data_type}" + (f" as {column.format}" if column.format else "")
    if column.data_type in _FLOATS:
        return "not a finite number"
    return f"not of type {column.data_type}"


def _is_compact_date(column: SourceColumn) -> bool:
    return column.data_type == "date" and column.format == _COMPACT_DATE


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(column: SourceColumn) -> str:
    return ", ".join(quoted(value) for value in column.values)


def _literal(bound: float) -> str:
    # Comparing an integer column with an integer is faster.
    return str(int(bound)) if bound.is_integer() and abs(bound) < 1e15 else repr(bound)
