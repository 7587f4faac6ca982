"""Trains a model: rounds and calibration on past cohorts, then the refit."""

import hashlib
import json
from dataclasses import asdict, dataclass

import lightgbm as lgb
import numpy as np

from ml.baselines import baseline_predictions
from ml.calibrate import Calibration, Choice, PastMargins, choose, fit_on
from ml.cohorts import Fits, PastCohort
from ml.contract import Examples
from ml.settings import LearningSettings
from ml.train import MOST_ROUNDS, PARAMETERS, Parameters, cut, fit, grow, margin


@dataclass(frozen=True)
class Learned:
    """Everything learned before the test cohort is used.

    Attributes:
        first: Fitted on what was known by the validation cut-off, as many trees as every fit has.
        second: The recipe refitted on what was known by the test cut-off.
        calibration: Map from margin to probability.
        choices: How the maps did on past cohorts.
        past: Those cohorts' margins.
    """

    first: lgb.Booster
    second: lgb.Booster
    calibration: Calibration
    choices: list[Choice]
    past: list[PastMargins]

    @property
    def rounds(self) -> int:
        """Trees of every fit."""
        return int(self.first.num_trees())


def learn_until_test(
    examples: Examples,
    fits: Fits,
    parameters: Parameters = PARAMETERS,
    most_rounds: int = MOST_ROUNDS,
) -> Learned:
    """Choose rounds and calibration on past cohorts, and refit for the test."""
    rounds, models = choose_rounds_on_past(examples, fits, parameters, most_rounds)
    past = [
        PastMargins(
            cohort.as_of_date,
            cohort.known_on,
            margin(model, rows),
            rows.is_churned,
            rows.customer_id,
        )
        for cohort, model in zip(fits.past, models, strict=False)
        for rows in [examples.cohorts(cohort.cut_offs)]
    ]
    method, choices = choose(past)
    calibration = fit_on(method, past) if past else Calibration("none")
    train = examples.cohorts(fits.refit).as_observed_in(examples.cohorts(fits.tests))
    second = fit(train, rounds, parameters)
    return Learned(models[0], second, calibration, choices, past)


def choose_rounds_on_past(
    examples: Examples, fits: Fits, parameters: Parameters, most_rounds: int
) -> tuple[int, list[lgb.Booster]]:
    """Return the number of trees, and a model of so many for each past period.

    Each model learns what was known by its period and stops where the period's log loss is lowest.
    The median counts: where the level of churn moves, a single month stops far too soon or too
    late.

    Args:
        examples: Rows of every cohort of the run.
        fits: The run's fits.
        parameters: LightGBM parameters.
        most_rounds: No model has more trees.

    Returns:
        Rounds, and the models; the first is the validation's.
    """
    periods = fits.past or (
        PastCohort(fits.validation, fits.known_on, tuple(fits.fit), fits.later_validations),
    )
    judged = [examples.cohorts(period.cut_offs) for period in periods]
    known = [
        examples.cohorts(list(period.known)).as_observed_in(rows)
        for period, rows in zip(periods, judged, strict=True)
    ]
    grown = [
        grow(train, rows, parameters, most_rounds)
        for train, rows in zip(known, judged, strict=True)
    ]
    rounds = int(np.median([best for _, best in grown]))
    models = [
        cut(model, rounds) if model.num_trees() >= rounds else fit(train, rounds, parameters)
        for train, (model, _) in zip(known, grown, strict=True)
    ]
    return rounds, models


def learn_live(
    examples: Examples, fits: Fits, rounds: int, parameters: Parameters, scored: Examples
) -> lgb.Booster:
    """Refit on everything known by the scoring cut-off; this model scores `scored`."""
    return fit(examples.cohorts(fits.live).as_observed_in(scored), rounds, parameters)


def digest_of_learned(
    examples: Examples,
    fits: Fits,
    settings: LearningSettings,
    parameters: Parameters,
    most_rounds: int,
) -> str:
    """Return a hash of everything learned before the test: models, map and baselines."""
    learned = learn_until_test(examples, fits, parameters, most_rounds)
    validation = examples.cohorts(fits.validations)
    train = examples.cohorts(fits.refit)
    parts = [
        learned.first.model_to_string(),
        learned.second.model_to_string(),
        json.dumps(asdict(learned.calibration)),
        *(
            probabilities.tobytes().hex()
            for probabilities in baseline_predictions(
                settings.baselines, train, validation
            ).values()
        ),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
