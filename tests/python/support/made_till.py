"""The orders of a made-up till as a table of PostgreSQL."""

import tempfile
from pathlib import Path

import duckdb
from made_orders import write_made_orders


def load_made_till(address: str) -> None:
    """Create the table `sales` with the rows of `write_made_orders` and a primary key."""
    from adbc_driver_postgresql import dbapi

    with tempfile.TemporaryDirectory() as name, duckdb.connect() as connection:
        folder = Path(name) / "sales"
        write_made_orders(folder)
        rows = connection.execute(
            f"""
            select
                cast(row_number() over () as bigint) as id,
                "Bill No" as bill_no,
                strptime("Sold On", '%d.%m.%Y') + interval '12 hours' as sold_on,
                "Card" as card,
                cast("Total" as double) as total,
                cast("Qty" as integer) as qty,
                strptime("Sold On", '%d.%m.%Y') + interval '12 hours' as updated_at
            from read_csv('{folder}/*.csv', all_varchar = true)
            where try_strptime("Sold On", '%d.%m.%Y') is not null
            """
        ).to_arrow_table()
    with dbapi.connect(address) as connection, connection.cursor() as cursor:
        cursor.adbc_ingest("sales", rows, mode="create")
        cursor.execute("alter table sales add primary key (id)")
        connection.commit()
