"""Whose id an id is, from the rows of a map of ids.

The map says of no id's customer that it is another's id in turn: chains are not followed here.
"""

import random
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from reference.worlds import Mapping, World

LATER = timedelta(days=40)


def customer_of(mappings: Iterable[Mapping], one: str, day: date) -> str:
    """Whose id an id is on a day: what was said of it last before that day, or its own."""
    said = [row for row in mappings if row.id == one and row.known_from < day]
    return max(said, key=lambda row: row.known_from).customer_id if said else one


def customers(world: World, table: str, day: date) -> list[str]:
    """Customers whose events are in a table, as known before a day."""
    return list(dict.fromkeys(customer_of(world.identities, one, day) for one in world.rows[table]))


def ids_of(world: World, table: str, customer: str, day: date) -> tuple[str, ...]:
    """Ids in a table that belong to the customer whose id this is, as known before a day."""
    if not world.identities:
        return (customer,)
    owner = customer_of(world.identities, customer, day)
    return tuple(
        one for one in world.rows[table] if customer_of(world.identities, one, day) == owner
    )


def spans(mappings: list[Mapping]) -> list[dict[str, Any]]:
    """The rows of control__identities: a customer of several ids has a name for each set of them.

    A customer's ids may change on the days on which something is said of one of them.
    """
    ids = sorted({one for row in mappings for one in (row.id, row.customer_id)})
    rows: list[dict[str, Any]] = []
    for customer in ids:
        about = {customer, *(row.id for row in mappings if row.customer_id == customer)}
        days = sorted({date.min, date.max, *(r.known_from for r in mappings if r.id in about)})
        for after, until in pairwise(days):
            own = [one for one in ids if customer_of(mappings, one, until) == customer]
            since = f"\x1fsince {after}" if len(own) > 1 else ""
            rows += [
                {
                    "id": one,
                    "customer_id": customer,
                    "known_as": customer + since,
                    "known_after": after,
                    "known_until": until,
                }
                for one in own
            ]
    return rows


def spans_elsewhere(mappings: list[Mapping]) -> list[dict[str, Any]]:
    """The rows of another domain, which say otherwise of the same ids.

    There the customers are those whom we know as ids of others, and later; of every other customer
    there is a history of our name with another id.
    """
    turned = [Mapping(row.customer_id, row.id, row.known_from + LATER) for row in mappings]
    own = [row for row in spans(mappings) if row["known_as"] != row["customer_id"]]
    half = sorted({row["customer_id"] for row in own})[::2]
    others = dict(pairwise(half))
    return spans(turned) + [
        {**row, "id": others[row["customer_id"]]} for row in own if row["customer_id"] in others
    ]


def make_map(
    chance: random.Random, ids: Iterable[str], days: Callable[[tuple[str, ...]], list[date]]
) -> list[Mapping]:
    """Of every three ids, the first and the last become the second's; some are customers again.

    Args:
        chance: Decides when.
        ids: Ids that become customers of three.
        days: On which days something about such ids is to become known.
    """
    ids, found = list(ids), []
    for three in zip(ids[::3], ids[1::3], ids[2::3], strict=False):
        for one in (three[0], three[2]):
            first, then = sorted(chance.choices(days(three), k=2))
            found.append(Mapping(one, three[1], first))
            if first < then and chance.random() < 0.3:
                found.append(Mapping(one, one, then))
    return found
