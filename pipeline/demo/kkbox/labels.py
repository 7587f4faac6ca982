"""The published label files, by the rule that was found to reproduce them."""

import numpy as np
import pyarrow as pa

from pipeline.demo.arrays import Flags, Whole
from pipeline.demo.kkbox.membership import MemberCohort
from pipeline.demo.kkbox.population import Population

KAGGLE_DAYS = 30  # day 30 counts
_DISAGREES = 0.0004  # the rule reproduces the February file to 99.96 %


def kaggle_churn(cohort: MemberCohort, rows: dict[str, Whole]) -> Flags:
    """Return churn by the Kaggle rule for a cohort, one entry a member.

    Churn unless a paid row that is not a cancel is dated within [expiry, expiry + 30],
    expiry as known at the cut-off. Early renewals therefore count as churn unless something is
    paid inside the window.

    Args:
        cohort: The cohort and its expiries.
        rows: All transactions until 30 days after the last expiry, beyond the written ones too.
    """
    window = np.full(int(rows["member"].max()) + 1, -1, dtype=np.int64)
    window[cohort.member] = cohort.expires_on
    paid = (rows["is_cancel"] == 0) & (rows["actual_amount_paid"] > 0)
    expiry = window[rows["member"]]
    since = rows["transacted_on"] - expiry
    stays = paid & (expiry >= 0) & (since >= 0) & (since <= KAGGLE_DAYS)
    stayed = np.zeros(len(window), dtype=np.bool_)
    stayed[rows["member"][stays]] = True
    return np.asarray(~stayed[cohort.member])


def train_table(
    people: Population, cohort: MemberCohort, rows: dict[str, Whole], rng: np.random.Generator
) -> pa.Table:
    """Return a label file as it is written, in no order."""
    churn = kaggle_churn(cohort, rows) ^ (rng.random(len(cohort.member)) < _DISAGREES)
    order = rng.permutation(len(churn))
    return pa.table(
        {
            "msno": pa.array(people.msno[cohort.member[order]]).cast(pa.string()),
            "is_churn": pa.array(churn[order].astype(np.int32)),
        }
    )
