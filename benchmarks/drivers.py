"""Exact drivers: customers per second with this project's code, LightGBM and shap."""

import resource
from collections.abc import Callable

import numpy as np

from benchmarks.figures import Figure, Ratio
from benchmarks.workbench import Bench, Timed, best
from ml.contract import Examples, Floats
from ml.explain.drivers import drivers
from ml.train import PARAMETERS, fit, margin

CUSTOMERS = 200_000
SLOW_CUSTOMERS = 20_000
FEATURES = 90
ROUNDS = 300
AIM = 8.0


def measure(bench: Bench) -> list[Figure]:
    """Measure scoring and three ways to compute the same drivers, on a model of 300 trees.

    The two slow ones are timed on fewer customers; rates are comparable, since both work row by
    row.
    """
    import shap

    rows = make_examples(CUSTOMERS)
    booster = fit(make_examples(60_000, seed=2), ROUNDS)
    few = rows.values[:SLOW_CUSTOMERS]
    explainer = shap.TreeExplainer(booster)
    found: dict[str, Floats] = {}

    def keep(name: str, run: Callable[[], Floats]) -> Callable[[], None]:
        def call() -> None:
            found[name] = run()

        return call

    def contributed() -> Floats:
        return np.asarray(
            booster.predict(few, pred_contrib=True, num_threads=PARAMETERS["num_threads"])
        )

    things = {
        "scoring": (CUSTOMERS, lambda: margin(booster, rows)),
        "drivers": (CUSTOMERS, lambda: drivers(booster, rows.values)[0]),
        "pred_contrib": (SLOW_CUSTOMERS, contributed),
        "tree_explainer": (SLOW_CUSTOMERS, lambda: np.asarray(explainer.shap_values(few))),
    }
    timed = best(bench, *(Timed(name, keep(name, run)) for name, (_, run) in things.items()))
    rates = {
        name: count / seconds
        for (name, (count, _)), seconds in zip(things.items(), timed, strict=True)
    }
    worst = float(np.abs(found["drivers"][:SLOW_CUSTOMERS] - found["pred_contrib"][:, :-1]).max())
    other = max(rates["pred_contrib"], rates["tree_explainer"])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    how = f"{ROUNDS} trees, {FEATURES} features, a tenth null, {bench.how}"
    return [
        Figure("scoring_rate", rates["scoring"], "customers/s", f"margins; {how}"),
        Figure("pred_contrib_rate", rates["pred_contrib"], "customers/s", "LightGBM's own drivers"),
        Figure("tree_explainer_rate", rates["tree_explainer"], "customers/s", "shap.TreeExplainer"),
        Figure(
            "drivers_rate",
            rates["drivers"],
            "customers/s",
            f"drivers of {CUSTOMERS:,} customers; the worst value is {worst:.1e} off LightGBM's",
            Ratio("drivers_speed_up", "the faster", rates["drivers"] / other, AIM, at_least=True),
        ),
        Figure("ml_peak_memory", peak, "MB", "of the process that fitted, scored and explained"),
    ]


def make_examples(customers: int, seed: int = 1) -> Examples:
    """Return synthetic examples: numbers on several scales, a tenth of them missing."""
    generator = np.random.default_rng(seed)
    values = generator.normal(size=(customers, FEATURES)) * np.geomspace(0.1, 1000, FEATURES)
    signal = values[:, :8] / np.geomspace(0.1, 1000, FEATURES)[:8]
    outcome = generator.random(customers) < 1 / (1 + np.exp(2 - signal.sum(axis=1)))
    values[generator.random(values.shape) < 0.1] = np.nan
    return Examples(
        domain="bench",
        customer_id=np.arange(customers).astype(str).astype(object),
        as_of_date=np.full(customers, np.datetime64("2020-01-01")),
        is_churned=outcome.astype(float),
        features=tuple(f"made__feature_{number}" for number in range(FEATURES)),
        values=values,
        is_boolean=np.zeros(FEATURES, dtype=bool),
    )
