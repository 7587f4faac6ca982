"""What was made from what is told as OpenLineage events, where OpenLineage is configured."""

import json
import subprocess
from threading import Event

import duckdb
import pytest

from pipeline.project.errors import ChurnError
from pipeline.warehouse import lineage
from pipeline.warehouse.dbt import dbt
from pipeline.warehouse.lineage import Relation, check_installed, is_asked, tell_build, told

TRANSPORT = "OPENLINEAGE__TRANSPORT__"


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    """Nothing configured, nothing tried."""
    monkeypatch.setattr(lineage, "_is_silent", Event())


@pytest.fixture
def written(tmp_path, monkeypatch):
    """A function that returns the events that went to a file."""
    file = tmp_path / "lineage.jsonl"
    monkeypatch.setenv(f"{TRANSPORT}TYPE", "file")
    monkeypatch.setenv(f"{TRANSPORT}LOG_FILE_PATH", str(file))
    monkeypatch.setenv(f"{TRANSPORT}APPEND", "true")
    return lambda: [json.loads(line) for line in file.read_text().splitlines()]


def test_nothing_is_told_unless_it_is_asked_for(home, console, monkeypatch):
    assert not is_asked()
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    assert is_asked()
    monkeypatch.setenv("OPENLINEAGE_DISABLED", "true")
    assert not is_asked()
    with told(home, "shop.train", ["warehouse.shop.examples"], console):
        pass
    assert console.export_text() == ""


def test_a_step_tells_what_it_reads_and_the_rows_it_wrote(home, console, written):
    with told(home, "shop.score", ["warehouse.shop.shop__churn_examples"], console) as wrote:
        wrote.append(Relation("warehouse.ml.scores", 12))
    began, ended = written()
    assert (began["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    assert began["run"]["runId"] == ended["run"]["runId"]
    assert ended["job"] | {"facets": {}} == {
        "namespace": "churn",
        "name": "shop.score",
        "facets": {},
    }
    (read,), (table,) = ended["inputs"], ended["outputs"]
    assert (read["name"], table["name"]) == (
        "warehouse.shop.shop__churn_examples",
        "warehouse.ml.scores",
    )
    assert read["namespace"] == table["namespace"] == f"duckdb://{home.warehouse}"
    assert table["outputFacets"]["outputStatistics"]["rowCount"] == 12


def test_a_step_that_fails_is_told_without_the_place(home, console, written):
    with (
        pytest.raises(ChurnError),
        told(home, "shop.train", [], console),
    ):
        raise ChurnError("Training shop is refused: too few rows.", where="/home/anna/orders.csv")
    failed = written()[-1]
    assert failed["eventType"] == "FAIL"
    assert failed["run"]["facets"]["errorMessage"]["message"].startswith("Training shop is refused")
    assert "anna" not in json.dumps(failed)


def test_a_server_that_is_down_stops_nothing_and_is_told_once(home, console, monkeypatch):
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__RETRY__TOTAL", "0")
    done = []
    for step in ("shop.train", "shop.score"):
        with told(home, step, [], console):
            done.append(step)
    assert done == ["shop.train", "shop.score"]
    assert console.export_text().count("OpenLineage events are not sent") == 1


def test_without_its_client_it_is_refused_in_words_before_anything_is_built(
    home, console, monkeypatch
):
    check_installed()
    monkeypatch.setenv("OPENLINEAGE_URL", "http://127.0.0.1:9")
    check_installed()
    monkeypatch.setattr(lineage, "find_spec", lambda _: None)
    with pytest.raises(ChurnError, match="client is not installed") as refused:
        check_installed()
    assert "churn-platform[lineage]" in refused.value.hint
    monkeypatch.setattr(subprocess, "Popen", lambda *_, **__: pytest.fail("dbt was called"))
    with pytest.raises(ChurnError, match="client is not installed"):
        dbt(home, "build", console=console, title="build")


def test_a_build_tells_each_model_and_test_and_no_customer(demo, console, written):
    home, _ = demo
    tell_build(home, home.dbt_target, console)
    events = written()
    ended = {e["job"]["name"]: e for e in events if e["eventType"] != "START"}
    made = ended["warehouse.serving.churn_platform.bi_churn_risk.build.run"]
    assert made["eventType"] == "COMPLETE"
    assert {dataset["name"] for dataset in made["outputs"]} == {"warehouse.serving.bi_churn_risk"}
    assert made["inputs"]
    assert {dataset["namespace"] for dataset in made["inputs"]} == {f"duckdb://{home.warehouse}"}
    assert len([name for name in ended if name.endswith(".build.test")]) > 50
    assert "test.churn_platform.assert_scores_match_the_mart" in ended
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        ids = connection.execute(
            "select customer_id from serving.bi_churn_risk where length(customer_id) > 12"
        ).fetchall()
    told_words = json.dumps(events)
    assert ids and not [one for (one,) in ids if one in told_words]
