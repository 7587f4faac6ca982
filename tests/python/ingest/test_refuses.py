"""What ingest refuses whole: the message says what, where and what to do; nothing is written."""

import gzip
import io
import zipfile

import duckdb
import py7zr
import pytest

from pipeline.ingest import ingest
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

HEADER = (
    "msno,payment_method_id,payment_plan_days,plan_list_price,actual_amount_paid,is_auto_renew,"
    "transaction_date,membership_expire_date,is_cancel"
)
ROW = "a,41,30,149,149,1,20170301,20170401,0"
MANY = f"{HEADER}\n" + "\n".join(
    f"m{n},{n},30,149,{n % 7},1,20170301,20170401,0" for n in range(5000)
)


def refusal(raw_dir, home, console):
    """Ingest, expecting a refusal that leaves nothing behind."""
    with pytest.raises(ChurnError) as refused:
        ingest("kkbox", raw_dir, home, console=console)
    assert refused.value.exit_code == 1
    assert refused.value.hint
    written = [path for path in home.root.rglob("*") if path.is_file()]
    assert written == []
    assert not home.work.exists() or not any(home.work.iterdir())
    return refused.value


def test_an_empty_file_is_refused(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text("")
    error = refusal(raw_dir, home, console)
    assert error.what == "The file is empty."
    assert error.where == "transactions.csv"


def test_a_header_without_rows_is_refused(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(HEADER + "\n")
    error = refusal(raw_dir, home, console)
    assert (error.what, error.where) == ("The file has no rows.", "transactions.csv")


def test_a_renamed_column_is_refused_and_nothing_is_written(raw_dir, home, console):
    renamed = HEADER.replace("msno", "user_id")
    (raw_dir / "transactions.csv").write_text(f"{renamed}\n{ROW}\n")
    error = refusal(raw_dir, home, console)
    assert error.what == "The header lacks msno."
    assert "transactions.csv" in error.where
    assert f"header found:    {renamed}" in error.where
    assert f"header expected: {HEADER}" in error.where


def test_a_missing_column_is_refused(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(f"{HEADER[:-10]}\n{ROW[:-2]}\n")
    assert refusal(raw_dir, home, console).what == "The header lacks is_cancel."


def test_a_file_without_a_header_is_refused(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(f"{ROW}\n{ROW}\n")
    assert "lacks msno" in refusal(raw_dir, home, console).what


def test_a_column_that_is_there_twice_is_refused(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(f"{HEADER},msno\n{ROW},a\n")
    assert refusal(raw_dir, home, console).what == "The header has msno twice."


def test_a_parquet_file_that_lacks_a_column_is_refused(raw_dir, home, console):
    duckdb.sql(f"copy (select 'a' as msno) to '{raw_dir}/transactions.parquet'")
    assert "lacks payment_method_id" in refusal(raw_dir, home, console).what


def test_a_file_without_a_good_row_is_refused_with_the_reasons(raw_dir, home, console):
    bad = ROW.replace("20170301", "01.03.2017")
    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n" + f"{bad}\n" * 3000)
    error = refusal(raw_dir, home, console)
    assert error.what == "The file has no usable row."
    assert "transaction_date not a date as %Y%m%d" in error.where


def test_one_bad_file_keeps_the_good_ones_out_too(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n")
    (raw_dir / "train.csv").write_text("msno,churned\na,1\n")
    assert "train.csv" in refusal(raw_dir, home, console).where


def gz(data):
    return gzip.compress(data)


def zip_(data):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("transactions.csv", data)
    return packed.getvalue()


def seven_zip(data):
    packed = io.BytesIO()
    with py7zr.SevenZipFile(packed, "w") as archive:
        archive.writef(io.BytesIO(data), "transactions.csv")
    return packed.getvalue()


PACKERS = {"gz": gz, "zip": zip_, "7z": seven_zip}


@pytest.mark.parametrize("kept", [0.001, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("form", PACKERS)
def test_a_truncated_archive_is_refused(form, kept, raw_dir, home, console):
    packed = PACKERS[form](MANY.encode())
    (raw_dir / f"transactions.csv.{form}").write_bytes(packed[: int(len(packed) * kept)])
    error = refusal(raw_dir, home, console)
    assert "truncated or damaged" in error.what or error.what == "The file is empty."
    assert "transactions.csv" in error.where


@pytest.mark.parametrize("form", PACKERS)
def test_a_damaged_archive_is_refused(form, raw_dir, home, console):
    packed = bytearray(PACKERS[form](MANY.encode()))
    middle = len(packed) // 2
    packed[middle] ^= 0xFF
    (raw_dir / f"transactions.csv.{form}").write_bytes(packed)
    assert "truncated or damaged" in refusal(raw_dir, home, console).what


def test_an_empty_archive_member_is_refused(raw_dir, home, console):
    (raw_dir / "transactions.csv.gz").write_bytes(gz(b""))
    assert refusal(raw_dir, home, console).what == "The file is empty."


def test_a_truncated_parquet_file_is_refused(raw_dir, home, console, tmp_path):
    whole = tmp_path / "whole.parquet"
    duckdb.sql(f"copy (select range as msno from range(9000)) to '{whole}'")
    (raw_dir / "transactions.parquet").write_bytes(whole.read_bytes()[:-40])
    assert "truncated or damaged" in refusal(raw_dir, home, console).what


def test_text_that_is_not_utf_8_is_refused(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n", encoding="utf-16")
    assert "UTF-8" in refusal(raw_dir, home, console).what


def test_a_directory_with_nothing_known_is_refused_with_what_is_known(raw_dir, home, console):
    (raw_dir / "notes.txt").write_text("x")
    (raw_dir / "inner").mkdir()
    error = refusal(raw_dir, home, console)
    assert "inner/, notes.txt" in error.where
    assert "transactions: transactions.csv, transactions_v2.csv" in error.hint


def test_a_missing_required_table_is_refused(raw_dir, home, console):
    (raw_dir / "train.csv").write_text("msno,is_churn\na,1\n")
    error = refusal(raw_dir, home, console)
    assert "'transactions' are missing" in error.what
    assert "transactions_v2.csv" in error.hint


def test_a_required_table_that_is_in_the_lake_may_be_missing(raw_dir, home, console):
    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n")
    ingest("kkbox", raw_dir, home, console=console)
    (raw_dir / "transactions.csv").unlink()
    (raw_dir / "train.csv").write_text("msno,is_churn\na,1\n")
    summary = ingest("kkbox", raw_dir, home, console=console)
    assert [file.table for file in summary.files] == ["train"]
    assert "transactions" not in [missing.table for missing in summary.missing]


def test_a_raw_directory_that_is_not_there_is_refused(tmp_path, home, console):
    error = refusal(tmp_path / "nowhere", home, console)
    assert "does not exist" in error.what
    assert "nowhere" in error.where


def test_a_file_given_as_raw_directory_is_refused(tmp_path, home, console):
    (tmp_path / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n")
    assert "not a directory" in refusal(tmp_path / "transactions.csv", home, console).what


def test_a_home_that_cannot_be_written_is_refused(raw_dir, tmp_path, console):
    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n")
    (tmp_path / "file").write_text("")
    error = refusal(raw_dir, Home(tmp_path / "file" / "home"), console)
    assert "Cannot read or write" in error.what
    assert "CHURN_HOME" in error.hint


def test_a_disk_that_fails_while_writing_leaves_nothing(raw_dir, home, console, monkeypatch):
    def fail(*_args, **_options):
        raise OSError(28, "No space left on device", "lake")

    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n")
    monkeypatch.setattr("pipeline.ingest.load.convert", fail)
    assert "No space left" in refusal(raw_dir, home, console).what


def test_an_unknown_domain_is_refused(raw_dir, home, console):
    with pytest.raises(ChurnError, match="There is no domain 'nothing'"):
        ingest("nothing", raw_dir, home, console=console)


@pytest.mark.parametrize("first", ["demo", "real"])
def test_demo_and_real_data_are_never_mixed(first, raw_dir, home, console):
    mark = raw_dir / "churn_demo.json"
    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n")
    if first == "demo":
        mark.write_text("{}")
    assert ingest("kkbox", raw_dir, home, console=console).origin == first
    before = sorted(home.lake.rglob("*"))
    mark.unlink() if first == "demo" else mark.write_text("{}")
    (raw_dir / "transactions_v2.csv").write_text(f"{HEADER}\n{ROW}\n")
    with pytest.raises(ChurnError, match=f"holds {first} data") as refused:
        ingest("kkbox", raw_dir, home, console=console)
    assert "CHURN_HOME" in refused.value.hint
    assert str(home.lake / "kkbox") in refused.value.hint
    assert sorted(home.lake.rglob("*")) == before


def test_an_interrupted_ingest_leaves_nothing(raw_dir, home, console, monkeypatch):
    def interrupt(*_args, **_options):
        raise KeyboardInterrupt

    (raw_dir / "transactions.csv").write_text(f"{HEADER}\n{ROW}\n")
    monkeypatch.setattr("pipeline.ingest.load.convert", interrupt)
    with pytest.raises(KeyboardInterrupt):
        ingest("kkbox", raw_dir, home, console=console)
    assert not any(path.is_file() for path in home.root.rglob("*"))
