"""Fits LightGBM: shallow trees, deterministic, rounds chosen on a later cohort."""

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np

from ml.contract import Examples

Parameters = Mapping[str, Any]

PARAMETERS: Parameters = {
    "objective": "binary",
    "learning_rate": 0.08,
    "max_depth": 6,
    "num_leaves": 31,
    "min_data_in_leaf": 20,
    "min_sum_hessian_in_leaf": 3.0,
    "feature_fraction": 0.8,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    # equal to the last bit on any machine: fixed threads, seeds and histogram order
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "seed": 20170401,
    "verbosity": -1,
}
MOST_ROUNDS = 600
PATIENCE = 30
# From this many rows on, preparing the trees costs less than it saves; results are the same.
MANY = 50_000


def _dataset(examples: Examples) -> lgb.Dataset:
    return lgb.Dataset(
        examples.values,
        label=examples.is_churned,
        feature_name=list(examples.features),
        free_raw_data=False,
    )


def choose_rounds(
    train: Examples,
    validation: Examples,
    parameters: Parameters = PARAMETERS,
    most_rounds: int = MOST_ROUNDS,
) -> lgb.Booster:
    """Fit until the later cohort's log loss stops falling; the booster keeps its best rounds."""
    fitted, best = grow(train, validation, parameters, most_rounds)
    return cut(fitted, best)


def grow(
    train: Examples,
    validation: Examples,
    parameters: Parameters = PARAMETERS,
    most_rounds: int = MOST_ROUNDS,
) -> tuple[lgb.Booster, int]:
    """Fit until the later cohort's log loss stays up; return the booster and its best rounds."""
    fitted = lgb.train(
        {**parameters, "metric": "binary_logloss"},
        _dataset(train),
        num_boost_round=most_rounds,
        valid_sets=[_dataset(validation)],
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
    )
    return fitted, int(fitted.best_iteration)


def cut(booster: lgb.Booster, rounds: int) -> lgb.Booster:
    """Return the first trees of a booster: what a fit of so many rounds would have been."""
    return lgb.Booster(model_str=booster.model_to_string(num_iteration=rounds))


def fit(train: Examples, rounds: int, parameters: Parameters = PARAMETERS) -> lgb.Booster:
    """Fit a fixed number of rounds."""
    fitted = lgb.train(dict(parameters), _dataset(train), num_boost_round=rounds)
    return lgb.Booster(model_str=fitted.model_to_string())


def margin(booster: lgb.Booster, examples: Examples) -> np.ndarray[Any, np.dtype[np.float64]]:
    """Return the raw scores, n log-odds before calibration."""
    threads: int = PARAMETERS["num_threads"]
    if len(examples) < MANY:
        return np.asarray(booster.predict(examples.values, raw_score=True, num_threads=threads))
    from ml import forest

    return forest.margins(forest.plant(booster), examples.values, threads)
