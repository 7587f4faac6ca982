"""A/A: arms that do not differ seem to as often as promised, and more where they are made to."""

import json

import numpy as np
import pytest
from made_experiments import hillstrom_files, write_csv

from pipeline.experiments import shuffles
from pipeline.experiments.shuffles import shuffle_outcomes
from pipeline.project.errors import ChurnError


def outcomes_with_days(path, customers=6000):
    rng = np.random.default_rng(2)
    had = rng.random(customers) < 0.2
    days = rng.integers(1, 29, customers)
    rows = [
        (f"c{i}", int(had[i]), f"2020-02-{days[i]:02d}" if had[i] else "") for i in range(customers)
    ]
    return write_csv(path, ("customer_id", "outcome", "occurred_on"), rows)


@pytest.mark.parametrize("outcome", ["visit", "conversion"])
def test_the_control_of_real_emails_gives_as_many_false_alarms_as_promised(
    shared_data, tmp_path, outcome
):
    assigned, had, _ = hillstrom_files(shared_data, tmp_path, outcome)
    found = shuffle_outcomes(had, assigned, "No E-Mail", 1000, None)
    assert (found.customers, found.looks, found.looked) == (21_306, 10, "waves")
    assert 0.035 <= found.one_look <= 0.065
    assert found.running <= 0.05
    assert found.naive >= 0.15
    assert found.passes


def test_daily_looks_raise_false_alarms_unless_the_interval_is_running(tmp_path):
    path = outcomes_with_days(tmp_path / "o.csv")
    found = shuffle_outcomes(path, None, None, 1000, None)
    assert (found.looks, found.looked) == (28, "days")
    assert 0.03 <= found.one_look <= 0.07
    assert found.naive > 0.2
    assert found.running <= 0.05
    assert shuffle_outcomes(path, None, None, 1000, None) == found
    # three looks mislead less than twenty-eight
    assert shuffle_outcomes(path, None, None, 1000, 3).naive < found.naive


def test_a_draw_that_follows_the_outcome_does_not_pass(tmp_path, monkeypatch):
    path = outcomes_with_days(tmp_path / "o.csv")

    def follows(customers, draws):
        fair = np.random.default_rng(1).random((len(customers), draws))
        # the last tenth of the cells has the outcome
        return (fair < np.linspace(0.45, 0.55, len(customers))[:, None]).astype(np.uint8)

    monkeypatch.setattr(shuffles, "_bits", follows)
    found = shuffle_outcomes(path, None, None, 300, None)
    assert found.one_look > 0.2
    assert not found.passes


def test_too_few_outcomes_are_refused(tmp_path):
    rows = [(f"c{i}", int(i < 5)) for i in range(100)]
    path = write_csv(tmp_path / "o.csv", ("customer_id", "outcome"), rows)
    with pytest.raises(ChurnError, match="too few outcomes") as error:
        shuffle_outcomes(path, None, None, 100, None)
    assert "5 of 100" in str(error.value)


def test_past_cohorts_of_a_domain_are_tested_without_those_treated(demo, tmp_path, run_churn):
    home, _ = demo
    done = run_churn(home.root, "campaign", "selftest", "--domain", "kkbox", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["customers"] > 1000
    assert found["looked"] == "days"
    assert 0.03 <= found["one_look"] <= 0.07
    assert found["running"] <= 0.05
    words = run_churn(home.root, "campaign", "selftest", "--domain", "ecommerce").stdout
    assert "keeps its promise" in words


def test_a_home_without_cohorts_says_what_to_do(home, run_churn):
    done = run_churn(home.root, "campaign", "selftest", "--domain", "kkbox")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "→" in done.stderr
