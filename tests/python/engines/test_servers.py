"""An engine that is not there is told in words, before anything is built."""

import socket
from dataclasses import replace

import pytest

from pipeline.engines.environments import ENGINES, find_engine
from pipeline.engines.servers import serving
from pipeline.project.errors import ChurnError
from pipeline.warehouse.dbt import dbt


@pytest.fixture(autouse=True)
def no_address(monkeypatch):
    for name in ("CHURN_ENGINE_URL", "CHURN_ENGINE_TARGET"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def installed(folder, name, script):
    """An environment whose program of that name is a script."""
    path = folder / "bin" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


def test_duckdb_is_always_there_and_others_are_named():
    assert find_engine("duckdb") is None
    with pytest.raises(ChurnError, match="no engine 'oracle'") as told:
        find_engine("oracle")
    assert "duckdb, sail, spark" in told.value.hint


@pytest.mark.parametrize("name", ENGINES)
def test_an_engine_that_is_not_installed_says_how_it_would_be(name, monkeypatch, tmp_path):
    monkeypatch.setenv(f"CHURN_{name.upper()}_ENV", str(tmp_path))
    with pytest.raises(ChurnError, match="is not installed") as told:
        find_engine(name)
    assert f"make install-{name}" in told.value.hint
    assert str(tmp_path) in told.value.where


@pytest.mark.parametrize("url", ["here", "sc://", "sc://host", "http://127.0.0.1:1", "sc://h:port"])
def test_an_address_that_is_none_is_refused(url, monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_ENGINE_URL", url)
    with (
        pytest.raises(ChurnError, match="is not the address") as told,
        serving(ENGINES["sail"], tmp_path),
    ):
        pytest.fail("it was served")
    assert "sc://HOST:PORT" in told.value.hint


def test_a_server_that_does_not_answer_is_told(monkeypatch, tmp_path, free_port):
    monkeypatch.setenv("CHURN_ENGINE_URL", f"sc://127.0.0.1:{free_port}")
    with (
        pytest.raises(ChurnError, match="Sail does not answer"),
        serving(ENGINES["sail"], tmp_path),
    ):
        pytest.fail("it was served")


def test_a_server_that_is_named_is_the_one(monkeypatch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"sc://127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setenv("CHURN_ENGINE_URL", url)
        with serving(ENGINES["sail"], tmp_path) as given:
            assert given.url == url
        with serving(ENGINES["spark"], tmp_path) as given:
            assert ENGINES["spark"].target(given.url) == "spark_remote"
            assert ENGINES["spark"].address(given.url)["CHURN_ENGINE_URL"] == url
        thrift = url.replace("sc:", "thrift:")
        monkeypatch.setenv("CHURN_ENGINE_URL", thrift)
        with serving(ENGINES["spark"], tmp_path) as given:
            assert ENGINES["spark"].target(given.url) == "spark_thrift"
            address = ENGINES["spark"].address(given.url)
            assert address["CHURN_ENGINE_PORT"] == str(server.getsockname()[1])
        with (
            pytest.raises(ChurnError, match="not the address of a server of Sail"),
            serving(ENGINES["sail"], tmp_path),
        ):
            pytest.fail("it was served")


def test_a_target_of_ones_own_has_its_own_address(monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_ENGINE_URL", "sc://nowhere:1")
    monkeypatch.setenv("CHURN_ENGINE_TARGET", "databricks")
    with serving(ENGINES["spark"], tmp_path) as given:
        assert given.url is None
        assert ENGINES["spark"].target(given.url) == "databricks"


def test_a_local_spark_is_of_dbt(tmp_path):
    with serving(ENGINES["spark"], tmp_path) as given:
        assert given.url is None
    assert ENGINES["spark"].target(None) == "spark"


def test_a_server_that_ends_at_once_is_told_with_its_last_words(monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_SAIL_ENV", str(tmp_path))
    installed(tmp_path, "sail", "echo no such library; exit 3")
    with (
        pytest.raises(ChurnError, match="Sail did not start") as told,
        serving(replace(ENGINES["sail"]), tmp_path),
    ):
        pytest.fail("it was served")
    assert told.value.where == "no such library"


def test_a_server_ends_with_the_build(monkeypatch, tmp_path):
    monkeypatch.setenv("CHURN_SAIL_ENV", str(tmp_path))
    # its own python is the listener: sail spark server --ip … --port …
    installed(
        tmp_path,
        "sail",
        'exec python3 -c "import socket, sys, time; '
        's = socket.create_server((\'127.0.0.1\', int(sys.argv[-1]))); time.sleep(600)" "$@"',
    )
    with serving(ENGINES["sail"], tmp_path) as server:
        port = int(server.url.rpartition(":")[2])
        socket.create_connection(("127.0.0.1", port)).close()
    with pytest.raises(OSError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_dbt_ends_with_the_server_that_it_works_on(monkeypatch, tmp_path, home, console):
    """Spark Connect's client would wait ten minutes for its return."""
    monkeypatch.setenv("CHURN_SAIL_ENV", str(tmp_path))
    installed(
        tmp_path,
        "sail",
        # it answers, works for a while, and is gone
        'exec python3 -c "import socket, sys, time; '
        "s = socket.create_server(('127.0.0.1', int(sys.argv[-1]))); "
        's.accept(); time.sleep(1); print(\'out of memory\')" "$@"',
    )
    installed(tmp_path, "dbt", "exec sleep 600")
    dbt_of_sail = ENGINES["sail"].program("dbt")
    with (
        pytest.raises(ChurnError, match="Sail has ended while it built") as told,
        serving(ENGINES["sail"], tmp_path) as server,
    ):
        try:
            dbt(
                home,
                "run",
                console=console,
                title="Sail",
                program=dbt_of_sail,
                needs=server.process,
            )
        finally:
            server.check(ENGINES["sail"])
    assert told.value.where == "out of memory"
