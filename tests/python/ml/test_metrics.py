import numpy as np
import pytest
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

from ml.metrics import captured_at, figures, reliability


@pytest.fixture(scope="module")
def cohort():
    generator = np.random.default_rng(3)
    margin = np.round(generator.normal(-2, 1.5, 4_000), 1)  # rounded, so that there are ties
    probability = 1 / (1 + np.exp(-margin))
    return (generator.random(4_000) < probability).astype(float), probability


def by_name(found):
    return {figure.metric: figure for figure in found}


def test_figures_equal_scikit_learn_with_ties(cohort):
    outcome, p = cohort
    found = by_name(figures(outcome, p, resamples=5))
    assert found["log_loss"].value == pytest.approx(log_loss(outcome, p), rel=1e-9)
    assert found["auc"].value == pytest.approx(roc_auc_score(outcome, p), rel=1e-9)
    assert found["pr_auc"].value == pytest.approx(average_precision_score(outcome, p), rel=1e-9)
    assert found["brier"].value == pytest.approx(brier_score_loss(outcome, p), rel=1e-9)


def test_a_calibrated_model_has_slope_one_and_expects_what_it_observes(cohort):
    found = by_name(figures(*cohort, resamples=100))
    assert found["calibration_slope"].ci_low < 1 < found["calibration_slope"].ci_high
    assert found["observed_to_expected"].ci_low < 1 < found["observed_to_expected"].ci_high
    assert found["ece"].value < 0.02


def test_an_overconfident_model_has_a_slope_below_one(cohort):
    outcome, p = cohort
    overconfident = p**2 / (p**2 + (1 - p) ** 2)
    assert by_name(figures(outcome, overconfident, resamples=2))[
        "calibration_slope"
    ].value == pytest.approx(0.5, abs=0.06)


def test_intervals_hold_their_figure(cohort):
    for figure in figures(*cohort, resamples=100):
        if figure.metric != "ece":  # resampling adds noise, and ECE only grows with noise
            assert figure.ci_low < figure.value < figure.ci_high


def test_a_constant_catches_churners_in_proportion():
    outcome = np.array([1.0] * 30 + [0.0] * 70)
    found = captured_at(outcome, np.full(100, 0.3), np.ones(100), np.array([0.1, 0.5, 1.0]))
    assert found.tolist() == pytest.approx([3.0, 15.0, 30.0])
    named = by_name(figures(outcome, np.full(100, 0.3), resamples=3))
    assert named["auc"].value == 0.5
    assert np.isnan(named["calibration_slope"].value)


def test_one_class_only_gives_no_auc_and_no_error():
    found = by_name(figures(np.zeros(60), np.linspace(0.01, 0.2, 60), resamples=3))
    assert np.isnan(found["auc"].value)
    assert np.isnan(found["top_decile_capture"].value)
    assert found["observed_to_expected"].value == 0


def test_reliability_bins_hold_equal_numbers(cohort):
    bins = reliability(*cohort)
    assert {b.rows for b in bins} == {400}
    assert [b.mean_probability for b in bins] == sorted(b.mean_probability for b in bins)
