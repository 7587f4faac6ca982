"""What the tests of every domain ask of the SQL and the reference: that they agree."""

from collections.abc import Callable, Collection
from dataclasses import replace
from typing import Any, Protocol

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.strategies import SearchStrategy
from reference.compare import Difference, Table, differences, report
from reference.worlds import World

from pipeline.project.domains import described_examples
from pipeline.warehouse.compiled_sql import CompiledModel


class Both(Protocol):
    """One mart, by the reference and by the SQL of a stack."""

    stack: list[CompiledModel]

    def __init__(self, stack: list[CompiledModel]) -> None: ...

    def reference(self, world: World) -> Table:
        """Rows of the reference."""

    def sql(self, world: World) -> Table:
        """Rows of the SQL."""


def agree(world: World, both: Both, *, but: Collection[str] = ()) -> Table:
    """Assert that SQL and reference agree; returns the reference's rows."""
    expected = both.reference(world)
    unequal = differences(expected, both.sql(world))
    tell(world, [d for d in unequal if d.column not in but], both)
    return expected


def tell(world: World, unequal: list[Difference], both: Both) -> None:
    """Fail with the smallest histories behind the differences, if there are any."""
    if unequal:
        pytest.fail(report(world, unequal, both.reference, both.sql), pytrace=False)


def agree_on_many(
    both: Both,
    worlds: SearchStrategy[dict[str, Any]],
    make_world: Callable[..., World],
    examples: int,
    *,
    but: Collection[str] = (),
) -> tuple[int, list[dict[str, Any]]]:
    """Assert agreement on many worlds; returns the number of customers and the reference's rows.

    Args:
        both: What is compared.
        worlds: Arguments of make_world.
        make_world: Makes a world of them.
        examples: Number of worlds.
        but: Columns on which they may differ.
    """
    count, rows = 0, []

    # Seeds do not shrink; `report` makes histories small.
    @settings(
        max_examples=examples,
        deadline=None,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds)
    def check(arguments: dict[str, Any]) -> None:
        nonlocal count
        world = make_world(**arguments)
        rows.extend(agree(world, both, but=but).values())
        count += len(next(iter(world.rows.values())))

    check()
    return count, rows


def described_columns(domain: str) -> list[str]:
    """Columns of the domain's examples, from their YAML."""
    described = described_examples(domain)
    assert described is not None
    return [column["name"] for column in described["columns"]]


def noticed(
    world: World,
    pairs: list[tuple[Both, Table]],
    mutant: tuple[str, str, str],
    *,
    but: Collection[str] = (),
) -> list[Difference]:
    """Differences that show when a model has other words.

    Args:
        world: Where to look.
        pairs: What is compared, each with the reference's rows.
        mutant: Model, words of its compiled SQL that are there once, and the words instead.
        but: Columns that do not count.
    """
    model, words, others = mutant
    found = []
    for both, expected in pairs:
        views = {view.relation.split(".")[-1]: view for view in both.stack}
        if model not in views:
            continue
        assert views[model].sql.count(words) == 1, f"{model} has other words now"
        views[model] = replace(views[model], sql=views[model].sql.replace(words, others))
        rows = type(both)(list(views.values())).sql(world)
        found += [d for d in differences(expected, rows) if d.column not in but]
    return found
