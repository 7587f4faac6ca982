"""Drivers of many rows against the definition, LightGBM and shap, where tables could go wrong."""

from dataclasses import replace
from itertools import combinations
from math import factorial

import lightgbm as lgb
import numpy as np
import pytest
import shap

from ml import forest, train
from ml.contract import Examples
from ml.explain import drivers as explain
from ml.explain import tree_shap
from ml.explain.drivers import FEW, drivers

# beyond the 1e-5 that is promised: what rounding alone may do
ROUNDING = 1e-11


def make_examples(rows: int, features: int, seed: int = 1) -> Examples:
    """Some features never null, some often, some with few values; some below 0."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(rows, features))
    values[:, ::3] = generator.integers(-3, 4, size=values[:, ::3].shape)
    margin = values[:, 0] * (values[:, 1] > 0) - np.abs(values[:, 2]) + np.sin(3 * values[:, 1])
    outcome = (generator.random(rows) < 1 / (1 + np.exp(-margin))).astype(float)
    values[:, 1::2][generator.random(values[:, 1::2].shape) < 0.2] = np.nan
    return Examples(
        domain="test",
        customer_id=np.arange(rows).astype(str).astype(object),
        as_of_date=np.full(rows, np.datetime64("2016-01-01")),
        is_churned=outcome,
        features=tuple(f"made__feature_{number}" for number in range(features)),
        values=values,
        is_boolean=np.zeros(features, dtype=bool),
    )


def awkward(booster: lgb.Booster, rows: int, seed: int = 3) -> np.ndarray:
    """Rows on thresholds and right beside them, infinite, and null where training never was."""
    generator = np.random.default_rng(seed)
    values = make_examples(rows, booster.num_feature(), seed).values
    splits = booster.trees_to_dataframe().query("split_feature.notna()")
    for number, name in enumerate(booster.feature_name()):
        asked = splits[splits.split_feature == name].threshold.to_numpy(float)
        if len(asked):
            tied = generator.random(rows) < 0.3
            values[tied, number] = generator.choice(asked, tied.sum())
            beside = generator.random(rows) < 0.1
            values[beside, number] = np.nextafter(generator.choice(asked, beside.sum()), np.inf)
        for odd in (np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-36, -1e-36, 1e308):
            values[generator.random(rows) < 0.03, number] = odd
    return values


def walked(booster: lgb.Booster, values: np.ndarray) -> np.ndarray:
    return np.asarray(booster.predict(values, pred_contrib=True, num_threads=2))[:, :-1]


def looked_up(booster: lgb.Booster, values: np.ndarray, threads: int = 2) -> np.ndarray:
    return tree_shap.contributions(forest.plant(booster), values, threads)


def by_definition(booster: lgb.Booster, row: np.ndarray) -> np.ndarray:
    """Shapley values of the expected margin given some features, set by set of features."""

    def expected(node, known):
        if "split_feature" not in node:
            return node["leaf_value"]
        left, right = node["left_child"], node["right_child"]
        x = row[node["split_feature"]]
        if node["split_feature"] in known:
            if np.isnan(x) and node["missing_type"] == "NaN":
                return expected(left if node["default_left"] else right, known)
            return expected(left if np.nan_to_num(x) <= node["threshold"] else right, known)
        rows = [child.get("leaf_count", child.get("internal_count")) for child in (left, right)]
        parts = rows[0] * expected(left, known) + rows[1] * expected(right, known)
        return parts / node["internal_count"]

    count = len(row)
    found = np.zeros(count)
    for tree in booster.dump_model()["tree_info"]:
        for number in range(count):
            others = [other for other in range(count) if other != number]
            for size in range(count):
                weight = factorial(size) * factorial(count - 1 - size) / factorial(count)
                for known in combinations(others, size):
                    with_it = expected(tree["tree_structure"], {*known, number})
                    found[number] += weight * (with_it - expected(tree["tree_structure"], known))
    return found


@pytest.fixture(scope="module")
def wide() -> lgb.Booster:
    return train.fit(make_examples(8_000, 24), 40)


@pytest.fixture(scope="module")
def narrow() -> lgb.Booster:
    """Few features: paths ask some of them again and again."""
    return train.fit(make_examples(6_000, 3), 40)


def test_drivers_are_the_shapley_values_of_the_definition():
    booster = train.fit(make_examples(3_000, 5), 6)
    values = np.clip(awkward(booster, 12), -1e6, 1e6)
    values[np.abs(values) < 1e-30] = 0  # what LightGBM takes for 0
    assert np.isnan(values).any()
    expected = np.array([by_definition(booster, row) for row in values])
    assert np.abs(looked_up(booster, values) - expected).max() <= ROUNDING


@pytest.mark.parametrize("model", ["wide", "narrow"])
def test_drivers_are_lightgbms_on_ties_infinities_and_nulls_never_seen(model, request):
    booster = request.getfixturevalue(model)
    values = awkward(booster, 1_500)
    splits = booster.trees_to_dataframe().query("split_feature.notna()")
    assert set(splits.missing_type) == {"NaN", "None"}
    found, base = drivers(booster, values)
    assert np.abs(found - walked(booster, values)).max() <= ROUNDING
    margins = booster.predict(values, raw_score=True)
    assert np.abs(base + found.sum(axis=1) - margins).max() <= ROUNDING
    assert (forest.margins(forest.plant(booster), values, threads=2) == margins).all()


def test_drivers_are_shaps_on_data_with_nulls(wide):
    values = make_examples(1_500, 24, seed=5).values
    found, base = drivers(wide, values)
    explainer = shap.TreeExplainer(wide)
    reference = explainer.shap_values(values)
    reference = reference[1] if isinstance(reference, list) else reference
    assert np.abs(found - reference).max() <= 1e-5
    assert base == pytest.approx(float(np.ravel(explainer.expected_value)[-1]), abs=1e-5)


def test_a_feature_that_a_path_asks_more_than_once_counts_once(narrow):
    planted = forest.plant(narrow)
    assert planted.depth.max() > narrow.num_feature()  # so some path asks one twice
    values = awkward(narrow, 600, seed=4)
    assert np.abs(looked_up(narrow, values) - walked(narrow, values)).max() <= ROUNDING


def test_a_null_where_training_never_saw_one_counts_as_zero():
    examples = make_examples(4_000, 4)
    for shift in (0, -100):  # thresholds around 0 and all below it
        booster = train.fit(replace(examples, values=np.nan_to_num(examples.values) + shift), 20)
        values = awkward(booster, 600) + shift
        assert np.abs(looked_up(booster, values) - walked(booster, values)).max() <= ROUNDING
        zero = np.nan_to_num(values, nan=0.0, posinf=np.inf, neginf=-np.inf)
        assert (looked_up(booster, values) == looked_up(booster, zero)).all()


def test_a_tree_of_one_leaf_drives_nothing():
    examples = make_examples(3_000, 4)
    stump = train.fit(examples, 1, {**train.PARAMETERS, "min_data_in_leaf": 2_000})
    assert forest.plant(stump).depth.tolist() == [0]
    assert (drivers(stump, examples.values)[0] == 0).all()
    data = lgb.Dataset(examples.values, examples.is_churned, feature_name=list(examples.features))
    mixed = lgb.train({**train.PARAMETERS}, data, num_boost_round=5, init_model=stump)
    mixed = lgb.Booster(model_str=mixed.model_to_string())
    assert forest.plant(mixed).depth.tolist()[0] == 0
    assert forest.plant(mixed).depth.max() > 0
    values = awkward(mixed, FEW + 1)
    assert np.abs(drivers(mixed, values)[0] - walked(mixed, values)).max() <= ROUNDING


@pytest.mark.parametrize("depth", [1, 2, 7, tree_shap.DEEPEST])
def test_trees_of_any_depth_that_tables_take_are_exact(depth):
    parameters = {**train.PARAMETERS, "max_depth": depth, "num_leaves": 200, "min_data_in_leaf": 2}
    booster = train.fit(make_examples(4_000, 9), 6, parameters)
    assert forest.plant(booster).depth.max() == depth
    values = awkward(booster, 600)
    assert np.abs(looked_up(booster, values) - walked(booster, values)).max() <= ROUNDING


def test_deeper_trees_are_refused_by_tables_and_left_to_lightgbm():
    parameters = {
        **train.PARAMETERS,
        "max_depth": tree_shap.DEEPEST + 1,
        "num_leaves": 300,
        "min_data_in_leaf": 2,
    }
    booster = train.fit(make_examples(4_000, 9), 3, parameters)
    planted = forest.plant(booster)
    assert planted.depth.max() == tree_shap.DEEPEST + 1
    values = awkward(booster, FEW + 1)
    with pytest.raises(ValueError, match="9 deep"):
        tree_shap.contributions(planted, values, threads=2)
    found, base = drivers(booster, values)
    assert (found == walked(booster, values)).all()
    assert base == explain.base_value(booster)


def test_many_rows_are_looked_up_and_few_are_walked(wide, monkeypatch):
    values = awkward(wide, FEW + 1)
    monkeypatch.setattr(explain, "_walked", lambda *_: pytest.fail("LightGBM was asked"))
    assert drivers(wide, values)[0].shape == values.shape
    with pytest.raises(pytest.fail.Exception, match="was asked"):
        drivers(wide, values[:FEW])


@pytest.mark.parametrize("threads", [1, 2, 3, 5])
def test_drivers_are_the_same_bits_whatever_the_threads_and_the_other_rows(wide, threads):
    values = awkward(wide, 2 * tree_shap.BLOCK + 7)
    whole = looked_up(wide, values, threads=1)
    assert (looked_up(wide, values, threads) == whole).all()
    for low, high in ((0, 1), (5, 6), (3, tree_shap.BLOCK + 2), (tree_shap.BLOCK, len(values))):
        assert (looked_up(wide, values[low:high], threads) == whole[low:high]).all()
    order = np.random.default_rng(1).permutation(len(values))
    assert (looked_up(wide, values[order], threads) == whole[order]).all()


@pytest.mark.parametrize("rows", [1, tree_shap.BLOCK - 1, tree_shap.BLOCK, tree_shap.BLOCK + 1])
def test_rows_at_the_end_of_a_block_are_exact(wide, rows):
    values = awkward(wide, rows)
    assert np.abs(looked_up(wide, values, threads=1) - walked(wide, values)).max() <= ROUNDING


def test_a_matrix_in_any_layout_is_read_and_none_is_changed(wide):
    values = awkward(wide, 2_000)
    expected, before = looked_up(wide, values), values.copy()
    assert (looked_up(wide, np.asfortranarray(values)) == expected).all()
    assert (looked_up(wide, np.repeat(values, 2, axis=0)[::2]) == expected).all()
    assert np.array_equal(values, before, equal_nan=True)


def test_rows_without_a_feature_that_the_trees_ask_are_refused(wide):
    asked = forest.plant(wide).feature.max()
    with pytest.raises(ValueError, match=f"feature {asked}, counted from 0, but the rows have 5"):
        looked_up(wide, np.zeros((2_000, 5)))


def test_a_split_on_categories_is_refused():
    values = np.random.default_rng(1).integers(0, 5, size=(FEW + 1, 1)).astype(float)
    data = lgb.Dataset(values, values[:, 0] % 2, categorical_feature=[0])
    booster = lgb.train({"objective": "binary", "verbosity": -1}, data, num_boost_round=2)
    with pytest.raises(ValueError, match="not known"):
        drivers(booster, values)
