"""Generated event files of a shop, with the columns and shares of the REES46 files.

Sessions with a median of two events, 94 % views, 1.6 % purchases, returning buyers, codes and
brands that are often null, and a few repeated rows. There is nothing to learn from them.
"""

import json
import math
import shutil
from datetime import date, timedelta
from pathlib import Path

import duckdb
from rich.console import Console

from benchmarks.workbench import Bench
from pipeline.ingest import IngestSummary, ingest
from pipeline.ingest.discover import DEMO_MARK
from pipeline.project.files import empty_folder
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, source_tables

FILES = {
    f"{month:%Y-%b}.csv": month
    for month in (date(2019 + number // 12, number % 12 + 1, 1) for number in range(9, 16))
}
# columns of a shop that its files do not have
LACKS = ("quantity", "currency")
LAST_CUT_OFF = "2020-05-01"  # the day after the last event
_VERSION = 1  # raise it with every change of what is written
_EVENTS_PER_SESSION = 4.6
_EVENTS_PER_USER = 26  # over all months
_FEWEST_EVENTS = 3_000  # a month
_CART_LOG_FROM = date(2019, 12, 1)
_MACROS = """
create temp macro draw(key, salt) as (hash(key, salt) % 1000000007) / 1000000007.0;
create temp macro normal(key, salt) as
    sqrt(-2 * ln(1 - draw(key, salt))) * cos(2 * pi() * draw(key, -salt));
create temp macro word(words, number) as
    string_split(words, ' ')[1 + number % length(string_split(words, ' '))];
"""

_PRODUCTS = """
create temp table products as
with

numbered as (
    select
        range as product,
        floor(1000 * pow(draw(range, 21), 2))::bigint as category,
        floor(3500 * pow(draw(range, 24), 3))::bigint as brand
    from range(200000)
)

select
    product,
    (1000000 + product * 7919 % 60000000)::varchar as product_id,
    (2053013550000000000 + category * 8388609)::varchar as category_id,
    case
        when draw(category, 22) < 0.68
            then
                word('electronics appliances computers furniture apparel auto kids', category)
                || '.' || word('kitchen environment tools living_room video', category // 7)
                || '.' || word('smartphone notebook vacuum chair drill player bed', category // 35)
    end as category_code,
    case
        when draw(product, 23) < 0.86
            then substr(md5(brand::varchar), 1, 4 + (brand % 5)::integer)
    end as brand,
    printf('%.2f', least(2574.07, exp(5.04 + 1.1 * normal(product, 25)))) as price
from numbered
"""

_EVENTS = """
with

visits as (
    select
        hash($first, range) as session,
        floor($users * pow(draw(hash($first, range), 1), 2))::bigint as who,
        $first::timestamp
        + to_seconds(floor($days * 86400 * draw(hash($first, range), 2))::bigint) as began,
        greatest(1, floor(exp(0.9 + 1.15 * normal(hash($first, range), 3))))::bigint as looks,
        10 + exp(3.3 + 0.7 * normal(hash($first, range), 4)) as pause
    from range($sessions)
),

sessions as (
    select
        *,
        md5(session::varchar)::uuid::varchar as user_session,
        (500000000 + who * 48271 % 99999989)::varchar as user_id,
        draw(session, 5) < 0.01 + 0.75 * pow(draw(who, 6), 12) as is_buying,
        draw(session, 7) < $cart_logged as is_cart_logged,
        1 + (draw(session, 8) < 0.12)::bigint as units
    from visits
),

steps as (
    select
        *,
        unnest(range(looks + is_buying::bigint * (is_cart_logged::bigint + units))) as step
    from sessions
),

events as (
    select
        began + to_seconds(floor((step + 0.8 * draw(session, 100 + step)) * pause)::bigint)
            as event_time,
        case
            when step < looks and draw(session, 10000 + step) < 0.033 then 'cart'
            when step < looks then 'view'
            when step = looks and is_cart_logged then 'cart'
            else 'purchase'
        end as event_type,
        floor(200000 * pow(draw(session, 20000 + least(step, looks - 1) * 5 // 8), 3))::bigint
            as product,
        user_id,
        nullif(user_session, case when session % 1000003 = 0 then user_session end)
            as user_session,
        step,
        draw(session, 30000 + step) as chance
    from steps
),

logged as (
    select * from events where event_time < $first::timestamp + to_days($days)
),

twice as (
    select * from logged
    union all
    select * from logged where chance < 0.002
)

select
    event_time::varchar || ' UTC' as event_time,
    event_type,
    product_id,
    category_id,
    category_code,
    brand,
    case when event_type != 'purchase' and chance > 0.9973 then '0.00' else price end as price,
    user_id,
    user_session
from twice
inner join products using (product)
order by twice.event_time, user_session, step
"""


def raw_files(bench: Bench) -> Path:
    """Return the folder of seven months with all the bench's rows; write it if missing."""
    raw = bench.folder / "raw" / "ecommerce"
    events = max(_FEWEST_EVENTS, math.ceil(bench.rows / len(FILES)))
    mark = json.dumps({"bench": "ecommerce", "version": _VERSION, "events_a_month": events})
    if (raw / DEMO_MARK).is_file() and (raw / DEMO_MARK).read_text(encoding="utf-8") == mark:
        return raw
    empty_folder(raw)
    users = math.ceil(events * len(FILES) / _EVENTS_PER_USER)
    with bench.console.status("") as status:
        for name, month in FILES.items():
            status.update(f"generating {name}")
            write_month(raw / name, month, events=events, users=users)
    (raw / DEMO_MARK).write_text(mark, encoding="utf-8")
    return raw


def events_table() -> SourceTable:
    """Return the source table of the events."""
    return next(table for table in source_tables("ecommerce") if table.name == "events")


def lake(bench: Bench) -> IngestSummary:
    """Fill the bench's lake unless it is filled; return the reports of its files."""
    raw = raw_files(bench)
    with bench.console.status("filling the lake"):
        return ingest_files(raw, bench.home)


def ingest_files(raw: Path, home: Home) -> IngestSummary:
    """Ingest the event files of a folder into a lake."""
    return ingest("ecommerce", raw, home, console=Console(quiet=True))


def forget(home: Home, *names: str) -> None:
    """Remove files from a lake."""
    for name in names:
        stem = name.removesuffix(".csv")
        for place in (home.lake, home.quarantine):
            for folder in (place / "ecommerce" / "events").glob(f"{stem}-*"):
                shutil.rmtree(folder)


def write_month(path: Path, month: date, *, events: int, users: int) -> None:
    """Write about this many events of one month as a CSV sorted by time, always the same.

    Args:
        path: The CSV.
        month: Its first day.
        events: Number of rows, within a few per cent.
        users: Number of users; the same ones in every month.
    """
    following = (month + timedelta(days=31)).replace(day=1)
    rows = f"copy ({_EVENTS}) to '{str(path).replace(chr(39), chr(39) * 2)}' (format csv, header)"
    with duckdb.connect() as connection:
        connection.execute(_MACROS)
        connection.execute(_PRODUCTS)
        connection.execute(
            rows,
            {
                "first": month,
                "days": (following - month).days,
                "sessions": round(events / _EVENTS_PER_SESSION),
                "users": users,
                "cart_logged": 0.99 if month >= _CART_LOG_FROM else 0.385,
            },
        )
