"""Bad values: each is in quarantine with file, line, column, value and reason; the rest is kept."""

import duckdb
import pytest

from pipeline.ingest import ingest, render
from pipeline.ingest.convert import convert
from pipeline.ingest.reject import RejectionReason
from pipeline.project.errors import ChurnError

HEADER = (
    "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
    "transaction_date,membership_expire_date,is_cancel"
)
ROW = "a,41,30,149,149,1,20170301,20170401,0"
LOGS = "msno,date,num_25,num_50,num_75,num_985,num_100,num_unq,total_secs"
LOG = "a,20170301,1,1,1,1,1,1,1.5"


def quarantine(home):
    return duckdb.sql(
        "select file, line, column_name, value, reason"
        f" from '{home.quarantine}/**/*.parquet' order by all nulls first"
    ).fetchall()


def lake_ids(home, table):
    return [
        row[0]
        for row in duckdb.sql(
            f"select msno from '{home.lake}/kkbox/{table}/**/*.parquet' order by 1"
        ).fetchall()
    ]


def take(raw_dir, home, console, rows, header=HEADER, name="transactions.csv", accept=None):
    if name != "transactions.csv":
        (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n")
    (raw_dir / name).write_text("\n".join([header, *rows]) + "\n")
    summary = ingest("kkbox", raw_dir, home, console=console, accept=accept)
    return next(report for report in summary.files if report.file == name)


BAD_TRANSACTIONS = {
    "null id": (ROW[1:], "msno", None, "empty"),
    "quoted null id": ('""' + ROW[1:], "msno", None, "empty"),
    "date 0": (ROW.replace("20170301", "0"), "transaction_date", "0", "not a date as %Y%m%d"),
    "date 99999999": (
        ROW.replace("20170401", "99999999"),
        "membership_expire_date",
        "99999999",
        "not a date as %Y%m%d",
    ),
    "notadate": (
        ROW.replace("20170301", "notadate"),
        "transaction_date",
        "notadate",
        "not a date as %Y%m%d",
    ),
    "infinity": (
        ROW.replace("20170401", "-infinity"),
        "membership_expire_date",
        "-infinity",
        "not a date as %Y%m%d",
    ),
    "epoch": (
        ROW.replace("20170301", "Epoch"),
        "transaction_date",
        "Epoch",
        "not a date as %Y%m%d",
    ),
    "31 February": (
        ROW.replace("20170301", "20170231"),
        "transaction_date",
        "20170231",
        "not a date as %Y%m%d",
    ),
    "seven digits": (
        ROW.replace("20170301", "2017031"),
        "transaction_date",
        "2017031",
        "not a date as %Y%m%d",
    ),
    "null date": (ROW.replace("20170301", ""), "transaction_date", None, "empty"),
    "fraction": (
        ROW.replace("149,149", "149,149.5"),
        "actual_amount_paid",
        "149.5",
        "not of type integer",
    ),
    "word": (ROW.replace("41", "card"), "payment_method_id", "card", "not of type integer"),
    "NaN in an integer": (
        ROW.replace("41", "NaN"),
        "payment_method_id",
        "NaN",
        "not of type integer",
    ),
    "too large": (
        ROW.replace("41", "3000000000"),
        "payment_method_id",
        "3000000000",
        "not of type integer",
    ),
    "flag 2": (ROW[:-1] + "2", "is_cancel", "2", "above 1"),
    "flag -1": (ROW[:-1] + "-1", "is_cancel", "-1", "below 0"),
    "short row": ("x,41,30", None, "x,41,30", "too few columns"),
    "long row": (f"{ROW},9,9", None, f"{ROW},9,9", "too many columns"),
}


@pytest.mark.parametrize("bad", BAD_TRANSACTIONS.values(), ids=BAD_TRANSACTIONS)
def test_a_bad_value_is_quarantined_with_its_place_and_the_rest_is_kept(
    bad, raw_dir, home, console
):
    row, column, value, reason = bad
    report = take(raw_dir, home, console, ["b" + ROW[1:], "c" + ROW[1:], row, "d" + ROW[1:]])
    assert quarantine(home) == [("transactions.csv", 4, column, value, reason)]
    assert lake_ids(home, "transactions") == ["b", "c", "d"]
    assert (report.rows_read, report.rows, report.quarantined) == (4, 3, 1)
    assert report.reasons == (RejectionReason(column, reason, 1),)
    assert report.quarantine is not None


BAD_LOGS = {
    "NaN": ("nan", "not a finite number"),
    "infinity": ("-inf", "not a finite number"),
    "1e308": ("1e308", "not a finite number"),
    "1e400": ("1e400", "not a finite number"),
    "beyond the range": ("1e17", "above 1e+16"),
    "below the range": ("-2e16", "below -1e+16"),
    "word": ("much", "not a finite number"),
}


@pytest.mark.parametrize(("value", "reason"), BAD_LOGS.values(), ids=BAD_LOGS)
def test_a_number_that_would_spoil_sums_is_quarantined(value, reason, raw_dir, home, console):
    report = take(raw_dir, home, console, [LOG, LOG.replace("1.5", value)], LOGS, "user_logs.csv")
    assert quarantine(home) == [("user_logs.csv", 3, "total_secs", value, reason)]
    assert (report.rows, report.quarantined) == (1, 1)


def test_every_bad_value_of_a_row_is_named_and_the_row_counts_once(raw_dir, home, console):
    bad = ROW.replace("a,41", ",card").replace("20170301", "0")
    report = take(raw_dir, home, console, [ROW, bad])
    assert [row[1:3] for row in quarantine(home)] == [
        (3, "msno"),
        (3, "payment_method_id"),
        (3, "transaction_date"),
    ]
    assert (report.rows, report.quarantined) == (1, 1)


def test_a_file_cut_in_mid_row_loses_that_row_only(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n{ROW}\na,41,30,1")
    report = ingest("kkbox", raw_dir, home, console=console).files[0]
    assert (report.rows, report.quarantined) == (2, 1)
    assert quarantine(home) == [("transactions.csv", 4, None, "a,41,30,1", "too few columns")]


def test_lines_are_right_behind_empty_short_and_long_lines(raw_dir, home, console):
    rows, bad = [], []
    for number in range(2, 20_000):
        kind = number % 997
        if kind == 1:
            rows.append("")
        elif kind in (2, 500):
            rows.append("short,1")
            bad.append((number, None))
        elif kind == 3:
            rows.append(f"{ROW},long")
            bad.append((number, None))
        elif kind in (4, 5, 700):
            rows.append(ROW.replace("20170301", str(number)))
            bad.append((number, str(number)))
        else:
            rows.append(f"{number}{ROW[1:]}")
    report = take(raw_dir, home, console, rows)
    found = [(line, value if column else None) for _, line, column, value, _ in quarantine(home)]
    assert sorted(found, key=lambda pair: pair[0]) == bad
    assert report.rows + report.quarantined == len([row for row in rows if row])


def test_bytes_that_are_no_text_are_quarantined(raw_dir, home, console):
    text = "\n".join([HEADER, ROW, "caf\xe9" + ROW[1:], ROW])
    (raw_dir / "transactions.csv").write_bytes(text.encode("latin-1"))
    report = ingest("kkbox", raw_dir, home, console=console).files[0]
    assert [row[1:3] + row[4:] for row in quarantine(home)] == [(3, None, "not UTF-8")]
    assert (report.rows, report.quarantined) == (2, 1)


def test_parquet_quarantine_counts_rows(raw_dir, home, console):
    duckdb.sql(
        "copy (select * replace (case when i = 3 then null else 'm' end as msno,"
        " case when i = 5 then 0 else 20170301 end as transaction_date)"
        " from (select i, null::varchar as msno, 41 as payment_method_id, 30 as payment_plan_days,"
        " 149 as plan_list_price, 149.0 as actual_amount_paid, 1 as is_auto_renew,"
        " null::int as transaction_date, 20170401 as membership_expire_date, 0 as is_cancel"
        f" from range(1, 8) r(i))) to '{raw_dir}/transactions.parquet'"
    )
    report = ingest("kkbox", raw_dir, home, console=console).files[0]
    assert quarantine(home) == [
        ("transactions.parquet", 3, "msno", None, "empty"),
        ("transactions.parquet", 5, "transaction_date", "0", "not a date as %Y%m%d"),
    ]
    assert (report.rows_read, report.rows) == (7, 5)


def test_a_clean_file_has_no_quarantine(raw_dir, home, console):
    report = take(raw_dir, home, console, [ROW])
    assert report.quarantine is None
    assert not home.quarantine.exists()


def test_quarantine_of_all_tables_reads_as_one_relation(raw_dir, home, console):
    (raw_dir / "user_logs.csv").write_text(f"{LOGS}\n{LOG}\n{LOG.replace('1.5', 'nan')}\n")
    take(raw_dir, home, console, [ROW, ROW[1:]])
    assert [row[0] for row in quarantine(home)] == ["transactions.csv", "user_logs.csv"]


def test_the_summary_says_why_and_how_often(raw_dir, home, console):
    bad = ROW.replace("20170301", "0")
    take(raw_dir, home, console, [ROW, bad, bad, ROW[1:]])
    render(ingest("kkbox", raw_dir, home, console=console), console)
    text = console.export_text()
    assert (
        "Quarantined from transactions.csv: transaction_date not a date as %Y%m%d (2);"
        " msno empty (1)." in text
    )
    assert str(home.quarantine / "kkbox") in text


def test_seven_digits_are_no_date_between_re_saved_dates_either(raw_dir, home, console):
    saved = ROW.replace("20170301", "2017-03-01")
    take(raw_dir, home, console, [saved, ROW.replace("20170301", "2017031")])
    assert [row[1:4] for row in quarantine(home)] == [(3, "transaction_date", "2017031")]


def test_a_row_that_is_neither_good_nor_bad_is_an_error(raw_dir, home, console, monkeypatch):
    monkeypatch.setattr("pipeline.ingest.load.convert", lambda *args: convert(*args) - 1)
    with pytest.raises(ChurnError, match="2 were loaded and 0 rejected; the rest is lost"):
        take(raw_dir, home, console, [ROW, ROW, ROW])


def test_values_are_judged_alike_in_both_passes(raw_dir, home, console):
    # A number DuckDB's csv reader takes and its cast refuses, or the other way round, would be
    # lost between the passes; ingest checks that none is.
    odd = ["5.", ".5", "+5", " 5", "5 ", "1e5", "1_000", "1,0", "0x10", "--5", "5d", "٣", "1e", "t"]
    odd += ["-0", "00012", "1 2", "Infinity", "-nan", "1e-400", "\t5", "12345678901234567890"]
    rows = [LOG.replace("1.5", f'"{value}"') for value in odd]
    rows += [f'a,20170301,"{value}",1,1,1,1,1,1' for value in odd]
    rows += [f'a,"{value}",1,1,1,1,1,1,1' for value in odd]
    report = take(raw_dir, home, console, [LOG, *rows], LOGS, "user_logs.csv", accept="all odd")
    assert report.rows + report.quarantined == 1 + len(rows)
