"""The purchases of a shop's event files alone, as a till would export them: other names, no log."""

from pathlib import Path

import duckdb


def write_orders(events: Path, folder: Path) -> None:
    """Write one CSV a month with the purchases of event files.

    Args:
        events: Folder with files in the columns of the shop's events.
        folder: Where `orders_YYYY-MM.csv` are written.
    """
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"""
            create table purchases as
            select
                substr(user_session, 1, 13) as "Order No",
                strftime(strptime(event_time, '%Y-%m-%d %H:%M:%S UTC'), '%d/%m/%Y %H:%M')
                    as "Ordered At",
                user_id as "Customer Number",
                product_id as "SKU",
                split_part(category_code, '.', 1) as "Category",
                price as "Unit Price",
                substr(event_time, 1, 7) as month
            from read_csv('{events}/*.csv', all_varchar = true)
            where event_type = 'purchase'
            """
        )
        for (month,) in connection.execute("select distinct month from purchases").fetchall():
            connection.execute(
                f"copy (select * exclude (month) from purchases where month = '{month}') "
                f"to '{folder}/orders_{month}.csv' (header)"
            )
