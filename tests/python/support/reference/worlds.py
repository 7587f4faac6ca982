"""Made-up raw rows of many customers, and from where they are looked at."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, NamedTuple


class Coverage(NamedTuple):
    """What a source covers of the time before a cut-off: [covered_from, covered_before)."""

    covered_from: date
    covered_before: date
    holes: tuple[date, ...] = ()


class Mapping(NamedTuple):
    """One row of a map of ids: from the day after known_from on, an id is the customer's."""

    id: str
    customer_id: str
    known_from: date


@dataclass
class World:
    """Raw rows of many customers of one domain.

    Attributes:
        domain: Domain.
        cut_offs: Cut-offs at which customers are looked at.
        known_before: Rows on or after this day are hidden by the SQL.
        rows: Raw rows by table and customer, each a named tuple of the columns but the customer.
        covers: What is on record before each cut-off, as the coverage relation names it.
        seeds: Rows of lookups that are other than the project's, by the seed's name.
        outcome_holes: Days without outcomes and without a reason; from which and before which
            cut-off each makes cohorts unsure.
        identities: The map of ids.
    """

    domain: str
    cut_offs: list[date]
    known_before: date
    rows: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    covers: dict[str, dict[date, Coverage]] = field(default_factory=dict)
    seeds: dict[str, list[Any]] = field(default_factory=dict)
    outcome_holes: list[tuple[date, date | None, date | None]] = field(default_factory=list)
    identities: list[Mapping] = field(default_factory=list)

    def of(self, table: str, customer: str) -> list[Any]:
        """Rows of a customer in a table."""
        return self.rows.get(table, {}).get(customer, [])

    def size(self, customer: str) -> int:
        """Number of rows of a customer."""
        return sum(len(self.of(table, customer)) for table in self.rows)

    def cover(self, name: str, cut_off: date) -> Coverage | None:
        """What is on record before a cut-off; None when nothing is."""
        return self.covers.get(name, {}).get(cut_off)

    def put_on_record(
        self, name: str, covered_from: date, covered_before: date, holes: Iterable[date] = ()
    ) -> None:
        """Say from where to where a source reaches, for every cut-off after its beginning.

        Args:
            name: Table, or table.part.
            covered_from: First day of its record.
            covered_before: Day after the last one.
            holes: Days without rows in between, each known to be one from the next day on.
        """
        self.covers[name] = {
            cut_off: Coverage(covered_from, end, tuple(day for day in holes if day < cut_off))
            for cut_off in self.cut_offs
            for end in [min(cut_off, self.known_before, covered_before)]
            if covered_from < end
        }

    def is_unsure(self, cut_off: date, known_on: date) -> bool:
        """Whether a hole without a reason touches a cohort or its outcomes."""
        return any(
            cut_off <= day < known_on or (since and before and since <= cut_off < before)
            for day, since, before in self.outcome_holes
        )


def only(world: World, customers: Iterable[str], cut_offs: Iterable[date]) -> World:
    """The part of a world that is about some customers and cut-offs, the rest as it was."""
    customers = set(customers)
    owners = {row.customer_id for row in world.identities if {row.id, row.customer_id} & customers}
    customers |= owners | {row.id for row in world.identities if row.customer_id in owners}
    rows = {
        table: {customer: found for customer, found in of.items() if customer in customers}
        for table, of in world.rows.items()
    }
    return replace(world, cut_offs=list(cut_offs), rows=rows)


def without(world: World, table: str, customer: str, at: int) -> World:
    """The same world, less one row of one customer."""
    rows = world.of(table, customer)
    left = {**world.rows[table], customer: rows[:at] + rows[at + 1 :]}
    return replace(world, rows={**world.rows, table: left})
