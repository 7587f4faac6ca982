"""Examples made here: two cohorts, four features, nulls, a known process."""

import numpy as np

from ml.contract import Examples


def make_examples(rows: int, seed: int) -> Examples:
    generator = np.random.default_rng(seed)
    days = np.array(["2016-01-01", "2016-02-01"], dtype="datetime64[D]")
    renews = (generator.random(rows) < 0.8).astype(float)
    silence = generator.exponential(10, rows).round()
    plan = generator.choice([7.0, 30.0, 90.0], rows)
    margin = -3 + 2.5 * (1 - renews) + 0.08 * silence * (1 - renews) + (plan == 90)
    outcome = (generator.random(rows) < 1 / (1 + np.exp(-margin))).astype(float)
    values = np.column_stack([renews, silence, plan, generator.normal(size=rows)])
    values[generator.random(rows) < 0.2, 1] = np.nan
    values[generator.random(rows) < 0.1, 3] = np.nan
    return Examples(
        domain="test",
        customer_id=np.array([f"c{i}" for i in range(rows)], dtype=object),
        as_of_date=days[np.arange(rows) % 2],
        is_churned=outcome,
        features=("plan__is_on", "use__silence", "plan__days", "use__noise"),
        values=values,
        is_boolean=np.array([True, False, False, False]),
    )
