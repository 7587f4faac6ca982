"""What the full demo must reach on its test cohort, measured on what is published."""

import duckdb
import pytest

from pipeline.demo.ceiling import demo_ceiling
from pipeline.project.home import Home
from pipeline.publish.generation import current

pytestmark = pytest.mark.long  # makes the whole demo


@pytest.fixture(scope="module")
def full_demo(tmp_path_factory, run_churn):
    home = Home(tmp_path_factory.mktemp("full"))
    done = run_churn(home.root, "demo")
    assert done.returncode == 0, done.stdout + done.stderr
    return home


@pytest.fixture(scope="module")
def ask(full_demo):
    connection = duckdb.connect(str(current(full_demo).path), read_only=True)
    yield lambda sql: connection.execute(sql).fetchall()
    connection.close()


@pytest.fixture(scope="module", params=["kkbox", "ecommerce"])
def domain(request):
    return request.param


@pytest.fixture(scope="module")
def metrics(ask, domain):
    return {
        (model, metric): value
        for model, metric, value in ask(
            "select model, metric, value from serving.bi_model_quality "
            f"where split = 'test' and domain = '{domain}'"
        )
    }


def test_lightgbm_beats_every_baseline(metrics):
    losses = {model: value for (model, metric), value in metrics.items() if metric == "log_loss"}
    assert {"logistic", "hand_rule", "own_rate", "base_rate"} < set(losses)
    # the same model without the forecast of its level: better in some months, worse over many
    own_level = losses.pop("lightgbm_own_level", losses["lightgbm"])
    assert losses["lightgbm"] == min(losses.values())
    assert losses["lightgbm"] < own_level + 0.005


def test_lightgbm_beats_every_baseline_among_those_who_have_not_cancelled(ask):
    losses = dict(
        ask(
            "select model, value from serving.bi_model_quality_by_segment where split = 'test' "
            "and segment_value = 'not cancelled' and metric = 'log_loss'"
        )
    )
    assert losses["lightgbm"] == min(losses.values())
    assert len(losses) == 5


def test_four_fifths_of_the_way_to_the_ceiling_are_covered(full_demo, domain):
    ceiling = demo_ceiling(full_demo, current(full_demo), domain)
    assert ceiling.known < ceiling.model
    assert ceiling.recovered >= 0.8


def test_probabilities_mean_what_they_say(metrics, domain):
    # the shop's cohorts hold a third of the customers, and chance alone is three times as large
    assert metrics["lightgbm", "ece"] < {"kkbox": 0.02, "ecommerce": 0.04}[domain]
    # 1.11 was measured for kkbox: too timid, and no map was better out of time
    widest = {"kkbox": 1.15, "ecommerce": 1.25}[domain]
    assert 0.9 < metrics["lightgbm", "calibration_slope"] < widest
    assert 0.9 < metrics["lightgbm", "observed_to_expected"] < 1.1


def test_the_bands_that_are_acted_on_observe_what_they_expect(ask, domain):
    """Below them a band of kkbox holds 10 to 25 churners: chance alone is a fifth and more."""
    ratios = dict(
        ask(
            "select segment_value, value from serving.bi_model_quality_by_segment "
            "where split = 'test' and model = 'lightgbm' and segment = 'risk_band' "
            f"and metric = 'observed_to_expected' and domain = '{domain}'"
        )
    )
    assert set(ratios) == {"critical", "high", "medium", "low"}
    assert 0.9 < ratios["critical"] < 1.1
    assert 0.9 < ratios["high"] < 1.1


# A year of cohorts after the first cohort, so that the season of these days is known.
SEASON_KNOWN_SINCE = {"kkbox": "2016-01-01", "ecommerce": "2019-05-01"}


def test_leaving_cost_what_it_was_expected_to(ask, domain):
    ratios = dict(
        ask(
            "select value_band, sum(expected_cost) / sum(realised_cost) "
            "from serving.bi_leaving_cost where realised_cost is not null "
            f"and domain = '{domain}' and as_of_date >= date '{SEASON_KNOWN_SINCE[domain]}' "
            "group by all"
        )
    )
    assert set(ratios) == {"low", "middle", "high"}
    for band, ratio in ratios.items():
        assert ratio == pytest.approx(1, abs=0.15), band


def test_leaving_costs_less_than_the_value(ask, domain):
    ((share, days),) = ask(
        "select sum(leaving_cost) / sum(customer_value), max(leaving_cost_days) "
        f"from serving.bi_churn_risk where domain = '{domain}'"
    )
    assert 0.2 < share < 0.8
    assert days == 180
