r"""The one spelling of an id, and the words that stand for nothing.

The same customer comes as `123`, ` 123` or `123.0`, depending on the program that saved the file.
An id has one spelling after these rules:

- Blanks at both ends and marks that nobody sees (zero-width spaces, byte order marks) go.
- `123.0` is `123`. Leading zeros stay: they are an id's own spelling.
- A number whose last digits are lost is not an id: `1.5E+18`, and any number beyond 2^53 that went
  through a column of floating-point numbers. Two customers may have become one there.
- From a Parquet file, whole numbers are their text; other numbers are not ids.
- A word that stands for nobody (the column's `nothing` in the sources YAML) is not an id.

Everything else is left as the source spells it. SQL has the rules; `spell` asks it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import duckdb

from pipeline.project.duck import quoted
from pipeline.project.sources import SourceColumn, source_tables

NOBODY = "stands for nobody"
_LOSSY_TEXT = "a number in scientific spelling, its last digits are lost; export the ids as text"
_LOSSY_FLOAT = (
    "a floating-point number too large to be exact, so that ids collide;"
    " export the ids as text or integers"
)
_NOT_WHOLE = "not a whole number; export the ids as text or integers"

# Below these, neighbouring whole numbers differ.
_EXACT = {"number": 1 << 53, "single": 1 << 24}
# Longer texts are not numbers in scientific spelling.
_LONGEST_NUMBER = 40
# What no eye sees at an end of a text: blanks of every kind and marks.
_UNSEEN = r"[\s\p{Z}\p{Cc}\p{Cf}]+"


@dataclass(frozen=True)
class Spelling:
    """What the rules make of one id.

    Attributes:
        customer_id: Its one spelling; None if it is not an id.
        reason: Why it is not one.
    """

    customer_id: str | None
    reason: str | None


def spelt_sql(column: SourceColumn, scan: str, raw: str) -> str:
    """Return SQL for the one spelling of the scanned id `raw`; null if it is not an id.

    `scan` is how the file's column is read (see `parse`): text, a number of double or of single
    precision, or the text of a decimal.
    """
    if scan in _EXACT:
        is_exact = f"isfinite({raw}) and {raw} = trunc({raw}) and abs({raw}) < {_EXACT[scan]}"
        number = f"cast(try_cast({raw} as bigint) as varchar)"
        return f"case when {is_exact} and {_is_something(column, number)} then {number} end"
    if scan == "decimal":
        number = f"regexp_extract({raw}, '^(-?[0-9]+)(?:\\.0*)?$', 1)"
        return f"case when {_is_something(column, number)} then {number} end"
    plain = f"case when {_is_something(column, raw)} then {raw} end"
    # Most ids are digits or plain. Each of these tests costs a few nanoseconds, a regular
    # expression ten times as much.
    digits = f"case when {raw} not in ({_listed(column, _is_number)}) then {raw} end"
    digits = digits if any(map(_is_number, column.nothing)) else raw
    return (
        f"case when {raw} glob '*[!0-9]*' or {raw} = '' then"
        f" case when {_is_plain(raw)} then {plain} else {_tidied(column, raw)} end"
        f" else {digits} end"
    )


def reason_sql(column: SourceColumn, scan: str, text: str, spelt: str) -> str:
    """Return SQL for the reason why the text of a scanned id is not one; null if it is."""
    cases = [
        f"when {spelt} is not null then null",
        f"when {text} is null or regexp_full_match({text}, '{_UNSEEN}') then 'empty'",
        f"when {_is_nothing(column, text)} then {quoted(NOBODY)}",
    ]
    number = f"try_cast({text} as double)"
    if scan == "decimal" or scan in _EXACT:
        cases.append(f"when {number} <> trunc({number}) then {quoted(_NOT_WHOLE)}")
    if scan == "text":
        cases.append(f"when {_is_scientific(text)} then {quoted(_LOSSY_TEXT)}")
    return f"case {' '.join(cases)} else {quoted(_LOSSY_FLOAT)} end"


def without_nothing_sql(column: SourceColumn, raw: str) -> str:
    """Return SQL for a text that is null where it is a word for nothing, and else as it came."""
    if not column.nothing:
        return raw
    # Most texts are longer than every word, and comparing lengths is cheap.
    return (
        f"case when strlen({raw}) > {_longest(column)} then {raw}"
        f" when lower({raw}) in ({_listed(column)}) then null else {raw} end"
    )


def spell(domain: str, ids: Sequence[str]) -> list[Spelling]:
    """Return what the rules of a domain make of ids that come from elsewhere than its files."""
    column = id_column(domain)
    spelt = spelt_sql(column, "text", "raw")
    reason = reason_sql(column, "text", "raw", "spelt")
    given = "select unnest(cast($1 as varchar[])) as raw, unnest(range(len($1))) as place"
    rows = _database().cursor()
    rows.execute(
        f"select spelt, {reason} from (select place, raw, {spelt} as spelt from ({given}))"
        " order by place",
        [list(ids)],
    )
    return [Spelling(*row) for row in rows.fetchall()]


def id_column(domain: str) -> SourceColumn:
    """Return the column whose rules hold for all ids of a domain: that of its required table."""
    tables = sorted(source_tables(domain), key=lambda table: not table.required)
    return next(table.column(table.id_column) for table in tables if table.id_column)


@cache
def _database() -> duckdb.DuckDBPyConnection:
    return duckdb.connect(config={"threads": 1})


def _is_plain(raw: str) -> str:
    """SQL for whether an id has nothing to tidy."""
    ends = "".join(f" and not suffix({raw}, chr({code}))" for code in (32, 9, 10, 13))
    return (
        f"{raw} >= '!'{ends} and strlen({raw}) = length({raw}) and not contains({raw}, '.')"
        f" and (strlen({raw}) > {_LONGEST_NUMBER} or not contains({raw}, '+'))"
    )


def _tidied(column: SourceColumn, raw: str) -> str:
    # No expression stands here twice: DuckDB would compute it for every row, not for these alone.
    bare = f"regexp_replace({raw}, '^{_UNSEEN}|{_UNSEEN}$|\\p{{Cf}}', '', 'g')"
    return (
        f"case when {_is_nothing(column, raw)} then null when {_is_scientific(raw)} then null"
        f" when {_is_inexact(raw)} then null"
        f" else regexp_replace({bare}, '^(-?[0-9]+)\\.0*$', '\\1') end"
    )


def _is_nothing(column: SourceColumn, raw: str) -> str:
    """SQL for whether a text is blank or a word that stands for nothing, whatever is around it."""
    words = [
        re.escape(word) + (r"(?:\.0*)?" if _is_number(word) else "") for word in column.nothing
    ]
    return f"regexp_full_match({raw}, {_within('(?i:' + '|'.join(['', *words]) + ')')})"


def _is_scientific(raw: str) -> str:
    """SQL for whether a text is a number in scientific spelling.

    With a point or a plus sign: `12e45` may be an id's own spelling.
    """
    number = r"-?[0-9]+(?:\.[0-9]*[eE][+-]?|[eE]\+)[0-9]+"
    return f"regexp_full_match({raw}, {_within(number)})"


def _is_inexact(raw: str) -> str:
    """SQL for whether a text is a whole number with a point and too large for a double."""
    digits = f"try_cast(regexp_extract({raw}, '[0-9]+') as hugeint)"
    return (
        f"regexp_full_match({raw}, {_within('-?[0-9]+[.]0*')})"
        f" and coalesce({digits} >= {_EXACT['number']}, true)"
    )


def _within(pattern: str) -> str:
    return quoted(f"(?:{_UNSEEN})?{pattern}(?:{_UNSEEN})?")


def _is_number(word: str) -> bool:
    return re.fullmatch("-?[0-9]+", word) is not None


def _is_something(column: SourceColumn, text: str) -> str:
    """SQL for whether a text is neither empty nor a word that stands for nothing."""
    if not column.nothing:
        return f"{text} <> ''"
    longest = _longest(column)
    return f"(strlen({text}) > {longest} or lower({text}) not in ('', {_listed(column)}))"


def _longest(column: SourceColumn) -> int:
    return max(len(word.encode()) for word in column.nothing)


def _listed(column: SourceColumn, chosen: Callable[[str], bool] = bool) -> str:
    return ", ".join(quoted(word.lower()) for word in column.nothing if chosen(word))
