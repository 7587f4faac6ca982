"""The verdict on a correction: beyond noise, on every origin, and not by its flag or by chance."""

from dataclasses import replace

import numpy as np
import pytest

from ml.evaluation.corrections import (
    CorrectionGains,
    Gain,
    OriginPredictions,
    holm,
    paired,
    training_error,
    verdict_of,
)
from ml.metrics import losses

NOTHING = Gain(0.0, -0.001, 0.001, 0.0005, 1000)
GAIN = Gain(0.004, 0.002, 0.006, 0.001, 1000)
LOSS = Gain(-0.004, -0.006, -0.002, 0.001, 1000)
RIGHT = CorrectionGains(GAIN, {"2017-01-01": GAIN}, GAIN, NOTHING, NOTHING, GAIN, NOTHING, NOTHING)


def test_a_correction_that_gains_everywhere_is_right():
    assert verdict_of(RIGHT, is_beyond_noise=True) == "gains"


def test_a_gain_that_many_hypotheses_explain_is_noise():
    assert verdict_of(RIGHT, is_beyond_noise=False) == "no gain beyond noise"


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"pooled": NOTHING}, "no gain beyond noise"),
        ({"pooled": LOSS}, "loses"),
        ({"origins": {"2017-01-01": GAIN, "2017-02-01": LOSS}}, "one origin loses"),
        ({"placebo": GAIN}, "placebo gains"),
        ({"flag": GAIN, "beyond_flag": LOSS}, "marker"),
    ],
)
def test_one_fault_is_enough_to_refuse_a_gain(change, verdict):
    assert verdict_of(replace(RIGHT, **change), is_beyond_noise=True) == verdict


def test_the_smallest_of_many_p_values_has_to_be_smaller():
    # Holm (1979): 0.025 over 3, 2 and 1 hypotheses
    assert holm({"a": 0.008, "b": 0.0124, "c": 0.024}) == {"a": True, "b": True, "c": True}
    assert holm({"a": 0.009, "b": 0.001, "c": 0.026}) == {"b": True, "a": True, "c": False}
    assert holm({"a": 0.02, "b": 0.02, "c": 0.02}) == {"a": False, "b": False, "c": False}


def test_a_row_that_stands_for_several_customers_counts_as_often():
    generator = np.random.default_rng(5)
    outcome = (generator.random(400) < 0.3).astype(float)
    seeds = [np.clip(generator.beta(2, 4, (3, 400)), 0.01, 0.99) for _ in range(2)]
    times = generator.integers(1, 4, 400)
    ids = np.array([f"c{n}" for n in range(400)], dtype=object)

    def found(outcome, seeds, ids, weight):
        one, other = (OriginPredictions((p.mean(axis=0),), (p,)) for p in seeds)
        weights = None if weight is None else [weight]
        error = training_error([outcome], one, other, weights=weights)
        before, after = (losses(outcome, made.all) for made in (one, other))
        return error, paired(before, after, ids, training=error, weight=weight)

    error, weighed = found(outcome, seeds, ids, times.astype(float))
    rows = np.repeat(np.arange(400), times)
    error_of_many, many = found(outcome[rows], [p[:, rows] for p in seeds], ids[rows], None)
    assert error == pytest.approx(error_of_many)
    assert weighed.value == pytest.approx(many.value)
    assert weighed.se == pytest.approx(many.se, rel=0.01)
    assert (weighed.ci_low, weighed.ci_high) == pytest.approx((many.ci_low, many.ci_high))


def test_a_customers_rows_are_resampled_together():
    generator = np.random.default_rng(3)
    fall = generator.normal(0.0, 0.1, 200)
    ids = np.array([f"c{n}" for n in range(200)], dtype=object)
    once = paired(fall, np.zeros(200), ids)
    often = paired(np.repeat(fall, 9), np.zeros(1800), np.repeat(ids, 9))
    assert often.value == pytest.approx(once.value)
    # the same rows nine times over are no more evidence
    assert often.ci_high - often.ci_low == pytest.approx(once.ci_high - once.ci_low, rel=0.01)
    assert often.se == pytest.approx(once.se)


def test_intervals_of_no_gain_hold_zero_in_about_95_of_100():
    generator = np.random.default_rng(5)
    ids = np.array([f"c{n}" for n in range(300)], dtype=object)
    outside = 0
    for seed in range(100):
        found = paired(generator.normal(0.0, 1.0, 300), np.zeros(300), ids, seed)
        outside += not found.ci_low < 0 < found.ci_high
    assert 0 <= outside <= 11


def test_trainings_that_differ_widen_the_interval():
    outcome = np.array([1.0, 0.0, 1.0, 0.0])

    def recipe(*seeds):
        found = tuple(np.tile(p, (4, 1)).T for p in [np.array(seeds)])
        return OriginPredictions((found[0].mean(axis=0),), found)

    same, apart = recipe(0.5, 0.5, 0.5), recipe(0.4, 0.5, 0.6)
    assert training_error([outcome], same, same) == 0
    falls = [
        np.mean(losses(outcome, np.full(4, 0.5)) - losses(outcome, np.full(4, p)))
        for p in (0.4, 0.5, 0.6)
    ]
    expected = np.std(falls, ddof=1) / 3**0.5
    assert training_error([outcome], same, apart) == pytest.approx(expected)
    # two origins of one size halve the variance
    two = OriginPredictions(apart.by_origin * 2, apart.by_seed * 2)
    twice = OriginPredictions(same.by_origin * 2, same.by_seed * 2)
    assert training_error([outcome] * 2, twice, two) == pytest.approx(expected / 2**0.5)
    some = [np.array([True, True, False, False])] * 2
    assert training_error([outcome] * 2, twice, two, some) > 0
    ids = np.array(list("abcd"), dtype=object)
    alone, both = (paired(outcome * 0.01, np.zeros(4), ids, training=t) for t in (0.0, 0.02))
    assert both.se == pytest.approx((alone.se**2 + 0.02**2) ** 0.5)
    assert both.ci_low < alone.ci_low - 0.02 and both.ci_high > alone.ci_high + 0.02
