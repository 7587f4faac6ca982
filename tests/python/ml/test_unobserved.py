"""What nobody has at a judged cut-off is not learned from."""

import numpy as np
import pytest

from ml.contract import Examples
from ml.score import unobserved
from ml.train import fit, margin

RNG = np.random.default_rng(7)
ROWS = 4_000


def examples(day="2020-01-01", blank=()):
    """Customers who mostly stay when they were seen in the last week or month."""
    values = np.column_stack(
        [RNG.poisson(3, ROWS), RNG.poisson(9, ROWS), RNG.integers(1, 90, ROWS)]
    ).astype(float)
    odds = 1.5 - 0.5 * values[:, 0] - 0.1 * values[:, 1] + 0.02 * values[:, 2]
    churned = (RNG.random(ROWS) < 1 / (1 + np.exp(-odds))).astype(float)
    values[:, list(blank)] = np.nan
    return Examples(
        domain="shop",
        customer_id=np.array([f"c{n}" for n in range(ROWS)], dtype=object),
        as_of_date=np.full(ROWS, day, dtype="datetime64[D]"),
        is_churned=churned,
        features=("visits_7d", "visits_28d", "days_since"),
        values=values,
        is_boolean=np.zeros(3, dtype=bool),
    )


def log_loss(rows, margins):
    return float(np.mean(np.logaddexp(0, margins) - rows.is_churned * margins))


def test_a_window_without_days_is_not_silence():
    train, judged = examples(), examples("2020-02-01", blank=(0,))
    taken_for_silence = log_loss(judged, margin(fit(train, 400), judged))
    model = fit(train.as_observed_in(judged), 400)
    without = log_loss(judged, margin(model, judged))
    base = log_loss(
        judged, np.full(ROWS, np.log(train.is_churned.mean() / (1 - train.is_churned.mean())))
    )
    assert without < base < taken_for_silence
    assert unobserved(model, judged) == []
    assert unobserved(fit(train, 400), judged) == ["visits_7d"]


def test_one_judged_cut_off_without_it_is_enough_and_a_few_values_are_none():
    train, whole = examples(), examples("2020-02-16")
    part = examples("2020-02-01", blank=(1,))
    both = Examples(
        **{
            **vars(whole),
            "customer_id": np.concatenate([whole.customer_id, part.customer_id]),
            "as_of_date": np.concatenate([whole.as_of_date, part.as_of_date]),
            "is_churned": np.concatenate([whole.is_churned, part.is_churned]),
            "values": np.concatenate([whole.values, part.values]),
        }
    )
    assert both.unobserved() == ("visits_28d",)
    blanked = train.as_observed_in(both)
    assert np.isnan(blanked.column("visits_28d")).all()
    assert blanked.column("visits_7d") == pytest.approx(train.column("visits_7d"))
    part.values[5, 1] = 3
    assert part.unobserved() == ()
    assert train.as_observed_in(whole) is train
