"""BG/NBD: purchases at a gamma-distributed rate until a beta-distributed dropout after one of them.

P. Fader, B. Hardie, K. Lee: "Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model. Marketing Science 24(2), 2005. Equation numbers below are theirs.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, psi

from ml.contract import Floats

WEEK = 7.0
# Draws the logarithms of the parameters, in weeks, to 0 where the data say nothing of them.
_RIDGE = 1e-4


@dataclass(frozen=True)
class Histories:
    """The model's input for n customers, in days from the first purchase.

    Attributes:
        repeats: Days with a purchase after the first one.
        last: Day of the last purchase; 0 without a repeat.
        age: Days observed.
    """

    repeats: Floats
    last: Floats
    age: Floats


@dataclass(frozen=True)
class BgNbd:
    """A fitted model: rates are Gamma(r, alpha) a day, dropouts Beta(a, b) a purchase."""

    r: float
    alpha: float
    a: float
    b: float

    @classmethod
    def fit(cls, customers: Histories) -> "BgNbd":
        """Fit by maximum likelihood (equation 6), over the logarithms of the parameters.

        Customers with the same history in whole weeks count as alike.
        """
        weeks = np.column_stack(
            [
                customers.repeats,
                np.round(customers.last / WEEK),
                np.round(customers.age / WEEK),
            ]
        )
        alike, rows = np.unique(weeks, axis=0, return_counts=True)
        grouped = Histories(*alike.T)

        def loss(logs: Floats) -> tuple[float, Floats]:
            value, gradient = _log_likelihood(np.exp(logs), grouped)
            mean = rows @ np.column_stack([value, gradient]) / rows.sum()
            return (
                -float(mean[0]) + _RIDGE * float(logs @ logs),
                -mean[1:] * np.exp(logs) + 2 * _RIDGE * logs,
            )

        found = minimize(
            loss,
            np.log([0.5, 10.0, 0.5, 2.0]),
            jac=True,
            method="L-BFGS-B",
            bounds=[(-9.0, 9.0)] * 4,
            options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-8},
        )
        r, alpha, a, b = np.exp(found.x)
        return cls(float(r), float(alpha * WEEK), float(a), float(b))

    def probability_alive(self, customers: Histories) -> Floats:
        """Return n probabilities that a customer has not dropped out."""
        x = customers.repeats
        with np.errstate(over="ignore"):
            odds_gone = np.where(
                x > 0,
                self.a
                / (self.b + np.maximum(x, 1) - 1)
                * ((self.alpha + customers.age) / (self.alpha + customers.last)) ** (self.r + x),
                0.0,
            )
        return np.asarray(1 / (1 + odds_gone))

    def probability_of_none(self, customers: Histories, days: float) -> Floats:
        """Return n probabilities of no purchase in the coming days.

        A customer who is alive stays alive until the next purchase, with rate
        Gamma(r + x, alpha + T). So the probability of no purchase is
        ((alpha + T) / (alpha + T + days))^(r + x).
        """
        quiet = (self.alpha + customers.age) / (self.alpha + customers.age + days)
        return 1 - self.probability_alive(customers) * (1 - quiet ** (self.r + customers.repeats))


def _log_likelihood(parameters: Floats, customers: Histories) -> tuple[Floats, Floats]:
    """Return n log-likelihoods, and the n × 4 derivatives by r, alpha, a and b."""
    r, alpha, a, b = parameters
    x, last, age = customers.repeats, customers.last, customers.age
    repeated = np.maximum(x, 1)
    purchases = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    gone = betaln(a + 1, b + repeated - 1) - betaln(a, b) - (r + x) * np.log(alpha + last)
    gone = np.where(x > 0, gone, -np.inf)
    value = np.logaddexp(alive, gone)
    is_alive, is_gone = np.exp(alive - value), np.exp(gone - value)
    both = psi(a + b) - psi(a + b + x)
    gradient = np.column_stack(
        [
            psi(r + x)
            - psi(r)
            + np.log(alpha)
            - is_alive * np.log(alpha + age)
            - is_gone * np.log(alpha + last),
            r / alpha - (r + x) * (is_alive / (alpha + age) + is_gone / (alpha + last)),
            is_alive * psi(a) + is_gone * psi(a + 1) - psi(a) + both,
            is_alive * psi(b + x) + is_gone * psi(b + repeated - 1) - psi(b) + both,
        ]
    )
    return np.asarray(purchases + value), gradient
