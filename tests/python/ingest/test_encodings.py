"""Encodings, marks that nobody sees, and files of another kind under a .csv name."""

import gzip
import io
import zipfile

import duckdb
import py7zr
import pytest

from pipeline.ingest import ingest, render
from pipeline.project.errors import ChurnError

HEADER = "event_time,event_type,user_id,brand"
ROWS = [f"2019-10-0{n} 10:00:00 UTC,view,u{n},{brand}" for n, brand in ((1, "Müller"), (2, "b"))]
TEXT = "\n".join([HEADER, *ROWS]) + "\n"


@pytest.fixture
def take(raw_dir, home, console):
    """Write one file and ingest it."""

    def written(data, name="e.csv", **options):
        (raw_dir / name).write_bytes(data)
        return ingest("ecommerce", raw_dir, home, console=console, **options)

    return written


def brands(home):
    rows = f"read_parquet('{home.lake}/ecommerce/events/**/*.parquet')"
    return sorted(row[0] for row in duckdb.sql(f"select brand from {rows}").fetchall())


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "cp850", "utf-8"])
def test_a_file_is_read_in_the_encoding_it_is_said_to_have(encoding, take, home):
    summary = take(TEXT.encode(encoding), encoding=encoding)
    assert brands(home) == ["Müller", "b"]
    assert summary.files[0].quarantined == 0


def test_an_encoding_is_kept_on_record_so_that_the_next_ingest_changes_nothing(take, home, console):
    data = TEXT.encode("cp1252")
    assert take(data, encoding="windows-1252").files[0].status == "ingested"
    for options in ({}, {"encoding": "cp1252"}):
        summary = take(data, **options)
        assert [file.status for file in summary.files] == ["unchanged"]
    assert summary.files[0].encoding == "cp1252"
    render(summary, console)
    assert "Read as cp1252: e.csv." in console.export_text()
    # more rows under the same name: the encoding is still known
    assert take(data + data.partition(b"\n")[2].replace(b"u", b"v")).files[0].status == "replaced"
    assert brands(home) == ["Müller", "Müller", "b", "b"]


def test_another_encoding_reads_the_same_bytes_again(take, home):
    data = TEXT.encode("cp1252")
    assert take(data).files[0].quarantined == 1
    assert brands(home) == ["b"]
    summary = take(data, encoding="cp1252")
    assert [file.status for file in summary.files] == ["replaced"]
    assert brands(home) == ["Müller", "b"]


def test_bytes_that_the_encoding_does_not_have_are_quarantined(take, home):
    summary = take(TEXT.encode("cp1252").replace(b"b\n", b"\x81\n"), encoding="cp1252")
    assert [str(reason) for reason in summary.files[0].reasons] == ["not CP1252"]
    assert brands(home) == ["Müller"]


def test_an_encoding_nobody_knows_is_refused(take):
    for name in ("cp9999", "base64", "x\0y"):
        with pytest.raises(ChurnError, match="There is no encoding") as refused:
            take(TEXT.encode(), encoding=name)
        assert "cp1252" in refused.value.hint


def test_a_wrong_wide_encoding_is_refused(take):
    with pytest.raises(ChurnError, match="not utf-16 text"):
        take(TEXT.encode()[:-1], encoding="utf-16")


def test_utf_16_is_named(take):
    with pytest.raises(ChurnError, match="not UTF-8 text; it begins like UTF-16") as refused:
        take(TEXT.encode("utf-16"))
    assert "--encoding utf-16" in refused.value.hint


UNSEEN = {
    "two byte-order marks": ("\ufeff\ufeff" + TEXT, "column 1, U+FEFF (ZERO WIDTH NO-BREAK SPACE)"),
    "a zero-width space": (
        TEXT.replace("event_time", "event_time\u200b"),
        "column 1, U+200B (ZERO WIDTH SPACE) as character 11",
    ),
    "a Cyrillic letter": (
        TEXT.replace("user_id", "us\u0435r_id"),
        "column 3, U+0435 (CYRILLIC SMALL LETTER IE) as character 3",
    ),
    "a soft hyphen": (
        TEXT.replace("event_type", "event_\xadtype"),
        "column 2, U+00AD (SOFT HYPHEN) as character 7",
    ),
    "a control character": (
        TEXT.replace("user_id", "user\x07_id"),
        "column 3, U+0007 (without a name) as character 5",
    ),
}


@pytest.mark.parametrize(("text", "words"), UNSEEN.values(), ids=UNSEEN)
def test_what_cannot_be_seen_in_a_header_is_named_with_its_place(text, words, take):
    with pytest.raises(ChurnError, match="The header lacks") as refused:
        take(text.encode())
    assert words in refused.value.where
    assert all(character.isprintable() or character == "\n" for character in refused.value.where)


def test_letters_of_other_columns_are_no_matter(take):
    with pytest.raises(ChurnError, match="The header lacks user_id") as refused:
        take(TEXT.replace("user_id", "größe").encode())
    assert "not what it looks like" not in refused.value.where


def workbook():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("xl/workbook.xml", "<workbook/>" * 900)
    return packed.getvalue()


def archive():
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as zipped:
        zipped.writestr("e.csv", TEXT)
    return packed.getvalue()


def seven_zip():
    packed = io.BytesIO()
    with py7zr.SevenZipFile(packed, "w") as zipped:
        zipped.writef(io.BytesIO(TEXT.encode()), "e.csv")
    return packed.getvalue()


OTHERS = {
    "workbook": (workbook, "an Excel workbook", "Save it as CSV"),
    "old workbook": (
        lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(500),
        "an Excel workbook",
        "Save it as CSV",
    ),
    "zip": (archive, "a zip archive", ".zip"),
    "gzip": (lambda: gzip.compress(TEXT.encode()), "a gzip file", ".csv.gz"),
    "7z": (seven_zip, "a 7z archive", ".7z"),
    "Parquet": (lambda: b"PAR1" + bytes(99), "a Parquet file", ".parquet"),
}


@pytest.mark.parametrize(("make", "kind", "hint"), OTHERS.values(), ids=OTHERS)
def test_a_file_of_another_kind_named_csv_is_named_in_one_line(make, kind, hint, take):
    with pytest.raises(ChurnError) as refused:
        take(make())
    assert refused.value.what == f"The file is {kind}, not a CSV."
    assert refused.value.where == "e.csv"
    assert hint in refused.value.hint


@pytest.mark.parametrize("junk", [bytes(range(1, 256)) * 99, b"\x89PNG\r\n\x1a\n" + b"\1\2\3" * 99])
def test_binary_does_not_reach_the_terminal(junk, take):
    with pytest.raises(ChurnError) as refused:
        take(junk)
    text = str(refused.value)
    assert len(text) < 9_000
    assert all(character.isprintable() or character == "\n" for character in text)
