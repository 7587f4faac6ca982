"""Who writes what people decided holds up other writers for a while, and nobody who reads."""

import sqlite3
from contextlib import closing, contextmanager
from datetime import date

import pytest
import sqlalchemy as sa
from api_client import problem_of

from pipeline.project import state
from pipeline.retention import decisions


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(state, "WAIT_SECONDS", 0.2)


@contextmanager
def writer(home):
    """Somebody who writes and takes long."""
    with closing(sqlite3.connect(home.state, isolation_level=None)) as connection:
        connection.execute("begin immediate")
        yield
        connection.execute("rollback")


def test_reading_does_not_wait_for_who_writes(home):
    decisions.suppress(home, "shop", [("a", "asked")])
    with writer(home):
        assert [row[:3] for row in decisions.read_state(home, decisions.SUPPRESSIONS)] == [
            ("shop", "a", "asked")
        ]
        assert [row[0] for row in decisions.read_suppressions(home, "shop", "", 9)] == ["a"]
        with pytest.raises(sa.exc.OperationalError, match="locked"):
            decisions.suppress(home, "shop", [("b", "asked")])


def test_reading_makes_nothing(home):
    assert decisions.read_suppressions(home, "shop", "", 9) == []
    assert not home.state.exists()
    home.root.mkdir()
    sqlite3.connect(home.state).close()
    assert decisions.read_suppressions(home, "shop", "", 9) == []
    with closing(sqlite3.connect(home.state)) as connection:
        assert connection.execute("select name from sqlite_master").fetchall() == []


def test_a_state_that_is_there_is_opened_while_somebody_writes(home):
    state.open_state(home).dispose()
    with writer(home):
        state.open_state(home).dispose()


def test_a_busy_state_is_a_problem_that_says_when_to_come_back(world, start_api):
    api = start_api(world, "read", "write")
    told = {"suppressions": [{"customer_id": "a", "reason": "asked"}]}
    assert api.post("/v1/bench/suppressions", json=told).status_code == 201
    body = {"contacts": [{"customer_id": "a", "contacted_on": str(date(2026, 1, 1))}]}
    with writer(world):
        answer = api.post("/v1/bench/contacts", json=body)
        problem_of(answer, 503, "busy")
        assert int(answer.headers["Retry-After"]) > 0
        assert len(api.get("/v1/bench/suppressions").json()["items"]) == 1
    assert api.post("/v1/bench/contacts", json=body).status_code == 201


def test_another_failure_of_the_state_is_not_told_as_busy(world, start_api, monkeypatch):
    api = start_api(world, "read")

    def broken(*_):
        raise sa.exc.OperationalError("select", {}, sqlite3.OperationalError("no such table: x"))

    monkeypatch.setattr(decisions, "read_suppressions", broken)
    problem_of(api.client.get("/v1/bench/suppressions"), 500, "internal-error")
