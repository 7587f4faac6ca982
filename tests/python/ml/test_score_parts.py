"""Drivers and reasons are written some customers at a time, and are those of all at once."""

import duckdb
import numpy as np
import pytest

from ml import score
from ml.artifacts import write_parts, write_table
from pipeline.runs.registry import current_scores, live_run, trained_run


@pytest.mark.parametrize("domain", ["kkbox", "ecommerce"])
def test_what_is_written_in_parts_is_what_was_written_at_once(demo, tmp_path, monkeypatch, domain):
    home, _ = demo
    run, cut_off = live_run(home, domain), current_scores(home, domain).as_of_date
    monkeypatch.setattr(score, "AT_ONCE", 150)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        customers = score.score_cut_off(
            connection, trained_run(run), np.datetime64(cut_off), tmp_path
        )
    assert customers > 2 * 150
    for table in ("drivers", "reasons"):
        here, kept = tmp_path / f"{table}.parquet", run / "scores" / cut_off / f"{table}.parquet"
        assert duckdb.sql(f"describe from '{here}'").fetchall() == (
            duckdb.sql(f"describe from '{kept}'").fetchall()
        )
        rows = duckdb.sql(f"from '{here}'").fetchall()
        assert len(rows) > customers
        assert rows == duckdb.sql(f"from '{kept}'").fetchall()


def test_a_part_with_other_columns_is_refused_and_no_table_is_there(tmp_path):
    with duckdb.connect() as connection:
        connection.execute("create schema ml")
        connection.execute("create table ml.amounts (customer_id varchar, amount double)")
        write_table(connection, tmp_path, "amounts", {"customer_id": ["a", "b"], "amount": 1})
        whole = {"customer_id": ["c"], "amount": [2]}
        with pytest.raises(ValueError, match="amounts differ from its own in amount"):
            write_parts(connection, tmp_path, "amounts", [whole, {"customer_id": ["d"]}])
    assert duckdb.sql(f"from '{tmp_path}/amounts.parquet'").fetchall() == [("a", 1.0), ("b", 1.0)]
