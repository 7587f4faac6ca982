"""A backup is whole and restores, whatever runs meanwhile; what is not one is refused in words."""

import json
import random
import shutil
import sqlite3
import threading
import time

import pytest
from api_client import problem_of

from benchmarks.api import publish_next
from pipeline.operations import restore as restoring
from pipeline.operations.backup import MANIFEST, back_up, kept_files, read_backup
from pipeline.operations.restore import check_not_restoring, restore
from pipeline.operations.verify import verify
from pipeline.project.errors import ChurnError
from pipeline.project.files import write_json
from pipeline.project.generations import current_file
from pipeline.project.home import Home
from pipeline.project.sums import SUMS, damages, replaced_with_sum
from pipeline.retention.decisions import suppress

TIMES = 20


def quiet(_):
    pass


def suppressed(home):
    with sqlite3.connect(home.state) as connection:
        return {row[0] for row in connection.execute("select customer_id from suppressions")}


def contents(home):
    return {path.relative_to(home.root): path.read_bytes() for path in kept_files(home.root)}


def test_a_restored_home_has_every_file_of_the_backed_up_one(demo, tmp_path):
    home = demo[0]
    made = back_up(home, tmp_path / "backup", quiet)
    assert made.generation == current_file(home).stem
    other = Home(tmp_path / "other")
    restore(other, tmp_path / "backup", quiet, is_agreed=False)
    assert contents(other) == contents(home)
    assert [one for one in verify(other) if one.damages] == []
    # what readers open is there, and what is derived is not
    assert (other.published / "current.duckdb").is_file()
    assert not other.warehouse.exists()
    # copies: nothing of them changes with the original
    a, b = (current_file(one) for one in (home, other))
    assert a.stat().st_ino != b.stat().st_ino


@pytest.mark.slow
def test_twenty_backups_under_load_lose_nothing_that_was_committed(world, tmp_path):
    """One writes to the state, one replaces files that belong together, one publishes."""
    stop, committed = threading.Event(), ["first"]
    suppress(world, "bench", [("first", "asked")])
    pair = world.models / "bench"

    def decide():
        for number in range(1_000_000):
            if stop.is_set():
                return
            suppress(world, "bench", [(f"c{number}", "asked")])
            committed.append(f"c{number}")

    def replace():
        for number in range(1_000_000):
            if stop.is_set():
                return
            for name in ("live_runs.parquet", "current_scores.parquet"):
                with replaced_with_sum(pair / name) as part:
                    part.write_text(f"{number}")
            time.sleep(0.3)

    def publish():
        for number in range(1, 1_000_000):
            if stop.is_set():
                return
            publish_next(world, number)
            time.sleep(0.5)

    threads = [threading.Thread(target=work) for work in (decide, replace, publish)]
    for thread in threads:
        thread.start()
    try:
        for number in range(TIMES):
            before = set(committed)
            back_up(world, tmp_path / f"{number}", quiet, patience=120)
            other = Home(tmp_path / "other")
            restore(other, tmp_path / f"{number}", quiet, is_agreed=True)
            assert before <= suppressed(other), number
            assert damages(other.models / "bench", is_closed=False) == []
            two = {path.read_text() for path in (other.models / "bench").glob("*.parquet")}
            assert len(two) <= 1, "files that belong together are of two times"
            assert not [d for one in verify(other) for d in one.damages if "models" not in str(d)]
            shutil.rmtree(tmp_path / f"{number}")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert len(committed) > TIMES


def test_a_running_api_follows_a_restore(world, start_api, tmp_path):
    api = start_api(world, "read", "write")
    early = {"X-API-Key": api.new_key("read")}
    back_up(world, tmp_path / "backup", quiet)
    old = current_file(world).stem
    late = {"X-API-Key": api.new_key("read")}
    publish_next(world, 1)
    api.services.reader.refresh()
    assert api.get("/v1/domains").json()["generation"] != old
    restore(world, tmp_path / "backup", quiet, is_agreed=True)
    problem_of(api.get("/v1/domains", headers=late), 401)
    assert api.get("/v1/domains", headers=early).status_code == 200
    api.services.reader.refresh()
    assert api.get("/v1/domains").json()["generation"] == old


def test_the_state_is_restored_into_one_that_is_garbage(world, tmp_path):
    suppress(world, "bench", [("c1", "asked")])
    back_up(world, tmp_path / "backup", quiet)
    world.state.write_bytes(b"garbage" * 1000)
    for suffix in ("-wal", "-shm"):
        world.state.with_name(f"state.sqlite{suffix}").unlink(missing_ok=True)
    restore(world, tmp_path / "backup", quiet, is_agreed=True)
    assert suppressed(world) == {"c1"}


def test_what_must_not_be_done_is_refused_in_words(world, tmp_path):
    def refused(what, work):
        with pytest.raises(ChurnError, match=what) as told:
            work()
        assert told.value.hint

    refused("inside", lambda: back_up(world, world.root / "backup", quiet))
    refused("nothing to back up", lambda: back_up(Home(tmp_path / "none"), tmp_path / "b", quiet))
    back_up(world, tmp_path / "backup", quiet)
    refused("something in the folder", lambda: back_up(world, tmp_path / "backup", quiet))
    refused(
        "a restore replaces it",
        lambda: restore(world, tmp_path / "backup", quiet, is_agreed=False),
    )
    refused("not a backup", lambda: read_backup(world.root))
    manifest = json.loads((tmp_path / "backup" / MANIFEST).read_text())
    chance = random.Random(1)
    for path in chance.sample([p for p in (tmp_path / "backup").rglob("*") if p.is_file()], 12):
        whole, mode = path.read_bytes(), path.stat().st_mode
        path.chmod(0o600)
        path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]) if whole else b"x")
        with pytest.raises(ChurnError):
            read_backup(tmp_path / "backup")
        path.write_bytes(whole)
        path.chmod(mode)
    read_backup(tmp_path / "backup")
    from pipeline.project.sums import write_sums_of

    write_json(tmp_path / "backup" / MANIFEST, manifest | {"state_version": "9999"})
    files = [p for p in (tmp_path / "backup").rglob("*") if p.is_file() and p.name != SUMS]
    write_sums_of(tmp_path / "backup" / SUMS, files)
    refused("newer version", lambda: read_backup(tmp_path / "backup"))


def test_a_damaged_file_is_not_backed_up(demo_copy, tmp_path):
    """A backup of it could take the place of a good one."""
    path = next(demo_copy.labels.glob("*/*/*.parquet"))
    whole = path.read_bytes()
    path.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
    with pytest.raises(ChurnError, match="no backup was made") as told:
        back_up(demo_copy, tmp_path / "backup", quiet)
    assert path.name in told.value.where
    assert list(tmp_path.glob("*backup*")) == []
    path.write_bytes(whole)
    demo_copy.state.write_bytes(demo_copy.state.read_bytes()[:5000])
    with pytest.raises(ChurnError, match="state is damaged"):
        back_up(demo_copy, tmp_path / "backup", quiet)


def test_a_restore_that_is_killed_stops_every_writer_until_it_is_done_again(
    world, tmp_path, monkeypatch
):
    write_json(world.nights / "one.json", {})
    write_json(world.proofs / "bench.json", {})
    back_up(world, tmp_path / "backup", quiet)
    wanted, steps = contents(world), []
    whole = restoring._swap

    def killed(*paths):
        steps.append(paths)
        if len(steps) == 2:
            raise KeyboardInterrupt
        whole(*paths)

    publish_next(world, 1)
    write_json(world.nights / "two.json", {})
    monkeypatch.setattr(restoring, "_swap", killed)
    with pytest.raises(KeyboardInterrupt):
        restore(world, tmp_path / "backup", quiet, is_agreed=True)
    with pytest.raises(ChurnError, match="interrupted") as told:
        check_not_restoring(world)
    assert f"churn restore {tmp_path / 'backup'} --yes" in told.value.hint
    restore(world, tmp_path / "backup", quiet, is_agreed=False)
    check_not_restoring(world)
    assert contents(world) == wanted


def test_the_commands(world, tmp_path, run_churn):
    done = run_churn(world.root, "backup", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    assert "churn restore" in done.stdout
    done = run_churn(tmp_path / "other", "restore", tmp_path / "backup")
    assert done.returncode == 0, done.stderr
    done = run_churn(tmp_path / "other", "restore", tmp_path / "backup")
    assert done.returncode == 1
    assert "--yes" in done.stderr
