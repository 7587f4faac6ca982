"""A CHURN_HOME may be named as people name folders."""

import shutil

import duckdb
import pytest
from raw_rows import published, raw_rows, some_customers

from pipeline.project.duck import quoted
from pipeline.project.home import Home
from pipeline.publish import generation as publish
from pipeline.retention.exports import export_decisions
from pipeline.runs.datasets import DatasetManifest, export_dataset, find_dataset


@pytest.fixture(scope="module")
def elsewhere(demo, tmp_path_factory):
    """The demo's home under a name with an apostrophe, published anew from there."""
    home = Home(tmp_path_factory.mktemp("homes") / "Ann's 100 %" / "home")
    for name in ("models", "published", "dbt"):
        shutil.copytree(demo[0].root / name, home.root / name, symlinks=True)
    shutil.copy(demo[0].warehouse, home.warehouse)
    publish.publish(home, "a")
    return home


def test_a_text_stays_one_literal():
    told = "it's ''; drop table x"
    assert duckdb.execute(f"select {quoted(told)}").fetchone() == (told,)


def test_all_is_published_under_an_apostrophe(demo, elsewhere):
    theirs, mine = (publish.current(home) for home in (demo[0], elsewhere))
    assert mine.name != theirs.name
    assert mine.tables == theirs.tables
    for folder in (theirs.path.with_suffix(""), theirs.path.with_suffix(".plan")):
        copied = mine.path.with_suffix("").with_suffix(folder.suffix)
        assert {p.relative_to(folder) for p in folder.rglob("*")} == {
            p.relative_to(copied) for p in copied.rglob("*")
        }


def test_the_api_reads_writes_and_predicts_under_an_apostrophe(demo, elsewhere, start_api):
    api = start_api(elsewhere, "read", "write", "predict")
    assert api.get("/readyz").status_code == 200, "every model is where its scores say"
    assert len(api.items("/v1/models")) >= 2
    (customer,) = some_customers(demo[0], "kkbox", 1)
    assert api.customer("kkbox", customer).json()["is_scored"]
    told = {"suppressions": [{"customer_id": "nobody", "reason": "asked"}]}
    assert api.post("/v1/kkbox/suppressions", json=told).status_code == 201
    export_decisions(elsewhere)
    assert (elsewhere.state_export / "published_actions.parquet").exists()
    (rows,) = raw_rows(demo[0], "kkbox", [customer]).values()
    answer = api.post(
        "/v1/kkbox/predictions", json={"customers": [{"customer_id": customer, **rows}]}
    )
    (found,) = answer.json()["items"]
    score = published(demo[0], "kkbox", [customer])[customer]["churn_probability"]
    assert abs(found["churn_probability"] - score) <= 1e-9


def test_a_dataset_is_exported_under_an_apostrophe(elsewhere):
    folder = elsewhere.datasets / "kkbox" / "one"
    folder.mkdir(parents=True)
    facts = dict.fromkeys(DatasetManifest.model_fields, "")
    counts = {"rows": 1, "churners": 0, "cohorts": 1, "settings": {}, "tuned": {}, "files": {}}
    manifest = DatasetManifest(**facts | counts | {"name": "one", "domain": "kkbox"})
    (folder / "manifest.json").write_text(manifest.model_dump_json())
    duckdb.execute(f"copy (select 1 as a) to {quoted(folder / 'examples.parquet')}")
    written = export_dataset(find_dataset(elsewhere, "one"), elsewhere.root / "out", "csv")
    assert [path.name for path in written] == ["examples.csv", "manifest.json"]
    assert written[0].read_text() == "a\n1\n"
