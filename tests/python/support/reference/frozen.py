"""Frozen labels: cohorts written down once, which hold whatever the raw data say later."""

import random
from collections.abc import Callable, Iterable
from datetime import date
from typing import Any

from reference.compare import Table
from reference.worlds import World

# label definition, cut-off, number of versions
Cohort = tuple[str, date, int]


def freeze(
    world: World,
    chance: random.Random,
    cohorts: Iterable[Cohort],
    make_row: Callable[[random.Random, str, date, int], Any],
) -> None:
    """Put versions of cohorts on record, each of half of the customers, with any outcome.

    Args:
        world: Gets them as rows of `frozen_labels`.
        chance: Decides who is in which version.
        cohorts: Definition, cut-off and number of versions.
        make_row: Makes a row of chance, definition, cut-off and version.
    """
    cohorts = list(cohorts)
    world.rows["frozen_labels"] = {
        customer: [
            make_row(chance, definition, cut_off, version)
            for definition, cut_off, versions in cohorts
            for version in range(1, versions + 1)
            if chance.random() < 0.5
        ]
        for customer in next(iter(world.rows.values()))
    }


def with_frozen(world: World, computed: Table) -> Table:
    """Labels that hold: of a frozen cohort its newest version, of any other what is computed.

    Args:
        world: Its frozen labels.
        computed: Labels as the raw data have them, by customer, cut-off and definition.
    """
    frozen = [
        (customer, row)
        for customer, rows in world.rows.get("frozen_labels", {}).items()
        for row in rows
    ]
    newest: dict[tuple[str, date], int] = {}
    for _, row in frozen:
        cohort = (row.label_definition, row.as_of_date)
        newest[cohort] = max(newest.get(cohort, 0), row.label_version)
    holds = {key: label for key, label in computed.items() if (key[2], key[1]) not in newest}
    for customer, row in frozen:
        if row.label_version == newest[row.label_definition, row.as_of_date]:
            label = row._asdict()
            key = (customer, label.pop("as_of_date"), label.pop("label_definition"))
            del label["rule_version"], label["label_version"]
            holds[key] = label
    return holds
