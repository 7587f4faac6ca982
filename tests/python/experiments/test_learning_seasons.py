"""Plans that learn from campaigns beside plans that do not, paired by season, in true profit."""

import numpy as np
import pytest
from seasons import AS_ASSUMED, FAR, seasons


def gained(count, customers, actions, seed=1):
    """Mean gain of learning per season, half the width of its 95 % interval, profit without."""
    with_, without = (
        seasons(count, customers, actions, learns=learns, seed=seed) for learns in (True, False)
    )
    gain = with_ - without
    return gain.mean(), 1.96 * gain.std(ddof=1) / np.sqrt(count), without.mean()


def test_a_plan_that_learned_earns_more_where_the_catalogue_is_wrong():
    mean, reach, without = gained(12, 1200, FAR)
    assert mean - reach > 0
    assert mean > 0.2 * abs(without)


def test_seasons_are_paired():
    """The same seed gives the same customers: without anything to learn nothing differs."""
    one, other = (seasons(3, 300, FAR, learns=False) for _ in range(2))
    assert np.array_equal(one, other)
    assert not np.array_equal(one, seasons(3, 300, FAR, learns=False, seed=2))


@pytest.mark.long
def test_four_hundred_seasons_of_learning():
    """True rates far from the catalogue's: a season earns 4,673 ± 138 more, and −1,344 without."""
    parts = [gained(50, 1200, FAR, seed) for seed in range(8)]
    mean = np.mean([part[0] for part in parts])
    reach = np.sqrt(np.sum([part[1] ** 2 for part in parts])) / 8
    without = np.mean([part[2] for part in parts])
    assert mean - reach > 0.2 * abs(without)


@pytest.mark.long
def test_learning_costs_little_where_the_catalogue_is_right():
    """The noise of what campaigns show costs 127 ± 58 of 13,589."""
    mean, reach, without = gained(50, 1200, AS_ASSUMED)
    assert mean > -0.02 * without - reach
