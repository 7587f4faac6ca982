"""Proposes which column of a table is the customer, the day, the order and the money."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.onboarding.columns import FoundColumn
from pipeline.project.errors import ChurnError

# What --column gets where the files have no such column.
NONE = "none"


@dataclass(frozen=True)
class Role:
    """A part that a column can play.

    Attributes:
        name: What `--column` calls it.
        means: What it is, for a reader.
        called: Patterns of the names that such a column has in snake case, the surest first.
        fits: Whether a column can play it by what it holds.
        is_needed: Whether there is no domain without it.
        is_lone: Whether a column that fits is taken without a fitting name, if it is the only one.
    """

    name: str
    means: str
    called: tuple[str, ...]
    fits: Callable[[FoundColumn], bool]
    is_needed: bool = False
    is_lone: bool = False


Roles = Mapping[str, FoundColumn | None]


def propose(
    columns: Sequence[FoundColumn], roles: Sequence[Role], said: Mapping[str, str], where: str
) -> dict[str, FoundColumn | None]:
    """Return the column of each role, as said or else as its name and values suggest.

    Args:
        columns: Columns of the table.
        roles: The roles in the order in which they choose: a column plays one role.
        said: Role → header, or `none`.
        where: The table, for messages.

    Raises:
        ChurnError: A role or a header that is said is not there, or a needed column is not found.
    """
    by_header = {column.header: column for column in columns}
    chosen: dict[str, FoundColumn | None] = {}
    names = [role.name for role in roles]
    for part, header in said.items():
        if part not in names:
            raise ChurnError(
                f"{part!r} is not a part that a column can play.",
                hint=f"--column takes {', '.join(names)}.",
            )
        if header != NONE and header not in by_header:
            raise ChurnError(
                f"There is no column {header!r}.",
                where=f"{where}: {', '.join(by_header)}",
                hint=f"Write --column {part}=NAME with one of these names, or {part}={NONE}.",
            )
        chosen[part] = by_header.get(header)
    for role in roles:
        if role.name in said:
            continue
        free = [c for c in columns if c not in chosen.values() and role.fits(c)]
        ranked = [(rank, column) for column in free if (rank := _rank(role, column)) is not None]
        best = min(ranked, key=lambda found: found[0])[1] if ranked else None
        if best is None and role.is_lone and len(free) == 1:
            best = free[0]
        chosen[role.name] = best
    for role in roles:
        if role.is_needed and chosen[role.name] is None:
            raise ChurnError(
                f"No column is recognised as {role.means}.",
                where=f"{where}: "
                + ", ".join(f"{column.header} ({column.holds})" for column in columns),
                hint=f"Say which one it is: --column {role.name}=NAME.",
            )
    return {role.name: chosen[role.name] for role in roles}


def _rank(role: Role, column: FoundColumn) -> tuple[int, int, str] | None:
    """Smaller is better: the pattern that its name has, then how many rows it fills."""
    place = next((n for n, name in enumerate(role.called) if re.search(name, column.name)), None)
    return None if place is None else (place, -column.filled, column.name)
