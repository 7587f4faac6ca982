"""The plan beside its alternatives by the demo's hidden truth."""

import pytest

from benchmarks.worlds import BUDGETS, WORLDS, WorldOutcome, compare, losses
from pipeline.project.codes import titles
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError


@pytest.fixture(scope="module", params=tuple(domain_entries()))
def outcomes(demo, request):
    return compare(demo[0], request.param)


def profit(outcomes, world, share_of_budgets, strategy="plan"):
    budgets = sorted({outcome.budget for outcome in outcomes})
    (found,) = [
        outcome.profit
        for outcome in outcomes
        if (outcome.world, outcome.budget, outcome.strategy)
        == (world, budgets[share_of_budgets], strategy)
    ]
    return found


def test_every_world_budget_and_strategy_is_compared(outcomes):
    assert len(outcomes) == len(WORLDS) * len(BUDGETS) * len(titles("strategy"))
    assert all(outcome.profit == 0 for outcome in outcomes if outcome.strategy == "nobody")


def test_where_customers_respond_as_assumed_the_plan_is_best_on_a_small_budget(outcomes):
    world = next(iter(WORLDS))
    plan = profit(outcomes, world, 0)
    assert plan > 0
    assert all(
        profit(outcomes, world, 0, other) < plan for other in titles("strategy") if other != "plan"
    )


def test_worse_worlds_earn_less(outcomes):
    for number in range(len(BUDGETS)):
        as_assumed, *worse = (profit(outcomes, world, number) for world in WORLDS)
        assert all(earned < as_assumed for earned in worse)


def test_where_the_plan_loses_it_says_so():
    world = next(iter(WORLDS))
    made = [WorldOutcome(world, 5.0, "plan", 1, 2.0), WorldOutcome(world, 5.0, "nobody", 0, 0.0)]
    assert losses(made) == ["The plan is best in every world and at every budget."]
    (words,) = losses([*made, WorldOutcome(world, 5.0, "random", 1, 3.0)])
    assert "The plan loses" in words and "random (3)" in words


def test_without_a_hidden_truth_there_is_nothing_to_compare(home):
    with pytest.raises(ChurnError, match="no hidden truth"):
        compare(home, next(iter(domain_entries())))
