"""Reads assignments, outcomes and features from CSV or Parquet; a wrong file is refused as a whole.

The tables that it makes in a connection are `assignments` (experiment, customer_id, arm, stratum),
`outcomes` (experiment, customer_id, outcome, revenue_units, occurred_on) and `features`.
"""

import csv
import gzip
from collections.abc import Sequence
from pathlib import Path

import duckdb

from pipeline.experiments.lift import UNITS
from pipeline.project.duck import file_sql, name_sql, quoted
from pipeline.project.errors import ChurnError

_SHOWN = 5
# What must not be in a file: a condition, the column that it is about, and words for its value.
_Rule = tuple[str, str, str]
_NO_ID: _Rule = ("customer_id is null", "customer_id", "customer_id is {}")


def read_assignments(connection: duckdb.DuckDBPyConnection, path: Path, control: str) -> None:
    """Make the table `assignments`: a customer once.

    Args:
        connection: In-memory database.
        path: CSV or Parquet with customer_id, arm and perhaps stratum.
        control: The arm to compare with.

    Raises:
        ChurnError: A row is wrong, a customer is in two arms, or there are fewer than two arms or
            nobody in the control.
    """
    has = _read(connection, "assignments_read", path, ("customer_id", "arm"))
    stratum = "coalesce(trim(stratum), '')" if "stratum" in has else "''"
    _refuse(
        connection,
        path,
        "assignments_read",
        [
            _NO_ID,
            ("arm is null", "arm", "arm is {}; write the name of the control for those left alone"),
        ],
    )
    connection.execute(
        "create table assignments as select distinct '' as experiment, customer_id, "
        f"arm, {stratum} as stratum from assignments_read"
    )
    twice = connection.execute(
        "select customer_id, string_agg(distinct arm, ' and ' order by arm), "
        "count(distinct arm) from assignments group by customer_id having count(*) > 1 "
        "order by customer_id"
    ).fetchall()
    if twice:
        named = "\n".join(
            f"{customer}: {arms if count > 1 else 'two strata'}"
            for customer, arms, count in twice[:_SHOWN]
        )
        raise ChurnError(
            f"{_customers(len(twice))} assigned more than once.",
            where=f"{path}\n{named}{_more(len(twice))}",
            hint="Keep the arm and stratum that were drawn first for each of them.",
        )
    arms = [
        row[0]
        for row in connection.execute(
            "select distinct arm from assignments order by arm"
        ).fetchall()
    ]
    if control not in arms:
        raise ChurnError(
            f"Nobody is in the control arm {control!r}.",
            where=f"{path} has the arms {', '.join(arms)}",
            hint=f"Name one of them, such as --control {arms[0]!r}.",
        )
    if len(arms) < 2:
        raise ChurnError(
            f"Everybody is in {control!r}, so there is nothing to compare it with.",
            where=str(path),
            hint="Add those who were treated, with the name of their arm.",
        )


def read_outcomes(connection: duckdb.DuckDBPyConnection, path: Path, assigned: Path | None) -> bool:
    """Make the table `outcomes` and return whether it has revenue.

    Args:
        connection: In-memory database.
        path: CSV or Parquet with customer_id, outcome and perhaps revenue and occurred_on.
        assigned: The file of the table `assignments`; None if there are no assignments.

    Raises:
        ChurnError: A row is wrong, or of a customer who is not assigned.
    """
    has = _read(connection, "outcomes_read", path, ("customer_id", "outcome"))
    number = _as_number("outcome")
    rules = [
        _NO_ID,
        (f"coalesce({number}, 2) not in (0, 1)", "outcome", "outcome is {}; write 0 or 1"),
    ]
    revenue, day = "cast(null as bigint)", "cast(null as date)"
    if "revenue" in has:
        # a whole number of units, so that sums do not depend on the order of rows
        revenue = f"cast(try_cast(revenue as decimal(18, 4)) * {UNITS} as bigint)"
        rules.append(
            (
                "revenue is not null and (try_cast(revenue as decimal(18, 4)) is null "
                "or abs(try_cast(revenue as decimal(18, 4))) > 1e11)",
                "revenue",
                "revenue is {}; write a number with a point, or nothing",
            )
        )
    if "occurred_on" in has:
        day = "try_cast(occurred_on as date)"
        rules.append(
            (
                f"occurred_on is not null and {day} is null",
                "occurred_on",
                "occurred_on is {}; write YYYY-MM-DD",
            )
        )
    _refuse(connection, path, "outcomes_read", rules)
    connection.execute(
        f"create table outcomes as select '' as experiment, customer_id, "
        f"cast({number} as integer) as outcome, {revenue} as revenue_units, {day} as occurred_on "
        "from outcomes_read order by file_row"
    )
    if assigned is not None:
        others = connection.execute(
            "select customer_id, min(file_row) as file_row from outcomes_read "
            "anti join assignments using (customer_id) group by customer_id order by file_row"
        ).fetchall()
        if others:
            named = "\n".join(f"row {row}: {customer}" for customer, row in others[:_SHOWN])
            raise ChurnError(
                f"{_customers(len(others))} without an assignment.",
                where=f"{path}, not in {assigned}\n{named}{_more(len(others))}",
                hint="Leave out who was never assigned; if everybody is named, check that both "
                "files write ids alike.",
            )
    return "revenue" in has


def read_features(
    connection: duckdb.DuckDBPyConnection, path: Path, wanted: Sequence[str] = ()
) -> list[str]:
    """Make the table `features` and return the names of its columns, customer_id left out.

    Args:
        connection: In-memory database; `assignments`, if it is there, must be covered.
        path: CSV or Parquet with customer_id and numeric columns; empty is unknown.
        wanted: Columns that are read and no other; all without it.

    Raises:
        ChurnError: A row is wrong, a customer has two rows, or one who is assigned has none.
    """
    has = _read(connection, "features_read", path, ("customer_id", *wanted))
    names = list(wanted) or sorted(has - {"customer_id"})
    if not names:
        raise ChurnError(
            "The file of features has only ids.",
            where=str(path),
            hint="Add a column for each thing that was known before the arms were drawn.",
        )
    numbers = {name: _as_number(name_sql(name)) for name in names}
    _refuse(
        connection,
        path,
        "features_read",
        [
            _NO_ID,
            *(
                (
                    f"{name_sql(name)} is not null and not coalesce(isfinite({number}), false)",
                    name,
                    "the value is {}; write a number, or nothing if it is not known",
                )
                for name, number in numbers.items()
            ),
        ],
    )
    selected = ", ".join(f"{number} as {name_sql(name)}" for name, number in numbers.items())
    connection.execute(
        f"create table features as select customer_id, {selected} from features_read "
        "order by customer_id"
    )
    twice = connection.execute(
        "select customer_id from features group by customer_id having count(*) > 1 order by all"
    ).fetchall()
    if twice:
        raise ChurnError(
            f"{_customers(len(twice))} in the features more than once.",
            where=f"{path}\n" + "\n".join(row[0] for row in twice[:_SHOWN]) + _more(len(twice)),
            hint="Keep one row per customer, as known before the arms were drawn.",
        )
    return names


def check_features_cover(connection: duckdb.DuckDBPyConnection, path: Path, assigned: Path) -> None:
    """Check that everybody who is assigned has features.

    Raises:
        ChurnError: Somebody has none.
    """
    bare = connection.execute(
        "select customer_id from assignments anti join features using (customer_id) order by all"
    ).fetchall()
    if bare:
        raise ChurnError(
            f"{_customers(len(bare))} assigned and without features.",
            where=f"{path} lacks customers of {assigned}\n"
            + "\n".join(row[0] for row in bare[:_SHOWN])
            + _more(len(bare)),
            hint="Add a row for each of them; empty values are allowed.",
        )


def _as_number(column: str) -> str:
    return (
        f"case lower({column}) when 'true' then 1 when 'false' then 0 "
        f"else try_cast({column} as double) end"
    )


def _read(
    connection: duckdb.DuckDBPyConnection, table: str, path: Path, required: Sequence[str]
) -> set[str]:
    """Make a table of texts with the number of each row; return the names of its columns."""
    try:
        if path.suffix.lower() in (".parquet", ".pq"):
            rows, first = f"read_parquet({file_sql(path)})", 1
            columns = [row[0] for row in connection.execute(f"describe from {rows}").fetchall()]
        else:
            columns, first = _header(path), 2
            typed = ", ".join(f"{quoted(name)}: 'varchar'" for name in columns)
            # nothing is guessed, so a row of another width or an open quote is named with its line
            rows = (
                f"read_csv({file_sql(path)}, auto_detect = false, header = true, delim = ',', "
                f"quote = '\"', escape = '\"', columns = {{{typed}}})"
            )
    except (duckdb.Error, OSError, EOFError, UnicodeDecodeError, csv.Error) as problem:
        raise _unreadable(path, problem) from problem
    if len(set(map(str.lower, columns))) < len(columns) or "" in columns:
        raise ChurnError(
            "A column has no name, or two have the same.",
            where=f"{path} has {', '.join(columns)}",
            hint="Give each column a name of its own.",
        )
    missing = [name for name in required if name not in columns]
    if missing:
        raise ChurnError(
            f"The file lacks {' and '.join(missing)}.",
            where=f"{path} has {', '.join(columns)[:200] or 'nothing'}",
            hint=f"Use a CSV with commas, or Parquet, with the columns {', '.join(required)}.",
        )
    texts = ", ".join(
        f"nullif(trim(cast({name_sql(name)} as varchar)), '') as {name_sql(name)}"
        for name in columns
    )
    try:
        connection.execute(
            f"create table {table} as select row_number() over () + {first - 1} as file_row, "
            f"{texts} from {rows}"
        )
    except (duckdb.Error, OSError) as problem:
        raise _unreadable(path, problem) from problem
    if connection.execute(f"select count(*) from {table}").fetchone() == (0,):
        raise ChurnError(
            "The file has no rows.", where=str(path), hint="Write one row per customer."
        )
    return set(columns)


def _header(path: Path) -> list[str]:
    """Return the names in the first line of a CSV."""
    with (
        gzip.open(path, "rt", encoding="utf-8-sig", newline="")
        if path.suffix.lower() == ".gz"
        else path.open(encoding="utf-8-sig", newline="")
    ) as file:
        return [name.strip() for name in next(csv.reader(file), [])]


def _unreadable(path: Path, problem: Exception) -> ChurnError:
    # the engine goes on with advice on its own options
    lines = [line for line in str(problem).splitlines() if line.strip()]
    return ChurnError(
        "The file cannot be read.",
        where=f"{path}: {' '.join(lines[:3])}",
        hint="Use a CSV in UTF-8 with commas and a header, also as .gz, or a Parquet file.",
    )


def _refuse(
    connection: duckdb.DuckDBPyConnection, path: Path, table: str, rules: Sequence[_Rule]
) -> None:
    """Raise if a row breaks a rule."""
    problems: list[tuple[int, str]] = []
    count = 0
    for condition, column, words in rules:
        broken = connection.execute(
            f"select file_row, {name_sql(column)}, count(*) over () from {table} where {condition} "
            f"order by file_row limit {_SHOWN}"
        ).fetchall()
        count += broken[0][2] if broken else 0
        for row, value, _ in broken:
            where = "" if words.startswith(column) else f"{column}: "
            problems.append((row, where + words.format("empty" if value is None else repr(value))))
    if problems:
        shown = [f"row {row}: {words}" for row, words in sorted(problems)[:_SHOWN]]
        raise ChurnError(
            f"The file has {'a wrong value' if count == 1 else f'{count:,} wrong values'}.",
            where=f"{path}\n" + "\n".join(shown) + _more(count),
            hint="Correct these rows; nothing was measured.",
        )


def _customers(count: int) -> str:
    return "1 customer is" if count == 1 else f"{count:,} customers are"


def _more(count: int) -> str:
    return f"\nand {count - _SHOWN:,} more" if count > _SHOWN else ""
