"""A till whose orders are in a database: its sources, its connection, and what came of it."""

import hashlib

import duckdb

VARIABLE = "SHOP_DATABASE_URL"
SOURCES = """
sources:
  - name: till
    tables:
      - name: orders
        identifier: till_orders
        config:
          meta:
            files: [orders.csv, "orders_*.csv"]
            required: true
            history: append_only
            event_time: ordered_at
            event_day: ordered_day
            partition_by: ordered_day
        columns:
          - {name: customer, data_type: varchar, config: {meta: {not_null: true, nothing: ["0"]}}}
          - {name: ordered_at, data_type: timestamp, config: {meta: {not_null: true}}}
          - name: ordered_day
            data_type: date
            config: {meta: {not_null: true, date_of: ordered_at}}
          - {name: amount, data_type: double, config: {meta: {min: 0}}}
          - {name: status, data_type: varchar}
          - {name: brand, data_type: varchar, config: {meta: {required: false}}}
      - name: members
        identifier: till_members
        config: {meta: {files: [members.csv, "members_*.csv"], history: snapshot}}
        columns:
          - {name: customer, data_type: varchar, config: {meta: {not_null: true}}}
          - {name: city, data_type: varchar}
"""
ORDERS = {
    "table": "public.orders",
    "key": ["order_id"],
    "cursor": "updated_at",
    "overlap": "2 days",
    "history": "append_only",
    "reason": "orders are written once; only their status changes",
}


def rows_of(files, columns="*"):
    files = sorted(map(str, files))
    if not files:
        return []
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        return connection.execute(
            f"select {columns} from read_parquet({files}, union_by_name = true, "
            "hive_partitioning = false) order by all"
        ).fetchall()


def lake_rows(home, columns):
    return rows_of((home.lake / "till" / "orders").rglob("*.parquet"), columns)


def content_of(folder):
    return {
        path.relative_to(folder): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }
