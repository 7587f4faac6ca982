"""Files of one header are one table, whatever they are packed in."""

import gzip

import duckdb
import pytest

from pipeline.onboarding.columns import profile_columns, snake_case
from pipeline.onboarding.files import find_tables
from pipeline.project.errors import ChurnError

ORDERS = "id,day\na,2024-01-05\nb,\n"


@pytest.fixture
def session():
    with duckdb.connect() as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


def write(folder, **files):
    for name, text in files.items():
        path = folder / name.replace("__", ".")
        path.write_bytes(gzip.compress(text.encode()) if name.endswith("gz") else text.encode())


def test_files_with_one_header_are_one_table_and_patterns_take_the_files_to_come(
    raw_dir, tmp_path, session
):
    write(raw_dir, **{"orders_2024-01__csv": ORDERS, "orders_2024-02__csv__gz": ORDERS})
    write(raw_dir, members__csv="id,city\na,Rome\n", notes__txt="x")
    session.execute(
        f"copy (select 'c' as id, date '2024-03-01' as day) to '{raw_dir}/orders_2024-03.parquet'"
    )
    tables, unread = find_tables(raw_dir, tmp_path / "scratch", session)
    found = {table.name: table for table in tables}
    assert found.keys() == {"orders", "members"}
    assert found["orders"].rows == 5
    assert found["orders"].patterns == ("orders_*.csv", "orders-*.csv")
    assert found["members"].patterns[0] == "members.csv"
    assert unread == ("notes.txt",)
    days = session.execute(f"select count(day) from {found['orders'].relation}").fetchone()
    assert days == (3,)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("id;day\na;2024-01-05\n", "separated by semicolons"),
        ("id,id\na,b\n", "has id twice"),
        ("PK\x03\x04", "zip archive"),
    ],
)
def test_a_file_that_ingest_would_not_read_is_refused_with_the_reason(
    raw_dir, tmp_path, session, text, words
):
    write(raw_dir, orders__csv=text)
    with pytest.raises(ChurnError, match=words) as refusal:
        find_tables(raw_dir, tmp_path / "scratch", session)
    assert "orders.csv" in refusal.value.where
    assert refusal.value.hint


@pytest.mark.parametrize(
    ("values", "holds", "form", "low"),
    [
        (["2024-02-01", "2024-01-31"], "day", None, "2024-01-31"),
        (["20240201", "20240131"], "day", "%Y%m%d", "2024-01-31"),
        (["31.01.2024", "01.02.2024"], "day", "%d.%m.%Y", "2024-01-31"),
        (["01/31/2024", "02/01/2024"], "day", "%m/%d/%Y", "2024-01-31"),
        (["31/01/2024 10:05", "01/02/2024 00:00"], "moment", "%d/%m/%Y %H:%M", "2024-01-31 10:05"),
        (["2024-01-31T23:30:00-02:00"], "moment", None, "2024-02-01 01:30"),
        (["2024-01-31 00:00:00 UTC"], "moment", None, "2024-01-31 00:00"),
        (["12", "-7"], "whole number", None, "-7"),
        (["1.5", "2"], "number", None, "1.5"),
        (["yes", "no"], "yes or no", None, "no"),
        (["red", "2024-01-31"], "text", None, "2024-01-31"),
        (["", ""], "nothing", None, ""),
    ],
)
def test_a_column_holds_what_ingest_would_read(
    raw_dir, tmp_path, session, values, holds, form, low
):
    write(raw_dir, t__csv="n,x\n" + "".join(f"{n},{value}\n" for n, value in enumerate(values)))
    (table,), _ = find_tables(raw_dir, tmp_path / "scratch", session)
    column = profile_columns(table, session)[1]
    assert (column.holds, column.format) == (holds, form)
    assert column.low.startswith(low)
    assert column.is_zoned == (holds == "moment" and form is None)


def test_day_and_month_that_could_be_the_other_way_round_are_said(raw_dir, tmp_path, session):
    write(raw_dir, t__csv="n,x\n1,01/02/2024\n2,03/04/2024\n")
    (table,), _ = find_tables(raw_dir, tmp_path / "scratch", session)
    column = profile_columns(table, session)[1]
    assert (column.format, column.also) == ("%d/%m/%Y", "%m/%d/%Y")


@pytest.mark.parametrize(
    ("header", "name"),
    [
        ("Customer ID", "customer_id"),
        ("CustomerID", "customer_id"),
        ("Prix (€)", "prix"),
        ("2nd", "column_2nd"),
        ("order_id", "order_id"),
    ],
)
def test_a_header_becomes_a_name_that_sql_takes(header, name):
    assert snake_case(header) == name
