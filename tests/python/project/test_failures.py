"""What the machine refuses is told in words, without the values that a database was given."""

import errno
import sqlite3
from dataclasses import replace

import duckdb
import pytest
import sqlalchemy as sa

from cli.common import for_each_domain, make_context
from pipeline.project.failures import in_words, is_full
from pipeline.project.home import Home
from pipeline.project.state import open_state


def limited(connection, pages):
    connection.exec_driver_sql(f"pragma max_page_count = {pages}")


def test_a_full_disk_of_the_state_is_told_without_what_was_stored(tmp_path):
    engine = open_state(Home(tmp_path))
    with engine.connect() as connection:
        connection.exec_driver_sql("create table words (word varchar)")
        limited(connection, 1)
        with pytest.raises(sa.exc.OperationalError) as raised:
            for _ in range(2_000):
                connection.execute(
                    sa.text("insert into words values (:word)"), {"word": "Ada Lovelace " * 500}
                )
    assert is_full(raised.value)
    told = in_words(raised.value)
    assert told.what == "The disk is full."
    assert "Lovelace" not in str(told)
    # nor in the traceback that a programmer sees
    assert "Lovelace" not in str(raised.value)


@pytest.mark.parametrize("content", [b"garbage" * 1_000, b"SQLite format 3\0" + b"x" * 5_000])
def test_a_damaged_state_is_told_with_the_way_out(tmp_path, run_churn, content):
    (tmp_path / "state.sqlite").write_bytes(content)
    done = run_churn(tmp_path, "keys", "list")
    assert done.returncode == 1
    assert "The state is damaged" in done.stderr
    assert "backup" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        (OSError(errno.ENOSPC, "No space left on device", "lake/x"), "The disk is full."),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "lake/x"), "The disk is full."),
        (OSError(errno.EFBIG, "File too large", "lake/x"), "largest size that is allowed"),
        (duckdb.IOException('Could not write file "x": File too large'), "largest size"),
        (PermissionError(errno.EACCES, "Permission denied", "lake/x"), "Permission denied."),
        (OSError(errno.EROFS, "Read-only file system", "lake/x"), "Read-only file system."),
        (duckdb.IOException("Could not write file: No space left on device"), "The disk is full."),
        (duckdb.IOException('Could not set lock on file "a"'), "has the database open"),
        (duckdb.OutOfMemoryException("failed to pin"), "not enough memory"),
        (MemoryError(), "not enough memory"),
    ],
)
def test_what_the_machine_refuses_has_words_and_a_way_out(problem, words):
    told = in_words(problem)
    assert words in told.what
    assert told.hint


@pytest.mark.parametrize(
    "problem", [ValueError("a"), OSError("a"), duckdb.BinderException("a"), KeyError("a")]
)
def test_a_fault_of_the_program_is_not_hidden(problem):
    assert in_words(problem) is None


def test_another_error_of_the_state_is_a_fault_of_the_program(tmp_path):
    engine = open_state(Home(tmp_path))
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError) as raised:
        connection.exec_driver_sql("select * from nothing")
    assert in_words(raised.value) is None
    assert isinstance(raised.value.orig, sqlite3.OperationalError)


@pytest.mark.parametrize(
    ("problem", "stops"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), True),
        (duckdb.IOException('Could not set lock on file "a"'), True),
        (PermissionError(errno.EACCES, "Permission denied", "lake/kkbox"), False),
        (duckdb.OutOfMemoryException("failed to pin"), False),
        (ValueError("a"), False),
    ],
)
def test_trouble_of_one_domain_does_not_stop_the_others(tmp_path, monkeypatch, problem, stops):
    monkeypatch.setenv("CHURN_HOME", str(tmp_path))
    context = replace(make_context(None), domains=("kkbox", "ecommerce"))
    done = []

    def step(domain):
        if domain == "kkbox":
            raise problem
        done.append(domain)

    if stops:
        with pytest.raises(type(problem)):
            for_each_domain(context, step)
        assert done == []
    else:
        for_each_domain(context, step)
        assert done == ["ecommerce"]
        assert context.dropped == {"kkbox"}
