"""Checks that prices are in one currency and of one size, before a file is committed.

A file in cents, or in another currency, makes every amount a hundred times too large, and nothing
later notices. So each price is compared with the usual one of the same product (`per`): the file
with the files loaded before it, and each of its days with the whole file. Where too few products
are known, prices as such are compared, and a larger step is refused. A step is refused from
`largest_step` on (20): prices and assortments move less, cents and most currencies more.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from pipeline.project.duck import files_sql
from pipeline.project.errors import ChurnError
from pipeline.project.sources import Amounts, SourceTable

_LEAST_ROWS, _LEAST_THINGS = 30, 5
# Where prices are compared without knowing of what; the day of a small business has few rows.
_LEAST_ROWS_ALONE, _LEAST_USUAL_ROWS, _STEP_ALONE = 10, 100, 2.5
# Of files that come daily, two months: a few have too few prices to know what is usual.
_FILES, _ROWS = 60, 300_000
_ISO_CODE = re.compile("[A-Z]{3}")


@dataclass(frozen=True)
class _Step:
    """Prices that are far from the usual ones."""

    where: str
    price: float
    usual: float
    rows: int


def check_amounts(
    table: SourceTable,
    name: str,
    folder: Path,
    earlier: Sequence[Path],
    con: duckdb.DuckDBPyConnection,
    currency: str | None = None,
) -> None:
    """Refuse a file whose prices are in several currencies or of another size than usual.

    Args:
        table: The table; without `amounts` nothing is checked.
        name: The file's name.
        folder: Its rows as Parquet, not yet committed.
        earlier: Folders of the table's other files, the newest first; a few are read.
        con: A session.
        currency: The domain's; compared if it is an ISO code.

    Raises:
        ChurnError: With the figures and what to do.
    """
    amounts = table.amounts
    if amounts is None:
        return
    con.execute("set preserve_insertion_order = true")  # a limit takes the same rows every time
    _keep(con, "loaded", table, amounts, [folder])
    _keep(con, "earlier", table, amounts, earlier[:_FILES], limit=_ROWS)
    if amounts.currency:
        _check_currency(con, name, currency)
    if step := _largest_step(con, amounts):
        times = step.price / step.usual
        far = f"{times:,.0f} times" if times > 1 else f"a {1 / times:,.0f}th of"
        raise ChurnError(
            f"Prices are {far} the usual.",
            where=f"{name}{step.where}: typically {step.price:,.2f} where {step.usual:,.2f} is "
            f"usual ({amounts.price} of {step.rows:,} rows)",
            hint="Are they in cents, or in another currency? Export the file again. If they are "
            f"right, raise amounts.largest_step ({amounts.largest_step:g}) in the sources YAML.",
        )


def _keep(
    con: duckdb.DuckDBPyConnection,
    relation: str,
    table: SourceTable,
    amounts: Amounts,
    folders: Iterable[Path],
    limit: int | None = None,
) -> None:
    """Keep the prices of some folders: day, what of, price, currency."""
    files = [file for folder in folders for file in sorted(folder.rglob("*.parquet"))]
    day = table.event_day or table.event_time
    columns = (
        f'cast("{day}" as date) as day' if day else "cast(null as date) as day",
        f'cast("{amounts.per}" as varchar) as per' if amounts.per else "null::varchar as per",
        f'cast(abs("{amounts.price}") as double) as price',
        f'upper(trim("{amounts.currency}")) as currency'
        if amounts.currency
        else "null::varchar as currency",
    )
    is_kind = f"\"{table.covered_by}\" = '{amounts.kind}'" if amounts.kind else "true"
    rows = (
        f"select {', '.join(columns)} from read_parquet([{files_sql(files)}],"
        f" hive_partitioning = false, union_by_name = true) where {is_kind}"
        if files
        else "select null::date as day, null::varchar as per, null::double as price,"
        " null::varchar as currency where false"
    )
    con.execute(
        f"create or replace temp table {relation} as {rows}{f' limit {limit}' if limit else ''}"
    )


def _check_currency(con: duckdb.DuckDBPyConnection, name: str, expected: str | None) -> None:
    found = con.execute(
        "select currency, count(*) from loaded where currency is not null group by all"
        " order by 2 desc, 1"
    ).fetchall()
    if len(found) > 1:
        raise ChurnError(
            "The file has several currencies.",
            where=f"{name}: {', '.join(f'{code} ({rows:,} rows)' for code, rows in found[:5])}",
            hint="Amounts are added up, so convert them to one currency and export the file again.",
        )
    if not found:
        return
    (code, rows), *_ = found
    others = con.execute(
        "select distinct currency from earlier where currency is not null order by 1"
    ).fetchall()
    wanted = (
        {expected} if expected and _ISO_CODE.fullmatch(expected) else {one for (one,) in others}
    )
    if wanted and code not in wanted:
        raise ChurnError(
            f"The file is in {code}, the domain in {', '.join(sorted(map(str, wanted)))}.",
            where=f"{name}: {rows:,} rows",
            hint="Convert the amounts and export the file again, or correct the domain's currency"
            " in dbt_project.yml.",
        )


def _largest_step(con: duckdb.DuckDBPyConnection, amounts: Amounts) -> _Step | None:
    """Return the file's step against the files before it, or else its days' largest one."""
    return _step(con, amounts, "earlier", "null::date") or _step(con, amounts, "loaded", "day")


def _step(con: duckdb.DuckDBPyConnection, amounts: Amounts, usual: str, group: str) -> _Step | None:
    limit = amounts.largest_step
    alone = limit * _STEP_ALONE
    found = con.execute(
        f"""
        with usual as (
            select per, median(price) as price from {usual}
            where price > 0 and per is not null group by per
        ),
        compared as (
            select {group} as part, count(*) as rows, count(distinct loaded.per) as things,
                median(loaded.price / usual.price) as step,
                median(loaded.price) as price
            from loaded inner join usual on loaded.per = usual.per
            where loaded.price > 0 group by all
        ),
        alone as (
            select {group} as part, count(*) as rows, median(price) as price,
                (select median(price) from {usual} where price > 0) as usual_price,
                (select count(*) from {usual} where price > 0) as usual_rows
            from loaded where price > 0 group by all
        )
        select alone.part,
            coalesce(compared.price, alone.price),
            coalesce(compared.rows, alone.rows),
            coalesce(step, alone.price / alone.usual_price)
        from alone left join (
            select * from compared where rows >= {_LEAST_ROWS} and things >= {_LEAST_THINGS}
        ) as compared on alone.part is not distinct from compared.part
        where case
            when step is not null then step >= {limit} or step <= 1 / {limit}
            else alone.rows >= {_LEAST_ROWS_ALONE} and usual_rows >= {_LEAST_USUAL_ROWS}
                and (alone.price >= {alone} * usual_price or alone.price <= usual_price / {alone})
        end
        order by abs(ln(coalesce(step, alone.price / alone.usual_price))) desc, alone.part
        limit 1
        """
    ).fetchone()
    if found is None:
        return None
    day, price, rows, step = found
    return _Step(f", {day}" if day else "", price, price / step, rows)
