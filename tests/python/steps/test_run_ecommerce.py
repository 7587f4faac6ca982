"""The domain without contracts, from raw files to published scores, on demo and real files."""

import json
import re
import shutil
from datetime import date, timedelta

import duckdb
import pytest
from rich.console import Console
from viewer_pages import assert_every_page_opens

from pipeline.demo import generate
from pipeline.project.home import Home
from pipeline.publish.generation import current

RIVALS = {"logistic", "hand_rule", "recency", "own_rate", "base_rate"}
MODELS = {"lightgbm", "lightgbm_own_level", "bg_nbd", *RIVALS}


def ask_published(home, sql):
    with duckdb.connect(str(current(home).path), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def riskiest(home):
    ((customer,),) = ask_published(
        home, "select customer_id from serving.bi_churn_risk where risk_rank = 1"
    )
    return customer


def quality(home):
    return {
        (model, metric): value
        for model, metric, value in ask_published(
            home,
            "select model, metric, value from serving.bi_model_quality "
            "where domain = 'ecommerce' and split = 'test'",
        )
    }


def test_customers_without_a_contract_have_no_due_date_and_no_cancel(demo):
    rows = ask_published(
        demo[0],
        "select count(*), count(due_on), count(already_cancelled), count(customer_value), "
        "count(top_driver_1) from serving.bi_churn_risk where domain = 'ecommerce'",
    )
    ((customers, due, cancelled, valued, worded),) = rows
    assert customers > 300
    assert (due, cancelled) == (0, 0)
    assert valued == customers
    # what is typical, and the level of the whole cohort, is not said of anybody
    assert worded > 0.8 * customers
    shown = " ".join(demo[1].split())
    assert "Not scored: customers with fewer than 2 orders" in shown


def test_the_domain_says_who_is_not_scored_and_what_its_settings_were(demo):
    ((population, not_scored, outcome, definition),) = ask_published(
        demo[0],
        "select population, not_scored, outcome, label_definition "
        "from serving.bi_domains where domain = 'ecommerce'",
    )
    assert population == "customers with 2 or more orders, at least one in the last 90 days"
    assert not_scored.startswith("customers with fewer than 2 orders")
    assert outcome == "places no order within 30 days"
    assert definition == "no_order_h30_l90_m2"


def test_every_model_of_the_entry_is_measured(demo):
    assert {model for model, _ in quality(demo[0])} == MODELS


def test_the_guards_of_the_run_are_on_record(demo):
    with duckdb.connect(str(demo[0].warehouse), read_only=True) as connection:
        rows = dict(
            connection.execute(
                "select guard, count(*) from ml.checks where domain = 'ecommerce' "
                "and not is_broken group by all"
            ).fetchall()
        )
    assert set(rows) == {
        "held_out",
        "unique_rows",
        "same_population",
        "single_features",
        "shuffled_labels",
        "train_against_scoring",
    }
    assert rows["single_features"] > 60


@pytest.mark.long
def test_overridden_settings_name_the_label(demo_copy, run_churn):
    done = run_churn(
        demo_copy.root,
        "build",
        "--domain",
        "ecommerce",
        "--set",
        "horizon_days=60",
        "--set",
        "lookback_days=120",
        "--set",
        "min_orders=3",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(demo_copy.warehouse), read_only=True) as connection:
        found = dict(
            connection.execute(
                "select label_definition, min(label_known_on - as_of_date) "
                "from ecommerce.ecommerce__labels group by all"
            ).fetchall()
        )
        (orders,) = connection.execute(
            "select min(orders__orders) from ecommerce.ecommerce__churn_examples"
        ).fetchone()
    assert found == {"no_order_h30_l90_m2": 30, "no_order_h60_l120_m3": 60}
    assert orders == 3
    assert (demo_copy.labels / "ecommerce" / "no_order_h60_l120_m3").is_dir()


def cut(raw, target, select, since=date(2018, 1, 1), until=date(2021, 1, 1)):
    """Write a cut of the demo's events into a folder of raw files."""
    target.mkdir(parents=True)
    shutil.copy(raw / "churn_demo.json", target)
    duckdb.sql(
        f"copy (select {select} from read_csv('{raw}/*.csv', all_varchar = true) "
        f"where event_time >= '{since}' and event_time < '{until}') "
        f"to '{target}/events.csv' (format csv, header)"
    )


@pytest.mark.long
def test_61_days_are_refused_with_the_command_that_fits_and_it_does(home, run_churn, tmp_path):
    made = Home(tmp_path / "made")
    # enough customers that the preset needs no smaller size
    assert generate("ecommerce", made, scale=0.6, seed=7, console=Console(quiet=True))
    until = date(2020, 5, 1)
    cut(made.raw / "ecommerce", tmp_path / "raw", "*", until - timedelta(days=61), until)
    done = run_churn(home.root, "run", "--domain", "ecommerce", "--raw", tmp_path / "raw")
    assert done.returncode == 3, done.stdout + done.stderr
    told = " ".join(done.stderr.split())
    assert "The files hold 61 days" in told
    assert "grid week, horizon_days 14" in told
    command = re.search(r"churn (run --domain ecommerce --set preset=short)", told).group(1)
    done = run_churn(home.root, *command.split())
    assert done.returncode == 0, done.stdout + done.stderr
    ((definition, customers),) = ask_published(
        home,
        "select label_definition, count(*) from serving.bi_churn_risk group by all",
    )
    assert definition == "no_order_h14_l30_m1"
    assert customers > 500


@pytest.mark.long
def test_purchases_alone_are_enough(demo, home, run_churn, tmp_path, monkeypatch):
    """Three columns: no prices, no sessions, no views. What needs them is null."""
    cut(
        demo[0].raw / "ecommerce",
        tmp_path / "raw",
        "event_time, event_type, user_id",
    )
    path = tmp_path / "raw" / "events.csv"
    lines = path.read_text().splitlines()
    path.write_text("\n".join([lines[0], *(x for x in lines if ",purchase," in x)]) + "\n")
    done = run_churn(home.root, "run", "--domain", "ecommerce", "--raw", tmp_path / "raw")
    assert done.returncode == 0, done.stdout + done.stderr
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select count(*), count(orders__days_since_last), count(browsing__views_28d), "
            "count(browsing__carts_28d), count(orders__amount), count(customer_value) "
            "from ecommerce.ecommerce__churn_examples"
        ).fetchone()
    assert rows[0] == rows[1] > 1000
    assert rows[2:] == (0, 0, 0, 0)
    found = quality(home)
    assert found["lightgbm", "log_loss"] < found["base_rate", "log_loss"]
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    assert_every_page_opens("Online shop", riskiest(home))


@pytest.mark.long
def test_real_purchases_run_from_the_raw_file_to_scores_and_beat_every_baseline(
    home, run_churn, shared_data, monkeypatch
):
    done = run_churn(
        home.root,
        "run",
        "--domain",
        "ecommerce",
        "--raw",
        shared_data / "cdnow_as_ecommerce",
        "--set",
        "horizon_days=90",
        "--set",
        "lookback_days=365",
        "--set",
        "min_orders=1",
    )
    assert done.returncode == 0, done.stdout + done.stderr
    ((customers, drivers),) = ask_published(
        home,
        "select count(distinct customer_id), count(*) from serving.bi_churn_drivers",
    )
    assert customers > 8_000
    assert drivers == customers * 12  # ten, the rest, and the level of the cohort
    found = quality(home)
    for model in RIVALS:
        assert found["lightgbm", "log_loss"] < found[model, "log_loss"], model
        assert found["lightgbm", "auc"] > found[model, "auc"], model
    monkeypatch.setenv("CHURN_HOME", str(home.root))
    assert_every_page_opens("Online shop", riskiest(home))
    done = run_churn(home.root, "evaluate", "--domain", "ecommerce", "--origins", 3)
    assert done.returncode == 0, done.stdout + done.stderr
    judged = {
        (day, model, metric): value
        for day, model, metric, value in ask_published(
            home,
            "select as_of_date, model, metric, value from serving.bi_model_quality_by_origin",
        )
    }
    cohorts = {day for day, *_ in judged}
    assert len(cohorts) == 3
    for day in cohorts:
        assert {model for on, model, _ in judged if on == day} == MODELS
        # BG/NBD knows orders alone and comes close on real ones, so it stands beside, not below
        for model in ("lightgbm", "bg_nbd"):
            assert judged[day, model, "log_loss"] < judged[day, "base_rate", "log_loss"], day
            assert judged[day, model, "auc"] > judged[day, "hand_rule", "auc"], day
        # within noise of the model on its own level, or better
        own = judged[day, "lightgbm_own_level", "log_loss"]
        assert judged[day, "lightgbm", "log_loss"] < own + 0.003, day


@pytest.mark.slow
def test_real_events_of_one_day_are_counted_and_refused_with_the_reason(
    home, run_churn, shared_data
):
    done = run_churn(
        home.root, "run", "--domain", "ecommerce", "--raw", shared_data / "rees46_head"
    )
    assert done.returncode == 3, done.stdout + done.stderr
    told = " ".join((done.stdout + done.stderr).split())
    assert "Training ecommerce is refused" in told
    assert "The files hold 1 day;" in told
    (record,) = home.lake.glob("ecommerce/events/*/_file.json")
    document = json.loads(record.read_text())
    assert document["quarantined"] == 1
    assert document["rows"] + document["quarantined"] + document["duplicates"] == 17_435
