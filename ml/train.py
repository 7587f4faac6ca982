"""Fits LightGBM: small steps of shallow trees, rounds chosen on later cohorts, one forest."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
from scipy.special import expit, logit

from ml.contract import Examples, Floats, weighted_mean

Parameters = Mapping[str, Any]

PARAMETERS: Parameters = {
    "objective": "binary",
    "learning_rate": 0.03,
    "max_depth": 6,
    "num_leaves": 15,
    "min_data_in_leaf": 80,
    "min_sum_hessian_in_leaf": 3.0,
    "lambda_l2": 5.0,
    "feature_fraction": 0.5,
    "bagging_fraction": 0.8,
    "bagging_freq": 1,
    # equal to the last bit on any machine: fixed threads, seeds and histogram order
    "deterministic": True,
    "force_row_wise": True,
    "num_threads": 2,
    "seed": 20170401,
    "verbosity": -1,
}
MOST_ROUNDS = 800
PATIENCE = 40
# From this many rows on, preparing the trees costs less than it saves; results are the same.
MANY = 50_000
# A probability of a booster is not closer to 0 or 1.
_EDGE = 1e-12


def _dataset(examples: Examples, parameters: Parameters) -> lgb.Dataset:
    return lgb.Dataset(
        examples.values,
        label=examples.is_churned,
        weight=examples.weight,
        feature_name=list(examples.features),
        params=dict(parameters),
    )


def level_of(
    margin: Floats, is_churned: Floats, start: float = 0.0, weight: Floats | None = None
) -> float:
    """Return what the margins have to be moved by so that as many are expected to leave as did.

    Args:
        margin: n log-odds.
        is_churned: n outcomes, of both kinds.
        start: Where the search starts.
        weight: How many customers each row stands for; None for one.
    """
    w = 1.0 if weight is None else weight
    moved = start
    for _ in range(50):
        p = expit(margin + moved)
        step = float((w * (is_churned - p)).sum() / max(float((w * p * (1 - p)).sum()), _EDGE))
        moved += min(max(step, -2.0), 2.0)
        if abs(step) < 1e-9:
            break
    return moved


class _LossOffLevel:
    """LightGBM's metric: log loss after one intercept was refitted.

    The level of a later cohort may have moved. More trees follow the rows' own differences and
    cannot help that, so it would stop a fit much too soon.
    """

    def __init__(self) -> None:
        self._moved = 0.0

    def __call__(self, p: Floats, data: lgb.Dataset) -> tuple[str, float, bool]:
        outcome, given = np.asarray(data.get_label()), data.get_weight()
        weight = None if given is None else np.asarray(given, dtype=np.float64)
        margin = logit(np.clip(p, _EDGE, 1 - _EDGE))
        self._moved = level_of(margin, outcome, self._moved, weight)
        margin = margin + self._moved
        loss = np.logaddexp(0, margin) - outcome * margin
        return "log_loss_off_level", weighted_mean(loss, weight), False


def choose_rounds(
    train: Examples,
    validation: Examples,
    parameters: Parameters = PARAMETERS,
    most_rounds: int = MOST_ROUNDS,
) -> lgb.Booster:
    """Fit until the later cohort's log loss stops falling; the booster keeps its best rounds."""
    fitted, best = grow(train, validation, parameters, most_rounds)
    return up_to(fitted, best)


def grow(
    train: Examples,
    validation: Examples,
    parameters: Parameters = PARAMETERS,
    most_rounds: int = MOST_ROUNDS,
) -> tuple[lgb.Booster, int]:
    """Fit until the later cohort's log loss stays up, with its level taken out.

    Returns:
        The booster, which holds its binned rows and can go on growing, and its best number of
        rounds.
    """
    fitted = lgb.train(
        {**parameters, "metric": "None"},
        _dataset(train, parameters),
        num_boost_round=most_rounds,
        valid_sets=[_dataset(validation, parameters)],
        feval=_LossOffLevel(),
        callbacks=[lgb.early_stopping(PATIENCE, verbose=False)],
        keep_training_booster=True,
    )
    return fitted, int(fitted.best_iteration)


def up_to(grown: lgb.Booster, rounds: int) -> lgb.Booster:
    """Return what a fit of so many rounds would have been: fewer trees, or more that are grown now.

    Args:
        grown: What `grow` returned.
        rounds: Trees.
    """
    for _ in range(rounds - grown.current_iteration()):
        grown.update()
    return lgb.Booster(model_str=grown.model_to_string(num_iteration=rounds))


def fit(train: Examples, rounds: int, parameters: Parameters = PARAMETERS) -> lgb.Booster:
    """Fit a fixed number of rounds."""
    return fit_forest(train, rounds, parameters)


def fit_forest(
    train: Examples, rounds: int, parameters: Parameters = PARAMETERS, seeds: int = 1
) -> lgb.Booster:
    """Fit with several seeds, and return one booster whose margin is the mean of theirs.

    Args:
        train: Rows to learn from.
        rounds: Trees for each seed.
        parameters: LightGBM parameters; further seeds follow theirs.
        seeds: Number of seeds.
    """
    rows = _dataset(train, parameters)
    return mean_of(
        [
            lgb.train({**parameters, "seed": parameters["seed"] + number}, rows, rounds)
            for number in range(seeds)
        ]
    )


def mean_of(boosters: Sequence[lgb.Booster]) -> lgb.Booster:
    """Return one booster with the trees of all, each leaf divided by their number.

    Its margin is the mean of their margins, and its drivers are those of any forest.

    Args:
        boosters: Boosters of the same features.
    """
    texts = [booster.model_to_string() for booster in boosters]
    if len(texts) == 1:
        return lgb.Booster(model_str=texts[0])
    head, _, rest = texts[0].partition("tree_sizes=")
    tail = rest[rest.index("end of trees") :]
    trees = [
        _scaled(tree, 1 / len(texts))
        for text in texts
        for tree in re.split(r"(?m)^(?=Tree=)", text[: text.index("end of trees")])[1:]
    ]
    trees = [f"Tree={place}\n{tree.partition(chr(10))[2]}" for place, tree in enumerate(trees)]
    sizes = " ".join(str(len(tree.encode())) for tree in trees)
    return lgb.Booster(model_str=f"{head}tree_sizes={sizes}\n\n{''.join(trees)}{tail}")


def _scaled(tree: str, by: float) -> str:
    """Return the text of a tree whose leaves and inner values are multiplied."""

    def multiplied(found: re.Match[str]) -> str:
        return found[1] + " ".join(repr(float(value) * by) for value in found[2].split())

    return re.sub(r"(?m)^((?:leaf|internal)_value=)(.*)$", multiplied, tree)


def margin(booster: lgb.Booster, examples: Examples) -> Floats:
    """Return the raw scores, n log-odds before level and calibration."""
    threads: int = PARAMETERS["num_threads"]
    if len(examples) < MANY:
        return np.asarray(booster.predict(examples.values, raw_score=True, num_threads=threads))
    from ml import forest

    return forest.margins(forest.plant(booster), examples.values, threads)
