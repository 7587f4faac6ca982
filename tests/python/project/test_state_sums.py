"""A bit of the state that flips is told, and nobody is answered from it or contacted by it."""

import random
import sqlite3
from contextlib import closing

import pytest
from api_client import problem_of

from app.api.routes import health
from pipeline.campaigns.dispatch import Dispatcher
from pipeline.operations.backup import copy_state
from pipeline.operations.verify import verify
from pipeline.project import state, state_sums
from pipeline.project.errors import ChurnError
from pipeline.project.state_sums import StateDamagedError, check_state, state_damages
from pipeline.retention import decisions

FLIPS = 500


@pytest.fixture
def filled(home):
    """A home in which people have decided, all of it in one file."""
    decisions.suppress(home, "shop", [(f"customer {number}", "asked") for number in range(1500)])
    settle(home)
    return home


def settle(home):
    with closing(sqlite3.connect(home.state)) as connection:
        connection.execute("pragma wal_checkpoint(truncate)")


def write(home, sql, *values):
    """Write as the platform does, with the function that triggers call."""
    with closing(sqlite3.connect(home.state, isolation_level=None)) as connection:
        state_sums.register(connection)
        connection.execute(sql, values)


def rewrite(home, old, new):
    """Change bytes of the file, as a failing disk does."""
    content = home.state.read_bytes()
    assert old in content
    home.state.write_bytes(content.replace(old, new, 1))


def rows(home):
    """Everything that a reader sees; the words of the failure where it sees nothing."""
    try:
        with closing(sqlite3.connect(f"file:{home.state}?mode=ro", uri=True)) as connection:
            names = connection.execute("select name from sqlite_master where type = 'table'")
            return {
                name: connection.execute(f'select * from "{name}"').fetchall() for (name,) in names
            }
    except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
        return repr(problem)


def test_what_is_written_keeps_the_sums(filled):
    decisions.suppress(filled, "shop", [("customer 1", "asked again"), ("another", "asked")])
    decisions.lift(filled, "shop", ["customer 2"])
    write(filled, "update suppressions set reason = 'é' where customer_id = 'customer 3'")
    write(
        filled,
        "insert into suppressions values ('shop', 'again', 'x', '2026-01-01', null) "
        "on conflict do update set reason = excluded.reason",
    )
    write(filled, "delete from suppressions where customer_id < 'customer 2'")
    assert state_damages(filled) == []


def test_no_flipped_bit_of_the_state_goes_unnoticed(filled):
    """What is not told changed nothing that anybody reads: room that is free."""
    whole, seen = filled.state.read_bytes(), rows(filled)
    chance, told = random.Random(FLIPS), 0
    for _ in range(FLIPS):
        content = bytearray(whole)
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
        filled.state.write_bytes(content)
        if state_damages(filled):
            told += 1
        else:
            assert rows(filled) == seen
    assert told > FLIPS / 4


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"customer 17asked", b"customer 16asked"),
        (b"reason VARCHAR", b"season VARCHAR"),
    ],
)
def test_a_letter_that_sqlite_takes_for_right_is_a_damage(filled, old, new):
    rewrite(filled, old, new)
    with closing(sqlite3.connect(filled.state)) as connection:
        assert connection.execute("pragma quick_check").fetchall() == [("ok",)]
    with pytest.raises(StateDamagedError, match="The state is damaged") as told:
        check_state(filled)
    assert str(filled.state) in told.value.where
    assert "churn restore" in told.value.hint


def test_sums_that_are_gone_are_a_damage(filled):
    write(filled, f"drop table {state_sums.SUMS}")
    assert state_damages(filled) == ["the sums of its content are gone"]


def test_nothing_is_copied_or_sent_from_a_damaged_state(filled, tmp_path):
    rewrite(filled, b"customer 17asked", b"customer 71asked")
    (state_told,) = (one for one in verify(filled) if one.store == "state")
    assert [damage.path for damage in state_told.damages] == [filled.state]
    with pytest.raises(ChurnError, match="no backup was made"):
        copy_state(filled.state, tmp_path / "copy.sqlite")
    with pytest.raises(StateDamagedError):
        Dispatcher(filled)


def test_nobody_is_planned_for_or_upgraded_over_a_damaged_state(filled, monkeypatch):
    rewrite(filled, b"customer 17asked", b"customer 71asked")
    with pytest.raises(ChurnError, match="damaged"):
        decisions.export_state(filled)
    assert not list(filled.state_export.rglob("*.parquet"))
    # an upgrade makes all sums anew, which would make the damage right
    monkeypatch.setattr(state, "VERSIONS", (*state.VERSIONS, "9999"))
    with pytest.raises(ChurnError, match="damaged"):
        state.open_state(filled)


def test_the_api_serves_nothing_from_a_damaged_state(world, start_api):
    suppressed = [(f"customer {number}", "asked") for number in range(50)]
    decisions.suppress(world, "bench", suppressed)
    api = start_api(world, "read")
    assert len(api.get("/v1/bench/suppressions").json()["items"]) == 50
    assert state_check(api)["is_good"]
    settle(world)
    rewrite(world, b"customer 17asked", b"customer 71asked")
    again = start_api(world)
    answer = again.client.get("/v1/bench/suppressions", headers={"X-API-Key": api.key})
    problem_of(answer, 503, "state-unavailable")
    # a key may be the one that is damaged, so none is called unknown
    answer = again.client.get("/v1/domains", headers={"X-API-Key": f"{api.key}x"})
    problem_of(answer, 503, "state-unavailable")
    health._checked.cache_clear()  # ten minutes later
    ready = again.client.get("/readyz")
    assert ready.status_code == 503
    assert "suppressions" in state_check(again)["words"]


def state_check(api):
    (found,) = (one for one in api.client.get("/readyz").json()["checks"] if one["name"] == "state")
    return found
