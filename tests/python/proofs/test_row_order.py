"""A lake is a set of rows: in whatever order its files hold them, the features are the same."""

import shutil

import duckdb
import numpy as np
import pyarrow.parquet as pq
import pytest
from stored import hash_again

from pipeline.project.domains import domain_entries
from pipeline.project.stores import LAKE

TABLES = [
    f"{domain}.{domain}__{table}"
    for domain in domain_entries()
    for table in ("churn_examples", "labels")
] + [
    f"{kind}.{kind}__activity_weeks"
    for kind in sorted({entry.kind for entry in domain_entries().values()})
]


def checksums(home):
    """Rows and an additive checksum of each table, which no order changes."""
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        return {
            table: connection.execute(
                f"select count(*), sum(cast(hash(t) as hugeint)) from {table} as t"
            ).fetchone()
            for table in TABLES
        }


def shuffle(home, seed):
    """Rewrite every file of the lake with its rows in another order; return how many rows moved."""
    rng, moved = np.random.default_rng(seed), 0
    for path in sorted(home.lake.rglob("*.parquet")):
        rows = pq.ParquetFile(path).read()
        order = rng.permutation(len(rows))
        pq.write_table(rows.take(order), path)
        moved += int(np.sum(order != np.arange(len(rows))))
    hash_again(home, LAKE)
    return moved


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, *(pytest.param(n, marks=pytest.mark.long) for n in (2, 3))])
def test_a_rebuild_from_a_shuffled_lake_is_equal_to_the_last_bit(demo, demo_copy, run_churn, seed):
    before = checksums(demo[0])
    assert min(rows for rows, _ in before.values()) > 1_000
    assert shuffle(demo_copy, seed) > 1_000_000
    # nothing that was made before is read again
    demo_copy.warehouse.unlink()
    shutil.rmtree(demo_copy.features)
    done = run_churn(demo_copy.root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    assert checksums(demo_copy) == before
