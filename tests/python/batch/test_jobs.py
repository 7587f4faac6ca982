"""Jobs, their worker and whoever keeps it at work, without anything published."""

import asyncio
import os
import threading
import time
from contextlib import suppress
from dataclasses import replace
from datetime import date, timedelta
from types import SimpleNamespace

import pytest
import sqlalchemy as sa

from app.batch import jobs as job_table
from app.batch import supervisor as supervisors
from app.batch import work as attempts
from app.batch import worker
from app.batch.jobs import MOST_ATTEMPTS, Jobs, LeaseLostError, TooManyJobsError
from app.batch.supervisor import Supervisor
from app.batch.sweep import sweep
from app.batch.uploads import folder_of
from app.batch.worker import do, serve
from pipeline.project.errors import ChurnError
from pipeline.realtime.cohort import Counts
from pipeline.realtime.controls import Knowledge, check_lake
from pipeline.realtime.errors import RefusedDateError

JOB, OTHER = "a" * 32, "b" * 32
PATIENCE = 20


@pytest.fixture
def jobs(home):
    jobs = Jobs(home)
    yield jobs
    jobs.close()


def give_rows(home, job_id):
    """The folder of a job, as an upload leaves it and a killed attempt adds to it."""
    for name in ("raw", "attempts/1"):
        (folder_of(home, job_id) / name).mkdir(parents=True)
    return folder_of(home, job_id)


def age(path, days):
    then = time.time() - timedelta(days=days).total_seconds()
    os.utime(path, (then, then))


def follow(supervisor, until, on_error=lambda _: None):
    """Let a supervisor follow until something is so."""

    async def wait():
        task = asyncio.create_task(supervisor.follow(on_error))
        end = time.monotonic() + PATIENCE
        while not until() and time.monotonic() < end:
            await asyncio.sleep(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(wait())
    assert until()


def test_a_lease_is_taken_over_only_when_it_has_run_out(jobs, monkeypatch):
    jobs.add(JOB, "kkbox", "key", "cut_off", None)
    first = jobs.claim("one")
    assert first is not None
    assert first.status == "running"
    assert jobs.claim("two") is None
    monkeypatch.setattr(job_table, "LEASE", -job_table.LEASE)
    jobs.update(JOB, "one", stage="scoring")
    assert jobs.claim("two").attempts == 2
    with pytest.raises(LeaseLostError):
        jobs.finish(JOB, "one", result={"customers": 1})
    assert jobs.give_up() == []
    assert jobs.claim("three").attempts == 3
    assert jobs.claim("four") is None, "three deaths are enough"
    assert jobs.give_up() == [JOB]
    assert jobs.find(JOB).status == "failed"


def test_rows_of_a_job_that_killed_its_workers_are_deleted(home, jobs, monkeypatch):
    folder = give_rows(home, JOB)
    jobs.add(JOB, "kkbox", "key", "upload", None)
    monkeypatch.setattr(job_table, "LEASE", -job_table.LEASE)
    for _ in range(MOST_ATTEMPTS):
        assert jobs.claim("killed") is not None
    serve(home, idle_seconds=0.01)
    assert jobs.find(JOB).status == "failed"
    assert "was killed 3 times" in jobs.find(JOB).error["what"]
    assert list(folder.iterdir()) == []


def test_a_key_has_so_many_unfinished_jobs_and_no_more(jobs, monkeypatch):
    monkeypatch.setattr(job_table, "MOST_UNFINISHED", 1)
    jobs.add(JOB, "kkbox", "key", "cut_off", None)
    with pytest.raises(TooManyJobsError):
        jobs.add(OTHER, "ecommerce", "key", "cut_off", None)
    assert jobs.find(OTHER) is None
    assert jobs.add(JOB, "kkbox", "key", "cut_off", None).status == "queued", "it is there already"
    jobs.add(OTHER, "kkbox", "another", "cut_off", None)
    jobs.claim("worker")
    jobs.finish(JOB, "worker", result={"customers": 1})
    jobs.add("c" * 32, "kkbox", "key", "cut_off", None)


def test_a_worker_that_lost_its_lease_leaves_its_successors_folder_alone(home, jobs, monkeypatch):
    jobs.add(JOB, "kkbox", "key", "cut_off", None)
    job = jobs.claim("one")
    beaten = replace(job, attempts=2)
    generation = SimpleNamespace(name="g", path=home.root / "g.duckdb")
    monkeypatch.setattr(attempts, "_live", lambda *_: (generation, "run", date(2017, 4, 1)))

    def lost(*_, **__):
        raise LeaseLostError(JOB)

    def score(*_, spill, target, cut_off, **__):
        (spill / "something").write_text("spilt")
        with pytest.raises(LeaseLostError):
            attempts.work(home, job, lost)
        assert (spill / "something").exists()
        assert cut_off == date(2017, 4, 1)
        target.write_text("scores")
        return Counts(1, 1, {}, [])

    monkeypatch.setattr(attempts, "score_lake", score)
    told = {}
    attempts.work(home, beaten, lambda *_, **values: told.update(values))
    assert [path.name for path in folder_of(home, JOB).iterdir() if path.is_file()] == [
        "results.parquet"
    ]
    assert told["as_of_date"] == date(2017, 4, 1), "known once it has begun"


def test_an_attempt_that_lost_its_lease_puts_no_results_in_place(home, jobs, monkeypatch):
    jobs.add(JOB, "kkbox", "key", "cut_off", date(2017, 4, 1))
    generation = SimpleNamespace(name="g", path=home.root / "g.duckdb")
    monkeypatch.setattr(attempts, "_live", lambda *_: (generation, "run", date(2017, 4, 1)))
    is_lost = threading.Event()

    def score(*_, target, **__):
        target.write_text("scores")
        is_lost.set()
        return Counts(1, 1, {}, [])

    def tell(*_, **__):
        if is_lost.is_set():
            raise LeaseLostError(JOB)

    monkeypatch.setattr(attempts, "score_lake", score)
    with pytest.raises(LeaseLostError):
        attempts.work(home, jobs.claim("one"), tell)
    assert not (folder_of(home, JOB) / "results.parquet").exists()


def test_a_lease_is_renewed_again_after_the_state_was_busy(home, jobs, monkeypatch):
    jobs.add(JOB, "kkbox", "key", "cut_off", None)
    job, beats, is_renewed = jobs.claim("one"), [], threading.Event()
    update = jobs.update

    def busy_once(*arguments, **values):
        beats.append(arguments)
        if len(beats) == 1:
            raise sa.exc.OperationalError("update", {}, Exception("database is locked"))
        update(*arguments, **values)
        is_renewed.set()

    def work(*_):
        assert is_renewed.wait(PATIENCE)
        return {"customers": 1}

    monkeypatch.setattr(worker, "LEASE", timedelta(seconds=0.1))
    monkeypatch.setattr(worker, "work", work)
    monkeypatch.setattr(jobs, "update", busy_once)
    do(home, jobs, job, "one")
    assert jobs.find(JOB).status == "done"


def test_a_worker_that_is_stopped_inside_a_query_gives_its_job_back(home, jobs, monkeypatch):
    def work(*_):
        with suppress(SystemExit):
            worker._stop(15, None)
        raise RuntimeError("Query interrupted")  # what DuckDB makes of it

    monkeypatch.setattr(worker, "_STOPPING", threading.Event())
    monkeypatch.setattr(worker, "work", work)
    jobs.add(JOB, "kkbox", "key", "cut_off", date(2017, 4, 1))
    with pytest.raises(SystemExit):
        serve(home, idle_seconds=PATIENCE)
    job = jobs.find(JOB)
    assert (job.status, job.attempts, job.error) == ("queued", 0, None)


def test_a_job_that_meets_a_busy_state_is_begun_anew(home, jobs, monkeypatch):
    def work(*_):
        raise sa.exc.OperationalError("update", {}, Exception("database is locked"))

    monkeypatch.setattr(worker, "work", work)
    jobs.add(JOB, "kkbox", "key", "cut_off", date(2017, 4, 1))
    do(home, jobs, jobs.claim("one"), "one")
    assert jobs.find(JOB).status == "running"
    monkeypatch.setattr(job_table, "LEASE", -job_table.LEASE)
    jobs.update(JOB, "one")
    assert jobs.claim("two").attempts == 2


def test_why_a_job_failed_names_no_folder_of_this_machine(home, jobs, monkeypatch):
    jobs.add(JOB, "kkbox", "key", "cut_off", None)

    def work(*_):
        raise ChurnError("Another file.", where=f"{home.root}/models/run: a", hint="Put it back.")

    monkeypatch.setattr(worker, "work", work)
    do(home, jobs, jobs.claim("one"), "one")
    told = {"what": "Another file.", "where": "CHURN_HOME/models/run: a", "hint": "Put it back."}
    assert jobs.find(JOB).error == told


def test_the_platforms_own_data_reach_to_the_published_cut_off_at_least():
    day, later, beyond = date(2017, 4, 1), date(2017, 4, 8), date(2017, 4, 9)
    check_lake(Knowledge(day, day, day), day)
    # --as-of scores a day that the data do not reach
    check_lake(Knowledge(day, later, day), later)
    for scored in (day, later):
        with pytest.raises(RefusedDateError, match=f"end before {day}") as refused:
            check_lake(Knowledge(day, scored, day), beyond)
        assert f"Choose {scored} or earlier" in refused.value.hint


def test_old_jobs_and_what_nobody_needs_are_deleted(home, jobs, monkeypatch):
    give_rows(home, JOB)
    ended = give_rows(home, OTHER)
    for name in ("c" * 32, ".incoming-1", ".incoming-2"):
        (home.batch / name).mkdir()
    age(home.batch / ("c" * 32), 2)
    age(home.batch / ".incoming-1", 2)
    jobs.add(JOB, "kkbox", "key", "upload", None)
    with monkeypatch.context() as patched:
        patched.setattr(job_table, "KEPT_FOR", -job_table.KEPT_FOR)
        assert jobs.find(JOB) is None, "what is kept no longer is not there"
        assert jobs.old() == [JOB]
        sweep(home, jobs)
    jobs.add(OTHER, "kkbox", "key", "upload", None)
    jobs.claim("one")
    jobs.finish(OTHER, "one", result={"customers": 1})
    sweep(home, jobs)
    assert jobs.find(JOB) is None
    assert {path.name for path in home.batch.iterdir()} == {OTHER, ".incoming-2"}
    assert list(ended.iterdir()) == []


def test_a_supervisor_tidies_up_without_a_new_job(home, jobs, monkeypatch):
    monkeypatch.setattr(supervisors, "_SECONDS", 0.01)
    give_rows(home, JOB)
    (home.batch / ".incoming-1").mkdir()
    age(home.batch / ".incoming-1", 2)
    jobs.add(JOB, "kkbox", "key", "upload", None)
    jobs.claim("one")
    jobs.finish(JOB, "one", result={"customers": 1})
    monkeypatch.setattr(job_table, "KEPT_FOR", -job_table.KEPT_FOR)
    supervisor = Supervisor(home)
    follow(supervisor, lambda: not any(home.batch.iterdir()))
    monkeypatch.undo()
    assert jobs.find(JOB) is None
    supervisor.close()


def test_what_goes_wrong_while_following_is_told(home, jobs, monkeypatch):
    monkeypatch.setattr(supervisors, "_SECONDS", 0.01)
    home.batch.mkdir()
    supervisor, told = Supervisor(home), []

    def broken():
        raise OSError("no more processes")

    monkeypatch.setattr(supervisor, "attend", broken)
    follow(supervisor, lambda: len(told) > 1, told.append)
    assert isinstance(told[0], OSError)
    supervisor.close()


def test_one_worker_is_started_however_many_ask_for_it_at_once(home, jobs, monkeypatch):
    jobs.add(JOB, "kkbox", "key", "cut_off", None)
    started, opened = [], []

    class Process:
        def __init__(self, *_, **__):
            time.sleep(0.05)
            started.append(self)

        def poll(self):
            return None

        def terminate(self):
            pass

        def wait(self, _):
            pass

    class Slow(Jobs):
        def __init__(self, home):
            time.sleep(0.05)
            super().__init__(home)
            opened.append(self)

    monkeypatch.setattr(supervisors.subprocess, "Popen", Process)
    monkeypatch.setattr(supervisors, "Jobs", Slow)
    supervisor = Supervisor(home)
    threads = [threading.Thread(target=supervisor.attend) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(started), len(opened)) == (1, 1)
    supervisor.close()
    supervisor.attend()
    assert len(started) == 1, "none is started for an app that has ended"


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("rows.csv", "rows.csv"),
        ("rows.csv, line 3", "rows.csv, line 3"),
        ("rows.csv: IO Error: cannot open /srv/churn/batch/1/raw/rows.csv", "rows.csv"),
        (
            "rows.csv\n  header found:    +a/b=,1\n  header expected: fake,2\n"
            "  header expected: msno,[price]",
            "rows.csv\n  header expected: msno,[price]",
        ),
        (
            "rows.csv\n  header found: msno,price\n  wrong in its first rows: price below 0",
            "rows.csv\n  wrong in its first rows: price below 0",
        ),
    ],
)
def test_of_a_place_only_file_line_and_description_are_told(tmp_path, where, told):
    (tmp_path / "rows.csv").touch()
    error = ChurnError("wrong", where=where, hint="Or remove it from the directory.")
    found = attempts._for_uploaders(error, tmp_path)
    assert (found.what, found.where, found.hint) == ("wrong", told, "Or remove it from the upload.")
    no_file = ChurnError("no room", where="/srv/churn/work", hint="CHURN_HOME (/srv/churn) is full")
    found = attempts._for_uploaders(no_file, tmp_path)
    assert (found.what, found.where, found.hint) == ("no room", None, None)
