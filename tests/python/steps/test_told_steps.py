"""A step of a run tells a lineage server what it read and wrote."""

import json
import shutil

from stored import hash_again

from pipeline import steps
from pipeline.project.domains import domain_entries
from pipeline.runs.context import RunContext
from pipeline.runs.registry import current_scores, live_run


def test_scoring_is_told_with_the_rows_of_each_table(demo_copy, console, monkeypatch, tmp_path):
    run, day = live_run(demo_copy, "kkbox"), current_scores(demo_copy, "kkbox").as_of_date
    shutil.rmtree(run / "scores" / day)
    hash_again(demo_copy)
    file = tmp_path / "lineage.jsonl"
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "file")
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__LOG_FILE_PATH", str(file))
    monkeypatch.setenv("OPENLINEAGE__TRANSPORT__APPEND", "true")
    context = RunContext(demo_copy, ("kkbox",), domain_entries(), {}, console)
    steps.score(context, "kkbox")
    began, ended = map(json.loads, file.read_text().splitlines())
    assert (began["eventType"], ended["eventType"]) == ("START", "COMPLETE")
    assert ended["job"]["name"] == "kkbox.score"
    assert {dataset["name"] for dataset in ended["inputs"]} == {
        "warehouse.kkbox.kkbox__churn_examples",
        "warehouse.ml.runs",
    }
    wrote = {
        dataset["name"]: dataset["outputFacets"]["outputStatistics"]["rowCount"]
        for dataset in ended["outputs"]
    }
    assert f"scored {wrote['warehouse.ml.scores']:,} customers" in console.export_text()
    assert wrote["warehouse.ml.drivers"] > wrote["warehouse.ml.scores"]
