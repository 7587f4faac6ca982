"""Errors whose truth is known, planted into KKBox's transactions, and markers that look like them.

Off by default: `churn demo --planted` makes a world of its own beside the usual one. A renewal's
expiry is misstated as a day before the renewal, which its true expiry corrects; and a month for
free is a credit after a complaint, which a list price in its place would hide.
"""

import numpy as np

from pipeline.demo.arrays import Whole

MISSTATED_SHARE = 0.15  # of renewals, the only transactions of their day
MOST_DAYS_BEFORE = 60
CREDITED_SHARE = 0.07  # of monthly payments


def misstate(
    transactions: dict[str, Whole], seed: int
) -> tuple[dict[str, Whole], dict[str, Whole]]:
    """Misstate the expiry of some renewals.

    A member whose last row is misstated is in no cohort until the next row, so that no outcome is
    touched: only what the past looks like.

    Args:
        transactions: Rows of the ledger, in the order in which they were made.
        seed: Fixes every draw.

    Returns:
        The rows with errors, and the errors: member, transacted_on, expires_on, true_expires_on.
    """
    rng = np.random.default_rng(np.random.SeedSequence([seed, 2]))
    member, on = transactions["member"], transactions["transacted_on"]
    days = member.astype(np.int64) * 100_000 + on
    _, place, times = np.unique(days, return_inverse=True, return_counts=True)
    first = np.full(int(member.max()) + 1, np.iinfo(np.int32).max, dtype=np.int32)
    np.minimum.at(first, member, on)
    could = (
        (transactions["is_cancel"] == 0)
        & (times[place] == 1)
        & (on > first[member])
        & (transactions["expires_on"] > on)
    )
    wrong = could & (rng.random(len(member)) < MISSTATED_SHARE)
    stated = np.where(
        wrong,
        on - rng.integers(1, MOST_DAYS_BEFORE + 1, len(member)),
        transactions["expires_on"],
    ).astype(np.int32)
    errors = {
        "member": member[wrong],
        "transacted_on": on[wrong],
        "expires_on": stated[wrong],
        "true_expires_on": transactions["expires_on"][wrong],
    }
    return {**transactions, "expires_on": stated}, errors
