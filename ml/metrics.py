"""Quality metrics from outcomes and probabilities, with bootstrap intervals."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import rankdata

from ml.contract import Floats, weighted_mean

CLIP = 1e-9
BINS = 10


@dataclass(frozen=True)
class MetricValue:
    """A metric with its 95 % interval over customers; nan ends where it has none."""

    metric: str
    value: float
    ci_low: float
    ci_high: float


def losses(is_churned: Floats, probability: Floats) -> Floats:
    """Return the log loss of each customer, in nats."""
    p = np.clip(probability, CLIP, 1 - CLIP)
    return np.asarray(-(is_churned * np.log(p) + (1 - is_churned) * np.log1p(-p)))


def figures(
    is_churned: Floats,
    probability: Floats,
    whose: NDArray[np.intp] | None = None,
    *,
    resamples: int = 200,
    seed: int = 7,
    weight: Floats | None = None,
) -> list[MetricValue]:
    """Compute all metrics and their intervals.

    Args:
        is_churned: n outcomes, 0 or 1.
        probability: n probabilities.
        whose: Number of each row's customer, from 0; None where every customer has one row. The
            rows of a customer are drawn together.
        resamples: Bootstrap resamples of customers (Poisson weights); the slope's interval comes
            from its standard error instead.
        seed: Seed of the resampling.
        weight: How many customers each row stands for; None for one.

    Returns:
        log_loss, auc, pr_auc, brier, ece, ece_if_calibrated, calibration_slope,
        observed_to_expected, top_decile_capture. NaN where a metric is undefined (one class only).
        Outcomes of one class have no intervals: resamples of them all look alike.
        `ece` is a mean of absolute values, which every resample raises, so it has no interval; it
        is read beside `ece_if_calibrated`, what it would be were every probability true.
    """
    order = np.argsort(probability, kind="stable")[::-1]
    outcome, p = is_churned[order], np.clip(probability[order], CLIP, 1 - CLIP)
    counted = np.ones(len(p)) if weight is None else weight[order]
    point = _resampled(outcome, p, counted)
    generator = np.random.default_rng(seed)
    customer = None if whose is None else whose[order]
    customers = len(p) if customer is None else int(customer.max()) + 1
    draws = np.array(
        [
            list(
                _resampled(
                    outcome, p, counted * (drawn if customer is None else drawn[customer])
                ).values()
            )
            for drawn in (generator.poisson(1.0, customers).astype(float) for _ in range(resamples))
        ]
    )
    has_both = outcome.min() < outcome.max()
    found = []
    for name, value, drawn in zip(point, point.values(), draws.T, strict=True):
        seen = drawn[~np.isnan(drawn)]
        has_interval = has_both and len(seen) > 0 and name != "ece"
        low, high = np.quantile(seen, [0.025, 0.975]) if has_interval else (np.nan, np.nan)
        found.append(MetricValue(name, value, float(low), float(high)))
    found.append(_ece_if_calibrated(p, customer, customers, generator, resamples, counted))
    slope = _slope(outcome, p, counted)
    of_whom = customer if weight is None or customer is not None else np.arange(len(p))
    reach = 1.96 * _slope_se(outcome, p, slope, of_whom, counted)
    return [*found, MetricValue("calibration_slope", slope, slope - reach, slope + reach)]


def _resampled(outcome: Floats, p: Floats, weight: Floats) -> dict[str, float]:
    """Metrics of customers sorted by falling probability, each counted `weight` times."""
    total, churners = float(weight.sum()), float((weight * outcome).sum())
    loss = -(outcome * np.log(p) + (1 - outcome) * np.log1p(-p))
    true_positives, false_positives = _cumulative_at_ties(outcome, p, weight)
    return {
        "log_loss": float((weight * loss).sum() / total),
        "auc": _auc(true_positives, false_positives),
        "pr_auc": _average_precision(true_positives, false_positives),
        "brier": float((weight * (outcome - p) ** 2).sum() / total),
        "ece": calibration_error(outcome, p, weight),
        "observed_to_expected": churners / float((weight * p).sum()),
        "top_decile_capture": _capture(outcome, p, weight, 0.1),
    }


def _cumulative_at_ties(outcome: Floats, p: Floats, weight: Floats) -> tuple[Floats, Floats]:
    last_of_tie = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)
    true_positives = np.cumsum(weight * outcome)[last_of_tie]
    false_positives = np.cumsum(weight * (1 - outcome))[last_of_tie]
    return true_positives, false_positives


def rank_auc(values: Floats, is_churned: NDArray[np.bool_]) -> float:
    """Area under the ROC curve of any values, by ranks (Mann and Whitney 1947).

    Args:
        values: Shape (customers,); higher means likelier. Infinite values are allowed, nan is not.
        is_churned: Outcome, shape (customers,).

    Returns:
        0.5 where there is only one class.
    """
    churners = int(is_churned.sum())
    others = len(is_churned) - churners
    if not churners or not others:
        return 0.5
    above = rankdata(values)[is_churned].sum() - churners * (churners + 1) / 2
    return float(above / (churners * others))


def _auc(true_positives: Floats, false_positives: Floats) -> float:
    if true_positives[-1] == 0 or false_positives[-1] == 0:
        return float("nan")
    tpr = np.concatenate([[0.0], true_positives / true_positives[-1]])
    fpr = np.concatenate([[0.0], false_positives / false_positives[-1]])
    return float(np.trapezoid(tpr, fpr))


def _average_precision(true_positives: Floats, false_positives: Floats) -> float:
    if true_positives[-1] == 0:
        return float("nan")
    taken = np.maximum(true_positives + false_positives, CLIP)
    recall = np.concatenate([[0.0], true_positives / true_positives[-1]])
    return float((np.diff(recall) * true_positives / taken).sum())


def calibration_error(outcome: Floats, p: Floats, weight: Floats) -> float:
    """Expected calibration error over bins of equal numbers of customers.

    Args:
        outcome: n outcomes, sorted by falling probability.
        p: Their probabilities.
        weight: How often each counts.
    """
    total = weight.sum()
    middle = (np.cumsum(weight) - weight / 2) / total
    bin_of = np.minimum((middle * BINS).astype(int), BINS - 1)
    difference = np.bincount(bin_of, weight * (outcome - p), BINS)
    return float(np.abs(difference).sum() / total)


def _ece_if_calibrated(
    p: Floats,
    customer: NDArray[np.intp] | None,
    customers: int,
    generator: np.random.Generator,
    draws: int,
    weight: Floats,
) -> MetricValue:
    """Mean calibration error, and its range, of outcomes drawn from the probabilities themselves.

    A customer draws once for all of their rows, so that these turn out alike.
    """
    drawn = []
    for _ in range(draws):
        level = generator.random(customers)
        outcome = (level if customer is None else level[customer]) < p
        drawn.append(calibration_error(outcome.astype(float), p, weight))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return MetricValue("ece_if_calibrated", float(np.mean(drawn)), float(low), float(high))


def _slope(outcome: Floats, p: Floats, weight: Floats) -> float:
    """Slope of a logistic regression of the outcome on the predicted log-odds (Cox 1958)."""
    x = logit(p)
    if outcome.min() == outcome.max() or np.ptp(x) < CLIP:
        return float("nan")
    beta = np.array([0.0, 1.0])
    design = np.column_stack([np.ones_like(x), x])

    def loss(beta: Floats) -> float:
        margin = design @ beta
        return float((weight * np.logaddexp(0, margin)).sum() - (weight * outcome) @ margin)

    for _ in range(100):
        mean = expit(design @ beta)
        hessian = design.T @ (design * (weight * mean * (1 - mean))[:, None])
        score = design.T @ (weight * (outcome - mean))
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), score)
        # a whole step from probabilities near 0 and 1 can lead far away, where nothing bends
        before = loss(beta)
        while loss(beta + step) > before * (1 + 1e-12) and np.abs(step).max() > 1e-10:
            step = step / 2
        beta += step
        if np.abs(step).max() < 1e-10:
            break
    return float(beta[1])


def _slope_se(
    outcome: Floats, p: Floats, slope: float, customer: NDArray[np.intp] | None, weight: Floats
) -> float:
    """Standard error of the calibration slope from the information at slope 1.

    Rows of one customer are not independent, nor is one that stands for several: their scores are
    summed first, which makes it the sandwich of Liang and Zeger (1986).
    """
    if np.isnan(slope):
        return float("nan")
    x, v = logit(p), weight * p * (1 - p)
    centred = x - (v * x).sum() / v.sum()
    information = (v * centred**2).sum()
    if customer is None:
        return float(1 / np.sqrt(information))
    scores = np.bincount(customer, weight * centred * (outcome - p))
    return float(np.sqrt((scores**2).sum()) / information)


def _capture(outcome: Floats, p: Floats, weight: Floats, depth: float) -> float:
    """Share of churners within the top `depth` of the list; a tie at the cut counts in part."""
    churners = float((weight * outcome).sum())
    if churners == 0:
        return float("nan")
    return float(captured_at(outcome, p, weight, np.array([depth]))[0]) / churners


def captured_at(outcome: Floats, p: Floats, weight: Floats, depths: Floats) -> NDArray[np.float64]:
    """Churners among the top shares of a list sorted by falling probability.

    Customers with equal probability are taken in proportion, so a constant scores at random.
    """
    last_of_tie = np.append(np.flatnonzero(np.diff(p)), len(p) - 1)
    taken = np.concatenate([[0.0], np.cumsum(weight)[last_of_tie]])
    found = np.concatenate([[0.0], np.cumsum(weight * outcome)[last_of_tie]])
    return np.asarray(np.interp(depths * taken[-1], taken, found))


@dataclass(frozen=True)
class Bin:
    """One bin of a reliability curve."""

    bin: int
    rows: int
    mean_probability: float
    observed_rate: float


def reliability(
    is_churned: Floats, probability: Floats, weight: Floats | None = None, bins: int = BINS
) -> list[Bin]:
    """Return bins of equal numbers of rows, lowest probabilities first.

    Args:
        is_churned: n outcomes, 0 or 1.
        probability: n probabilities.
        weight: How many customers each row stands for; None for one.
        bins: How many bins.
    """
    order = np.argsort(probability, kind="stable")
    parts = np.array_split(order, min(bins, len(order)))
    return [
        Bin(
            i + 1,
            len(part),
            weighted_mean(probability[part], None if weight is None else weight[part]),
            weighted_mean(is_churned[part], None if weight is None else weight[part]),
        )
        for i, part in enumerate(parts)
    ]
