"""No row is lost without a word: lake, quarantine and duplicates add up to the rows of the file."""

import random
import re

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from pipeline.ingest import ingest, render
from pipeline.ingest.convert import convert
from pipeline.ingest.records import survey
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

HEADER = "event_time,event_type,user_id,brand"
# rows that all other columns are right of: ingest may lose them only for their quotes
QUOTES = {
    "text after a quote": '"O"Neill',
    "inches": '"27" tv"',
    "Spark's and MySQL's backslash": '"O\\"Neill"',
    "a quote that is not closed": '"open',
    "a quote that is not closed, after a doubled one": '"""open',
    "a quote behind a tab": '"x"\t',
}
# what a value is written as, and what it is
KEPT = {
    "inches without quotes": ('27" tv 5\' 6"', '27" tv 5\' 6"'),
    "spaces around quotes": (' "a,b" ', "a,b"),
    "two quoted parts": ('"a" "b"', "a b"),
    "a doubled quote": ('"O""Neill"', 'O"Neill'),
    "line ends": ('"a\nb\r\nc\rd"', "a\nb\r\nc\rd"),
    "nothing": ('""', None),
}


def row(number, brand="b"):
    return f"2019-10-{1 + number % 28:02} 10:00:00 UTC,view,u{number},{brand}"


def take(raw_dir, home, text, name="e.csv", **options):
    """Ingest one file of the shop; return its report."""
    data = text if isinstance(text, bytes) else text.encode()
    (raw_dir / name).write_bytes(data)
    summary = ingest("ecommerce", raw_dir, home, console=Console(quiet=True), **options)
    (report,) = summary.files
    return report


def ids(home):
    rows = f"read_parquet('{home.lake}/ecommerce/events/**/*.parquet')"
    return {found[0] for found in duckdb.sql(f"select user_id from {rows}").fetchall()}


def quarantined(home):
    rows = f"read_parquet('{home.quarantine}/**/rejected.parquet')"
    return duckdb.sql(f"select line, value, reason from {rows} order by line").fetchall()


def in_file(*rows, end="\n"):
    return end.join([HEADER, *rows]) + end


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
@pytest.mark.parametrize("value", QUOTES.values(), ids=QUOTES)
def test_a_quote_out_of_place_costs_its_own_row_only(value, end, raw_dir, home):
    rows = [row(n, value if n == 3 else "b") for n in range(8)]
    report = take(raw_dir, home, in_file(*rows, end=end))
    assert ids(home) == {f"u{n}" for n in range(8) if n != 3}
    assert quarantined(home) == [(5, rows[3], "a quote out of place")]
    assert (report.rows_read, report.rows, report.quarantined) == (8, 7, 1)


@pytest.mark.parametrize("column", range(4))
def test_whatever_column_the_quote_is_in(column, raw_dir, home):
    cells = row(2).split(",")
    cells[column] = '"x"y'
    report = take(raw_dir, home, in_file(row(0), row(1), ",".join(cells), row(3), row(4)))
    assert ids(home) == {"u0", "u1", "u3", "u4"}
    assert report.quarantined == 1


@pytest.mark.parametrize(("value", "brand"), KEPT.values(), ids=KEPT)
def test_a_quote_in_its_place_costs_nothing(value, brand, raw_dir, home):
    rows = [row(n, value if n == 1 else "b") for n in range(4)]
    # with a bad quote elsewhere, a repaired copy is read: the value must be the same
    for bad in ([], [row(9, '"x"y')]):
        report = take(raw_dir, home, in_file(*rows, *bad))
        assert ids(home) == {"u0", "u1", "u2", "u3"}
        assert report.quarantined == len(bad)
        lake = f"read_parquet('{home.lake}/ecommerce/events/**/*.parquet')"
        assert duckdb.sql(f"select brand from {lake} where user_id = 'u1'").fetchall() == [(brand,)]


def test_lines_are_those_of_an_editor_behind_every_oddity(raw_dir, home):
    lines = [
        HEADER,
        row(0),
        "",
        row(1, '"a'),
        'b"',
        row(2, '"x"y'),
        "",
        row(3).replace("view", "look"),
        row(4) + ",more",
        row(5, '"open'),
        "short",
        row(6),
    ]
    for end in ("\n", "\r\n", "\r"):
        take(raw_dir, home, end.join(lines))
        assert [line for line, *_ in quarantined(home)] == [6, 8, 9, 10, 11]
        assert ids(home) == {"u0", "u1", "u6"}


def test_a_large_file_that_threads_share_keeps_all_its_rows(raw_dir, home):
    many = 1_600_000
    with (raw_dir / "e.csv").open("w") as file:
        file.write(HEADER + "\n")
        for n in range(many):
            file.write(row(n, '"O"Neill' if n in (2, 700_000) else "b") + "\n")
    assert (raw_dir / "e.csv").stat().st_size > 60_000_000
    report = ingest("ecommerce", raw_dir, home, console=Console(quiet=True)).files[0]
    assert (report.rows, report.quarantined, report.duplicates) == (many - 2, 2, 0)
    assert [line for line, *_ in quarantined(home)] == [4, 700_002]


@pytest.mark.parametrize("bad", [0, 1])
def test_rows_inside_long_values_are_none_of_the_file_whichever_thread_reads_them(
    bad, raw_dir, home
):
    # A thread that begins inside such a value cannot know it.
    inner = "\n".join(row(n) for n in range(400))
    with (raw_dir / "e.csv").open("w") as file:
        file.write(HEADER + "\n" + (row(0, '"O"Neill') + "\n") * bad)
        for n in range(4_500):
            file.write(row(n, f'"a\n{inner}\nb"') + "\n")
    assert (raw_dir / "e.csv").stat().st_size > 60_000_000
    report = ingest("ecommerce", raw_dir, home, console=Console(quiet=True)).files[0]
    assert (report.rows, report.quarantined, report.spread) == (4_500, bad, 4_500)


def test_values_with_line_ends_are_counted_aloud(raw_dir, home, console):
    # A quote opened in one row and closed rows later looks just like a value with line feeds.
    rows = [row(0), row(1, '"big'), row(2), row(3), row(4, 'small"'), row(5)]
    report = take(raw_dir, home, in_file(*rows))
    assert (report.rows, report.quarantined) == (3, 0)
    assert (report.spread, report.widest) == (1, (3, 4))
    summary = ingest("ecommerce", raw_dir, home, console=console)
    render(summary, console)
    assert (
        "Values with line ends in e.csv: 1 rows; the longest takes 4 lines from line 3 on."
        in console.export_text()
    )


@pytest.mark.parametrize("end", ["\r", "\n\r", "\r\r\n"], ids=["CR", "LFCR", "CRCRLF"])
def test_other_line_ends_are_read(end, raw_dir, home):
    report = take(raw_dir, home, in_file(row(0), row(1), row(2), end=end))
    assert (report.rows, report.quarantined) == (3, 0)


def test_mixed_line_ends_are_read(raw_dir, home):
    text = f"{HEADER}\n{row(0)}\r\n{row(1)}\n{row(2)}\r{row(3)}\r\n"
    report = take(raw_dir, home, text)
    assert (report.rows, report.quarantined) == (4, 0)


def test_a_header_with_a_quote_out_of_place_is_refused(raw_dir, home):
    with pytest.raises(ChurnError, match="The header has a quote out of place"):
        take(raw_dir, home, in_file(row(0)).replace("brand", '"b"rand'))


def test_a_file_whose_rows_do_not_add_up_is_refused(raw_dir, home, monkeypatch):
    monkeypatch.setattr("pipeline.ingest.load.convert", lambda *args: convert(*args) - 1)
    with pytest.raises(ChurnError, match="Of 3 rows, 2 were loaded and 0 rejected"):
        take(raw_dir, home, in_file(row(0), row(1), row(2)))
    assert not list(home.lake.rglob("*.parquet"))


GOOD = [*(value for value, _ in KEPT.values()), "b", "", "ä€", "'", "\\", "#", " x "]
ENDS = ["\n", "\r\n", "\r"]


@st.composite
def files(draw):
    """A file's bytes, its good ids, and the lines and number of its bad rows."""
    mixes = draw(st.booleans())
    end = draw(st.sampled_from(ENDS))
    text, line, good, bad = HEADER, 1, set(), []
    for n in range(draw(st.integers(1, 25))):
        text += draw(st.sampled_from(ENDS)) if mixes else end
        line += 1
        kind = draw(st.sampled_from(["good"] * 6 + ["quote", "blank", "short", "type"]))
        if kind == "blank":
            continue
        if kind == "short":
            bad.append(line)
            text += "short,1"
        elif kind == "type":
            bad.append(line)
            text += row(n).replace("view", "look")
        elif kind == "quote":
            # one that is not closed would swallow what follows in this made-up truth
            bad.append(line)
            text += row(n, draw(st.sampled_from(list(QUOTES.values())[:3])))
        else:
            good.add(f"u{n}")
            value = draw(st.sampled_from(GOOD))
            text += row(n, value)
            line += len(re.findall(r"\r\n|\r|\n", value))
    if draw(st.booleans()):
        text += end
    mark = "\ufeff" if draw(st.booleans()) else ""
    return (mark + text).encode(), good, bad


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=list(HealthCheck),
)
@given(made=files())
def test_rows_add_up_whatever_the_file_is_made_of(made, tmp_path_factory):
    data, good, bad = made
    folder = tmp_path_factory.mktemp("made")
    raw_dir, home = folder, Home(folder / "home")
    if not good:
        with pytest.raises(ChurnError):
            take(raw_dir, home, data, accept="made up")
        return
    report = take(raw_dir, home, data, accept="made up")
    assert ids(home) == good
    assert report.rows_read == len(good) + len(bad) == report.rows + report.quarantined
    if bad:
        assert sorted({line for line, *_ in quarantined(home)}) == bad


def counted(data):
    """The records of a CSV, counted by the rules alone, one character after the other."""
    text, at, records = data.removeprefix("\ufeff") + "\n", 0, 0
    one_line_end = re.compile(r"\r\n|\r|\n")
    field = r' *"(?:[^"]|"")*" *(?:"(?:[^"]|"")*" *)*|(?! *")[^,\r\n]*'
    record = re.compile(rf"(?:{field})(?:,(?:{field}))*(?=[\r\n])")
    while at < len(text):
        whole = record.match(text, at)
        stop = whole.end() if whole else one_line_end.search(text, at).start()
        records += stop > at
        at = one_line_end.match(text, stop).end()
    return records - 1


@pytest.mark.parametrize("seed", range(300))
def test_records_are_counted_as_the_rules_say(seed, tmp_path):
    draw = random.Random(seed)
    parts = ['"', '""', ",", "\n", "\r\n", "\r", " ", "x", "y z", "\t"]
    weights = [draw.random() ** 2 for _ in parts]
    body = "".join(draw.choices(parts, weights, k=draw.randint(1, 200)))
    path = tmp_path / "f.csv"
    path.write_bytes(f"a,b\n{body}".encode())
    assert survey(path, is_one_column=False).records == counted(f"a,b\n{body}")


@pytest.mark.parametrize("seed", range(40))
def test_of_bytes_at_random_every_row_is_kept_or_quarantined(seed, raw_dir, home):
    draw = random.Random(seed)
    parts = ['"', '""', ",", "\n", "\r\n", " ", "x", row(1), f"\n{row(2)}\n", "\0", "\\"]
    weights = [draw.random() ** 2 for _ in parts]
    body = "".join(draw.choices(parts, weights, k=60))
    text = in_file(row(5)) + body + f"\n{row(6)}\n"
    try:
        report = take(raw_dir, home, text, accept="at random")
    except ChurnError as error:
        assert "no usable row" in error.what
        return
    assert report.rows + report.quarantined + report.duplicates == counted(text)
