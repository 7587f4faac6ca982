"""What ingest takes: formats, spellings, column orders. The lake must be the same from each."""

import gzip
import io
import random
import zipfile
from datetime import date

import duckdb
import py7zr
import pytest
from rich.console import Console

from pipeline.ingest import ingest, render
from pipeline.project.home import Home

HEADER = (
    "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
    "transaction_date,membership_expire_date,is_cancel"
)
ROWS = [
    "+a/b=,41,30,149,149,1,20170301,20170401,0",
    "+a/b=,41,30,149,149,1,20170301,20170401,0",  # a duplicate is kept
    "c,40,0,0,0,0,20150101,19700101,1",  # so are oddities
    "d,,30,-5,149,,20170228,20170330,0",
]
LOGS = "msno,date,num_25,num_50,num_75,num_985,num_100,num_unq,total_secs"


def write(path, header=HEADER, rows=ROWS, end="\n"):
    path.write_bytes((end.join([header, *rows]) + end).encode())
    return path


def lake(home, table="transactions"):
    return duckdb.sql(
        "select * exclude (first_seen_on)"
        f" from read_parquet('{home.lake}/kkbox/{table}/**/*.parquet') order by all"
    ).fetchall()


@pytest.fixture
def expected(tmp_path, console):
    """The lake's rows from the plain csv."""
    raw, home = tmp_path / "plain", Home(tmp_path / "plain_home")
    raw.mkdir()
    write(raw / "transactions.csv")
    ingest("kkbox", raw, home, console=console)
    return lake(home)


def test_every_row_is_typed_and_otherwise_as_it_came(expected):
    assert expected[0] == ("+a/b=", 41, 30, 149, 149, 1, date(2017, 3, 1), date(2017, 4, 1), 0)
    assert expected[0] == expected[1]
    assert expected[2][6:8] == (date(2015, 1, 1), date(1970, 1, 1))
    assert expected[3][1] is None
    assert expected[3][3] == -5


def as_gz(csv, folder):
    (folder / "transactions.csv.gz").write_bytes(gzip.compress(csv.read_bytes()))


def as_7z(csv, folder):
    with py7zr.SevenZipFile(folder / "transactions.csv.7z", "w") as archive:
        archive.write(csv, "data/deep/transactions.csv")


def as_zip(csv, folder):
    with zipfile.ZipFile(folder / "transactions.csv.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(csv, "transactions.csv")


def as_zip_of_any_name(csv, folder):
    with zipfile.ZipFile(folder / "download (1).zip", "w") as archive:
        archive.writestr("readme.txt", "hello")
        archive.write(csv, "competition/transactions.csv")


def parquet(select):
    def store(csv, folder):
        duckdb.sql(
            f"copy (select {select} from read_csv('{csv}', all_varchar = true))"
            f" to '{folder}/transactions.parquet'"
        )

    return store


FORMATS = {
    "gz": as_gz,
    "7z": as_7z,
    "zip": as_zip,
    "zip of any name": as_zip_of_any_name,
    "parquet, text": parquet("*"),
    "parquet, integers": parquet("msno, columns('pay|plan|act|is_|date')::bigint"),
    "parquet, doubles": parquet("msno, columns('pay|plan|act|is_|date')::double"),
    "parquet, dates": parquet(
        "* replace (strptime(transaction_date, '%Y%m%d')::date as transaction_date,"
        " strptime(membership_expire_date, '%Y%m%d') as membership_expire_date)"
    ),
}


@pytest.mark.parametrize("store", FORMATS.values(), ids=FORMATS)
def test_every_format_gives_the_same_lake(store, raw_dir, home, console, tmp_path, expected):
    store(write(tmp_path / "transactions.csv"), raw_dir)
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert lake(home) == expected
    assert summary.files[0].rows_read == summary.files[0].rows == len(ROWS)


def reorder(row, order=(8, 6, 0, 1, 2, 3, 4, 5, 7)):
    cells = row.split(",")
    return ",".join(cells[position] for position in order)


SPELLINGS = {
    "byte-order mark": lambda path: write(path, "\ufeff" + HEADER),
    "CRLF": lambda path: write(path, end="\r\n"),
    "byte-order mark and CRLF": lambda path: write(path, "\ufeff" + HEADER, end="\r\n"),
    "no line feed at the end": lambda path: path.write_text("\n".join([HEADER, *ROWS])),
    "empty lines": lambda path: write(path, rows=[ROWS[0], "", *ROWS[1:], "", ""]),
    "another column order": lambda path: write(path, reorder(HEADER), map(reorder, ROWS)),
    "further columns": lambda path: write(
        path, f",{HEADER},note", [f"{n},{row},x y" for n, row in enumerate(ROWS)]
    ),
    "every value quoted": lambda path: write(
        path,
        f'"{HEADER.replace(",", QUOTED)}"',
        rows=[f'"{row.replace(",", QUOTED)}"' for row in ROWS],
    ),
    "integers re-saved as 149.0": lambda path: write(
        path,
        rows=[row.replace(",149", ",149.0").replace(",20170301", ",20170301.0") for row in ROWS],
    ),
    "dates re-saved as 2017-03-01": lambda path: write(
        path, rows=[row.replace(",20170301", ",2017-03-01") for row in ROWS]
    ),
    "dates re-saved with a time": lambda path: write(
        path, rows=[row.replace(",20170301", ",2017-03-01 00:00:00") for row in ROWS]
    ),
}
QUOTED = '","'


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
def test_every_spelling_gives_the_same_lake(spell, raw_dir, home, console, expected):
    spell(raw_dir / "transactions.csv")
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert lake(home) == expected
    assert summary.files[0].quarantined == 0


def test_further_columns_are_named_in_the_summary(raw_dir, home, console):
    write(raw_dir / "transactions.csv", f"{HEADER},note", [f"{row},x" for row in ROWS])
    summary = ingest("kkbox", raw_dir, home, console=console)
    render(summary, console)
    assert "Ignored columns of transactions.csv: note." in console.export_text()


def test_the_two_halves_of_a_history_are_both_in_the_lake(raw_dir, home, console):
    write(raw_dir / "transactions.csv", rows=ROWS[:3])
    write(raw_dir / "transactions_v2.csv", rows=ROWS[3:])
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert [file.rows for file in summary.files] == [3, 1]
    assert len(lake(home)) == 4


def test_of_two_formats_of_one_file_the_plain_one_is_read_and_that_is_said(raw_dir, home, console):
    as_7z(write(raw_dir / "transactions.csv"), raw_dir)
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert [file.file for file in summary.files] == ["transactions.csv"]
    assert summary.shadowed == (
        "transactions.csv.7z:data/deep/transactions.csv (read transactions.csv instead)",
    )
    assert len(lake(home)) == len(ROWS)


def test_several_files_in_one_archive_are_all_taken(raw_dir, home, console, tmp_path):
    with zipfile.ZipFile(raw_dir / "all.zip", "w") as archive:
        archive.write(write(tmp_path / "a.csv"), "transactions.csv")
        archive.writestr("train.csv", "msno,is_churn\na,1\n")
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert {file.table: file.rows for file in summary.files} == {"transactions": 4, "train": 1}


def test_logs_are_split_by_month_and_keep_impossible_seconds(raw_dir, home, console):
    write(raw_dir / "transactions.csv")
    rows = ["a,20170131,1,1,1,1,1,1,-9.2e15", "a,20170201,1,1,1,1,1,1,86401.5"]
    write(raw_dir / "user_logs.csv", LOGS, rows)
    ingest("kkbox", raw_dir, home, console=console)
    parts = sorted(path.parent.name for path in home.lake.glob("kkbox/user_logs/*/*/*.parquet"))
    assert parts == ["month=2017-01", "month=2017-02"]
    assert [row[-2] for row in lake(home, "user_logs")] == [-9.2e15, 86401.5]


def test_missing_optional_tables_and_unknown_files_are_named(raw_dir, home, console):
    write(raw_dir / "transactions.csv")
    (raw_dir / "notes.txt").write_text("x")
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert [missing.table for missing in summary.missing][:2] == ["user_logs", "members"]
    assert summary.unrecognised == ("notes.txt",)
    render(summary, console)
    text = console.export_text()
    assert "Missing: user_logs" in text
    assert "Not recognised: notes.txt" in text
    assert "transactions.csv → transactions: 4 rows, 0 in quarantine (ingested)" in text


def test_line_order_and_threads_do_not_lose_rows(raw_dir, home, console):
    draw = random.Random(1)
    rows = [
        f"m{n},41,30,149,149,1,2017{draw.randint(1, 12):02}01,20170401,0" for n in range(200_000)
    ]
    write(raw_dir / "transactions.csv", rows=rows)
    ingest("kkbox", raw_dir, home, console=console)
    assert len({row[0] for row in lake(home)}) == 200_000


def test_a_terminal_sees_progress_and_the_result_is_the_same(raw_dir, home, expected):
    write(raw_dir / "transactions.csv")
    ingest("kkbox", raw_dir, home, console=Console(file=io.StringIO(), force_terminal=True))
    assert lake(home) == expected


def test_unpacked_copies_do_not_stay(raw_dir, home, console, tmp_path):
    as_gz(write(tmp_path / "transactions.csv"), raw_dir)
    ingest("kkbox", raw_dir, home, console=console)
    assert list(home.work.iterdir()) == []
