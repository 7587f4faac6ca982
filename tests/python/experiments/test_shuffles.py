"""A/A: arms that do not differ seem to as often as promised, and more where they are made to."""

import json
from datetime import date

import duckdb
import numpy as np
import pytest
from made_experiments import hillstrom_files, write_csv

from pipeline.experiments import shuffles
from pipeline.experiments.shuffles import shuffle_outcomes
from pipeline.experiments.untreated import shuffle_untreated
from pipeline.labels.freeze import FrozenCohort
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.retention.decisions import note_contacts


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


def frozen_cohort(home, day, customers):
    """Frozen labels of made customers, a fifth of whom left, known a month later."""
    folder = home.labels / "kkbox" / "lapse"
    folder.mkdir(parents=True, exist_ok=True)
    with duckdb.connect() as connection:
        connection.execute(
            f"copy (select 'c' || range as customer_id, date '{day}' as as_of_date, "
            f"date '{day}' + 30 as label_known_on, range % 5 = 0 as is_churned "
            f"from range({customers})) to '{folder / f'{day}.v1.parquet'}'"
        )
    entry = FrozenCohort(
        domain="kkbox",
        label_definition="lapse",
        as_of_date=day,
        rule_version=1,
        label_version=1,
        rows=customers,
        churners=customers // 5,
        checksum="0",
        raw_files=[],
        missing_raw_files=[],
        frozen_at="2020-03-01T00:00:00",
    )
    (folder / f"{day}.v1.json").write_text(entry.model_dump_json())


def test_a_customer_who_was_contacted_before_the_outcome_was_known_is_left_out(home):
    settings = domain_entries()["kkbox"].resolved()
    frozen_cohort(home, "2020-01-01", 2000)
    note_contacts(home, "kkbox", [(f"c{i}", date(2020, 1, 20), "") for i in range(300)])
    note_contacts(home, "kkbox", [(f"c{i}", date(2020, 2, 20), "") for i in range(300, 500)])
    found = shuffle_untreated(home, "kkbox", settings, 100, None)
    assert (found.customers, found.converted) == (1700, 340)
    # in the later cohort the first contacts are past and the last ones are not
    frozen_cohort(home, "2020-02-01", 2000)
    found = shuffle_untreated(home, "kkbox", settings, 100, None)
    assert found.customers == 2000


def test_a_home_without_cohorts_says_what_to_do(home, run_churn):
    done = run_churn(home.root, "campaign", "selftest", "--domain", "kkbox")
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "→" in done.stderr
