"""Paged lists: total order, opaque cursors, and one generation for all pages."""

import base64
import hashlib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Annotated, Any, TypeVar

import duckdb
from pydantic import BaseModel, ConfigDict, Field

from app.api.http.problems import ProblemError, invalid, parameter_fault
from app.api.published.generation import OpenGeneration, Row

MAX_CURSOR = 2_000
T = TypeVar("T")


class ListQuery(BaseModel):
    """Query parameters of every list."""

    # a misspelt filter must not be silently ignored
    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=500, description="Rows per page.")] = 100
    cursor: Annotated[
        str | None,
        Field(
            max_length=MAX_CURSOR,
            description="`next_cursor` of the previous page; send the same filters and sort. All "
            "pages come from the generation of the first, even if a newer one has been "
            "published; three are kept. If it is gone, the answer is 410: start again.",
        ),
    ] = None


@dataclass(frozen=True)
class SortKey:
    """One part of an order: an SQL expression that is never null, and its type."""

    sql: str
    kind: str


@dataclass(frozen=True)
class Cursor:
    """A position in a list.

    Attributes:
        list_id: Hash of the list, its filters and its sort.
        values: Key of the last row sent.
        generation: Generation it is bound to; None if the list continues in the current one.
    """

    list_id: str
    values: list[Any]
    generation: str | None

    def encode(self) -> str:
        """Return the cursor as opaque text."""
        values = [str(v) if isinstance(v, date | datetime) else v for v in self.values]
        text = json.dumps([self.list_id, values, self.generation], separators=(",", ":"))
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode(text: str) -> Cursor:
    """Read a cursor.

    Raises:
        ProblemError: 422, it is not a valid cursor.
    """
    try:
        if len(text) > MAX_CURSOR:
            raise ValueError
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        list_id, values, generation = json.loads(base64.b64decode(padded, b"-_", validate=True))
        is_good = (
            isinstance(list_id, str)
            and isinstance(generation, str | None)
            and isinstance(values, list)
            and all(_is_plain(value) for value in values)
        )
        if not is_good:
            raise ValueError
    except (ValueError, TypeError, RecursionError) as unreadable:
        raise _no_cursor() from unreadable
    return Cursor(list_id, values, generation)


def _no_cursor() -> ProblemError:
    return invalid(
        parameter_fault(
            "query",
            "cursor",
            "is not a cursor of this API; send next_cursor unchanged, or none for the first page",
        )
    )


def _is_plain(value: Any) -> bool:
    if isinstance(value, str):
        value.encode()  # a lone surrogate raises ValueError here instead of in a database
        return True
    if isinstance(value, float):
        return math.isfinite(value)
    return isinstance(value, int) and abs(value) < 2**63


def list_id(*parts: Any) -> str:
    """Return the hash that identifies a list: route, domain, filters and sort."""
    text = json.dumps(parts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Page:
    """Rows of a page, and the cursor of the next page."""

    rows: list[Row]
    next_cursor: str | None
    last_key: list[Any] | None


def read_page(
    generation: OpenGeneration,
    relation: str,
    order: Sequence[SortKey],
    query: ListQuery,
    identity: str,
    *,
    columns: str = "*",
    where: Sequence[str] = (),
    values: Sequence[Any] = (),
    is_bound: bool = True,
) -> Page:
    """Read one page.

    Args:
        generation: Generation to read.
        relation: SQL after `from`.
        order: Total order; ascending.
        query: Limit and cursor.
        identity: Hash of the list; cursors of other lists are refused.
        columns: SQL after `select`.
        where: Conditions.
        values: Their bound values.
        is_bound: Whether the cursor is bound to this generation.

    Raises:
        ProblemError: 422, the cursor is of another list.
    """
    conditions, bound = list(where), list(values)
    if query.cursor is not None:
        cursor = decode(query.cursor)
        if cursor.list_id != identity or len(cursor.values) != len(order):
            raise invalid(
                parameter_fault(
                    "query",
                    "cursor",
                    "belongs to a list with other filters or "
                    "another sort; send them as for the first page",
                )
            )
        after, more = _after(order, cursor.values)
        conditions.append(after)
        bound += more
    keys = ", ".join(f"{key.sql} as key_{place}" for place, key in enumerate(order))
    wheres = " and ".join(f"({condition})" for condition in conditions) or "true"
    by = ", ".join(f"key_{place}" for place in range(len(order)))
    try:
        rows = generation.rows(
            f"select {columns}, {keys} from {relation} where {wheres} order by {by} limit ?",
            [*bound, query.limit + 1],
        )
    except duckdb.ConversionException as unreadable:
        # filters have been validated; only the cursor's values have not
        raise _no_cursor() from unreadable
    taken = rows[: query.limit]
    places = [[row.pop(f"key_{place}") for place in range(len(order))] for row in taken]
    following = None
    if len(rows) > query.limit:
        following = Cursor(identity, places[-1], generation.name if is_bound else None).encode()
    return Page(taken, following, places[-1] if places else None)


def read_kept(
    query: ListQuery,
    identity: str,
    read: Callable[[str, int], Sequence[T]],
    name: Callable[[T], str],
) -> tuple[Sequence[T], str | None]:
    """Read one page of state, which belongs to no generation; return it and the next cursor.

    Args:
        query: Limit and cursor.
        identity: Hash of the list; cursors of other lists are refused.
        read: Gets a name and a number; returns that many items after the name, sorted by name.
        name: Returns the name of an item.

    Raises:
        ProblemError: 422, the cursor is of another list.
    """
    after = ""
    if query.cursor is not None:
        place = decode(query.cursor)
        match place.values:
            case [str(name_of_last)] if place.list_id == identity:
                after = name_of_last
            case _:
                raise invalid(parameter_fault("query", "cursor", "belongs to another list"))
    found = read(after, query.limit + 1)
    taken = found[: query.limit]
    more = Cursor(identity, [name(taken[-1])], None).encode() if found[query.limit :] else None
    return taken, more


def _after(order: Sequence[SortKey], values: Sequence[Any]) -> tuple[str, list[Any]]:
    """The condition for rows after a key, and its bound values."""
    alternatives, bound = [], []
    for place, key in enumerate(order):
        parts = [f"{before.sql} = cast(? as {before.kind})" for before in order[:place]]
        parts.append(f"{key.sql} > cast(? as {key.kind})")
        alternatives.append("(" + " and ".join(parts) + ")")
        bound += list(values[: place + 1])
    return " or ".join(alternatives), bound


def among(
    name: str, wanted: Sequence[str], allowed: Sequence[str], where: str = "query"
) -> Sequence[str]:
    """Return the requested values if all are allowed.

    Raises:
        ProblemError: 422, with the allowed values.
    """
    unknown = [value for value in wanted if value not in allowed]
    if unknown:
        shown = ", ".join(allowed[:50]) or "nothing"
        problem = invalid(
            parameter_fault(where, name, f"{unknown[0][:100]!r} is not known; choose from {shown}")
        )
        problem.extra["allowed"] = list(allowed)
        raise problem
    return wanted


def same(filters: Mapping[str, Any]) -> dict[str, Any]:
    """Return the filters that identify a list, without limit and cursor."""
    return {name: value for name, value in filters.items() if name not in ("limit", "cursor")}
