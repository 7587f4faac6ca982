"""The files that people download: exact for machines, escaped for Excel, and who is in them."""

import re
from datetime import UTC, datetime

import pandas as pd
import pytest
from viewer_pages import TITLES, addressed, opened, text_of

from app.viewer import files
from pipeline.project.home import Home
from pipeline.retention import decisions

TABLE = pd.DataFrame(
    {
        "customer_id": ["+abc=", "=1+1", "a/b", "@x", None],
        "due_on": [pd.Timestamp("2017-04-15"), pd.NaT, None, pd.Timestamp("2017-04-16"), pd.NaT],
        "scored_at": [pd.Timestamp("2017-04-15 06:30:00")] * 5,
        "churn_probability": [0.123456789012345, 1 / 3, 0.5, None, 0.25],
        "expected_profit": [-1.5, 2, 3.14159265, None, 5],
        "is_held_out": [True, False, None, True, False],
        "orders": pd.array([1, None, 3, 4, 5], dtype="Int64"),
    }
)


def test_a_file_for_machines_has_exact_keys():
    lines = files.exact(TABLE).decode().splitlines()
    assert lines[0].startswith("customer_id,due_on")  # no byte order mark
    assert [line.split(",")[0] for line in lines[1:]] == ["+abc=", "=1+1", "a/b", "@x", ""]
    assert lines[1] == "+abc=,2017-04-15,2017-04-15T06:30:00,0.1235,-1.5,true,1"
    assert lines[2] == "=1+1,,2017-04-15T06:30:00,0.3333,2.0,false,"
    assert lines[3] == "a/b,,2017-04-15T06:30:00,0.5,3.14,,3"


def test_a_file_for_excel_calculates_nothing():
    content = files.for_excel(TABLE)
    assert content.startswith(b"\xef\xbb\xbf")
    lines = content.decode("utf-8-sig").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == ["'+abc=", "'=1+1", "a/b", "'@x", ""]
    # a negative number is a number, not a formula
    assert lines[1].split(",")[4] == "-1.5"
    for word in ("NaT", "nan", "None", "<NA>"):
        assert word not in content.decode("utf-8-sig")


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        ("Ends on {due_on}; renew", "Ends on 15 April 2017; renew"),
        ("Hello {first_name}", ""),
        ("Was {expected_next_order_on}", ""),
        ("No placeholder", "No placeholder"),
        (None, ""),
    ],
)
def test_a_placeholder_is_filled_or_the_message_left_out(hint, said):
    row = {"due_on": pd.Timestamp("2017-04-15"), "expected_next_order_on": pd.NaT}
    assert files.filled(hint, row) == said


def test_hints_are_filled_from_each_customers_row():
    table = TABLE.assign(message_hint=["Until {due_on}"] * 4 + ["Now"])
    assert list(files.with_hints(table)["message_hint"]) == [
        "Until 15 April 2017",
        "",
        "",
        "Until 16 April 2017",
        "Now",
    ]


def parts_of(name):
    return re.fullmatch(
        r"(kkbox|ecommerce)_(\w+)_data_(\d{4}-\d\d-\d\d)_made_(\d{4}-\d\d-\d\d)_(exact|excel)\.csv",
        name,
    )


class Kept:
    """Catches what the pages offer as files, in place of the buttons."""

    def __init__(self, monkeypatch):
        self.made = {}

        def keep(page, label, name, make, *, key, disabled=False):
            names = {kind: files.file_name(page, name, kind) for kind in (files.EXACT, files.EXCEL)}
            self.made[key] = (label, names, make, disabled)

        monkeypatch.setattr(files, "downloads", keep)

    def ids(self, key, kind=files.EXACT):
        return list(self.made[key][2](kind)["customer_id"])


@pytest.fixture
def kept(monkeypatch):
    return Kept(monkeypatch)


@pytest.mark.parametrize("domain", TITLES)
def test_a_file_says_what_it_is_of_which_day_and_when_it_was_made(published_demo, kept, domain):
    opened("customers", TITLES[domain])
    ((as_of,),) = published_demo("select as_of_date from bi_domains where domain = ?", domain)
    _, names, _, _ = kept.made["list"]
    for kind, name in names.items():
        found = parts_of(name)
        assert found and found[1] == domain and found[2] == "customers"
        assert found[3] == str(as_of)
        assert found[4] == str(datetime.now(UTC).date())
        assert found[5] == ("exact" if kind == files.EXACT else "excel")


@pytest.mark.parametrize("domain", TITLES)
def test_control_groups_are_in_a_file_only_where_the_switch_says_so(published_demo, kept, domain):
    page = opened("customers", TITLES[domain])
    everybody = {
        row[0]: row[1]
        for row in published_demo(
            "select customer_id, is_held_out from bi_customer_360 where domain = ? "
            "and not coalesce(already_cancelled, false)",
            domain,
        )
    }
    outside = {one for one, held_out in everybody.items() if not held_out}
    assert 0 < len(outside) < len(everybody)
    for kind in (files.EXACT, files.EXCEL):
        assert set(kept.ids("list", kind)) == outside
    assert f"{len(outside):,}" in kept.made["list"][0]
    page.toggle(key="everybody").set_value(True).run()
    assert set(kept.ids("list")) == set(everybody)
    assert "with_control_groups" in kept.made["list"][1][files.EXACT]


def test_a_mark_of_a_second_ago_empties_every_contact_file(demo_copy, monkeypatch, kept):
    """The buttons were drawn before the mark; the files are made after it."""
    monkeypatch.setenv("CHURN_HOME", str(demo_copy.root))
    page = opened("customers", "KKBox")
    page.toggle(key="everybody").set_value(True).run()
    opened("plan", "KKBox")
    (marked, *_), (also, *_) = kept.ids("download_treat"), kept.ids("download_hold_out")
    assert {marked, also} <= set(kept.ids("list"))
    for one in (marked, also):
        decisions.suppress(Home(demo_copy.root), "kkbox", [(one, "asked")], by="test")
    assert marked not in kept.ids("download_treat")
    assert also not in kept.ids("download_hold_out")
    assert not {marked, also} & set(kept.ids("list"))
    # the file for reading has them where the switch says so, and says why
    table = kept.made["list"][2](files.EXCEL).set_index("customer_id")
    assert table.loc[marked, "reason_words"] == "Marked do-not-contact: asked"
    assert table.loc[marked, "decision"] == "leave"
    decisions.lift(Home(demo_copy.root), "kkbox", [marked, also])


def test_who_left_and_is_marked_is_not_in_the_file_of_those_lost(demo_copy, monkeypatch, kept):
    monkeypatch.setenv("CHURN_HOME", str(demo_copy.root))
    addressed("customers", "KKBox", list="recently lost")
    first, *others = kept.ids("lost")
    # not scored, so no published table has the mark
    decisions.suppress(demo_copy, "kkbox", [(first, "asked")])
    assert kept.ids("lost") == others
    page = addressed("customers", "KKBox", list="recently lost")
    assert f"**{len(others):,} customers** left" in text_of(page)


@pytest.mark.parametrize("domain", TITLES)
def test_the_plans_files_hold_those_to_contact_and_the_control_group(published_demo, kept, domain):
    opened("plan", TITLES[domain])
    for key, decision in (("download_treat", "treat"), ("download_hold_out", "hold_out")):
        expected = published_demo(
            "select customer_id from bi_churn_actions where domain = ? and decision = ?",
            domain,
            decision,
        )
        assert sorted(kept.ids(key)) == sorted(row[0] for row in expected)
        for write in (files.exact, files.for_excel):
            text = write(kept.made[key][2](files.EXACT)).decode("utf-8-sig")
            assert not re.search(r"NaT|<NA>|\bnan\b|\{", text)
