"""A state that was put in place of the open one, and one that cannot be written."""

import errno
import shutil
import sqlite3

import pytest
import sqlalchemy as sa
from api_client import problem_of

from app.api.access.keys import KeyRing, revoke_key
from app.api.access.store import Store
from pipeline.project.home import Home


def backup(home, path):
    with sqlite3.connect(home.state) as source, sqlite3.connect(path) as target:
        source.backup(target)


def test_keys_of_a_restored_state_count_at_the_next_request(world, start_api, tmp_path):
    api = start_api(world, "read", "write")
    early = {"X-API-Key": api.new_key("read")}
    backup(world, tmp_path / "backup.sqlite")
    late = {"X-API-Key": api.new_key("read")}
    assert api.get("/v1/domains", headers=early).status_code == 200
    assert api.get("/v1/domains", headers=late).status_code == 200
    shutil.copy(tmp_path / "backup.sqlite", tmp_path / "in_place.sqlite")
    (world.state.parent / "state.sqlite-wal").unlink(missing_ok=True)
    (world.state.parent / "state.sqlite-shm").unlink(missing_ok=True)
    (tmp_path / "in_place.sqlite").replace(world.state)
    # the backup does not know the second key
    problem_of(api.get("/v1/domains", headers=late), 401)
    assert api.get("/v1/domains", headers=early).status_code == 200
    # another process revokes a key of the restored state
    other = Store(world)
    revoke_key(other, early["X-API-Key"].split("_")[1])
    other.close()
    problem_of(api.get("/v1/domains", headers=early), 401)


def test_what_is_stored_after_a_restore_is_in_the_restored_state(world, start_api, tmp_path):
    api = start_api(world, "read", "write")
    customer = api.get("/v1/bench/customers?limit=1").json()["items"][0]["customer_id"]
    backup(world, tmp_path / "backup.sqlite")
    for suffix in ("-wal", "-shm"):
        (world.state.parent / f"state.sqlite{suffix}").unlink(missing_ok=True)
    (tmp_path / "backup.sqlite").replace(world.state)
    body = {"suppressions": [{"customer_id": customer, "reason": "asked"}]}
    assert api.post("/v1/bench/suppressions", json=body).status_code == 201
    with sqlite3.connect(Home(world.root).state) as connection:
        assert connection.execute("select count(*) from suppressions").fetchone() == (1,)


def refused_by_sqlite(code):
    cause = sqlite3.OperationalError("refused")
    cause.sqlite_errorcode = code
    return sa.exc.OperationalError("insert", {}, cause)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (sqlite3.SQLITE_FULL, 507, "insufficient-storage"),
        (sqlite3.SQLITE_IOERR_WRITE, 507, "insufficient-storage"),
        (sqlite3.SQLITE_READONLY, 503, "state-unavailable"),
        (sqlite3.SQLITE_CANTOPEN, 503, "state-unavailable"),
        (sqlite3.SQLITE_CORRUPT, 503, "state-unavailable"),
        (sqlite3.SQLITE_BUSY, 503, "busy"),
    ],
)
def test_a_state_that_cannot_be_written_is_told_in_words(
    world, start_api, monkeypatch, code, status, kind
):
    api = start_api(world, "read", "write")
    customer = api.get("/v1/bench/customers?limit=1").json()["items"][0]["customer_id"]

    def refuse(_):
        raise refused_by_sqlite(code)

    monkeypatch.setattr(sa.Engine, "begin", refuse)
    body = {"suppressions": [{"customer_id": customer, "reason": "asked"}]}
    problem = problem_of(api.post("/v1/bench/suppressions", json=body), status)
    assert problem["type"].endswith(kind)
    # reading goes on
    assert api.get("/v1/domains").status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "kind"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), 507, "insufficient-storage"),
        (refused_by_sqlite(sqlite3.SQLITE_CANTOPEN), 503, "state-unavailable"),
        (refused_by_sqlite(sqlite3.SQLITE_BUSY), 503, "busy"),
        (ValueError("a fault of ours"), 500, "internal-error"),
    ],
)
def test_what_fails_before_any_route_is_told_in_the_same_words(
    world, start_api, monkeypatch, error, status, kind
):
    api = start_api(world, "read")

    def find(*_):
        raise error

    monkeypatch.setattr(KeyRing, "find", find)
    problem_of(api.client.get("/v1/domains"), status, kind)
