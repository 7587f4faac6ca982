"""Chooses LightGBM's parameters inside the training window, before validation and test."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import expit

from ml.cohorts import Fits, RefusedError
from ml.compare import PairedGain
from ml.contract import Examples, Floats, weighted_mean, weights_of
from ml.metrics import losses
from ml.train import PARAMETERS, Parameters, choose_rounds, level_of, margin

# Periods that each trial is tested on.
INNER = 3
SEED = 20170401


@dataclass(frozen=True)
class Tuned:
    """The result of a search.

    Attributes:
        parameters: Parameters that differ from the defaults; empty if no trial was significantly
            better.
        log_loss: Mean log loss of the best trial over the inner cohorts.
        default_log_loss: The same of the default parameters.
        gain_se: Standard error over customers of what the best trial gains.
        judged_on: The inner cohorts; all were known by the validation cut-off.
        trials: Parameters and mean log loss of every trial; NaN where it was given up early.
    """

    parameters: dict[str, Any]
    log_loss: float
    default_log_loss: float
    gain_se: float
    judged_on: list[str]
    trials: list[dict[str, Any]]


def tune(
    examples: Examples,
    fits: Fits,
    known_by: Mapping[np.datetime64, list[np.datetime64]],
    trials: int,
    progress: Callable[[int, float], None],
    seed: int = SEED,
    later: Mapping[np.datetime64, list[np.datetime64]] | None = None,
) -> Tuned:
    """Search for parameters with a seeded tree-structured Parzen estimator.

    Args:
        examples: Rows of the cohorts in `fits.fit`, at least; later ones are not looked at.
        fits: The run's fits; validation and test stay unseen.
        known_by: First cohort of a period of `fits.fit` → the cohorts known by it.
        trials: Trials, the default parameters being the first.
        progress: Called after each trial with its number and the best mean log loss so far.
        seed: Seed of the search.
        later: First cohort of a period → the others; None where a period has one.

    Raises:
        RefusedError: No cohort before validation has one known by it.
    """
    import optuna

    inner = [day for day in fits.fit if known_by.get(day)][-INNER:]
    if not inner:
        raise RefusedError("no cohort before the validation cut-off has one known by it")
    data = [
        (examples.cohorts(known_by[day]), examples.cohorts([day, *(later or {}).get(day, [])]))
        for day in inner
    ]
    customers = np.concatenate([judged.customer_id for _, judged in data])
    found: dict[int, Floats] = {}

    def judge(trial: Any) -> float:
        parameters = {**PARAMETERS, **_suggest(trial)}
        each: list[Floats] = []
        means: list[float] = []
        for step, (train, judged) in enumerate(data):
            booster = choose_rounds(train, judged, parameters)
            margins = margin(booster, judged)
            # as rounds are chosen: a level that moved is not what parameters can help
            moved = level_of(margins, judged.is_churned, weight=judged.weight)
            each.append(losses(judged.is_churned, expit(margins + moved)))
            means.append(weighted_mean(each[-1], judged.weight))
            trial.report(float(np.mean(means)), step)
            if trial.should_prune():
                raise optuna.TrialPruned
        found[trial.number] = np.concatenate(each)
        return float(np.mean(means))

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    study = optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=5),
    )
    study.enqueue_trial({name: PARAMETERS.get(name, low) for name, (low, *_) in _SPACE.items()})
    study.optimize(
        judge,
        n_trials=trials,
        callbacks=[lambda done, trial: progress(trial.number + 1, done.best_value)],
    )
    best = study.best_trial
    weight = weights_of([judged for _, judged in data])
    paired = PairedGain.of(found[0], found[best.number], customers, weight)
    # one standard error is enough to try: the next run is a challenger like any other
    better = paired.gain > paired.se
    return Tuned(
        parameters=dict(best.params) if better else {},
        log_loss=study.best_value,
        default_log_loss=float(study.trials[0].value or np.nan),
        gain_se=paired.se,
        judged_on=[str(day) for day in inner],
        trials=[
            {**trial.params, "log_loss": float("nan") if trial.value is None else trial.value}
            for trial in study.trials
        ],
    )


# parameter → lowest, highest, whether it is drawn on a logarithmic scale
_SPACE: dict[str, tuple[float, float, bool]] = {
    "learning_rate": (0.02, 0.15, True),
    "num_leaves": (7, 63, True),
    "max_depth": (3, 6, False),
    "min_data_in_leaf": (5, 400, True),
    "min_sum_hessian_in_leaf": (0.1, 20.0, True),
    "lambda_l2": (0.001, 50.0, True),
    "feature_fraction": (0.4, 1.0, False),
    "bagging_fraction": (0.5, 1.0, False),
}


def _suggest(trial: Any) -> Parameters:
    drawn: dict[str, Any] = {}
    for name, (low, high, log) in _SPACE.items():
        if isinstance(low, int) and isinstance(high, int):
            drawn[name] = trial.suggest_int(name, low, high, log=log)
        else:
            drawn[name] = trial.suggest_float(name, low, high, log=log)
    return drawn
