"""Every published text column is a code that a test holds to its vocabulary, or says it is not."""

import copy

import duckdb
import pytest
import yaml

from pipeline.project.codes import CODES, terms, titles
from pipeline.project.home import PROJECT

# Names of somebody or something, which no vocabulary could list.
IDS = {
    "action_id",
    "campaign_id",
    "campaign_name",
    "crm_key",
    "customer_id",
    "destination",
    "domain",
    "feature",
    "feature_sql_hash",
    "label_checksum",
    "label_definition",
    "model_hash",
    "model_version",
    "generation",
    "name",
    "part_code",
    "planned_action",
    "playbook_id",
    "playbook_name",
    "previous_run_id",
    "recommended_action",
    "row_hash",
    "rows_of_generation",
    "run_id",
    "sql_hash",
    "subject",
    "worst_origin",
}
# What a reader reads: titles, sentences, meanings.
WORDS = {
    "accepted_because",
    "action_title",
    "bands_because",
    "crm_fields",
    "changed_group_title",
    "condition",
    "currency",
    "decision_title",
    "decision_words",
    "description",
    "driver_group_1",
    "driver_group_2",
    "driver_group_3",
    "evidence",
    "evidence_source",
    "group_title",
    "horizon",
    "hypothesis",
    "ladder_part",
    "live_settings",
    "message_hint",
    "not_scored",
    "outcome",
    "outcome_title",
    "part",
    "protocol",
    "reason_words",
    "segment_value",
    "reasons_in_words",
    "risk_band_title",
    "sentence",
    "summary",
    "suppression_reason",
    "title",
    "top_driver_1",
    "top_driver_2",
    "top_driver_3",
    "top_driver_against",
    "transactions_meaning",
    "usage_meaning",
    "value_definition",
    "verdict",
    "words",
    "themes",
}
# Words or ids in these tables, codes in others.
HERE = {
    ("bi_campaign_lift", "method"),
    ("bi_churn_cohorts", "segment"),
    ("bi_customer_360", "segment"),
    ("bi_models", "decision"),
    ("bi_domains", "population"),
    ("bi_model_quality_by_lead", "population"),
    ("bi_codes", "kind"),
    ("bi_codes", "code"),
    ("bi_codes", "term"),
}
GUARDS = ("accepted_values", "relationships")


@pytest.fixture(scope="module")
def models():
    """The entries of the serving tables in the YAML."""
    return [
        model
        for path in sorted((PROJECT / "models" / "serving").rglob("*.yml"))
        for model in yaml.safe_load(path.read_text()).get("models", ())
    ]


def guards(tests):
    """The tests of a model or a column that have arguments, as pairs of a name and those."""
    return [
        (name, test.get("arguments", {}))
        for entry in tests
        if isinstance(entry, dict)
        for name, test in entry.items()
    ]


def unguarded(models):
    """Text columns that are neither guarded nor said to be ids or words."""
    found = []
    for model in models:
        coded = {
            column
            for name, arguments in guards(model.get("data_tests", ()))
            if name == "are_codes"
            for column in arguments["columns"]
        }
        found += [
            f"{model['name']}.{column['name']}"
            for column in model["columns"]
            if column["data_type"] == "varchar"
            and column["name"] not in IDS | WORDS | coded
            and (model["name"], column["name"]) not in HERE
            and not any(name in GUARDS for name, _ in guards(column.get("data_tests", ())))
        ]
    return found


def test_every_text_column_is_guarded_or_is_said_to_be_an_id_or_words(models):
    assert unguarded(models) == []


def test_a_guard_that_is_taken_away_is_missed(models):
    guarded = 0
    for model in copy.deepcopy(models):
        tests = model["data_tests"]
        for test in [test for test in tests if "are_codes" in test]:
            tests.remove(test)
            assert set(unguarded([model])) == {
                f"{model['name']}.{column}" for column in test["are_codes"]["arguments"]["columns"]
            }
            tests.append(test)
            guarded += 1
    assert guarded > 20


def test_no_exception_outlives_its_column(models):
    columns = {(m["name"], c["name"]) for m in models for c in m["columns"]}
    assert columns >= HERE
    assert {name for _, name in columns} >= IDS | WORDS


def test_what_a_guard_names_is_a_text_column_of_its_table(models):
    for model in models:
        texts = {c["name"] for c in model["columns"] if c["data_type"] == "varchar"}
        for name, arguments in guards(model["data_tests"]):
            if name == "are_codes":
                assert set(arguments["columns"]) <= texts, model["name"]


def test_every_vocabulary_has_titles_and_codes_without_blanks():
    assert {"decision", "reason", "evidence", "model", "metric"} <= {
        line.partition(",")[0] for line in CODES.read_text().splitlines()[1:]
    }
    assert titles("reason")["too_late"] == "Due before an action can reach them"
    assert (titles("model")["logistic"], terms("model")["logistic"]) == (
        "Simple formula",
        "logistic regression",
    )
    assert terms("strategy") == titles("strategy")


def test_values_outside_their_vocabulary_fail_the_build(demo_copy, run_dbt):
    wrong = {
        "are_codes_bi_retention_alternatives_*": (
            "update serving.bi_retention_alternatives set strategy = 'luck' where strategy = 'plan'"
        ),
        "are_codes_bi_churn_drivers_*": (
            "update serving.bi_churn_drivers set strength = 'mild' where rank = 1"
        ),
        "are_codes_bi_model_quality_model__*": (
            "update serving.bi_model_quality set model = 'lightgmb' where model = 'lightgbm'"
        ),
        "assert_reasons_are_worded_as_their_codes": (
            "update churn.fct_churn_actions set reason_words = 'else' "
            "where reason = 'never_treated'"
        ),
    }
    good = run_dbt(demo_copy.root, "test", "--select", *wrong)
    assert good.returncode == 0, good.stdout[-2000:]
    with duckdb.connect(str(demo_copy.warehouse)) as connection:
        for change in wrong.values():
            connection.execute(change)
    done = run_dbt(demo_copy.root, "test", "--select", *wrong)
    assert "Completed with 4 errors" in done.stdout, done.stdout[-2000:]
