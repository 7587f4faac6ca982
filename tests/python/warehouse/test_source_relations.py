"""The relations of schema `lake`: views on the Parquet files below CHURN_HOME of any name."""

import duckdb
import pyarrow.parquet as pq
import pytest
from rich.console import Console

from pipeline.ingest import ingest
from pipeline.project.home import Home

SHOP = "event_time,event_type,user_id"


@pytest.fixture
def odd_home(tmp_path, raw_dir, monkeypatch):
    """A home with a pattern for a name; beside it one that the pattern matches, with other rows."""
    homes = Home(tmp_path / "churn [v2]* it's"), Home(tmp_path / "churn vx it's")
    for place, home in enumerate(homes):
        for number, day in enumerate(("2019-11-02", "2019-11-03")):
            monkeypatch.setenv("CHURN_TODAY", day)
            name = raw_dir / f"{place}-{number}.csv"
            name.write_text(f"{SHOP}\n2019-10-01 10:00:00 UTC,view,{place}-{number}\n")
            ingest("ecommerce", raw_dir, home, console=Console(quiet=True))
            name.unlink()
    # the first file as a lake had it before ingest kept the day
    (file,) = homes[0].lake.glob("ecommerce/events/0-0-*/**/*.parquet")
    pq.write_table(pq.read_table(file, partitioning=None).drop(["first_seen_on"]), file)
    return homes[0]


def test_source_views_read_this_home_and_null_where_no_day_was_kept(odd_home, run_dbt):
    done = run_dbt(odd_home.root, "run-operation", "create_source_relations")
    assert done.returncode == 0, done.stdout
    with duckdb.connect(str(odd_home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select user_id, first_seen_on::varchar from lake.ecommerce_events order by 1"
        ).fetchall()
        assert rows == [("0-0", None), ("0-1", "2019-11-03")]
        columns = connection.execute(
            "select table_name from duckdb_columns()"
            " where schema_name = 'lake' and column_name = 'first_seen_on' order by 1"
        ).fetchall()
        assert [name for (name,) in columns] == [
            "ecommerce_events",
            "ecommerce_identities",
            "kkbox_identities",
            "kkbox_members",
            "kkbox_train",
            "kkbox_train_v2",
            "kkbox_transactions",
            "kkbox_user_logs",
        ]


def test_no_feature_reads_the_day_a_row_was_first_seen(odd_home, run_dbt):
    examples = ("+kkbox__churn_examples", "+ecommerce__churn_examples")
    done = run_dbt(odd_home.root, "compile", "--select", *examples)
    assert done.returncode == 0, done.stdout
    compiled = (odd_home.root / "dbt/target/compiled").glob("*/models/**/*.sql")
    texts = [path.read_text() for path in compiled]
    assert len(texts) > 30
    # but for the days that tell how much arrived late
    reading = [text for text in texts if "first_seen_on" in text]
    assert all("One row per table of the source" in text for text in reading)
    assert len(reading) == 2
