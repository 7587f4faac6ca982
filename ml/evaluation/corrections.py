"""Judges a correction of raw rows: features with it and without, on the same rolling origins."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from scipy.stats import norm

from ml.cohorts import Fits
from ml.compare import BEYOND_NOISE, PairedGain, customers_of
from ml.contract import Examples, Floats, weighted_mean
from ml.metrics import calibration_error, losses
from ml.train import PARAMETERS, Parameters, fit, grow, margin

# Larger steps than a run's: the recipes are compared with each other, not with a run.
FAST: Parameters = {"learning_rate": 0.15}
FAST_ROUNDS = 150
# Newest cut-offs that each fit learns from: a year of two a month.
NEWEST = 24
# Each recipe is the mean of so many seeds; how far apart they are is the noise of training.
SEEDS = 3
RESAMPLES = 400
# Level of the tests, two-sided: an interval of 95 %.
LEVEL = 0.05
FLAG = "correction__is_touched"

Recipe = Literal["raw", "corrected", "raw_flagged", "corrected_flagged", "placebo"]

Verdict = Literal[
    "gains",
    "no gain beyond noise",
    "loses",
    "one origin loses",
    "placebo gains",
    "marker",
    "nothing to correct",
    "no history to judge by",
]


@dataclass(frozen=True)
class Gain:
    """A paired gain with its interval, from resampled customers and the noise of training.

    Attributes:
        value: Mean reduction; positive where the second recipe is better.
        ci_low: Lower end of the 95 % interval.
        ci_high: Upper end.
        se: Standard error over customers and trainings.
        rows: Rows compared.
    """

    value: float
    ci_low: float
    ci_high: float
    se: float
    rows: int

    @property
    def p_value(self) -> float:
        """Chance of such a gain, or a greater one, where there is none; one-sided, normal."""
        if self.se == 0 or np.isnan(self.se):
            return 1.0
        return float(norm.sf(self.value / self.se))

    @property
    def is_loss(self) -> bool:
        """Whether the second recipe is worse beyond noise."""
        return self.value < -BEYOND_NOISE * self.se


@dataclass(frozen=True)
class CorrectionGains:
    """What a correction does to the recipe.

    Attributes:
        pooled: Gain in log loss over all origins.
        origins: The same of each origin, by its first cut-off.
        touched: The same in the rows whose past the correction changed; None where it has none.
        calibration: Fall of the calibration error over all origins.
        flag: Gain of the raw features with the flag of correction beside them.
        beyond_flag: Gain of the corrected features over those.
        flag_beyond: Gain of the flag beside the corrected features over these.
        placebo: Gain of the same change to as many random rows.
    """

    pooled: Gain
    origins: Mapping[str, Gain]
    touched: Gain | None
    calibration: Gain
    flag: Gain
    beyond_flag: Gain
    flag_beyond: Gain
    placebo: Gain


@dataclass(frozen=True)
class OriginPredictions:
    """Probabilities of one recipe at every origin, in the order of the judged rows.

    Attributes:
        by_origin: Of the mean of its seeds, rows of each origin.
        by_seed: Of each seed, seeds × rows of each origin.
    """

    by_origin: tuple[Floats, ...]
    by_seed: tuple[Floats, ...]

    @property
    def all(self) -> Floats:
        """The probabilities of all origins, one after the other."""
        return np.concatenate(self.by_origin)


def rounds_of(examples: Examples, fits: Fits, parameters: Parameters = PARAMETERS) -> int:
    """Return how many trees both recipes have: what the raw features need before every origin."""
    validation = examples.cohorts(fits.validations)
    train = examples.cohorts(fits.fit[-NEWEST:]).as_observed_in(validation)
    _, best = grow(train, validation, {**parameters, **FAST}, FAST_ROUNDS)
    return max(best, 1)


def learn_origins(
    examples: Examples, fits: Sequence[Fits], rounds: int, parameters: Parameters = PARAMETERS
) -> OriginPredictions:
    """Learn a recipe's features at each origin from what was known by then, and predict there.

    Args:
        examples: Rows of every cohort.
        fits: The origins.
        rounds: Trees of each fit.
        parameters: LightGBM parameters.
    """
    by_origin = []
    for origin in fits:
        judged = examples.cohorts(origin.tests)
        train = examples.cohorts(origin.refit[-NEWEST:]).as_observed_in(judged)
        # one after the other: fits beside each other in one process have crashed LightGBM
        seeds = [
            {**parameters, **FAST, "seed": parameters["seed"] + number} for number in range(SEEDS)
        ]
        by_origin.append(np.stack([margin(fit(train, rounds, one), judged) for one in seeds]))
    return OriginPredictions(
        tuple(np.asarray(expit(seeds.mean(axis=0))) for seeds in by_origin),
        tuple(np.asarray(expit(seeds)) for seeds in by_origin),
    )


def training_error(
    outcomes: Sequence[Floats],
    before: OriginPredictions,
    after: OriginPredictions,
    masks: Sequence[NDArray[np.bool_]] | None = None,
    weights: Sequence[Floats | None] | None = None,
) -> float:
    """Return how far the gain would move if both recipes were learned with other seeds.

    The standard error of the mean over seeds, of origins as of independent trainings. Resampled
    customers know nothing of it: a forest that is learned again on the same rows moves the loss by
    more than they do where features hardly differ.

    Args:
        outcomes: What happened, rows of each origin.
        before: One recipe.
        after: The other.
        masks: Rows of each origin that count; all by default.
        weights: How many customers each row of each origin stands for; None for one.
    """
    squares, count = 0.0, 0.0
    for place, outcome in enumerate(outcomes):
        some = slice(None) if masks is None else masks[place]
        if not len(outcome[some]):
            continue
        weight = None if weights is None else weights[place]
        weight = None if weight is None else weight[some]
        rows = len(outcome[some]) if weight is None else float(weight.sum())
        falls = [
            weighted_mean(
                losses(outcome[some], one[some]) - losses(outcome[some], other[some]), weight
            )
            for one, other in zip(before.by_seed[place], after.by_seed[place], strict=True)
        ]
        squares += rows**2 * float(np.var(falls, ddof=1)) / len(falls)
        count += rows
    return float(squares**0.5) / max(count, 1.0)


def with_shuffled_flag(examples: Examples, is_touched: NDArray[np.bool_]) -> Examples:
    """Return examples with the flags of other rows: what a flag that says nothing would be.

    Trees draw their features, so recipes with as many are compared: one more draws other trees,
    and useless flags lost 0.002 to 0.003 each, beyond their intervals.
    """
    return with_flag(examples, np.random.default_rng(17).permutation(is_touched))


def with_flag(examples: Examples, is_touched: NDArray[np.bool_]) -> Examples:
    """Return examples with one more feature: whether a correction changed the row's past."""
    return replace(
        examples,
        features=(*examples.features, FLAG),
        values=np.column_stack([examples.values, is_touched.astype(np.float64)]),
        is_boolean=np.append(examples.is_boolean, True),
    )


def judge(
    judged: Sequence[Examples],
    touched: Sequence[NDArray[np.bool_]],
    recipes: Mapping[Recipe, OriginPredictions],
    seed: int = 11,
) -> CorrectionGains:
    """Compare the recipes on the same rows.

    Args:
        judged: The rows of each origin.
        touched: Which of them the correction touches.
        recipes: Probabilities of each recipe.
        seed: Seed of the resampling.
    """
    outcome = np.concatenate([rows.is_churned for rows in judged])
    customer = np.concatenate([rows.customer_id for rows in judged])
    of_all = np.concatenate(list(touched))
    outcomes = [rows.is_churned for rows in judged]
    weights = [rows.weight for rows in judged]
    weight = whole_weight(judged)
    loss = {name: losses(outcome, found.all) for name, found in recipes.items()}

    def gain(
        before: Recipe, after: Recipe, masks: Sequence[NDArray[np.bool_]] | None = None
    ) -> Gain:
        some = slice(None) if masks is None else np.concatenate(list(masks))
        error = training_error(outcomes, recipes[before], recipes[after], masks, weights)
        counts = None if weight is None else weight[some]
        return paired(loss[before][some], loss[after][some], customer[some], seed, error, counts)

    origins = {
        str(rows.as_of_date.min()): gain(
            "raw",
            "corrected",
            [np.full(len(other), other is rows) for other in judged],
        )
        for rows in judged
    }
    return CorrectionGains(
        pooled=gain("raw", "corrected"),
        origins=origins,
        touched=gain("raw", "corrected", touched) if of_all.sum() > 1 else None,
        calibration=_calibration(
            outcome, recipes["raw"].all, recipes["corrected"].all, customer, seed, weight
        ),
        flag=gain("raw", "raw_flagged"),
        beyond_flag=gain("raw_flagged", "corrected"),
        flag_beyond=gain("corrected", "corrected_flagged"),
        placebo=gain("raw", "placebo"),
    )


def whole_weight(judged: Sequence[Examples]) -> Floats | None:
    """Return how many customers each row of all origins stands for; None where each is one."""
    if all(rows.weight is None for rows in judged):
        return None
    return np.concatenate(
        [np.ones(len(rows)) if rows.weight is None else rows.weight for rows in judged]
    )


def paired(
    before: Floats,
    after: Floats,
    customer_id: NDArray[np.object_],
    seed: int = 11,
    training: float = 0.0,
    weight: Floats | None = None,
) -> Gain:
    """Return the gain from one recipe to another, with its interval.

    The interval draws customers with Poisson weights, all rows of a customer together, and is
    widened by the noise of training.

    Args:
        before: Log loss of each row by the first recipe.
        after: By the second, in the same order.
        customer_id: Whose rows they are.
        seed: Seed of the resampling.
        training: Standard error of the gain over trainings (`training_error`).
        weight: How many customers each row stands for; None for one.
    """
    fall = before - after
    single = PairedGain.of(before, after, customer_id, weight)
    stands_for = np.ones(len(fall)) if weight is None else weight
    whose = customers_of(customer_id)
    whose = np.arange(len(fall)) if whose is None else whose
    sums, counts = np.bincount(whose, fall * stands_for), np.bincount(whose, stands_for)
    generator = np.random.default_rng(seed)
    drawn = np.empty(RESAMPLES)
    for place in range(RESAMPLES):
        times = generator.poisson(1.0, len(sums))
        drawn[place] = (times @ sums) / max(float(times @ counts), 1.0)
    low, high = np.quantile(drawn, [0.025, 0.975])
    also = float(norm.ppf(1 - LEVEL / 2)) * training
    return Gain(
        single.gain,
        single.gain - float(np.hypot(single.gain - low, also)),
        single.gain + float(np.hypot(high - single.gain, also)),
        float(np.hypot(single.se, training)),
        len(fall),
    )


def _calibration(
    outcome: Floats,
    raw: Floats,
    corrected: Floats,
    customer_id: NDArray[np.object_],
    seed: int,
    weight: Floats | None,
) -> Gain:
    whose = customers_of(customer_id)
    whose = np.arange(len(outcome)) if whose is None else whose
    generator = np.random.default_rng(seed)
    orders = [np.argsort(p, kind="stable")[::-1] for p in (raw, corrected)]

    stands_for = np.ones(len(outcome)) if weight is None else weight

    def fall(times: Floats) -> float:
        counts = times * stands_for
        before, after = (
            calibration_error(outcome[order], p[order], counts[order])
            for p, order in zip((raw, corrected), orders, strict=True)
        )
        return before - after

    drawn = [
        fall(generator.poisson(1.0, int(whose.max()) + 1)[whose].astype(float))
        for _ in range(RESAMPLES // 4)
    ]
    low, high = np.quantile(drawn, [0.025, 0.975])
    value = fall(np.ones(len(outcome)))
    return Gain(value, float(low), float(high), float(np.std(drawn, ddof=1)), len(outcome))


def holm(p_values: Mapping[str, float], level: float = LEVEL / 2) -> dict[str, bool]:
    """Return which hypotheses hold beyond noise when several are tested (Holm 1979).

    Args:
        p_values: One-sided p-value of each hypothesis.
        level: Chance of one false finding among them.
    """
    found: dict[str, bool] = {}
    holds = True
    for place, (name, p_value) in enumerate(sorted(p_values.items(), key=lambda pair: pair[1])):
        holds = holds and p_value <= level / (len(p_values) - place)
        found[name] = holds
    return found


def verdict_of(judged: CorrectionGains, *, is_beyond_noise: bool) -> Verdict:
    """Return the verdict on a correction.

    It is a marker where the flag of correction gains and the correction does not gain beyond it.

    Args:
        judged: What it does.
        is_beyond_noise: Whether its gain holds after Holm over all hypotheses of the domain.
    """
    flagged = judged.flag
    if flagged.value > BEYOND_NOISE * flagged.se and judged.beyond_flag.value <= 0:
        return "marker"
    if judged.pooled.is_loss:
        return "loses"
    if not is_beyond_noise or judged.pooled.ci_low <= 0:
        return "no gain beyond noise"
    if any(gain.is_loss for gain in judged.origins.values()):
        return "one origin loses"
    if judged.placebo.ci_low > 0:
        return "placebo gains"
    return "gains"
