"""Trains a model: rounds and calibration on the validation cohort, then the refit."""

import hashlib
import json
from dataclasses import asdict, dataclass

import lightgbm as lgb

from ml.bands import cut_bands
from ml.baselines import baseline_predictions
from ml.calibrate import Calibration, Choice, PastMargins, choose, fit_on
from ml.cohorts import Fits
from ml.contract import Examples
from ml.settings import LearningSettings
from ml.train import MOST_ROUNDS, PARAMETERS, Parameters, choose_rounds, fit, margin


@dataclass(frozen=True)
class Learned:
    """Everything learned before the test cohort is used.

    Attributes:
        first: Fitted on what was known by the validation cut-off; its trees are the rounds.
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
    """Choose rounds and calibration on the validation cohort, and refit for the test."""
    validation = examples.cohorts([fits.validation])
    first = choose_rounds(examples.cohorts(fits.fit), validation, parameters, most_rounds)
    past = past_margins(examples, fits, first, parameters)
    method, choices = choose(past)
    calibration = fit_on(method, past) if past else Calibration("none")
    second = fit(examples.cohorts(fits.refit), first.num_trees(), parameters)
    return Learned(first, second, calibration, choices, past)


def learn_live(examples: Examples, fits: Fits, rounds: int, parameters: Parameters) -> lgb.Booster:
    """Refit on everything known by the scoring cut-off; this model scores."""
    return fit(examples.cohorts(fits.live), rounds, parameters)


def digest_of_learned(
    examples: Examples,
    fits: Fits,
    settings: LearningSettings,
    parameters: Parameters,
    most_rounds: int,
) -> str:
    """Return a hash of everything learned before the test: models, map, bands and baselines."""
    learned = learn_until_test(examples, fits, parameters, most_rounds)
    validation = examples.cohorts([fits.validation])
    train = examples.cohorts(fits.refit)
    parts = [
        learned.first.model_to_string(),
        learned.second.model_to_string(),
        json.dumps(asdict(learned.calibration)),
        repr(
            cut_bands(
                learned.calibration.apply(margin(learned.first, validation)), settings.risk_bands
            )
        ),
        *(
            probabilities.tobytes().hex()
            for probabilities in baseline_predictions(
                settings.baselines, train, validation
            ).values()
        ),
    ]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def past_margins(
    examples: Examples, fits: Fits, first: lgb.Booster, parameters: Parameters
) -> list[PastMargins]:
    """Margins of the past cohorts, each by a model that learned what was known by then."""
    found = []
    for cohort in fits.past:
        if cohort.as_of_date == fits.validation:
            model = first
        else:
            model = fit(examples.cohorts(list(cohort.known)), first.num_trees(), parameters)
        rows = examples.cohorts([cohort.as_of_date])
        found.append(
            PastMargins(cohort.as_of_date, cohort.known_on, margin(model, rows), rows.is_churned)
        )
    return found
