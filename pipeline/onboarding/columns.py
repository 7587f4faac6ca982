"""Says what the columns of a table hold: their types, times, gaps and signs.

Values are read by the SQL of ingest, so that a format is proposed only where ingest reads it.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import duckdb

from pipeline.ingest.parse import typed_value_sql
from pipeline.onboarding.files import FoundTable
from pipeline.project.duck import name_sql
from pipeline.project.sources import SourceColumn

Holds = Literal["text", "whole number", "number", "yes or no", "day", "moment", "nothing"]

_DAYS = ("%Y%m%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%Y/%m/%d", "%d %b %Y")
_TIMES = (" %H:%M", " %H:%M:%S", " %H:%M:%S UTC", "T%H:%M:%S", " %I:%M %p", " %I:%M:%S %p")
# Tried in this order; None is ISO, with or without a zone.
FORMATS: tuple[str | None, ...] = (
    None,
    *_DAYS,
    "%Y-%m-%d %H:%M:%S UTC",
    *(day + time for day in _DAYS for time in _TIMES),
)
_SAMPLE = 20_000
_ZONED = r"(Z|UTC|[+-][0-9]{2}(:?[0-9]{2})?)\s*$"
_MOST = 0.98
_WORDS_OF_FLAGS = {"0", "1", "true", "false", "t", "f", "yes", "no", "y", "n"}


@dataclass(frozen=True)
class FoundColumn:
    """What a column of a table holds.

    Attributes:
        header: Its name in the files.
        name: The name proposed for the lake.
        holds: What its values are.
        rows: Rows of the table.
        filled: Rows with a value.
        distinct: Different values.
        low: Smallest value, as text.
        high: Largest value, as text.
        negative: Rows with a number below 0.
        format: How a day or a moment is written; None is ISO.
        also: Another format that reads as many values: day and month may be the other way round.
        is_zoned: Its moments say their zone.
        values: Its values, where they are few.
    """

    header: str
    name: str
    holds: Holds
    rows: int
    filled: int
    distinct: int
    low: str
    high: str
    negative: int = 0
    format: str | None = None
    also: str | None = None
    is_zoned: bool = False
    values: tuple[tuple[str, int], ...] = ()

    @property
    def is_time(self) -> bool:
        """Whether its values are days or moments."""
        return self.holds in ("day", "moment")

    @property
    def is_number(self) -> bool:
        """Whether its values are numbers."""
        return self.holds in ("number", "whole number")

    def typed(self, data_type: str) -> str:
        """Return SQL of its values in a type, null where ingest would refuse them."""
        column = SourceColumn(self.name, data_type, "", format=self.format)
        return typed_value_sql(column, "text", self.sql)

    @property
    def sql(self) -> str:
        """Its name as SQL."""
        return name_sql(self.header)


def profile_columns(table: FoundTable, con: duckdb.DuckDBPyConnection) -> list[FoundColumn]:
    """Return what each column of a table holds.

    Args:
        table: The table.
        con: The session that it was loaded in.
    """
    names: list[str] = []
    for header in table.header:
        names.append(_free(snake_case(header), names))
    return [
        _profile(table, header, name, con) for header, name in zip(table.header, names, strict=True)
    ]


def snake_case(header: str) -> str:
    """Return a header as a name of a column: lower case, letters, digits and underscores."""
    words = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", header)
    name = re.sub(r"[^a-z0-9]+", "_", words.lower()).strip("_")
    return name if re.match(r"[a-z]", name) else f"column_{name}".rstrip("_")


def _free(name: str, taken: Iterable[str]) -> str:
    return next(n for n in (name, *(f"{name}_{i}" for i in range(2, 999))) if n not in taken)


def _profile(
    table: FoundTable, header: str, name: str, con: duckdb.DuckDBPyConnection
) -> FoundColumn:
    column = FoundColumn(header, name, "text", table.rows, 0, 0, "", "")
    filled, distinct, low, high = con.execute(
        f"select count({column.sql}), count(distinct {column.sql}), "
        f"min({column.sql}), max({column.sql}) from {table.relation}"
    ).fetchone() or (0, 0, "", "")
    if not filled:
        return FoundColumn(header, name, "nothing", table.rows, 0, 0, "", "")
    values: tuple[tuple[str, int], ...] = ()
    if distinct <= 20:
        values = tuple(
            con.execute(
                f"select {column.sql}, count(*) from {table.relation} where {column.sql} is not "
                "null group by all order by 2 desc, 1"
            ).fetchall()
        )
        distinct = len(values)
    con.execute(
        f"create or replace temp table sampled as select {column.sql} from {table.relation} "
        f"where {column.sql} is not null using sample {_SAMPLE} rows (reservoir, 7)"
    )
    numbers, wholes, sampled = con.execute(
        f"select count(try_cast({column.sql} as double)), count(*) filter ("
        f"try_cast({column.sql} as double) = trunc(try_cast({column.sql} as double))), count(*) "
        "from sampled"
    ).fetchone() or (0, 0, 0)
    if values and {value.lower() for value, _ in values} <= _WORDS_OF_FLAGS and len(values) == 2:
        return FoundColumn(
            header, name, "yes or no", table.rows, filled, distinct, low, high, values=values
        )
    if numbers >= _MOST * sampled and not _is_compact_day(low, high, wholes == sampled):
        number = f"try_cast({column.sql} as double)"
        least, most, negative = con.execute(
            f"select min({number}), max({number}), count(*) filter ({number} < 0) "
            f"from {table.relation}"
        ).fetchone() or (0.0, 0.0, 0)
        return FoundColumn(
            header,
            name,
            "whole number" if wholes == numbers else "number",
            table.rows,
            filled,
            distinct,
            _figure(least),
            _figure(most),
            negative,
            values=values,
        )
    found = _moments(header, name, table, filled, distinct, sampled, con)
    return found or FoundColumn(
        header, name, "text", table.rows, filled, distinct, low, high, values=values
    )


def _figure(number: float) -> str:
    return f"{number:.0f}" if number.is_integer() else f"{number:g}"


def _is_compact_day(low: str, high: str, is_whole: bool) -> bool:
    """Whether numbers are days, such as 20240131."""
    pattern = r"(19|20)\d\d(0[1-9]|1[0-2])([0-2]\d|3[01])"
    return is_whole and all(re.fullmatch(pattern, value) for value in (low, high))


def _moments(
    header: str,
    name: str,
    table: FoundTable,
    filled: int,
    distinct: int,
    sampled: int,
    con: duckdb.DuckDBPyConnection,
) -> FoundColumn | None:
    """The column as days or moments; None if it holds neither."""
    read: list[tuple[int, int, str | None]] = []
    for place, form in enumerate(FORMATS):
        tried = FoundColumn(
            header, name, "moment", table.rows, filled, distinct, "", "", format=form
        )
        kind = "date" if form == "%Y%m%d" else "timestamp"
        (count,) = con.execute(f"select count({tried.typed(kind)}) from sampled").fetchone() or (0,)
        if count >= 0.5 * sampled:
            read.append((count, place, form))
        if form is None and count == sampled:
            break
    if not read:
        return None
    count, _, form = max(read, key=lambda item: (item[0], -item[1]))
    if count < 0.9 * sampled:
        return None
    others = [other for n, _, other in read if n == count and other is not None]
    also = next((o for o in others if form and o != form and _swapped(form) == o), None)
    as_moment = FoundColumn(
        header, name, "moment", table.rows, filled, distinct, "", "", format=form
    )
    value = as_moment.typed("date" if form == "%Y%m%d" else "timestamp")
    low, high, is_day, is_zoned = con.execute(
        f"select min({value}), max({value}), bool_and(cast({value} as timestamp) = "
        f"date_trunc('day', cast({value} as timestamp))), "
        f"bool_or(regexp_matches({as_moment.sql}, '[0-9]:[0-9].*{_ZONED}')) from {table.relation}"
    ).fetchone() or (None, None, True, False)
    # a date that says a zone is a moment: ingest reads dates without one
    is_day = is_day and not is_zoned
    return FoundColumn(
        header,
        name,
        "day" if is_day else "moment",
        table.rows,
        filled,
        distinct,
        str(low)[: 10 if is_day else 19],
        str(high)[: 10 if is_day else 19],
        format=form,
        also=also,
        is_zoned=bool(is_zoned),
    )


def _swapped(form: str) -> str:
    """A format with day and month the other way round."""
    return form.replace("%d", "%_").replace("%m", "%d").replace("%_", "%m")
