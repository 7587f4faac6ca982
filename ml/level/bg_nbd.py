"""BG/NBD: purchases at a gamma-distributed rate until a beta-distributed dropout after one of them.

P. Fader, B. Hardie, K. Lee: "Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model. Marketing Science 24(2), 2005. Equation numbers below are theirs.
"""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import minimize
from scipy.special import betaln, gammaln, hyp2f1

from ml.contract import Floats


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
        """Fit by maximum likelihood (equation 6), over the logarithms of the parameters."""
        # scaled, because the likelihood is flat where days are large numbers
        scale = float(customers.age.max())
        scaled = Histories(customers.repeats, customers.last / scale, customers.age / scale)

        def loss(logs: Floats) -> float:
            r, alpha, a, b = np.exp(logs)
            return -float(np.mean(_log_likelihood(cls(r, alpha, a, b), scaled)))

        found = minimize(
            loss,
            np.log([0.5, 0.2, 0.5, 2.0]),
            method="Nelder-Mead",
            options={"maxiter": 4000, "xatol": 1e-5, "fatol": 1e-9},
        )
        r, alpha, a, b = np.exp(found.x)
        return cls(float(r), float(alpha * scale), float(a), float(b))

    def probability_alive(self, customers: Histories) -> Floats:
        """Return n probabilities that a customer has not dropped out."""
        x = customers.repeats
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

    def expected_purchases(self, customers: Histories, days: float) -> Floats:
        """Return n expected numbers of purchases in the coming days (equation 10)."""
        r, alpha, a, b = self.r, self.alpha, self.a, self.b
        x, observed = customers.repeats, alpha + customers.age
        hyper = hyp2f1(r + x, b + x, a + b + x - 1, days / (observed + days))
        expected = (
            (a + b + x - 1) / (a - 1) * (1 - (observed / (observed + days)) ** (r + x) * hyper)
        )
        return np.asarray(expected * self.probability_alive(customers))


def _log_likelihood(model: BgNbd, customers: Histories) -> Floats:
    r, alpha, a, b = model.r, model.alpha, model.a, model.b
    x, last, age = customers.repeats, customers.last, customers.age
    purchases = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    alive = betaln(a, b + x) - betaln(a, b) - (r + x) * np.log(alpha + age)
    gone = betaln(a + 1, b + np.maximum(x, 1) - 1) - betaln(a, b) - (r + x) * np.log(alpha + last)
    return np.asarray(purchases + np.where(x > 0, np.logaddexp(alive, gone), alive))
