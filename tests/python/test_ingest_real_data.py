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


def test_real_ids_are_whole(shared_data, home, console):
    ingest("kkbox", shared_data / "kkbox_sample", home, console=console)
    lengths = duckdb.sql(
        f"select distinct length(msno) from '{home.lake}/kkbox/members/**/*.parquet'"
    ).fetchall()
    assert lengths == [(44,)]
