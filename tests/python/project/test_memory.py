"""How much memory DuckDB and the ML step may use."""

import duckdb
import pytest

from pipeline.ingest.engine import connect
from pipeline.project.duck import open_beside_learning, open_large
from pipeline.project.errors import ChurnError
from pipeline.project.memory import (
    BESIDE_LEARNING_SHARE,
    LEARNING_SHARE,
    cgroup_limits,
    learning_budget,
    machine_memory,
    memory,
)
from pipeline.warehouse.dbt import dbt


def setting(connection, name):
    return connection.execute("select current_setting(?)", [name]).fetchone()[0]


@pytest.mark.parametrize(
    ("words", "size"),
    [
        ("8GB", 8 * 10**9),
        ("8GiB", 8 * 2**30),
        ("8", 8 * 10**9),
        ("1.5", 1_500_000_000),
        (" 700 mb ", 700 * 10**6),
        ("2TiB", 2 * 2**40),
        ("4000000000B", 4_000_000_000),
    ],
)
def test_an_amount_is_what_it_says(monkeypatch, words, size):
    monkeypatch.setenv("CHURN_MEMORY", words)
    assert memory() == size


def test_a_share_is_of_what_the_machine_has_and_60_percent_without_a_word(monkeypatch):
    monkeypatch.setattr("pipeline.project.memory.machine_memory", lambda: 10 * 10**9)
    monkeypatch.setenv("CHURN_MEMORY", "25%")
    assert memory() == 2_500_000_000
    monkeypatch.setenv("CHURN_MEMORY", "")
    assert memory() == 6 * 10**9
    monkeypatch.delenv("CHURN_MEMORY")
    assert memory() == 6 * 10**9


@pytest.mark.parametrize(
    "words", ["much", "8 parrots", "-4GB", "120%", "0%", "8GB 9GB", "100MB", "0"]
)
def test_nonsense_is_refused_with_what_to_write(monkeypatch, words):
    monkeypatch.setenv("CHURN_MEMORY", words)
    with pytest.raises(ChurnError) as refused:
        memory()
    assert repr(words) in refused.value.what
    assert "8GB" in refused.value.hint


def test_a_limit_of_the_control_group_counts_as_the_machine(tmp_path, monkeypatch):
    membership, root = tmp_path / "cgroup", tmp_path / "groups"
    # version 2: the limit may be set on a group above; "max" is none
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "memory.max").write_text("max\n")
    (root / "a" / "memory.max").write_text("3000000000\n")
    membership.write_text("0::/a/b\n")
    assert cgroup_limits(membership, root) == [3_000_000_000]
    # version 1, seen from inside a container: the group's own folder is not mounted
    (root / "memory").mkdir()
    (root / "memory" / "memory.limit_in_bytes").write_text("2000000000\n")
    membership.write_text("5:cpu:/x\n4:memory:/docker/abc\n")
    assert cgroup_limits(membership, root) == [2_000_000_000]
    assert cgroup_limits(tmp_path / "none", root) == []
    monkeypatch.setattr("pipeline.project.memory.cgroup_limits", lambda: [2_000_000_000])
    assert machine_memory() == 2_000_000_000


def test_sessions_for_large_data_are_limited_and_spill_under_churn_home(home, monkeypatch):
    monkeypatch.setenv("CHURN_MEMORY", "2GiB")
    home.root.mkdir()
    duckdb.connect(str(home.warehouse)).close()
    with open_large(home, "publish") as connection:
        assert setting(connection, "memory_limit") == "2.0 GiB"
        assert setting(connection, "temp_directory").startswith(str(home.work / "duckdb/publish_"))
    # a second session of the same file, and of other settings, is no error
    with (
        open_large(home, "freeze", home.warehouse),
        open_beside_learning(home) as connection,
    ):
        assert BESIDE_LEARNING_SHARE == 0.25
        assert setting(connection, "memory_limit") == "512.0 MiB"
    with connect(home.work / "spill") as connection:
        assert setting(connection, "memory_limit") == "2.0 GiB"
    with connect(home.work / "spill", memory=2**30) as connection:
        assert setting(connection, "memory_limit") == "1.0 GiB"


def test_more_rows_than_the_limit_are_spilled_and_leave_nothing(home, monkeypatch):
    monkeypatch.setenv("CHURN_MEMORY", "500MB")
    home.root.mkdir()
    spilled = 0
    with open_large(home, "publish", share=0.1, config={"threads": "1"}) as connection:
        connection.execute(
            "create table many as select range as id, md5(range::varchar) as t from range(1500000)"
        )
        row = connection.execute("select sum(size) from duckdb_temporary_files()").fetchone()
        spilled = row[0] or 0
        assert any((home.work / "duckdb").iterdir())
    assert spilled > 0
    assert list((home.work / "duckdb").iterdir()) == []


def test_a_session_that_cannot_spill_there_is_opened_all_the_same(home, monkeypatch):
    home.root.mkdir()
    home.work.write_text("a file in its way")
    monkeypatch.setenv("CHURN_MEMORY", "1GiB")
    with open_large(home, "publish") as connection:
        assert setting(connection, "memory_limit") == "1.0 GiB"


def test_dbt_gets_what_churn_memory_says(home, console, run_dbt, monkeypatch, tmp_path):
    """Failure: a build takes four fifths of the machine, whatever the operator set."""
    monkeypatch.setenv("CHURN_MEMORY", "3GiB")
    program, told = tmp_path / "dbt", tmp_path / "told"
    program.write_text(f'#!/bin/sh\nprintf %s "$CHURN_DUCKDB_MEMORY" > {told}\n')
    program.chmod(0o755)
    dbt(home, "build", console=console, title="", program=program)
    assert told.read_text() == f"{3 * 2**30}B"

    asked = ("--inline", "select current_setting('memory_limit') as memory_limit", "--quiet")
    monkeypatch.setenv("CHURN_DUCKDB_MEMORY", told.read_text())
    shown = run_dbt(home.root, "show", *asked)
    assert "3.0 GiB" in shown.stdout, shown.stdout + shown.stderr
    # by hand nobody says it
    monkeypatch.delenv("CHURN_DUCKDB_MEMORY")
    shown = run_dbt(home.root, "show", *asked)
    assert "3.7 GiB" in shown.stdout, shown.stdout + shown.stderr


def test_nonsense_stops_every_command_in_words(home, run_churn, monkeypatch):
    monkeypatch.setenv("CHURN_MEMORY", "much")
    done = run_churn(home.root, "keys", "list")
    assert done.returncode == 1
    assert "CHURN_MEMORY is 'much', which is not an amount of memory" in done.stderr


def test_a_training_has_its_share_unless_its_entry_says(monkeypatch):
    monkeypatch.setenv("CHURN_MEMORY", "10GB")
    assert learning_budget(None) == int(10 * 10**9 * LEARNING_SHARE)
    assert learning_budget(0.5) == 500_000_000
    assert LEARNING_SHARE + BESIDE_LEARNING_SHARE < 1
