"""Counts what people decided and plans drew, so that a loss of it is noticed."""

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.project.home import Home
from pipeline.retention.decisions import (
    ASSIGNMENTS,
    CONTACTS,
    SUPPRESSIONS,
    count_lifted,
    count_rows,
)

# Kind of a record of `lifted` → the table whose row it took away.
TABLES = {"suppression": SUPPRESSIONS, "contact": CONTACTS, "assignment": ASSIGNMENTS}


@dataclass(frozen=True)
class StateCount:
    """How many rows of one kind a domain has, and how many were taken away on record.

    Attributes:
        rows: Rows.
        lifted: Records of rows that somebody lifted or that were erased.
    """

    rows: int = 0
    lifted: int = 0

    def is_less_than(self, known: "StateCount") -> bool:
        """Whether rows are missing that no record accounts for."""
        return self.rows + max(0, self.lifted - known.lifted) < known.rows


Counts = Mapping[str, StateCount]


def count_state(home: Home, domain: str) -> dict[str, StateCount]:
    """Return a domain's counts by kind; zero without a state."""
    lifted = count_lifted(home, domain)
    return {
        kind: StateCount(count_rows(home, table, domain), lifted.get(kind, 0))
        for kind, table in TABLES.items()
    }
