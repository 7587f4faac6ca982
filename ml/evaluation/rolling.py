"""Quality on the newest cohorts, each tested with a model that learned only from earlier ones."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import pandas as pd

from ml.baselines import baseline_predictions
from ml.calibrate import METHODS, Calibration, fit_on
from ml.challengers.slot import CHALLENGER, Challenger, challenge
from ml.cohorts import Cohort, Fits, RefusedError, choose_fits, is_on_grid, periods
from ml.compare import PairedGain
from ml.contract import Examples, Floats, season_only, weighted_mean
from ml.evaluation.splits import quality
from ml.learn import Learned, learn_until_test, model_predictions, on_level
from ml.level.forecast import Levels
from ml.metrics import losses
from ml.settings import LearningSettings
from ml.train import Parameters, margin

# Numbers of newest cohorts in a learning curve; the last point uses all.
CURVE = (1, 2, 3, 6, 9, 12, 18, 24, 36)


@dataclass(frozen=True)
class Origin:
    """One period of cohorts treated as the newest closed one.

    Attributes:
        fits: Cohorts of each fit, counted from this period.
        quality: model, metric, value, ci_low, ci_high, rows.
        calibrations: method, log_loss, gain_over_none, gain_se, is_chosen; the choice was made on
            earlier cohorts alone.
    """

    fits: Fits
    quality: pd.DataFrame
    calibrations: pd.DataFrame


def origins(cohorts: list[Cohort], settings: LearningSettings, count: int) -> list[Fits]:
    """Return the fits of the newest closed periods that can be judged honestly, oldest first.

    Args:
        cohorts: All cohorts of the mart.
        settings: The domain's.
        count: How many at most.
    """
    found: list[Fits] = []
    grid = [c for c in cohorts if is_on_grid(c.as_of_date, settings)]
    for period in reversed(periods(grid, settings)):
        if len(found) == count:
            break
        if not all(cohort.is_closed for cohort in period):
            continue
        there = [c for c in cohorts if c.as_of_date <= period[-1].as_of_date]
        next_month = (period[0].as_of_date.astype("datetime64[M]") + 1).astype("datetime64[D]")
        closed_on = max(next_month, *(cohort.known_on for cohort in period))
        try:
            found.append(choose_fits(there, closed_on, settings))
        except RefusedError:
            break  # still earlier ones have still less behind them
    return found[::-1]


def judge_origin(
    examples: Examples,
    fits: Fits,
    settings: LearningSettings,
    parameters: Parameters,
    levels: Levels | None = None,
    challenger: Callable[[], Challenger] | None = None,
) -> Origin:
    """Learn what was known by a period, and judge it there beside the baselines.

    Args:
        examples: Every feature a model may read by declaration.
        fits: The cohorts as `tests`, with what was known by then.
        settings: The domain's.
        parameters: LightGBM parameters.
        levels: Forecasts of cohorts' levels; None where models keep their own.
        challenger: What makes a model from outside, to judge beside; None for none.
    """
    seen = _without_season(examples, fits)
    learned = learn_until_test(seen, fits, parameters, levels=levels)
    cohort, train = seen.cohorts(fits.tests), seen.cohorts(fits.refit)
    own = margin(learned.second, cohort)
    raw = on_level(levels, cohort, own)
    predictions = {
        **model_predictions(cohort, own, learned.calibration, levels),
        **baseline_predictions(settings.baselines, train, cohort, levels),
    }
    if challenger is not None:
        predictions[CHALLENGER] = challenge(challenger, train.as_observed_in(cohort), cohort)
    base = losses(cohort.is_churned, Calibration("none").apply(raw))
    rows = []
    for method in METHODS:
        loss = losses(cohort.is_churned, _fitted(method, learned).apply(raw))
        paired = PairedGain.of(base, loss, cohort.customer_id, cohort.weight)
        rows.append(
            {
                "method": method,
                "log_loss": weighted_mean(loss, cohort.weight),
                "gain_over_none": paired.gain,
                "gain_se": paired.se,
                "is_chosen": method == learned.calibration.method,
            }
        )
    return Origin(fits, quality(cohort, predictions), pd.DataFrame(rows))


def learning_curve(examples: Examples, fits: Fits, parameters: Parameters) -> pd.DataFrame:
    """Judge the test cohort with models that learned from its newest cohorts only.

    Returns:
        One row per number of cohorts: cohorts, oldest, rows, log_loss, gain_of_all (this log loss
        minus that of all cohorts; positive where more cohorts help), gain_se.
    """
    points = [n for n in CURVE if n < len(fits.refit)] + [len(fits.refit)]
    cohort = examples.cohorts(fits.tests)
    found: list[tuple[int, Floats, int]] = []
    for newest in points:
        short = replace(fits, refit=fits.refit[-newest:], fit=fits.fit[-newest:])
        seen = _without_season(examples, short)
        learned = learn_until_test(seen, replace(short, past=()), parameters)
        p = Calibration("none").apply(margin(learned.second, seen.cohorts(fits.tests)))
        loss = losses(cohort.is_churned, p)
        found.append((newest, loss, len(examples.cohorts(short.refit))))
    of_all = found[-1][1]
    gains = [PairedGain.of(loss, of_all, cohort.customer_id, cohort.weight) for _, loss, _ in found]
    return pd.DataFrame(
        {
            "cohorts": newest,
            "oldest": str(fits.refit[-newest]),
            "rows": rows,
            "log_loss": weighted_mean(loss, cohort.weight),
            "gain_of_all": paired.gain,
            "gain_se": paired.se,
        }
        for (newest, loss, rows), paired in zip(found, gains, strict=True)
    )


def _fitted(method: str, learned: Learned) -> Calibration:
    return fit_on(method, learned.past) if learned.past else Calibration("none")


def _without_season(examples: Examples, fits: Fits) -> Examples:
    """Drop what is the same for a whole cohort where no season is seen twice."""
    off = season_only(examples.cohorts(fits.fit))
    return examples.keep(tuple(name for name in examples.features if name not in off))
