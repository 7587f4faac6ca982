"""`/readyz` answers for what is served: the generation and the very models behind its scores."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor

import duckdb
import pytest
from api_client import problem_of
from made_recipe import VERSION_1

from benchmarks.api import publish_next
from ml.decision import Decision
from pipeline.publish.generation import current
from pipeline.runs.registry import record

MODEL = b"trees"
RUN = "run 1"


@pytest.fixture
def served(world):
    """The generated world with a model behind its scores."""
    folder = world.models / "bench" / RUN
    folder.mkdir(parents=True)
    (folder / "model.txt").write_bytes(MODEL)
    model_hash = hashlib.sha256(MODEL).hexdigest()
    (folder / "recipe.json").write_text(json.dumps(VERSION_1 | {"model_hash": model_hash}))
    with duckdb.connect(str(world.warehouse)) as connection:
        connection.execute(
            "update serving.bi_domains set model_hash = ? where domain = 'bench'", [model_hash]
        )
    publish_next(world, 1)
    record(world, "bench", Decision(RUN, RUN, "first", "the first model"))
    return world


def checks(answer):
    return {check["name"]: check for check in answer.json()["checks"]}


def test_probes_that_overlap_are_all_answered(served, start_api):
    api = start_api(served)
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: api.client.get("/readyz"), range(80)))
    assert {answer.status_code for answer in answers} == {200}


@pytest.mark.parametrize("damage", [b"tre", b"treeS", None])
def test_a_damaged_model_is_not_ready_and_predictions_say_so(served, start_api, damage):
    api = start_api(served, "read", "predict")
    assert api.get("/readyz").status_code == 200
    path = served.models / "bench" / RUN / "model.txt"
    path.unlink() if damage is None else path.write_bytes(damage)
    answer = api.get("/readyz")
    assert answer.status_code == 503
    assert [name for name, check in checks(answer).items() if not check["is_good"]] == [
        "model of bench"
    ]
    refused = api.post("/v1/bench/predictions", json={"customers": [{"customer_id": "x"}]})
    assert "does not match its recipe" in (problem_of(refused, 503, "model-unavailable")["detail"])
    path.write_bytes(MODEL)
    assert api.get("/readyz").status_code == 200


def test_a_run_that_went_live_since_is_told_and_all_stays_ready(served, start_api):
    record(served, "bench", Decision("run 2", "run 2", "promoted", "somebody chose it"))
    answer = start_api(served).get("/readyz")
    assert answer.status_code == 200
    assert checks(answer)["model of bench"]["words"].endswith(
        "; run 2 went live later and is not published yet"
    )


def test_a_domain_that_was_never_scored_does_not_make_the_others_unready(served, start_api):
    answer = start_api(served).get("/readyz")
    assert answer.status_code == 200
    assert checks(answer)["model of idle"]["words"] == "no scores published"


def test_a_generation_of_an_older_version_is_told_instead_of_a_crash(demo_copy, start_api):
    with duckdb.connect(str(current(demo_copy).path)) as connection:
        connection.execute("alter table serving.bi_domains drop column outcome_title")
    api = start_api(demo_copy, "read")
    # what does not need the column answers as ever
    assert api.get("/v1/kkbox/customers?limit=1").status_code == 200
    found = problem_of(api.get("/v1/domains"), 503, "published-by-an-older-version")
    # a generation of today lacks nothing: a crash there stays a crash
    assert api.services.reader.current().lacking == ["bi_domains.outcome_title"]
    assert "bi_domains.outcome_title" in found["detail"] and "churn publish" in found["detail"]
