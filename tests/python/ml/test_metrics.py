from datetime import date

import numpy as np
import pytest
from made_examples import make_examples
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    log_loss,
    roc_auc_score,
)

from ml.compare import PairedGain, customers_of
from ml.evaluation.splits import quality
from ml.metrics import captured_at, figures, losses, reliability
from pipeline.report.evaluation import seasons_told


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


def test_the_slope_of_probabilities_near_zero_and_one_is_that_of_a_logistic_regression():
    """A whole Newton step from a slope of 1 leads to 1e12 here."""
    generator = np.random.default_rng(5)
    outcome = (generator.random(2_000) < 0.75).astype(float)
    p = np.where(generator.random(2_000) < 0.9, 1e-6, 0.6)
    p = np.where(outcome * generator.random(2_000) > 0.5, np.minimum(p * 3, 0.999), p)
    slope = by_name(figures(outcome, p, resamples=2))["calibration_slope"].value
    margin = np.log(p / (1 - p))[:, None]
    same = LogisticRegression(C=1e12, tol=1e-12, max_iter=10_000).fit(margin, outcome)
    assert slope == pytest.approx(same.coef_[0, 0], rel=1e-3)


def test_intervals_hold_their_figure(cohort):
    for figure in figures(*cohort, resamples=100):
        if figure.metric == "ece":  # resampling adds noise, and ECE only grows with noise
            assert np.isnan([figure.ci_low, figure.ci_high]).all()
        else:
            assert figure.ci_low < figure.value < figure.ci_high


def test_a_calibration_error_is_read_beside_that_of_a_perfect_model(cohort):
    outcome, p = cohort
    found = by_name(figures(outcome, p))
    band = found["ece_if_calibrated"]
    assert found["ece"].value < band.ci_high
    # the mean absolute error of a bin of n outcomes is sqrt(2/pi) of its standard error
    bins = np.array_split(np.sort(p), 10)
    expected = np.mean([np.sqrt(2 / np.pi * (b * (1 - b)).sum()) / len(b) for b in bins])
    assert band.value == pytest.approx(expected, rel=0.1)
    overconfident = by_name(figures(outcome, p**2 / (p**2 + (1 - p) ** 2)))
    assert overconfident["ece"].value > 2 * overconfident["ece_if_calibrated"].ci_high


def test_rows_of_one_customer_are_one_observation_of_the_calibration_error(cohort):
    outcome, p = cohort[0][:1000], cohort[1][:1000]
    alone = by_name(figures(outcome, p))["ece_if_calibrated"]
    whose = np.tile(np.arange(1000), 4)
    copied = by_name(figures(np.tile(outcome, 4), np.tile(p, 4), whose))["ece_if_calibrated"]
    assert copied.value == pytest.approx(alone.value, rel=0.15)
    careless = by_name(figures(np.tile(outcome, 4), np.tile(p, 4)))["ece_if_calibrated"]
    assert careless.value < 0.7 * alone.value


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
    # resamples of one outcome all look alike: an interval would claim what nobody can know
    for metric in ("observed_to_expected", "log_loss", "brier"):
        assert np.isnan([found[metric].ci_low, found[metric].ci_high]).all()


def test_reliability_bins_hold_equal_numbers(cohort):
    bins = reliability(*cohort)
    assert {b.rows for b in bins} == {400}
    assert [b.mean_probability for b in bins] == sorted(b.mean_probability for b in bins)


def test_a_customer_who_occurs_four_times_is_one_observation(cohort):
    """Rows copied four times bring nothing new, so no interval may shrink."""
    outcome, p = cohort[0][:1000], cohort[1][:1000]
    ids = np.array([f"c{number}" for number in range(1000)], dtype=object)
    alone = by_name(figures(outcome, p, customers_of(ids)))
    whose = customers_of(np.tile(ids, 4))
    copied = by_name(figures(np.tile(outcome, 4), np.tile(p, 4), whose))
    careless = by_name(figures(np.tile(outcome, 4), np.tile(p, 4)))

    def width(found):
        return found.ci_high - found.ci_low

    for metric in ("log_loss", "auc", "brier", "observed_to_expected", "calibration_slope"):
        assert copied[metric].value == pytest.approx(alone[metric].value)
        assert width(copied[metric]) == pytest.approx(width(alone[metric]), rel=0.35), metric
        assert width(careless[metric]) < 0.7 * width(copied[metric]), metric


def test_a_paired_gain_counts_customers_not_rows():
    generator = np.random.default_rng(5)
    before, after = generator.random(500), generator.random(500)
    ids = np.array([f"c{number}" for number in range(500)], dtype=object)
    alone = PairedGain.of(before, after)
    assert PairedGain.of(before, after, ids) == alone
    copied = PairedGain.of(np.tile(before, 4), np.tile(after, 4), np.tile(ids, 4))
    assert copied.gain == pytest.approx(alone.gain)
    assert copied.se == pytest.approx(alone.se, rel=1e-3)
    assert PairedGain.of(np.tile(before, 4), np.tile(after, 4)).se < 0.51 * alone.se


def test_what_we_gain_over_another_model_is_paired_on_the_same_customers():
    cohort = make_examples(4_000, 3)
    rng = np.random.default_rng(8)
    ours = np.clip(0.15 + 0.5 * cohort.is_churned * rng.random(4_000), 0.01, 0.99)
    worse = np.clip(ours + 0.02, 0.01, 0.99)
    found = quality(cohort, {"lightgbm": ours, "other": worse})
    (gain,) = found[found["metric"] == "gain_of_lightgbm"].to_dict("records")
    assert gain["model"] == "other"
    paired = losses(cohort.is_churned, worse) - losses(cohort.is_churned, ours)
    assert gain["value"] == pytest.approx(paired.mean())
    loss = found[(found["model"] == "other") & (found["metric"] == "log_loss")].iloc[0]
    # far narrower than the loss's own interval, and around the gain
    assert gain["ci_low"] < gain["value"] < gain["ci_high"]
    assert gain["ci_high"] - gain["ci_low"] < 0.5 * (loss["ci_high"] - loss["ci_low"])


def test_cohorts_that_overlap_say_how_few_seasons_they_are():
    days = [{"as_of_date": date(2020, month, 1)} for month in (1, 2, 3, 4, 5, 6)]
    assert "6 periods" in seasons_told(days)
    assert "2 independent seasons at most" in seasons_told(days)
    assert seasons_told(days[:1]) == ""
