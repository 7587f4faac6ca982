"""A publish that finds less of the state than the current generation knew is refused."""

import sqlite3
from contextlib import closing
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from pipeline.project.exit_codes import REFUSED
from pipeline.project.state_sums import register
from pipeline.publish.generation import GenerationInfo, current
from pipeline.publish.guards import lost_decisions
from pipeline.retention import decisions
from pipeline.retention.assignments import keep_assignments
from pipeline.retention.counts import StateCount, count_state

DAY = date(2026, 1, 1)


def generation(known):
    return GenerationInfo("churn_1", Path("churn_1.duckdb"), "f", {}, known={"shop": known})


def execute(home, sql, *values):
    with closing(sqlite3.connect(home.state)) as connection:
        register(connection)
        connection.execute(sql, values)
        connection.commit()


def record_lift(home, domain, customer, kind):
    execute(
        home,
        "insert into lifted values (?, ?, ?, ?, 'asked')",
        domain,
        customer,
        kind,
        datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" "),
    )


@pytest.fixture
def filled(home):
    decisions.suppress(home, "shop", [(name, "asked") for name in "abcde"])
    decisions.note_contacts(home, "shop", [("f", DAY, ""), ("g", DAY, "")])
    drawn = ("shop", DAY, "h", "treat", "coupon", 100, DAY, "run", 5, 50)
    keep_assignments(home, "churn_1", [drawn])
    return home


def test_counts_are_of_one_domain(filled):
    assert count_state(filled, "shop") == {
        "suppression": StateCount(5, 0),
        "contact": StateCount(2, 0),
        "assignment": StateCount(1, 0),
    }
    assert set(count_state(filled, "club").values()) == {StateCount(0, 0)}


def test_the_same_state_or_more_of_it_passes(filled):
    known = generation(count_state(filled, "shop"))
    assert lost_decisions(filled, known, "shop") is None
    decisions.suppress(filled, "shop", [("new", "asked")])
    assert lost_decisions(filled, known, "shop") is None
    assert lost_decisions(filled, None, "shop") is None
    assert lost_decisions(filled, generation({}), "shop") is None


@pytest.mark.parametrize(
    ("table", "kind", "words"),
    [
        ("suppressions", "suppression", "5 suppressions were known"),
        ("contacts", "contact", "2 contacts were known"),
        ("assignments", "assignment", "1 assignments were known"),
    ],
)
def test_rows_that_are_gone_without_a_record_are_told_with_figures(filled, table, kind, words):
    known = generation(count_state(filled, "shop"))
    execute(filled, f"delete from {table}")
    found = lost_decisions(filled, known, "shop")
    assert words in found and "0 are there now and 0 were lifted since" in found
    for _ in range(known.known["shop"][kind].rows):
        assert lost_decisions(filled, known, "shop") is not None
        record_lift(filled, "shop", "x", kind)
    assert lost_decisions(filled, known, "shop") is None


def test_lifting_suppressions_leaves_its_record(filled):
    known = generation(count_state(filled, "shop"))
    assert decisions.lift(filled, "shop", ["a", "b", "nobody"]) == 2
    assert decisions.lift(filled, "shop", ["a"]) == 0
    assert count_state(filled, "shop")["suppression"] == StateCount(3, 2)
    assert lost_decisions(filled, known, "shop") is None


def test_what_was_lifted_before_the_generation_accounts_for_nothing(filled):
    record_lift(filled, "shop", "x", "suppression")
    known = generation(count_state(filled, "shop"))
    execute(filled, "delete from suppressions where customer_id = 'a'")
    assert "4 are there now and 0 were lifted since" in lost_decisions(filled, known, "shop")


def test_a_state_that_is_gone_is_told_of_every_kind(filled):
    known = generation(count_state(filled, "shop"))
    for path in filled.root.glob("state.sqlite*"):
        path.unlink()
    found = lost_decisions(filled, known, "shop")
    assert found.count("0 are there now") == 3
    # with the lists imported again, only what no list has is missing
    decisions.suppress(filled, "shop", [(name, "asked") for name in "abcde"])
    assert lost_decisions(filled, known, "shop").count("0 are there now") == 2


def test_the_first_draw_of_a_period_stays(home):
    first = ("shop", DAY, "h", "control", "coupon", 100, DAY, "run", 5, 50)
    again = ("shop", DAY, "h", "treat", "call", 200, DAY, "next", 7, 70)
    later = ("shop", date(2026, 1, 29), "h", "treat", "call", 200, DAY, "next", 7, 70)
    assert keep_assignments(home, "churn_1", [first]) == 1
    assert keep_assignments(home, "churn_2", [again, later]) == 1
    kept = decisions.read_state(home, decisions.ASSIGNMENTS)
    assert [row[3:5] for row in kept] == [("control", "coupon"), ("treat", "call")]


def decided(home, domain):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return dict(
            connection.execute(
                "select customer_id, decision from serving.bi_churn_actions where domain = ?",
                [domain],
            ).fetchall()
        )


@pytest.mark.long
def test_a_published_home_keeps_its_control_group_and_notices_a_lost_state(demo_copy, run_churn):
    home, domain = demo_copy, "kkbox"
    before = decided(home, domain)
    controls = {name for name, decision in before.items() if decision == "hold_out"}
    listed = [name for name, decision in before.items() if decision == "treat"]
    decisions.suppress(home, domain, [(name, "asked") for name in listed[:5]])
    decisions.note_contacts(home, domain, [(name, date(2017, 4, 1), "") for name in listed])
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stdout + done.stderr
    after = decided(home, domain)
    assert controls and {after[name] for name in controls} == {"hold_out"}
    assert {after[name] for name in listed} == {"leave"}

    state, aside = home.state.read_bytes(), home.root / "aside"
    known = current(home)
    home.state.rename(aside)
    for path in home.root.glob("state.sqlite-*"):
        path.unlink()
    done = run_churn(home.root, "publish")
    told = " ".join((done.stdout + done.stderr).split())
    assert done.returncode == REFUSED, told
    assert "5 suppressions were known" in told
    assert f"{len(listed):,} contacts were known" in told
    assert "Restore the state from a backup" in told
    assert current(home) == known and decided(home, domain) == after

    home.state.write_bytes(state)
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stdout + done.stderr
    execute(home, "delete from suppressions where customer_id = ?", listed[0])
    done = run_churn(home.root, "publish")
    assert done.returncode == REFUSED
    assert "4 are there now and 0 were lifted since" in " ".join(done.stderr.split())
    record_lift(home, domain, listed[0], "suppression")
    done = run_churn(home.root, "publish")
    assert done.returncode == 0, done.stdout + done.stderr
