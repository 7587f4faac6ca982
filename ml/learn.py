"""Trains a model: rounds and calibration on past cohorts, then the refit."""

import hashlib
import json
from dataclasses import asdict, dataclass

import lightgbm as lgb
import numpy as np

from ml.baselines import baseline_predictions
from ml.calibrate import Calibration, Choice, PastMargins, choose, fit_on
from ml.cohorts import Fits, PastCohort
from ml.contract import Examples, Floats
from ml.level.forecast import Levels
from ml.settings import LearningSettings
from ml.train import MOST_ROUNDS, PARAMETERS, Parameters, fit_forest, grow, margin, up_to

# A model that scores or is tested is the mean of up to so many seeds, as many as these rows allow:
# each costs a fit, and the more rows there are the less it gains.
MOST_SEEDS = 3
ROWS_OF_ALL_SEEDS = 400_000
IDENTITY = Calibration("none")


@dataclass(frozen=True)
class Learned:
    """Everything learned before the test cohort is used.

    Attributes:
        first: Fitted on what was known by the validation cut-off, as many trees as every fit has.
        second: The recipe refitted on what was known by the test cut-off.
        calibration: Map from margin to probability.
        choices: How the maps did on past cohorts.
        past: Those cohorts' margins, on their levels.
    """

    first: lgb.Booster
    second: lgb.Booster
    calibration: Calibration
    choices: list[Choice]
    past: list[PastMargins]

    @property
    def rounds(self) -> int:
        """Trees of every fit, for each seed."""
        return int(self.first.num_trees())


def learn_until_test(
    examples: Examples,
    fits: Fits,
    parameters: Parameters = PARAMETERS,
    most_rounds: int = MOST_ROUNDS,
    levels: Levels | None = None,
) -> Learned:
    """Choose rounds and calibration on past cohorts, and refit for the test.

    Args:
        examples: Rows of every cohort of the run.
        fits: The run's fits.
        parameters: LightGBM parameters.
        most_rounds: No fit has more trees.
        levels: Forecasts of cohorts' levels; None where models keep their own.
    """
    rounds, models = choose_rounds_on_past(examples, fits, parameters, most_rounds)
    past = [
        PastMargins(
            cohort.as_of_date,
            cohort.known_on,
            on_level(levels, rows, margin(model, rows)),
            rows.is_churned,
            rows.customer_id,
            rows.weight,
        )
        for cohort, model in zip(fits.past, models, strict=False)
        for rows in [examples.cohorts(cohort.cut_offs)]
    ]
    method, choices = choose(past)
    calibration = fit_on(method, past) if past else Calibration("none")
    train = examples.cohorts(fits.refit).as_observed_in(examples.cohorts(fits.tests))
    second = fit_forest(train, rounds, parameters, seeds_for(train))
    return Learned(models[0], second, calibration, choices, past)


def on_level(
    levels: Levels | None,
    examples: Examples,
    margins: Floats,
    calibration: Calibration = IDENTITY,
) -> Floats:
    """Return margins on the levels of their cohorts, or as they are where none is forecast."""
    return margins if levels is None else levels.shifted(examples, margins, calibration)


def model_predictions(
    cohort: Examples, margins: Floats, calibration: Calibration, levels: Levels | None
) -> dict[str, Floats]:
    """Return what the model says of cohorts, by name.

    Where levels are forecast, `lightgbm_own_level` is the same model without.

    Args:
        cohort: Rows of one cohort or several, n.
        margins: n log-odds, before level and calibration.
        calibration: Map from margin to probability.
        levels: Forecasts of cohorts' levels; None where models keep their own.
    """
    shifted = on_level(levels, cohort, margins, calibration)
    found = {"lightgbm": calibration.apply(shifted)}
    if levels is not None:
        found["lightgbm_own_level"] = calibration.apply(margins)
    return found


def seeds_for(train: Examples) -> int:
    """Return how many seeds the mean of a model is taken over."""
    return min(max(ROWS_OF_ALL_SEEDS // max(len(train), 1), 1), MOST_SEEDS)


def choose_rounds_on_past(
    examples: Examples, fits: Fits, parameters: Parameters, most_rounds: int
) -> tuple[int, list[lgb.Booster]]:
    """Return the number of trees, and a model of so many for each past period.

    Each model learns what was known by its period and stops where the period's log loss is lowest
    with its level taken out. The median counts.

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

    # one period's rows at a time: those of all would be most of the matrix several times, and what
    # all boosters keep of them, binned, is less than once
    grown = []
    for period in periods:
        judged = examples.cohorts(period.cut_offs)
        known = examples.cohorts(list(period.known)).as_observed_in(judged)
        grown.append(grow(known, judged, parameters, most_rounds))
    rounds = int(np.median([best for _, best in grown]))
    return rounds, [up_to(model, rounds) for model, _ in grown]


def learn_live(
    examples: Examples, fits: Fits, rounds: int, parameters: Parameters, scored: Examples
) -> lgb.Booster:
    """Refit on everything known by the scoring cut-off; this model scores `scored`."""
    train = examples.cohorts(fits.live).as_observed_in(scored)
    return fit_forest(train, rounds, parameters, seeds_for(train))


def digest_of_learned(
    examples: Examples,
    fits: Fits,
    settings: LearningSettings,
    parameters: Parameters,
    most_rounds: int,
    levels: Levels | None = None,
) -> str:
    """Return a hash of everything learned before the test: models, map, levels and baselines."""
    learned = learn_until_test(examples, fits, parameters, most_rounds, levels)
    validation = examples.cohorts(fits.validations)
    train = examples.cohorts(fits.refit)
    parts = [
        learned.first.model_to_string(),
        learned.second.model_to_string(),
        json.dumps(asdict(learned.calibration)),
        *(repr(levels.at(day)) for day in [*fits.validations, fits.test] if levels is not None),
        *(
            probabilities.tobytes().hex()
            for probabilities in baseline_predictions(
                settings.baselines, train, validation, levels
            ).values()
        ),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()
