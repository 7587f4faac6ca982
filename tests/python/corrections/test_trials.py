"""What a trial of corrections learns from is what the models learn from, but for the correction."""

import duckdb
import numpy as np
import pytest

from cli.common import make_context
from ml.contract import read_examples
from pipeline.corrections import variants
from pipeline.corrections.judge import TrialData


@pytest.mark.slow
def test_without_a_correction_the_features_are_those_of_the_mart(demo_copy, monkeypatch, run_churn):
    """Also where features are kept, and a build has made those of one cut-off alone."""
    demo_copy.warehouse.unlink()
    done = run_churn(demo_copy.root, "build")
    assert done.returncode == 0, done.stdout + done.stderr
    monkeypatch.setenv("CHURN_HOME", str(demo_copy.root))
    for domain in ("kkbox", "ecommerce"):
        assert_equal(*raw_and_mart(demo_copy, domain))


def raw_and_mart(home, domain):
    """The examples of a trial that corrects nothing, and those of the mart with its features."""
    trial = TrialData(make_context(domain), domain, 3)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        made, every = (
            connection.execute(
                f"select count(*) from control.{table} where domain = ?", [domain]
            ).fetchone()[0]
            for table in ("control__feature_cut_offs", "control__cut_offs")
        )
        assert made < every
        until = trial.fits[-1].tests[-1]
        mart = read_examples(connection, domain, since=trial.since, until=until)
    with variants.opened(home) as connection:
        for _ in range(2):  # a second variant takes the place of the first
            raw = trial.examples(connection, ())
    return raw, mart.keep(raw.features)


def assert_equal(raw, mart):
    assert len(raw) > 10_000
    assert raw.customer_id.tolist() == mart.customer_id.tolist()
    assert (raw.as_of_date == mart.as_of_date).all()
    assert np.array_equal(raw.is_churned, mart.is_churned, equal_nan=True)
    assert np.array_equal(raw.values, mart.values, equal_nan=True)
