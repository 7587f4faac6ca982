"""CSV for machines: what was published comes back exactly, whatever reads it."""

import duckdb
import pytest

from pipeline.project.errors import ChurnError
from pipeline.publish.csv_copies import export_csv
from pipeline.publish.generation import publish

ROWS = """
    select * from (values
        ('00123', 0.1, timestamp '2020-01-02 03:04:05.678901', date '2020-01-02', true, '=1+1'),
        ('+15', 1e-9, null, null, null, ''),
        ('a,"b"
c', null, timestamp '2020-01-02 00:00:00', date '1999-12-31', false, null)
    ) as t (customer_id, figure, updated_at, due_on, flag, words)
"""


@pytest.fixture
def published(home):
    home.root.mkdir(parents=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema serving")
        for table in ("bi_test", "crm_test"):
            connection.execute(f"create table serving.{table} as {ROWS}")
    publish(home, "x")
    return home


def test_a_crm_table_has_its_copy_and_others_on_request(published):
    copies = {path.name for path in (published.published / "current").iterdir()}
    assert copies == {"bi_test.parquet", "crm_test.parquet", "crm_test.csv"}
    done = export_csv(published, ["bi_test"])
    assert done.files == (published.published / "csv" / "bi_test.csv",)
    assert done.rows == {"bi_test": 3}
    assert (
        done.files[0].read_bytes()
        == (published.published / "current" / "crm_test.csv").read_bytes()
    )


def test_rows_come_back_exactly(published):
    path = published.published / "current" / "crm_test.csv"
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        back = connection.execute(
            "select * replace (updated_at at time zone 'UTC' as updated_at) from read_csv(?, "
            "columns = {customer_id: varchar, figure: double, updated_at: timestamptz, "
            "due_on: date, flag: boolean, words: varchar}, allow_quoted_nulls = false)",
            [str(path)],
        ).fetchall()
    assert sorted(back, key=repr) == sorted(duckdb.sql(ROWS).fetchall(), key=repr)


def test_ids_are_in_quotes_nothing_is_escaped_and_times_have_a_zone(published):
    text = (published.published / "current" / "crm_test.csv").read_text()
    assert '"00123",0.1,2020-01-02T03:04:05.678901Z,2020-01-02,true,"=1+1"' in text
    assert '"+15",1e-09,,,,""' in text


def test_a_table_that_is_not_published_is_named_with_those_that_are(published):
    with pytest.raises(ChurnError, match="no table 'bi_tset'") as refused:
        export_csv(published, ["bi_test", "bi_tset"])
    assert "bi_test, crm_test" in refused.value.hint
    assert not (published.published / "csv").exists()


def test_columns_mapped_for_a_crm_are_columns_of_the_domains_file(home):
    home.root.mkdir(parents=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema serving")
        connection.execute(
            "create table serving.crm_test as from (values "
            """('club', '1', 'high', '{"external_id":"0042","channel":"post"}'), """
            """('club', '2', 'low', null), ('shop', '3', 'low', null)) """
            "as t (domain, customer_id, channel, crm_fields)"
        )
    publish(home, "x")
    folder = home.published / "current"
    assert {path.name for path in folder.glob("*.csv")} == {"crm_test.csv", "crm_test_club.csv"}
    assert (folder / "crm_test_club.csv").read_text().splitlines() == [
        '"domain","customer_id","channel","crm_channel","external_id"',
        '"club","1","high","post","0042"',
        '"club","2","low",,',
    ]
