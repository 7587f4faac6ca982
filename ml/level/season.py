"""Forecasts the multipliers of the coming windows from those of the past ones.

A Gaussian process: a season that repeats every year and drifts, a course that wanders and returns
(Ornstein and Uhlenbeck), and noise of its own in every window. What these are like is not chosen:
every combination of a fixed grid counts by how well it explains the past windows (its marginal
likelihood; Rasmussen and Williams, Gaussian Processes for Machine Learning, 2006, chapter 5).
"""

from collections.abc import Sequence
from itertools import product

import numpy as np
from scipy.linalg import solve_triangular
from threadpoolctl import threadpool_limits

from ml.contract import Floats
from ml.level.windows import Window

YEAR = 365.25
# Standard deviations of season, course and noise, as logarithms of rates; days in which the course
# forgets; and how smooth the season is.
SEASON = (0.0, 0.15, 0.3, 0.45)
COURSE = (0.1, 0.2, 0.3, 0.45)
NOISE = (0.05, 0.1, 0.15)
FORGETS = (45.0, 90.0, 180.0)
SMOOTH = (0.4, 0.7, 1.2)
# Days after which a season says little of another one.
DRIFT = 1500.0
# Twice this is added to the deviation of a window whose cohort's lookback the log does not cover.
TRUNCATED = 0.3
# A window a year before the coming one has its middle within so many days.
SLACK = 20.0
# More than this share of its cohort's lookback is covered by the log.
COVERED = 0.5
ENOUGH = 1e-12


def forecast_multipliers(
    windows: Sequence[Window], middles: Floats, log_opens: int, lookback_days: int
) -> tuple[Floats, Floats]:
    """Return mean and standard deviation of each coming window's multiplier.

    Args:
        windows: Windows that have ended; one at least.
        middles: Day in the middle of each coming window.
        log_opens: First day with an order.
        lookback_days: Days before a cut-off in which the cohort's members ordered; cohorts of which
            the log covers fewer know their members less well, and count less.
    """
    at = np.array([window.middle for window in windows])
    seen = np.array([window.multiplier for window in windows])
    age = np.array([window.cut_off for window in windows]) - log_opens
    short = np.clip(1 - age / max(lookback_days, 1), 0, 1)
    chance = np.array([window.variance for window in windows]) + (2 * TRUNCATED * short) ** 2

    everything = np.concatenate([at, middles])
    apart = np.abs(everything[:, None] - everything[None, :])
    past = len(at)
    drift = np.exp(-((apart / DRIFT) ** 2) / 2)
    waves = {s: np.exp(-2 * (np.sin(np.pi * apart / YEAR) / s) ** 2) * drift for s in SMOOTH}
    courses = {days: np.exp(-apart / days) for days in FORGETS}

    evidence, means, variances = [], [], []
    with threadpool_limits(1):  # sums in one order
        for season, course, forgets, smooth, noise in product(
            SEASON, COURSE, FORGETS, SMOOTH, NOISE
        ):
            if season == 0 and smooth != SMOOTH[0]:
                continue
            kernel = season**2 * waves[smooth] + course**2 * courses[forgets]
            of_past = kernel[:past, :past] + np.diag(chance + noise**2)
            lower = np.linalg.cholesky(of_past)
            both = solve_triangular(
                lower, np.column_stack([seen, kernel[:past, past:]]), lower=True
            )
            known, towards = both[:, 0], both[:, 1:]
            # a grid point without a season stands for every smoothness
            prior = np.log(len(SMOOTH)) if season == 0 else 0.0
            evidence.append(prior - 0.5 * known @ known - np.log(np.diag(lower)).sum())
            means.append(towards.T @ known)
            left = season**2 + course**2 - (towards**2).sum(axis=0)
            variances.append(np.maximum(left, ENOUGH))
    weight = np.exp(np.array(evidence) - max(evidence))
    weight /= weight.sum()
    mean = weight @ np.array(means)
    return mean, np.sqrt(weight @ (np.array(variances) + np.array(means) ** 2) - mean**2)


def season_seen(
    windows: Sequence[Window], middles: Floats, log_opens: int, lookback_days: int
) -> bool:
    """Whether every coming window was observed a year before.

    A cohort of which the log covers no more than half of the lookback is not counted: in a log's
    first weeks everybody is new, and their orders are no season.

    Args:
        windows: Windows that have ended.
        middles: Day in the middle of each coming window.
        log_opens: First day with an order.
        lookback_days: Days before a cut-off in which the cohort's members ordered.
    """
    at = np.array([w.middle for w in windows if w.cut_off - log_opens > COVERED * lookback_days])
    return all(bool((np.abs(at - (middle - 365)) <= SLACK).any()) for middle in middles)
