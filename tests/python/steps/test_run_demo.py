"""The whole way on a small demo, as a user would go it."""

import hashlib
import json
import re
import shutil
from datetime import date

import duckdb
import pytest
from stored import hash_again

from app.api.published.row_models import serving_tables
from pipeline.project.exit_codes import WARNED
from pipeline.publish.generation import current
from pipeline.runs.nights import nights

pytestmark = pytest.mark.usefixtures("demo")

LATER = {
    "bi_campaign_lift",
    "bi_campaigns",
    "bi_churn_moves",
    "bi_contacted_examples",
    "bi_corrections",
    "bi_playbooks",
    "bi_realised_quality",
    "bi_retention_earned",
}
EXAMPLES = "select * from kkbox.kkbox__churn_examples order by customer_id, as_of_date"


def ask(path, sql):
    with duckdb.connect(str(path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def ask_published(home, sql):
    return ask(current(home).path, sql)


def examples_hash(home):
    rows = ask(home.warehouse, EXAMPLES)
    return hashlib.sha256(repr(rows).encode()).hexdigest(), len(rows)


def test_the_terminal_shows_the_riskiest_the_quality_the_ceiling_and_what_next(demo):
    shown = " ".join(demo[1].split())
    for words in (
        "the 10 riskiest of",
        "which no model saw",
        "without customers who have already cancelled",
        "LightGBM",
        "logistic regression",
        "hand rule",
        "the best possible log loss",
        "What to look at next",
    ):
        assert words in shown


def test_every_serving_table_is_published_with_rows_and_the_columns_of_its_yaml(demo):
    home, _ = demo
    for model in serving_tables().values():
        rows = ask_published(home, f"describe serving.{model['name']}")
        assert [row[0] for row in rows] == [column["name"] for column in model["columns"]]
        # a first run has no closed scores and no campaigns yet, and evaluates nothing
        is_empty = "churn evaluate" in model["description"] or model["name"] in LATER
        (rows,) = ask_published(home, f"select count(*) > 0 from serving.{model['name']}")
        assert rows == (not is_empty,)
        assert (current(home).path.with_suffix("") / f"{model['name']}.parquet").exists()
        has_csv = (current(home).path.with_suffix("") / f"{model['name']}.csv").exists()
        assert has_csv == model["name"].startswith("crm_")


def test_descriptions_travel_into_the_published_file(demo):
    missing = ask_published(
        demo[0],
        "select table_name, column_name from duckdb_columns() "
        "where schema_name = 'serving' and comment is null",
    )
    assert missing == []


def test_drivers_of_every_customer_add_up_to_the_margin(demo):
    home, _ = demo
    worst, customers = ask(
        home.warehouse,
        """
        select max(abs(margin - base_log_odds - drivers)), count(*)
        from churn.fct_churn_scores
        inner join (
            select domain, customer_id, sum(contribution_log_odds) as drivers
            from serving.bi_churn_drivers group by all
        ) using (domain, customer_id)
        inner join serving.bi_domains using (domain)
        where is_live
        """,
    )[0]
    assert customers > 1000
    assert worst <= 1e-5


def test_the_probability_is_the_calibration_of_the_margin(demo):
    from ml.artifacts import load_model
    from pipeline.runs.registry import live_run, trained_run

    home, _ = demo
    _, calibration = load_model(trained_run(live_run(home, "kkbox")))
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        scores = connection.execute(
            "select margin, churn_probability from churn.fct_churn_scores where is_live"
        ).fetchnumpy()
    assert (calibration.apply(scores["margin"]) == scores["churn_probability"]).all()


def test_a_second_run_works_nothing_through_again(demo_copy, run_churn):
    before = current(demo_copy).name
    done = run_churn(demo_copy.root, "demo", "--scale", 0.2)
    assert done.returncode == 0, done.stderr
    for words in ("(unchanged)", "build: up to date", "is already trained", "is current"):
        assert words in done.stdout
    assert current(demo_copy).name == before


@pytest.mark.long  # a training in runs/test_datasets.py, a build in warehouse/test_kept_features.py
def test_two_builds_and_trainings_on_the_same_files_are_equal_to_the_last_bit(
    demo, demo_copy, run_churn
):
    demo_copy.warehouse.unlink()
    shutil.rmtree(demo_copy.models)
    done = run_churn(demo_copy.root, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    assert examples_hash(demo_copy) == examples_hash(demo[0])
    sql = (
        "select customer_id, churn_probability, model_hash, rank, feature, contribution_log_odds "
        "from churn.fct_churn_scores inner join churn.fct_churn_drivers using (customer_id) "
        "where is_live order by all"
    )
    assert ask(demo_copy.warehouse, sql) == ask(demo[0].warehouse, sql)


@pytest.mark.long
def test_frozen_labels_outlive_the_warehouse_and_a_changed_lake(demo, demo_copy, run_churn):
    sql = (
        "select label_definition, as_of_date, label_rows, label_checksum, label_version "
        "from kkbox.kkbox__label_cohorts where label_version > 0 order by all"
    )
    built = run_churn(demo_copy.root, "build", "--domain", "kkbox", "--set", "value_months=7")
    assert built.returncode == 0, built.stderr
    before = ask(demo_copy.warehouse, sql)
    assert {row[-1] for row in before} == {1}
    # every later purchase disappears from the raw files: outcomes would change
    for file in (demo_copy.lake / "kkbox" / "transactions").glob("*/*.parquet"):
        duckdb.sql(
            f"copy (select * from '{file}' where transaction_date < date '2016-06-01') "
            f"to '{file}.new' (format parquet)"
        )
        file.with_name(file.name + ".new").replace(file)
    hash_again(demo_copy)
    demo_copy.warehouse.unlink()
    built = run_churn(demo_copy.root, "build")
    assert built.returncode == WARNED, built.stdout + built.stderr
    assert ask(demo_copy.warehouse, sql) == before
    # the logs still reach to 2017, but outcomes show in transactions
    (known_before,) = ask(
        demo_copy.warehouse,
        "select known_before from control.control__knowledge where domain = 'kkbox'",
    )[0]
    assert known_before <= date(2016, 6, 1)


def test_every_frozen_cohort_has_a_registry_entry_that_fits_it(demo):
    home, _ = demo
    files = sorted(home.labels.glob("**/*.parquet"))
    assert len(files) > 40
    for file in files:
        entry = json.loads(file.with_suffix(".json").read_text())
        assert duckdb.sql(f"select count(*) from '{file}'").fetchone() == (entry["rows"],)
        assert entry["missing_raw_files"] == []


def test_driver_sentences_read_as_sentences(demo):
    sentences = {
        row[0]
        for row in ask_published(demo[0], "select distinct sentence from serving.bi_churn_drivers")
    }
    assert len(sentences) > 200
    for sentence in sentences:
        assert sentence
        assert not re.search(r"[{}]|__|(^| )1 (days|times|songs|hours)\b|-0(\.0)?\b|null", sentence)


def test_a_yes_or_no_is_told_with_the_share_of_those_who_are_alike(demo):
    rows = ask_published(
        demo[0],
        "select distinct value, sentence, usual_value from serving.bi_churn_drivers "
        "where feature = 'payment__is_auto_renew'",
    )
    assert {value for value, *_ in rows} == {0.0, 1.0}
    for value, sentence, share in rows:
        alike = share if value == 1 else 1 - share
        assert sentence.endswith(f"(like {alike * 100:.0f}% of customers)")


def test_reasons_in_the_risk_table_raise_the_risk(demo):
    contrary = ask_published(
        demo[0],
        "select risk.customer_id from serving.bi_churn_risk as risk "
        "inner join serving.bi_churn_reasons as reasons using (domain, customer_id) "
        "where (reasons.direction = 'lowers' or reasons.is_typical) "
        "and reasons.sentence in (risk.top_driver_1, risk.top_driver_2, risk.top_driver_3)",
    )
    assert contrary == []
    typical = ask_published(
        demo[0],
        "select is_typical, count(*) filter (where sentence like '%(typical)') "
        "from serving.bi_churn_reasons group by all order by 1",
    )
    assert typical[0] == (False, 0)
    assert typical[1][1] > 0


def test_the_night_of_the_demo_is_on_record(demo):
    home, _ = demo
    (night,) = nights(home)
    assert (night.command, night.outcome) == ("demo", "published")
    assert night.generation == current(home).name
    assert [(step.name, step.domain) for step in night.steps] == [
        ("read files", "kkbox"),
        ("read files", "ecommerce"),
        ("build", ""),
        ("learn and score", "kkbox"),
        ("learn and score", "ecommerce"),
        ("publish", ""),
    ]
    assert all(step.seconds > 0 for step in night.steps)
    read = {(rows.domain, rows.table): rows for rows in night.rows}
    assert read["kkbox", "transactions"].read > 0
    assert {rows.quarantined for rows in night.rows} == {0}
