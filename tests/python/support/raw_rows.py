"""Raw rows of customers as a client would post them: from the raw files, values as text."""

import duckdb

from pipeline.project.sources import source_tables
from pipeline.publish.generation import current


def copy_of(home, table):
    """A published table as SQL: its Parquet copy, since the API has the database open its way."""
    return f"read_parquet('{current(home).path.with_suffix('') / table}.parquet')"


def published_domain(home, domain):
    """The domain's row of bi_domains."""
    with duckdb.connect() as connection:
        cursor = connection.execute(
            f"select * from {copy_of(home, 'bi_domains')} where domain = ?", [domain]
        )
        names = [column[0] for column in cursor.description]
        return dict(zip(names, cursor.fetchone(), strict=True))


def published(home, domain, customers):
    """Customer → its row of bi_churn_risk."""
    with duckdb.connect() as connection:
        cursor = connection.execute(
            f"select * from {copy_of(home, 'bi_churn_risk')} where domain = ? "
            "and customer_id in (select unnest(?))",
            [domain, customers],
        )
        names = [column[0] for column in cursor.description]
        return {
            row["customer_id"]: row
            for row in (dict(zip(names, found, strict=True)) for found in cursor.fetchall())
        }


def some_customers(home, domain, count, salt="x"):
    """Customers of the scored cohort, drawn by a hash."""
    with duckdb.connect() as connection:
        return [
            row[0]
            for row in connection.execute(
                f"select customer_id from {copy_of(home, 'bi_churn_risk')} where domain = ? "
                "order by md5(customer_id || ?) limit ?",
                [domain, salt, count],
            ).fetchall()
        ]


def raw_rows(home, domain, customers):
    """Customer → table → rows, every value the text that the raw file has; empty is None."""
    found = {customer: {} for customer in customers}
    with duckdb.connect() as connection:
        for table in source_tables(domain):
            if table.history == "mutable" or table.known_from:
                continue
            files = [
                str(path)
                for path in (home.raw / domain).glob("*.csv*")
                if table.holds(path.name.removesuffix(".gz"))
            ]
            for each in found.values():
                each[table.name] = []
            if not files:
                continue
            cursor = connection.execute(
                f"select * from read_csv(?, all_varchar = true, header = true) "
                f"where {table.id_column} in (select unnest(?))",
                [files, customers],
            )
            names = [column[0] for column in cursor.description]
            for row in cursor.fetchall():
                cells = dict(zip(names, row, strict=True))
                found[cells[table.id_column]][table.name].append(cells)
    return found


def mart_rows(home, domain, as_of_date, customers):
    """Customer → its row of the examples."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        cursor = connection.execute(
            f"select * from {domain}.{domain}__churn_examples where as_of_date = ? "
            "and customer_id in (select unnest(?))",
            [as_of_date, customers],
        )
        names = [column[0] for column in cursor.description]
        return {
            row["customer_id"]: row
            for row in (dict(zip(names, found, strict=True)) for found in cursor.fetchall())
        }
