"""The probability that a membership lapses, from what is known before the cut-off.

A logistic function of the state of the membership and of listening, plus each member's own
frailty, which no raw file shows. There is no monthly shock: the level of churn moves only with the
mix of the cohort and the season, so the probability written as truth is complete.
"""

from dataclasses import dataclass

import numpy as np

from pipeline.demo.arrays import Flags, Real, Whole

FRAILTY_SD = 0.40

# Added to the log-odds by calendar month: people leave after the new year's bonus and in summer.
_SEASON = np.array([0.0, -0.05, 0.38, 0.10, -0.15, 0.15, 0.30, 0.10, 0.0, -0.20, -0.25, 0.05])


@dataclass(frozen=True)
class KnownHistory:
    """The state of members before a cut-off, one entry per member."""

    auto: Flags
    cancelled: Flags
    plan_days: Whole
    list_price: Whole
    paid: Whole
    method: Whole
    days_since_transaction: Whole
    days_to_expiry: Whole
    lapses: Whole
    late_renewals: Whole
    tenure_days: Whole
    came_by_trial: Flags
    active_days: Whole
    active_days_before: Whole
    unbilled: Flags
    in_outage: Flags
    is_planted: bool = False


def lapse_probability(known: KnownHistory, frailty: Real, calendar_month: Whole) -> Real:
    """Return the probability of a lapse.

    Args:
        known: State before the cut-off; listening in active days of the last 28 days and of the
            28 days before those.
        frailty: Hidden effect on the log-odds.
        calendar_month: 1…12, of the cut-off.
    """
    score = np.where(
        known.cancelled,
        _cancelled(known),
        np.where(known.auto, _renewing_by_itself(known), _paying_by_hand(known)),
    )
    if known.is_planted:
        score = score + _planted(known)
    score = score + frailty + _SEASON[calendar_month - 1] * np.where(known.cancelled, 0.3, 1.0)
    score = np.where(known.in_outage, 2.9 + frailty, score)
    return np.asarray(1.0 / (1.0 + np.exp(-score)))


def _planted(known: KnownHistory) -> Real:
    """Return what more holds in the world of planted errors, in log-odds.

    Who lapsed once lapses again, so an expiry that is misstated, which reads as a lapse, hides who
    did. A month for free is a credit after a complaint: it looks like a payment that was lost.
    """
    habit = 1.5 * np.minimum(known.lapses, 2) - 0.7
    credited = (known.paid == 0) & (known.list_price > 0)
    return np.asarray(np.where(known.cancelled, 0.0, habit + 1.6 * credited))


def _fall(known: KnownHistory) -> Real:
    """Return how far listening fell, 0…1; only a habit can be lost."""
    fall = np.clip((known.active_days_before - known.active_days) / 28.0, 0.0, 1.0)
    return np.where(known.active_days_before >= 14, fall, 0.0)


def _paying_by_hand(known: KnownHistory) -> Real:
    listening = known.active_days.astype(np.float64)
    silent = listening == 0
    long_plan = known.plan_days >= 60
    trial = (known.plan_days > 0) & (known.plan_days < 30)
    since = known.days_since_transaction
    score = np.where(silent, 0.95, -0.38 - 0.073 * listening)
    score += 2.9 * _fall(known)
    score += np.where(long_plan, 3.5 - 0.6 * (listening >= 18), 0.0)
    score += np.where(known.plan_days == 180, 0.9, 0.0)
    score += np.where(trial, 1.4 - 1.3 * (listening >= 4), 0.0)
    # Someone who has just paid is still trying it; someone who paid long ago has moved on.
    recency = 1.0 * (since <= 6) + 0.07 * np.clip(since - 31, 0, 25)
    score += np.where(long_plan | trial, 0.0, recency)
    score += 0.65 * np.minimum(known.lapses, 2) * np.where(listening >= 15, 0.35, 1.0)
    score -= 0.42 * np.minimum(known.late_renewals, 3)
    score += np.where(known.came_by_trial, 0.6, 0.0)
    score += np.where(known.list_price == 180, 0.45, 0.0)
    score -= 0.30 * (np.log1p(known.tenure_days / 365.0) - 0.9)
    return np.asarray(score)


def _renewing_by_itself(known: KnownHistory) -> Real:
    listening = known.active_days.astype(np.float64)
    score = -5.55 + np.where(listening == 0, 0.75, -0.030 * listening)
    score += 1.6 * _fall(known) * (known.tenure_days < 400)
    score += np.where((known.paid == 0) & (known.plan_days == 30), 1.7, 0.0)
    score += 0.5 * np.minimum(known.lapses, 2)
    score += np.where(known.tenure_days < 90, 0.9, 0.0)
    score += np.where(known.days_since_transaction > 40, 0.6, 0.0)
    score += np.where(known.method == 41, 0.15, np.where(known.method == 37, -0.5, 0.0))
    # The bank bills at the end of the month before; members it did not bill have mostly left.
    return np.where(known.unbilled, -0.2 - 0.07 * listening + 1.0 * (listening == 0), score)


def _cancelled(known: KnownHistory) -> Real:
    listening = known.active_days.astype(np.float64)
    heavy = listening >= 18
    score = 3.5 + np.where(listening == 0, 0.8, -0.02 * listening)
    # Heavy listeners who have just cancelled are changing the plan, not leaving.
    score -= np.where(heavy & (known.days_since_transaction <= 9), 2.6, 0.0)
    score -= 0.5 * np.minimum(known.lapses, 2)
    score += 1.2 * _fall(known)
    score -= np.where(known.tenure_days > 900, 0.5, 0.0)
    score -= np.where(known.days_to_expiry > 20, 0.5, 0.0)
    return np.asarray(score)
