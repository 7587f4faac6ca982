"""Homes and an API for the tests of the viewer's pages."""

import shutil

import duckdb
import pytest
from viewer_pages import ask

from app.viewer import client
from pipeline.project.home import Home
from pipeline.publish.generation import current


@pytest.fixture
def published_demo(demo, monkeypatch):
    """The demo as the viewer's home, without an API; returns a function that asks its tables."""
    monkeypatch.setenv("CHURN_HOME", str(demo[0].root))
    monkeypatch.delenv(client.ADDRESS, raising=False)
    monkeypatch.delenv(client.KEY, raising=False)
    return lambda sql, *values: ask(demo[0], sql, *values)


@pytest.fixture
def changed(demo, tmp_path, monkeypatch):
    """A function that publishes the demo after some SQL, as the viewer's home."""

    def change(*statements):
        home, live = Home(tmp_path / "home"), current(demo[0])
        home.published.mkdir(parents=True)
        for suffix in (".duckdb", ".json"):
            shutil.copy(live.path.with_suffix(suffix), home.published)
        with duckdb.connect(str(home.published / live.path.name)) as connection:
            for statement in statements:
                connection.execute(statement)
        (home.published / "current.duckdb").symlink_to(live.path.name)
        monkeypatch.setenv("CHURN_HOME", str(home.root))
        monkeypatch.delenv(client.ADDRESS, raising=False)
        return home

    return change


@pytest.fixture
def served(demo_copy, start_api, monkeypatch):
    """The API over a copy of the demo, as the viewer asks it."""
    api = start_api(demo_copy, "read", "write")
    monkeypatch.setenv("CHURN_HOME", str(demo_copy.root))
    monkeypatch.setenv(client.ADDRESS, "http://testserver")

    class Client:
        def request(self, method, path, *, timeout, **more):
            assert timeout
            return api.client.request(method, path, **more)

    monkeypatch.setattr(client, "_client", lambda _: Client())
    return api
