"""Real files: every row is accounted for."""

import duckdb
import pytest

from pipeline.ingest import ingest

ROWS = {
    "kkbox_sample": {"transactions": 11_689, "members": 8_755, "train_v2": 9_924},
    "kkbox_transactions_head": {"transactions": 63_917},
}


@pytest.mark.parametrize("folder", ROWS)
def test_every_row_of_the_real_files_is_in_lake_or_quarantine(folder, shared_data, home, console):
    raw_dir = shared_data / folder
    if not raw_dir.is_dir():
        pytest.skip(f"no real data at {raw_dir}")
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert {file.table: file.rows_read for file in summary.files} == ROWS[folder]
    assert {file.table: file.rows + file.quarantined for file in summary.files} == ROWS[folder]
    for file in summary.files:
        files = f"{home.lake}/kkbox/{file.table}/**/*.parquet"
        assert duckdb.sql(f"select count(*) from '{files}'").fetchone() == (file.rows,)


# Rows in the lake, in quarantine and removed as duplicates, counted with other tools.
EVENTS = {"rees46_head": (17_429, 1, 5), "cdnow_as_ecommerce": (69_404, 0, 255)}


@pytest.mark.parametrize("folder", EVENTS)
def test_every_row_of_the_real_event_files_is_accounted_for(folder, shared_data, home, console):
    raw_dir = shared_data / folder
    if not raw_dir.is_dir():
        pytest.skip(f"no real data at {raw_dir}")
    (file,) = ingest("ecommerce", raw_dir, home, console=console).files
    assert (file.rows, file.quarantined, file.duplicates) == EVENTS[folder]
    assert file.rows_read == sum(EVENTS[folder])
    rows = f"read_parquet('{home.lake}/ecommerce/events/**/*.parquet', hive_partitioning = false)"
    assert duckdb.sql(
        f"select count(*), count(*) filter (event_date = event_time::date) from {rows}"
    ).fetchone() == (file.rows, file.rows)


def test_the_row_that_was_cut_is_in_quarantine(shared_data, home, console):
    raw_dir = shared_data / "rees46_head"
    if not raw_dir.is_dir():
        pytest.skip(f"no real data at {raw_dir}")
    ingest("ecommerce", raw_dir, home, console=console)
    (cut,) = duckdb.sql(f"select line, reason from '{home.quarantine}/**/*.parquet'").fetchall()
    assert cut == (17_436, "too few columns")


def test_real_ids_are_whole(shared_data, home, console):
    ingest("kkbox", shared_data / "kkbox_sample", home, console=console)
    lengths = duckdb.sql(
        f"select distinct length(msno) from '{home.lake}/kkbox/members/**/*.parquet'"
    ).fetchall()
    assert lengths == [(44,)]
