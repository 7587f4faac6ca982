"""Each customer's own past rate and BG/NBD, as rivals in quality tables."""

import numpy as np
import pytest
from pydantic import ValidationError

from ml.baselines import OwnOrders, OwnShare, baselines
from ml.contract import Examples
from ml.settings import BaselineSettings, OwnRate

HOW = OwnRate(events="a__events", of="a__times")


def made(events, times, outcome=None):
    rows = len(events)
    return Examples(
        domain="test",
        customer_id=np.array([f"c{place}" for place in range(rows)], dtype=object),
        as_of_date=np.full(rows, np.datetime64("2020-01-01")),
        is_churned=np.array(outcome if outcome is not None else [0.0] * rows),
        features=("a__events", "a__times"),
        values=np.column_stack([events, times]).astype(float),
        is_boolean=np.zeros(2, dtype=bool),
    )


def test_the_own_share_is_how_often_the_customer_left_with_one_time_of_everybody():
    rival = OwnShare(HOW).fit(made([0, 0, 0, 0], [1, 1, 1, 1], [1.0, 0.0, 0.0, 0.0]))
    found = rival.predict(made([0, 3, np.nan], [9, 3, np.nan]))
    assert found == pytest.approx([0.25 / 10, 3.25 / 4, 0.25])


def test_own_orders_say_how_likely_none_is_at_the_own_rate():
    rival = OwnOrders(HOW, horizon_days=30).fit(made([2, 2], [100, 300]))
    assert rival.days_an_order == pytest.approx(100)
    found = rival.predict(made([9, 0], [900, 0]))
    assert found == pytest.approx([np.exp(-30 * 10 / 1000), np.exp(-30 / 100)])


def test_rivals_that_need_orders_are_left_out_where_there_are_none():
    named = {
        "own_rate": BaselineSettings(orders=HOW),
        "bg_nbd": BaselineSettings(bg_nbd=True),
        "share": BaselineSettings(share=HOW),
        "base_rate": BaselineSettings(),
    }
    assert list(baselines(named)) == ["share", "base_rate"]


def test_a_baseline_is_of_one_kind():
    with pytest.raises(ValidationError, match="one of features, groups, share, orders, bg_nbd"):
        BaselineSettings(share=HOW, groups=("a__b",))
