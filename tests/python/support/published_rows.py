"""What is published, to compare two homes by, names and times aside."""

import duckdb

from pipeline.publish.generation import SCHEMA, current

# Of a night that is made up for, times are later and rows were first seen later; the name of a run
# has a hash of all files in the lake. The hash of its model is compared.
ASIDE = {
    "run_id",
    "previous_run_id",
    "model_version",
    "scored_at",
    "trained_at",
    "decided_at",
    "updated_at",
    "published_at",
    "rows_published_at",
    "first_seen_at",
    "first_seen_on",
    "deleted_at",
    "generation",
    "rows_of_generation",
}


def hashed_tables(home):
    """By published table: how many rows, and the sum of their hashes."""
    generation = current(home)
    with duckdb.connect(str(generation.path), read_only=True) as connection:
        return {
            table: hashed(connection, f"{SCHEMA}.{table}") for table in sorted(generation.tables)
        }


def hashed(connection, relation):
    """How many rows a relation has, and the sum of their hashes without the columns of `ASIDE`."""
    columns = ", ".join(
        f'"{name}"'
        for name, *_ in connection.execute(f"describe {relation}").fetchall()
        if name not in ASIDE
    )
    return connection.execute(f"select count(*), sum(hash({columns})) from {relation}").fetchone()
