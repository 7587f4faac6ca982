"""Training, calibration, baselines and drivers on small data made here, nulls included."""

import hashlib
import json
from dataclasses import asdict, replace

import lightgbm as lgb
import numpy as np
import pytest
import shap
from made_examples import make_examples

from ml import forest, train
from ml.bands import assign_bands
from ml.baselines import BaseRate, HandRule, Logistic
from ml.calibrate import Calibration, PastMargins, choose, fit_map
from ml.cohorts import Fits, PastCohort
from ml.contract import usable_features
from ml.explain.drivers import FEW, HANDFUL, base_value, drivers, largest
from ml.learn import choose_rounds_on_past, seeds_for
from ml.metrics import losses
from ml.recipe import CalibrationMap
from ml.settings import RiskBands


@pytest.fixture(scope="module")
def learned():
    examples = make_examples(8_000, 1)
    return train.choose_rounds(examples, make_examples(4_000, 2)), make_examples(3_000, 3)


def test_the_same_rows_give_the_same_model():
    hashes = {
        hashlib.sha256(train.fit(make_examples(4_000, 1), 30).model_to_string().encode()).digest()
        for _ in range(2)
    }
    assert len(hashes) == 1


def test_one_month_of_another_level_does_not_decide_how_many_trees_there_are():
    """The newest month is noise: alone it would stop the fit much too soon."""
    examples = make_examples(12_000, 1)
    days = np.datetime64("2016-01-01") + 31 * (np.arange(len(examples)) % 6)
    odd = days == days.max()
    outcome = np.where(odd & (np.arange(len(examples)) % 3 > 0), 1.0, examples.is_churned)
    examples = replace(examples, as_of_date=days, is_churned=outcome)
    first, *later = np.unique(days)
    past = tuple(
        PastCohort(day, day, tuple(d for d in np.unique(days) if d < day)) for day in later[::-1]
    )
    fits = Fits(later[-1], later[-1], later[-1], later[-1], [], [], [first, *later[:-1]], past)
    rounds, models = choose_rounds_on_past(examples, fits, train.PARAMETERS, 300)
    best = [
        train.choose_rounds(
            examples.cohorts(list(one.known)), examples.cohorts([one.as_of_date])
        ).num_trees()
        for one in past
    ]
    assert rounds == int(np.median(best))
    # a model that is cut is the model that a fit of so many rounds gives
    for one, model in zip(past, models, strict=True):
        known = examples.cohorts(list(one.known))
        refitted = train.fit(known, rounds)
        assert np.array_equal(train.margin(model, known), train.margin(refitted, known))


def test_another_level_alone_does_not_change_how_many_trees_there_are():
    """With its level left in, a cohort that churns more stops the fit much too soon."""
    examples, later = make_examples(12_000, 1), make_examples(6_000, 2)
    generator = np.random.default_rng(3)
    margin = -0.5 + 1.5 * later.values[:, 3]
    margin = np.where(np.isnan(margin), -0.5, margin)
    usual = (generator.random(len(later)) < 1 / (1 + np.exp(-margin))).astype(float)
    more = (generator.random(len(later)) < 1 / (1 + np.exp(-margin - 1.5))).astype(float)
    known = np.nan_to_num(examples.values[:, 3])
    learned = replace(
        examples,
        is_churned=(generator.random(12_000) < 1 / (1 + np.exp(0.5 - 1.5 * known))).astype(float),
    )
    same = train.choose_rounds(learned, replace(later, is_churned=usual)).num_trees()
    moved = train.choose_rounds(learned, replace(later, is_churned=more)).num_trees()
    assert moved > 0.6 * same


def test_the_level_of_margins_is_found_from_any_start():
    generator = np.random.default_rng(4)
    margin = generator.normal(-2, 1.5, 5_000)
    outcome = (generator.random(5_000) < 1 / (1 + np.exp(-margin - 0.8))).astype(float)
    found = [train.level_of(margin, outcome, start) for start in (0.0, -6.0, 6.0)]
    assert found == pytest.approx([found[0]] * 3, abs=1e-8)
    assert (1 / (1 + np.exp(-margin - found[0]))).sum() == pytest.approx(outcome.sum(), abs=1e-6)


def test_a_forest_of_several_seeds_is_their_mean_and_explains_itself():
    examples, cohort = make_examples(4_000, 1), make_examples(2_000, 3)
    of_seeds = [
        train.fit(examples, 40, {**train.PARAMETERS, "seed": train.PARAMETERS["seed"] + number})
        for number in range(3)
    ]
    whole = train.fit_forest(examples, 40, seeds=3)
    assert whole.num_trees() == 120
    margins = train.margin(whole, cohort)
    mean = np.mean([train.margin(one, cohort) for one in of_seeds], axis=0)
    assert np.abs(margins - mean).max() < 1e-12
    assert np.ptp([train.margin(one, cohort)[0] for one in of_seeds]) > 0
    found, base = drivers(whole, cohort.values)
    assert np.abs(margins - base - found.sum(axis=1)).max() <= 1e-5
    few, _ = drivers(whole, cohort.values[:5])
    assert np.abs(few - found[:5]).max() <= 1e-5
    assert (forest.margins(forest.plant(whole), cohort.values, 2) == margins).all()
    again = lgb.Booster(model_str=whole.model_to_string())
    assert (train.margin(again, cohort) == margins).all()


def test_a_small_log_has_several_seeds_and_a_large_one_one():
    assert [seeds_for(range(rows)) for rows in (0, 133_000, 200_000, 200_001)] == [3, 3, 2, 1]


def test_drivers_of_few_rows_are_those_of_many(learned):
    booster, cohort = learned
    assert len(cohort) > FEW
    many, base = drivers(booster, cohort.values)
    for count in (1, HANDFUL + 1, FEW):
        few, same_base = drivers(booster, cohort.values[:count])
        assert same_base == base
        assert np.abs(few - many[:count]).max() <= 1e-5
    assert drivers(booster, cohort.values[:0])[0].shape == (0, len(cohort.features))


def test_drivers_add_up_to_the_margin_and_equal_shap_on_data_with_nulls(learned):
    booster, cohort = learned
    found, base = drivers(booster, cohort.values)
    margins = train.margin(booster, cohort)
    assert np.abs(margins - base - found.sum(axis=1)).max() <= 1e-5
    reference = shap.TreeExplainer(booster).shap_values(cohort.values)
    reference = reference[1] if isinstance(reference, list) else reference
    assert np.abs(found - reference).max() <= 1e-5
    assert np.isnan(cohort.values).any()


@pytest.mark.parametrize("shift", [0, -100])
@pytest.mark.parametrize("rows", [1, 511, 513, 3_000])
def test_many_rows_at_once_get_lightgbms_margins_to_the_last_bit(learned, rows, shift):
    booster, cohort = learned
    if shift:  # thresholds below 0, the value that a null of an always observed feature counts as
        examples = make_examples(4_000, 1)
        booster = train.fit(replace(examples, values=examples.values + shift), 40)
    values = cohort.values[:rows] + shift
    splits = booster.trees_to_dataframe().query("split_feature.notna()")
    for number in range(values.shape[1]):
        # exactly on a threshold, beyond every one, and not observed though training always saw it
        asked = splits.query("split_feature == @cohort.features[@number]").threshold
        values[number::17, number] = asked.iloc[0] if len(asked) else 0
        values[number + 3 :: 19, number] = [np.inf, -np.inf][number % 2]
        values[number + 5 :: 23, number] = np.nan
    assert set(splits.missing_type) == {"NaN", "None"}
    found = forest.margins(forest.plant(booster), values, threads=2)
    assert (found == booster.predict(values, raw_score=True)).all()


def test_infinities_and_next_to_nothing_go_where_lightgbm_sends_them():
    generator = np.random.default_rng(2)
    values = generator.integers(-2, 3, size=(3_000, 2)).astype(float)
    values[generator.random(values.shape) < 0.3] = np.nan
    outcome = (np.isnan(values[:, 0]) | (values[:, 1] < 0)).astype(float)
    data = lgb.Dataset(values, outcome, free_raw_data=False)
    booster = lgb.train({**train.PARAMETERS, "num_leaves": 8}, data, num_boost_round=10)
    thresholds = booster.trees_to_dataframe().threshold.dropna()
    assert (thresholds >= 1e300).any()  # how LightGBM writes null against all others
    assert (thresholds.abs() <= forest.ZERO).any()
    odd = np.array([np.inf, -np.inf, 1e308, 0.0, forest.ZERO, -forest.ZERO, 1e-36, -1e-36, 2e-35])
    odd = np.concatenate([odd, np.nextafter([forest.ZERO, -forest.ZERO], [np.inf, -np.inf])])
    asked = np.array(np.meshgrid(odd, [-1.0, 2.0, np.nan, *odd])).reshape(2, -1).T
    found = forest.margins(forest.plant(booster), asked, threads=2)
    assert (found == booster.predict(asked, raw_score=True)).all()


def test_a_split_that_is_no_threshold_is_refused():
    generator = np.random.default_rng(1)
    values = generator.integers(0, 5, size=(2_000, 1)).astype(float)
    data = lgb.Dataset(values, (values[:, 0] % 2), categorical_feature=[0], free_raw_data=False)
    booster = lgb.train({"objective": "binary", "verbosity": -1}, data, num_boost_round=2)
    with pytest.raises(ValueError, match="not known"):
        forest.plant(booster)


def test_the_base_is_the_margin_without_drivers(learned):
    booster, cohort = learned
    contributions = np.asarray(booster.predict(cohort.values[:5], pred_contrib=True))
    assert base_value(booster) == pytest.approx(contributions[0, -1], abs=1e-12)


def test_the_largest_drivers_and_the_rest_add_up():
    contributions = np.array([[0.1, -0.9, 0.3, 0.2], [0.5, 0.5, -0.1, 0.0]])
    order, rest = largest(contributions, 2)
    assert order.tolist() == [[1, 2], [0, 1]]
    assert rest.tolist() == pytest.approx([0.3, -0.1])


def test_lightgbm_beats_every_baseline_where_there_is_an_interaction(learned):
    booster, cohort = learned
    history = make_examples(8_000, 1)
    model = losses(cohort.is_churned, Calibration("none").apply(train.margin(booster, cohort)))
    for baseline in (
        BaseRate(),
        HandRule(("plan__is_on", "use__silence")),
        Logistic(cap_quantile=0.01),
    ):
        p = baseline.fit(history).predict(cohort)
        assert p.min() >= 0
        assert p.max() <= 1
        assert model.mean() < losses(cohort.is_churned, p).mean()


def test_the_hand_rule_gives_an_unseen_group_the_overall_rate():
    rule = HandRule(("plan__days",)).fit(make_examples(2_000, 1))
    stranger = make_examples(1, 9)
    stranger.values[0, 2] = np.nan
    assert rule.predict(stranger)[0] == pytest.approx(rule.overall)


def test_the_logistic_baseline_learns_nothing_from_the_rows_it_predicts(learned):
    _, cohort = learned
    model = Logistic(cap_quantile=0.01).fit(make_examples(4_000, 1))
    alone = model.predict(cohort.where(np.arange(len(cohort)) < 10))
    assert np.array_equal(alone, model.predict(cohort)[:10])


def test_base_rate_correction_makes_the_expected_number_the_observed_one():
    generator = np.random.default_rng(5)
    margin = generator.normal(-2, 1, 5_000)
    outcome = (generator.random(5_000) < 1 / (1 + np.exp(-margin - 0.7))).astype(float)
    fitted = fit_map("base_rate", margin, outcome)
    assert fitted.apply(margin).sum() == pytest.approx(outcome.sum(), rel=1e-6)
    assert fitted.shift == pytest.approx(0.7, abs=0.15)


@pytest.mark.parametrize("method", ["none", "base_rate", "platt", "isotonic"])
def test_every_map_is_monotone_and_survives_json(method):
    generator = np.random.default_rng(5)
    margin = generator.normal(-2, 1, 3_000)
    outcome = (generator.random(3_000) < 1 / (1 + np.exp(-margin))).astype(float)
    fitted = fit_map(method, margin, outcome)
    grid = np.linspace(-8, 8, 200)
    p = fitted.apply(grid)
    assert (np.diff(p) >= 0).all()
    assert p.min() > 0
    assert p.max() < 1
    kept = CalibrationMap.model_validate_json(json.dumps(asdict(fitted)))
    assert np.array_equal(Calibration.of(kept).apply(grid), p)


def past_cohorts(true_margin, shifts=(0, 0, 0, 0)):
    """Cohorts of 4,000, newest first, a month each; what the model says beside what is drawn."""
    generator = np.random.default_rng(6)
    found = []
    for months_ago, shift in enumerate(shifts):
        margin = generator.normal(-2, 1, 4_000)
        truth = 1 / (1 + np.exp(-true_margin(margin) - shift))
        day = np.datetime64("2017-01-01") - 31 * months_ago
        found.append(
            PastMargins(day, day + 31, margin, (generator.random(4_000) < truth).astype(float))
        )
    return found


def test_no_map_is_chosen_over_none_within_noise():
    assert choose(past_cohorts(lambda m: m))[0] == "none"


def test_a_map_is_chosen_when_the_margins_are_off_every_month():
    method, tried = choose(past_cohorts(lambda m: m / 3))
    assert method in {"platt", "isotonic"}
    assert {c.method for c in tried if c.is_chosen} == {method}


def test_no_map_follows_a_base_rate_that_moves_up_and_down():
    """The best map of one month is the worst of the next: no month's word is taken for it."""
    past = past_cohorts(lambda m: m, shifts=(0.8, -0.8, 0.8, -0.8))
    method, tried = choose(past)
    assert method == "none"
    assert min(c.gain for c in tried if c.method == "base_rate") < -0.01


def test_two_cohorts_are_too_few_to_choose_a_map():
    assert choose(past_cohorts(lambda m: m / 3)[:3])[0] == "none"


def test_a_band_is_a_probability_whatever_the_cohort():
    named = RiskBands(critical=0.5, high=0.2, medium=0.05, because="x")
    p = np.array([0.9, 0.5, 0.4999, 0.2, 0.05, 0.0499, 0.0])
    bands = ["critical", "critical", "high", "high", "medium", "low", "low"]
    assert list(assign_bands(p, named.cuts)) == bands
    # the least and the most likely to leave, each as a cohort of their own
    assert list(assign_bands(p[:2], named.cuts)) == bands[:2]
    assert list(assign_bands(p[-2:], named.cuts)) == bands[-2:]


def test_a_feature_on_a_snapshot_is_off_unless_it_is_named_with_a_reason():
    features = ("use__days", "profile__age")
    usable, excluded = usable_features(features, {"profile__age": "members"}, {})
    assert usable == ("use__days",)
    assert "members" in excluded["profile__age"]
    usable, excluded = usable_features(features, {"profile__age": "members"}, {"profile__age": "x"})
    assert usable == features
    assert excluded == {}
