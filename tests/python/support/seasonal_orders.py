"""Orders of a made-up shop with a season, as the ML step holds them in memory."""

import numpy as np

from ml.contract import day_of
from ml.level.orders import NEVER, CohortRule, Orders

WHO = CohortRule(horizon_days=60, lookback_days=120, min_orders=1)
FIRST = day_of(np.datetime64("2018-01-01"))
SPAN = 900
GRID = tuple(np.datetime64("2018-04-01") + 30 * place for place in range(22))


def make_orders(seed=1, customers=3_000, missing=()):
    """Customers who order twice as often in one half of each year as in the other."""
    rng = np.random.default_rng(seed)
    day = np.arange(FIRST, FIRST + SPAN)
    season = np.exp(0.5 * np.sin(2 * np.pi * (day - FIRST) / 365.25))
    begins = rng.integers(0, SPAN - 100, customers)
    ends = begins + rng.exponential(500, customers)
    rate = rng.gamma(0.8, 1 / 30, customers)
    history, when = [], []
    for place in range(customers):
        alive = (np.arange(SPAN) >= begins[place]) & (np.arange(SPAN) < ends[place])
        drawn = (rng.random(SPAN) < rate[place] * season) & alive
        drawn[begins[place]] = True
        history.append(np.full(drawn.sum(), place))
        when.append(day[drawn])
    returned = np.full(sum(map(len, when)), NEVER)
    late = rng.random(len(returned)) < 0.05
    returned[late] = np.concatenate(when)[late] + rng.integers(1, 60, late.sum())
    return Orders(
        customer_id=np.array([f"c{place}" for place in range(customers)], dtype=object),
        holds_after=np.full(customers, -NEVER),
        holds_until=np.full(customers, NEVER),
        history=np.concatenate(history),
        day=np.concatenate(when),
        returned=returned,
        count=np.ones(len(returned), dtype=np.int64),
        missing=np.array(missing, dtype=np.int64),
        missing_known=np.array(missing, dtype=np.int64) + 1,
    )
