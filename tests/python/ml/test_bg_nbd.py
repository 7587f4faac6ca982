"""BG/NBD against simulated customers whose parameters and fates are known."""

import numpy as np
import pytest

from ml.level.bg_nbd import BgNbd, Histories, _log_likelihood

TRUE = BgNbd(r=0.8, alpha=20.0, a=0.9, b=2.5)
HORIZON = 60.0


@pytest.fixture(scope="module")
def simulated():
    """20,000 customers observed for 200 to 300 days, and their purchases in the 60 days after."""
    rng = np.random.default_rng(5)
    n = 20_000
    age = rng.integers(200, 300, n).astype(float)
    rate, dropout = rng.gamma(TRUE.r, 1 / TRUE.alpha, n), rng.beta(TRUE.a, TRUE.b, n)
    repeats, last, future = np.zeros(n), np.zeros(n), np.zeros(n)
    at, alive = np.zeros(n), np.ones(n, dtype=bool)
    while alive.any():
        at = np.where(alive, at + rng.exponential(1 / rate), at)
        alive &= at < age + HORIZON
        seen = alive & (at < age)
        repeats += seen
        last = np.where(seen, at, last)
        future += alive & (at >= age)
        alive &= rng.random(n) >= dropout
    return Histories(repeats, last, age), future


def test_the_fit_finds_the_parameters_that_made_the_customers(simulated):
    fitted = BgNbd.fit(simulated[0])
    assert fitted.r == pytest.approx(TRUE.r, rel=0.1)
    assert fitted.alpha == pytest.approx(TRUE.alpha, rel=0.1)
    assert fitted.a / (fitted.a + fitted.b) == pytest.approx(TRUE.a / (TRUE.a + TRUE.b), rel=0.1)


def test_the_probability_of_no_purchase_is_what_happened(simulated):
    customers, future = simulated
    none = TRUE.probability_of_none(customers, HORIZON)
    for low, high in ((0, 0.5), (0.5, 0.8), (0.8, 0.95), (0.95, 1.0)):
        part = (none >= low) & (none < high)
        assert (future[part] == 0).mean() == pytest.approx(none[part].mean(), abs=0.02)


def test_a_customer_who_never_came_back_is_alive_for_sure():
    never = Histories(np.array([0.0]), np.array([0.0]), np.array([300.0]))
    assert TRUE.probability_alive(never) == pytest.approx([1.0])


def test_the_gradient_is_that_of_the_likelihood(simulated):
    few = Histories(*(values[:50] for values in vars(simulated[0]).values()))
    at = np.array([0.8, 20.0, 0.9, 2.5])
    _, gradient = _log_likelihood(at, few)
    for place, value in enumerate(at):
        step = np.zeros(4)
        step[place] = 1e-6 * value
        above, below = _log_likelihood(at + step, few)[0], _log_likelihood(at - step, few)[0]
        assert gradient[:, place] == pytest.approx((above - below) / (2e-6 * value), abs=1e-5)


def test_history_in_whole_weeks_gives_nearly_the_same_fit(simulated):
    """Customers are counted as alike by whole weeks: what is predicted of them hardly changes."""
    customers, _ = simulated
    fitted = BgNbd.fit(customers)
    none = fitted.probability_of_none(customers, HORIZON)
    assert none == pytest.approx(TRUE.probability_of_none(customers, HORIZON), abs=0.03)
