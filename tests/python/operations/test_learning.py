"""A night trains when outcomes came in that no judged model has learned from, or by schedule."""

import json
import shutil
from dataclasses import replace

import duckdb
import pytest
from stored import hash_again

from ml.decision import Decision
from pipeline.operations.learning import learn_if_due, training_due
from pipeline.project.domains import domain_entries
from pipeline.runs.context import RunContext
from pipeline.runs.registry import live_name, live_run, record

DOMAIN = "kkbox"


@pytest.fixture
def context(demo_copy, console):
    entries = {name: entry.resolved() for name, entry in domain_entries().items()}
    return RunContext(demo_copy, (DOMAIN,), entries, {}, console)


def forget(run, cohorts):
    """Let a run have learned from so many cohorts less."""
    path = run / "recipe.json"
    recipe = json.loads(path.read_text())
    recipe["live_cohorts"] = recipe["live_cohorts"][:-cohorts]
    path.write_text(json.dumps(recipe))


def twin(context):
    """A run beside the live one that was trained on the same cohorts."""
    live = live_run(context.home, DOMAIN)
    other = live.with_name(f"{live.name}-new")
    shutil.copytree(live, other)
    return other


def test_nothing_is_due_while_no_cohort_has_closed(context):
    assert training_due(context, DOMAIN) is None


def test_a_cohort_that_has_closed_is_learned_from(context):
    forget(live_run(context.home, DOMAIN), 1)
    assert training_due(context, DOMAIN) == "the outcomes of the cohort of 2017-02-01 are known"
    forget(live_run(context.home, DOMAIN), 1)
    assert training_due(context, DOMAIN) == (
        "the outcomes of 2 more cohorts are known, the newest of 2017-02-01"
    )


def test_without_a_live_model_a_night_trains(context):
    (context.home.models / DOMAIN / "live_runs.parquet").unlink()
    assert training_due(context, DOMAIN) == "no model is live yet"


def test_a_model_that_was_held_back_is_not_trained_again_but_told_again(context):
    live, new = live_name(context.home, DOMAIN), twin(context)
    forget(live_run(context.home, DOMAIN), 1)
    hash_again(context.home)
    record(context.home, DOMAIN, Decision(live, new.name, "held_back", "it jumps"))
    assert training_due(context, DOMAIN) is None
    assert learn_if_due(context, DOMAIN) is None
    told = " ".join(context.console.export_text().split())
    assert f"{new.name} was held back" in told
    assert f"churn models promote {new.name} --domain {DOMAIN}" in told
    assert context.exit_code == 4


def test_a_run_of_another_definition_of_leaving_does_not_count(context):
    live, new = live_name(context.home, DOMAIN), twin(context)
    forget(live_run(context.home, DOMAIN), 1)
    path = new / "recipe.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"label_definition": "supplied"}))
    record(context.home, DOMAIN, Decision(live, new.name, "held_back", "it jumps"))
    assert training_due(context, DOMAIN) == "the outcomes of the cohort of 2017-02-01 are known"


def test_the_entry_may_ask_for_a_training_every_so_many_days(context):
    def every(days):
        changed = context.entries[DOMAIN].with_changes({"train_every_days": days})
        return replace(context, entries={**context.entries, DOMAIN: changed})

    run = live_run(context.home, DOMAIN)
    assert training_due(every(30), DOMAIN) is None
    # the live run was trained for a cut-off of 30 days ago
    duckdb.sql(
        "copy (select * replace (date '2017-03-02' as scoring_as_of_date) "
        f"from '{run}/runs.parquet') to '{run}/new.parquet' (format parquet)"
    )
    (run / "new.parquet").replace(run / "runs.parquet")
    assert training_due(every(31), DOMAIN) is None
    assert training_due(every(30), DOMAIN) == (
        "the last training was for 2017-03-02, and train_every_days is 30"
    )
    assert training_due(context, DOMAIN) is None
