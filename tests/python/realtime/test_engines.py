"""Real time's engines follow what is published; opening one holds up nothing else."""

import json
import shutil
import threading
from pathlib import Path

import pytest
from api_client import Api
from raw_rows import raw_rows, some_customers

from pipeline.project.generations import name_current
from pipeline.project.home import Home
from pipeline.publish.generation import current
from pipeline.realtime import engine as realtime


@pytest.fixture
def home(demo, tmp_path):
    """A CHURN_HOME with generations of its own beside the shared demo's models."""
    own = Home(tmp_path)
    for name in ("models", "lake", "raw"):
        (own.root / name).symlink_to(demo[0].root / name)
    shutil.copytree(demo[0].published, own.published, symlinks=True)
    return own


def publish_again(home):
    """What is published, under another name."""
    found = current(home).path
    name = f"{found.stem[:-8]}{'0' * 8}"
    for path in home.published.glob(f"{found.stem}*"):
        copy = shutil.copytree if path.is_dir() else shutil.copy
        copy(path, path.with_name(path.name.replace(found.stem, name)))
    name_current(home, name)
    return name


@pytest.fixture
def opened(monkeypatch):
    """Generations and domains whose engine was opened; who adds to `refused` sees it fail."""

    class Watched(realtime.Engine):
        seen, refused = [], set()

        def __init__(self, home, domain, generation, run_id):
            self.seen.append((generation.stem, domain))
            if generation.stem in self.refused:
                raise OSError("a disk that fails")
            super().__init__(home, domain, generation, run_id)

    monkeypatch.setattr(realtime, "Engine", Watched)
    return Watched


def predict(api, home, domain="kkbox"):
    ((customer, tables),) = raw_rows(home, domain, some_customers(home, domain, 1)).items()
    body = {"customers": [{"customer_id": customer, **tables}]}
    answer = api.post(
        f"/v1/{domain}/predictions",
        content=json.dumps(body),
        headers={"Content-Type": "application/json"},
    )
    return answer.json()


def test_a_new_generation_has_the_engines_in_use_before_requests_get_it(home, opened):
    with Api(home, "predict", follow_seconds=3600) as api:
        first = predict(api, home)
        new = publish_again(home)
        assert predict(api, home)["generation"] == first["generation"]
        served = []
        api.services.reader.preparations.append(
            lambda _: served.append(api.services.reader.current().name)
        )
        api.services.reader.refresh()
        # only the domain that somebody asks
        assert opened.seen == [(first["generation"], "kkbox"), (new, "kkbox")]
        assert served == [first["generation"]]
        second = predict(api, home)
        assert len(opened.seen) == 2
        assert second["generation"] == new
        assert second["items"] == first["items"]


def test_an_engine_that_does_not_open_holds_no_generation_back(home, opened):
    with Api(home, "predict", "read", follow_seconds=3600) as api:
        predict(api, home)
        new = publish_again(home)
        opened.refused.add(new)
        api.services.reader.refresh()
        assert api.get("/v1/domains").json()["generation"] == new
        (line,) = [line for line in api.lines() if line["event"] == "engine_not_opened"]
        assert (line["domain"], line["error"]) == ("kkbox", "OSError")
        # and is tried again by whoever needs it
        opened.refused.clear()
        assert predict(api, home)["generation"] == new


def test_a_damaged_bundle_is_a_problem_in_words(home):
    with Api(home, "predict", follow_seconds=3600) as api:
        first = predict(api, home)
        new = publish_again(home)
        for path in (home.published / new / "realtime").glob("*.parquet"):
            path.write_bytes(b"garbage")
        api.services.reader.refresh()
        assert api.services.reader.current().name == new != first["generation"]
        told = predict(api, home)
        assert told["status"] == 503
        assert told["type"].endswith("not-published")
        assert "damaged" in told["detail"]


class Slow:
    """An engine that opens when it may."""

    may_open = threading.Event()

    def __init__(self, home, domain, generation, run_id):
        if domain == "slow":
            assert self.may_open.wait(20)


def test_who_asks_one_domain_does_not_wait_for_another_one(monkeypatch, tmp_path):
    monkeypatch.setattr(realtime, "Engine", Slow)
    engines = realtime.Engines(Home(tmp_path))
    found = []
    waiting = [
        threading.Thread(target=lambda: found.append(engines.engine(Path("a"), "slow", "r")))
        for _ in range(2)
    ]
    for thread in waiting:
        thread.start()
    assert engines.engine(Path("a"), "quick", "r") is engines.engine(Path("a"), "quick", "r")
    assert engines.in_use() == {"quick"}
    Slow.may_open.set()
    for thread in waiting:
        thread.join(20)
    # both waited for the one that was opened
    assert found[0] is found[1]


def test_engines_of_older_generations_go(monkeypatch, tmp_path):
    Slow.may_open.set()
    monkeypatch.setattr(realtime, "Engine", Slow)
    engines = realtime.Engines(Home(tmp_path), kept=2)
    kept = {name: engines.engine(Path(name), "slow", "r") for name in ("a", "b")}
    assert engines.engine(Path("a"), "slow", "r") is kept["a"]
    engines.engine(Path("c"), "slow", "r")
    assert engines.engine(Path("a"), "slow", "r") is kept["a"]
    assert engines.engine(Path("b"), "slow", "r") is not kept["b"]
