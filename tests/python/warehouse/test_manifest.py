"""Every model says what a row is, and a test holds it to that."""

import pytest

from ml.contacted import TABLE
from pipeline.project.home import Home
from pipeline.warehouse.compiled_sql import read_manifest
from pipeline.warehouse.dbt import BEFORE_ML


@pytest.fixture(scope="module")
def nodes(tmp_path_factory, run_dbt):
    """Nodes of dbt's manifest by their id."""
    home = Home(tmp_path_factory.mktemp("parsed"))
    done = run_dbt(home.root, "parse")
    assert done.returncode == 0, done.stdout[-3000:]
    return read_manifest(home)["nodes"]


@pytest.fixture(scope="module")
def models(nodes):
    """The models that are looked at."""
    found = [node for node in nodes.values() if node["resource_type"] == "model"]
    assert len(found) > 130
    return found


def test_every_model_has_a_description_that_opens_with_its_grain(models):
    missing = [
        model["original_file_path"]
        for model in models
        if not model["description"].startswith("One row per ")
    ]
    assert missing == []


def test_every_model_has_a_test_of_its_grain(nodes, models):
    """Or its YAML says, under `meta.untested_grain`, why there is none."""
    tested = {}
    for node in nodes.values():
        if node["resource_type"] == "test" and "test_metadata" in node:
            arguments = node["test_metadata"]["kwargs"]
            name = (node["test_metadata"]["name"], arguments.get("column_name"))
            tested.setdefault(node["attached_node"], set()).add(name)
    missing = [
        model["original_file_path"]
        for model in models
        if not has_grain_test(tested.get(model["unique_id"], set()))
        and not model["config"]["meta"].get("untested_grain")
    ]
    assert missing == []


def has_grain_test(tests):
    """Whether tests, pairs of a name and a column, say which columns name a row."""
    keys = {column for name, column in tests if name == "unique"}
    filled = {column for name, column in tests if name == "not_null"}
    return ("is_unique_by", None) in tests or bool(keys & filled)


def test_what_the_ml_step_reads_is_built_before_it(tmp_path, run_dbt):
    """Without it training would not know of contacts, and nobody would notice."""
    done = run_dbt(tmp_path, "ls", "--resource-type=model", "--output=name", *BEFORE_ML)
    assert done.returncode == 0, done.stdout[-3000:]
    built = set(done.stdout.split())
    assert {
        TABLE,
        "int_churn__features_described",
        "int_churn__segments_assigned",
        "stg_churn__contacts",
    } <= built
    assert not built & {
        "int_churn__contact_eligibility_checked",
        "int_churn__campaign_members_followed",
        "fct_campaign_lift",
        "bi_retention_plan",
        "bi_playbooks",
        "crm_churn_actions",
    }
