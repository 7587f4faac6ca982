"""Planted errors have a known truth, touch no outcome, and are there only where asked for."""

import numpy as np
import pytest

from pipeline.demo.folder import Stamp
from pipeline.demo.kkbox.generate import simulate
from pipeline.demo.kkbox.planting import MISSTATED_SHARE, MOST_DAYS_BEFORE, misstate

MEMBERS = 1500


@pytest.fixture(scope="module")
def planted():
    """The simulated world of planted errors: the true rows, the written ones, the errors."""
    simulation = simulate(MEMBERS, 3, is_planted=True)
    written, errors = misstate(simulation.transactions, 3)
    return simulation.transactions, written, errors


def test_the_truth_of_every_error_is_known_and_nothing_else_is_changed(planted):
    true, written, errors = planted
    changed = true["expires_on"] != written["expires_on"]
    assert changed.sum() == len(errors["member"]) > 500
    np.testing.assert_array_equal(true["expires_on"][changed], errors["true_expires_on"])
    np.testing.assert_array_equal(written["expires_on"][changed], errors["expires_on"])
    for name in set(true) - {"expires_on"}:
        np.testing.assert_array_equal(true[name], written[name])
    before = errors["transacted_on"] - errors["expires_on"]
    assert before.min() >= 1
    assert before.max() <= MOST_DAYS_BEFORE
    assert changed.sum() / (true["is_cancel"] == 0).sum() == pytest.approx(
        MISSTATED_SHARE, rel=0.35
    )


def test_no_cancellation_and_no_first_payment_is_misstated(planted):
    true, _, errors = planted
    first = np.full(MEMBERS, np.iinfo(np.int32).max)
    np.minimum.at(first, true["member"], true["transacted_on"])
    assert (errors["transacted_on"] > first[errors["member"]]).all()
    cancels = set(
        zip(
            true["member"][true["is_cancel"] == 1],
            true["transacted_on"][true["is_cancel"] == 1],
            strict=True,
        )
    )
    assert not cancels & set(zip(errors["member"], errors["transacted_on"], strict=True))


def test_months_for_free_go_before_lapses_in_the_planted_world_alone():
    def odds(is_planted):
        found = simulate(MEMBERS, 3, is_planted=is_planted)
        rows = found.transactions
        free = (rows["actual_amount_paid"] == 0) & (rows["plan_list_price"] > 0)
        return free[rows["transacted_on"] > 17_000].mean()

    assert odds(True) > 1.5 * odds(False)


def test_the_usual_demo_has_the_stamp_it_had():
    assert b"planted" not in bytes(Stamp("kkbox", 1, "members", 500, 1))
    assert b'"planted": true' in bytes(Stamp("kkbox", 1, "members", 500, 1, is_planted=True))
