"""Lists that are imported: ids by today's rules, our own downloads, and a strict reader."""

import csv
import io
from datetime import date, timedelta

import duckdb
import pytest

from app.spreadsheets import escaped
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.sources import source_tables
from pipeline.retention import decisions
from pipeline.retention.contact_days import contact_day_problem
from pipeline.retention.imports import read_contacts, read_customers, read_suppressions

IDS = ["500004242", "500004515", "500010185", "500012908", "500013419", "+2gd/a=", "=c,d"]


@pytest.fixture
def lake(home):
    """A home whose shop has the customers of IDS."""
    (events,) = [table for table in source_tables("ecommerce") if table.name == "events"]
    columns = ", ".join(f"{c.name} {c.data_type}" for c in events.columns)
    folder = home.lake / "ecommerce" / "events" / "one"
    folder.mkdir(parents=True)
    with duckdb.connect() as connection:
        connection.execute(f"create table events ({columns})")
        connection.executemany("insert into events (user_id) values (?)", [[one] for one in IDS])
        connection.execute(f"copy events to '{folder}/data.parquet' (format parquet)")
    return home


@pytest.fixture
def write(tmp_path):
    def written(text):
        path = tmp_path / "list.csv"
        path.write_text(text, encoding="utf-8-sig")
        return path

    return written


def suppressions(lake, path):
    return read_suppressions(path, lake, "ecommerce")


def listed(*cells):
    out = io.StringIO()
    csv.writer(out).writerows([("customer_id", "reason"), *((cell, "asked") for cell in cells)])
    return out.getvalue()


@pytest.mark.parametrize(
    ("cell", "customer"),
    [
        ("500013419.0", "500013419"),
        (" 500004242", "500004242"),
        ("500012908 ", "500012908"),
        ("'500004515", "500004515"),
        ('="500010185"', "500010185"),
        ("'+2gd/a=", "+2gd/a="),
        ("'=c,d", "=c,d"),
        ("+2gd/a=", "+2gd/a="),
    ],
)
def test_an_id_of_a_list_is_the_customer_of_the_files(lake, write, cell, customer):
    found = suppressions(lake, write(listed("500004242", cell)))
    assert [row[0] for row in found.rows][-1] == customer
    assert found.unknown == []
    assert found.note("ecommerce") is None


def test_an_escaped_sign_is_known_again_without_data(home, write):
    found = suppressions(home, write(listed("'+2gd/a=", "'-1x", "'@b", "'=c", "plain", "'n")))
    assert [row[0] for row in found.rows] == ["+2gd/a=", "-1x", "@b", "=c", "plain", "'n"]


def test_a_list_whose_ids_all_have_an_apostrophe_loses_it_without_data(home, write):
    found = suppressions(home, write(listed("'1", "'2")))
    assert [row[0] for row in found.rows] == ["1", "2"]


def test_our_own_download_is_read_back(lake, write):
    text = listed(*(escaped(one) for one in IDS))
    assert [row[0] for row in suppressions(lake, write(text)).rows] == IDS


def test_one_customer_in_two_spellings_is_one(lake, write):
    found = suppressions(lake, write(listed("500013419.0", "500013419")))
    assert found.rows == [("500013419", "asked")]


def test_what_is_no_id_is_refused_with_its_line(lake, write):
    with pytest.raises(ChurnError) as refusal:
        suppressions(lake, write(listed("500004242", "5.00004E+08", "nan", "")))
    where = refusal.value.where
    assert "line 3: customer_id '5.00004E+08': a number in scientific spelling" in where
    assert "line 4: customer_id 'nan': stands for nobody" in where
    assert "line 5: customer_id is empty" in where


def test_unknown_ids_are_kept_counted_and_named(lake, write):
    found = suppressions(lake, write(listed("500004242", "nobody", "not-a-customer")))
    assert [row[0] for row in found.rows] == ["500004242", "nobody", "not-a-customer"]
    assert found.unknown == ["nobody", "not-a-customer"]
    note = found.note("ecommerce")
    assert "2 ids have no row in the files of ecommerce: nobody, not-a-customer." in note


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks customer_id"),
        ("customer,reason\na,x\n", "lacks customer_id"),
        ("customer_id;reason\na;x\n", "lacks customer_id"),
        ("customer_id,reason\n,x\n", "line 2: customer_id is empty"),
        ("customer_id,reason\na,asked\nb,\n", "line 3: reason is empty"),
        ("customer_id,reason\na,asked\nb\n", "line 3: reason is empty"),
        (
            'customer_id,reason\n1,"said: stop\n2,asked\n3,asked\n',
            "line 2: a quote is opened and not closed",
        ),
        (
            'customer_id,reason\n1,asked\n2,"said: stop\n3,"asked"\n',
            "line 3: a quote stands within a value, or is opened and not closed",
        ),
        (
            'customer_id,reason\n1,"said: stop\n2,no"\n3,asked\n',
            "line 2: a quote is opened and closed on line 3",
        ),
        (
            'customer_id,reason\n1,asked\n2,"said: stop\n' + "3,asked\n" * 20_000,
            "line 3: a value is too long; a quote may be opened and not closed",
        ),
        (
            "customer_id,reason\n1,asked, politely\n",
            "line 2: 3 values, the header has 2; quote commas",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_the_line(lake, write, text, words):
    with pytest.raises(ChurnError) as refusal:
        suppressions(lake, write(text))
    assert words in f"{refusal.value.what} {refusal.value.where}"


def test_a_reason_in_quotes_and_blank_lines_are_read(lake, write):
    text = 'customer_id,reason\n500004242,"asked, ""politely"""\n\n500004515,asked\n'
    assert suppressions(lake, write(text)).rows == [
        ("500004242", 'asked, "politely"'),
        ("500004515", "asked"),
    ]


def test_a_wrong_contact_names_the_line_and_the_actions_there_are(lake, write):
    path = write("customer_id,contacted_on,action_id\na,1 May,\nb,2017-03-01,pigeon\n")
    with pytest.raises(ChurnError) as refusal:
        read_contacts(path, lake, "ecommerce")
    assert "line 2: contacted_on is '1 May'" in refusal.value.where
    assert "line 3:" in refusal.value.where and "no action 'pigeon'" in refusal.value.where


@pytest.mark.parametrize("day", ["2020-05-11", "2099-01-01", "0001-01-01"])
def test_a_day_on_which_no_contact_was_made_is_refused(lake, write, monkeypatch, day):
    monkeypatch.setenv("CHURN_TODAY", "2020-05-10")
    with pytest.raises(ChurnError) as refusal:
        read_contacts(
            write(f"customer_id,contacted_on\na,2020-05-10\nb,{day}\n"), lake, "ecommerce"
        )
    (line,) = refusal.value.where.splitlines()[1:]
    assert line.startswith(f"line 3: contacted_on: {day} is ")


def test_today_is_that_of_the_domain(monkeypatch):
    monkeypatch.setenv("CHURN_TODAY", "2020-05-10")
    for domain in domain_entries():
        assert contact_day_problem(domain, date(2020, 5, 10)) is None
        assert "in the future; today is 2020-05-10" in contact_day_problem(
            domain, date(2020, 5, 11)
        )


def test_contacts_are_taken_back_with_their_record(lake, write):
    told = "customer_id,contacted_on,action_id\n500004242,2020-03-01,\n500004515.0,2020-03-02,\n"
    rows = read_contacts(write(told), lake, "ecommerce").rows
    assert decisions.note_contacts(lake, "ecommerce", rows) == 2
    decisions.note_contacts(lake, "ecommerce", [("500004242", date(2020, 3, 9), "")])
    assert decisions.lift_contacts(lake, "ecommerce", rows) == 2
    assert decisions.lift_contacts(lake, "ecommerce", rows) == 0
    assert decisions.read_state(lake, decisions.CONTACTS) == [
        ("ecommerce", "500004242", date(2020, 3, 9), "")
    ]
    assert [row[:3] + row[4:] for row in decisions.read_state(lake, decisions.LIFTED)] == [
        ("ecommerce", "500004242", "contact", "2020-03-01"),
        ("ecommerce", "500004515", "contact", "2020-03-02"),
    ]


def test_a_lifted_suppression_leaves_its_record_and_an_old_spelling_is_lifted(lake, write):
    decisions.suppress(lake, "ecommerce", [("500013419.0", "asked"), ("500004515", "moved")])
    rows = read_customers(write("customer_id\n500013419.0\n'500004515\n"), lake, "ecommerce").rows
    both = sorted({text for pair in rows for text in pair})
    assert decisions.lift(lake, "ecommerce", both) == 2
    assert decisions.read_state(lake, decisions.SUPPRESSIONS) == []
    assert [(row[1], row[2], row[4]) for row in decisions.read_state(lake, decisions.LIFTED)] == [
        ("500004515", "suppression", "moved"),
        ("500013419.0", "suppression", "asked"),
    ]


def test_what_is_stored_later_has_a_later_time_whatever_the_clock_says(home, monkeypatch):
    decisions.suppress(home, "shop", [("a", "asked")])
    ((*_, first),) = decisions.read_state(home, decisions.SUPPRESSIONS)

    class Back(decisions.datetime):
        @classmethod
        def now(cls, zone=None):
            return super().now(zone) - timedelta(days=3)

    monkeypatch.setattr(decisions, "datetime", Back)
    decisions.suppress(home, "shop", [("b", "asked")])
    decisions.lift(home, "shop", ["a"])
    decisions.suppress(home, "shop", [("c", "asked")])
    times = [row[3] for row in decisions.read_state(home, decisions.SUPPRESSIONS)]
    (lifted,) = [row[3] for row in decisions.read_state(home, decisions.LIFTED)]
    assert first < times[0] < lifted < times[1]
