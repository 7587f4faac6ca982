"""Ids have one spelling, whatever saved the file, and rows of nobody are nobody's."""

import duckdb
import pytest
from reference.ids import spelling

from pipeline.ingest import ingest, render
from pipeline.ingest.ids import NOBODY, spell
from pipeline.project import sources
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT
from pipeline.project.sources import source_tables

HEADER = "event_time,event_type,product_id,brand,price,user_id,user_session"
NBSP, ZERO_WIDTH, BYTE_ORDER_MARK = "\u00a0", "\u200b", "\ufeff"
BIG = 2**53


@pytest.fixture
def take(raw_dir, home, console):
    """Ingest the raw directory of a shop."""
    return lambda: ingest("ecommerce", raw_dir, home, console=console)


def write(path, *ids, brand="aqua", session="s1"):
    rows = [f"2019-10-01 10:00:00 UTC,purchase,p1,{brand},5,{one},{session}" for one in ids]
    path.write_text("\n".join([HEADER, *rows]) + "\n")


def write_parquet(path, kind, *ids):
    listed = ", ".join(f"({one}::{kind})" for one in ids)
    duckdb.sql(
        "copy (select timestamp '2019-10-01 10:00:00' as event_time, 'purchase' as event_type,"
        f" id as user_id from (values {listed}) ids(id)) to '{path}' (format parquet)"
    )


def in_lake(home, columns="user_id"):
    rows = duckdb.sql(f"select {columns} from '{home.lake}/ecommerce/events/**/*.parquet'")
    return sorted(rows.fetchall(), key=str)


def in_quarantine(home):
    return duckdb.sql(
        f"select value, reason from '{home.quarantine}/ecommerce/events/*/*.parquet' order by line"
    ).fetchall()


# one spelling


@pytest.mark.parametrize(
    "text",
    [
        "541312140",
        "541312140.0",
        "541312140.00",
        "541312140.",
        " 541312140",
        "541312140  ",
        "\t541312140",
        f"{NBSP}541312140{NBSP}",
        f"541312140{ZERO_WIDTH}",
        f"{BYTE_ORDER_MARK} 541312140.0",
        f"5413{ZERO_WIDTH}12140",
    ],
)
def test_one_customer_has_one_spelling(text, raw_dir, home, take):
    write(raw_dir / "e.csv", text)
    take()
    assert in_lake(home) == [("541312140",)]


@pytest.mark.parametrize(
    "text",
    [
        *("00123", "+2gdNxnUoXbr/KpV=", "a b", "12e45", "1.2.3", "10.5", "A.0", "-7", "É", "#1"),
        *("0", "-1", "nobody", "nano", "nullable", "9007199254740993", "1515915625519388267"),
    ],
)
def test_what_else_a_source_spells_stays(text, raw_dir, home, take):
    write(raw_dir / "e.csv", text)
    take()
    assert in_lake(home) == [(text,)]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *((text, "scientific") for text in ("1.51592E+18", "1.5e+18", "5.00004E+08", "1E+18")),
        *((text, "scientific") for text in (" 1.5E+18", "1.0E10", "2e+05")),
        *((text, "ids collide") for text in (f"{BIG}.0", "1515915625519388267.0", "9" * 60 + ".0")),
    ],
)
def test_a_number_that_lost_digits_is_not_an_id(text, words, raw_dir, home, take):
    write(raw_dir / "e.csv", "u1", text)
    report = take().files[0]
    ((value, reason),) = in_quarantine(home)
    assert value == text
    assert words in reason
    assert "export the ids as text" in reason
    assert (report.rows, report.quarantined) == (1, 1)


def test_six_people_with_one_scientific_spelling_are_not_one_customer(raw_dir, take):
    write(raw_dir / "e.csv", *["1.51592E+18"] * 6)
    with pytest.raises(ChurnError) as refused:
        take()
    assert "user_id a number in scientific spelling" in refused.value.where


@pytest.mark.parametrize(
    ("kind", "ids", "kept"),
    [
        ("integer", ("541312140", "-1"), ["-1", "541312140"]),
        ("ubigint", (f"{2**64 - 1}",), [f"{2**64 - 1}"]),
        ("decimal(20, 0)", ("1515915625519388267",), ["1515915625519388267"]),
        ("decimal(22, 2)", ("1515915625519388267", "12.50"), ["1515915625519388267"]),
        ("double", ("541312140", "-1", f"{BIG - 1}"), ["-1", "541312140", f"{BIG - 1}"]),
        ("double", ("1", f"{BIG}", "1515915625519388267", "0.5", "'nan'", "'inf'"), ["1"]),
        ("float", ("16777215", "16777216", "541312140"), ["16777215"]),
        ("varchar", ("'541312140.0'", "' 7 '"), ["541312140", "7"]),
    ],
)
def test_a_parquet_number_is_an_id_if_it_is_exact_and_whole(kind, ids, kept, raw_dir, home, take):
    write_parquet(raw_dir / "e.parquet", kind, *ids)
    report = take().files[0]
    assert in_lake(home) == [(one,) for one in kept]
    assert report.quarantined == len(ids) - len(kept)


def test_a_number_that_is_not_an_id_is_quarantined_with_what_to_do(raw_dir, home, take):
    write_parquet(raw_dir / "e.parquet", "double", "1", "0.5", f"{BIG}", "'nan'", "'inf'")
    take()
    reasons = [reason for _, reason in in_quarantine(home)]
    assert "not a whole number" in reasons[0]
    assert "ids collide" in reasons[1]
    assert reasons[2] == NOBODY
    assert "ids collide" in reasons[3]
    assert "ids as text or integers" in reasons[0]
    assert "ids as text or integers" in reasons[1]


def test_months_of_integers_and_of_floats_have_the_same_customers(raw_dir, home, take):
    write(raw_dir / "2019-Oct.csv", "541312140", "541312141")
    write(raw_dir / "2019-Nov.csv", "541312140.0", "541312141.0")
    write_parquet(raw_dir / "2019-Dec.parquet", "double", "541312140", "541312141")
    take()
    assert in_lake(home, "distinct user_id") == [("541312140",), ("541312141",)]


# nobody


@pytest.mark.parametrize(
    "word",
    ["nan", "NaN", "NULL", "null", "None", "\\N", "N/A", "#N/A", "<NA>", "undefined", " nan "],
)
def test_a_word_for_nobody_is_not_a_customer(word, raw_dir, home, take, console):
    write(raw_dir / "e.csv", "u1", word, word)
    summary = take()
    assert in_lake(home) == [("u1",)]
    assert in_quarantine(home) == [(word, NOBODY)] * 2, "two guests are not one row"
    assert (summary.files[0].rows_read, summary.files[0].duplicates) == (3, 0)
    render(summary, console)
    assert f"Quarantined from e.csv: user_id {NOBODY} (2)." in console.export_text()


@pytest.mark.parametrize("blank", ["   ", NBSP, ZERO_WIDTH])
def test_blanks_alone_are_not_a_customer(blank, raw_dir, home, take):
    write(raw_dir / "e.csv", "u1", blank)
    take()
    assert in_quarantine(home) == [(blank, "empty")]


@pytest.mark.parametrize("text", ["0", "-1", "0.0", "-1.0"])
def test_numbers_stand_for_nobody_where_the_list_says_so(text, raw_dir, home, take, monkeypatch):
    described = (PROJECT / "models/ecommerce/_ecommerce__sources.yml").read_text()
    listed = described.replace(
        "not_null: true, nothing: *words_for_nothing", 'not_null: true, nothing: ["0", "-1"]'
    )
    assert listed != described
    folder = home.root / "project" / "models" / "ecommerce"
    folder.mkdir(parents=True)
    (folder / "_ecommerce__sources.yml").write_text(listed)
    tables = source_tables("ecommerce", home.root / "project")
    monkeypatch.setattr("pipeline.ingest.run.source_tables", lambda domain: tables)
    write(raw_dir / "e.csv", "u1", text)
    take()
    assert in_quarantine(home) == [(text, NOBODY)]


def test_words_for_nothing_in_other_texts_are_null(raw_dir, home, take):
    write(raw_dir / "e.csv", "u1", brand="nan", session="NULL")
    write(raw_dir / "f.csv", "u2", brand="None", session="\\N")
    write(raw_dir / "g.csv", "u3", brand="nanette", session=" s 1 ")
    take()
    assert in_lake(home, "user_id, brand, user_session") == [
        ("u1", None, None),
        ("u2", None, None),
        ("u3", "nanette", " s 1 "),
    ]


# the lake


def test_other_rules_load_files_again_and_name_those_that_are_gone(
    raw_dir, home, take, console, monkeypatch
):
    write(raw_dir / "2019-Oct.csv", "u1")
    write(raw_dir / "2019-Nov.csv", "u2")
    take()
    (raw_dir / "2019-Nov.csv").unlink()
    monkeypatch.setattr(sources, "ID_RULES", sources.ID_RULES + 1)
    summary = take()
    assert [file.status for file in summary.files] == ["replaced"]
    assert summary.outdated == ("2019-Nov.csv",)
    render(summary, console)
    assert "Loaded under earlier rules for ids and values: 2019-Nov.csv." in console.export_text()


# elsewhere

TEXTS = [
    *("123", " 123 ", "123.0", "00123.0", "1.5E+18", f"{BIG}.0", f"{BIG - 1}.0", "nan", "", "  "),
    *(f"{NBSP}x", f"a{ZERO_WIDTH}b", "+2gd/=", "12e45", "1.2.3", "\\N", "0", "N/A", "'123", "É"),
]


@pytest.mark.parametrize("domain", ["kkbox", "ecommerce"])
def test_lists_are_spelt_as_files_are(domain):
    column = source_tables(domain)[0].column(source_tables(domain)[0].id_column)
    assert [found.customer_id for found in spell(domain, TEXTS)] == [
        spelling(text, column.nothing) for text in TEXTS
    ]
    assert spell(domain, []) == []
    assert all((one.customer_id is None) == bool(one.reason) for one in spell(domain, TEXTS))
