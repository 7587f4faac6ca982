"""Changes for a CRM sync: rows added, changed or removed since the last sync."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator, Field, create_model

from app.api.dependencies import Reads, Tagged
from app.api.published.answers import GlobalAnswer, Moment, in_all
from app.api.published.generation import TODAY, OpenGeneration
from app.api.published.lists import ListQuery, SortKey, among, list_id, read_page
from app.api.published.row_models import list_model, row_model
from app.api.routes.domains import visible_domains

router = APIRouter(prefix="/v1", dependencies=[Reads], tags=["crm"])

_TABLE = "crm_churn_actions"
_ORDER = (
    SortKey("epoch_us(updated_at)", "bigint"),
    SortKey("domain", "varchar"),
    SortKey("customer_id", "varchar"),
)
# +02:00 as decoded from a URL in which + was not escaped
_LOST_PLUS = re.compile(r":\d\d[.\d]* \d\d:?\d\d$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Changes = create_model(
    "CrmChanges",
    __base__=list_model("CrmChangeList", GlobalAnswer, row_model("CrmRow", _TABLE)),
    __doc__="Rows in the order of their changes; `is_deleted` marks a tombstone.",
    updated_until=(
        Moment | None,
        Field(
            description="On the last page: the value to send as `updated_since` next time. Null on "
            "all other pages."
        ),
    ),
)


def _written_moment(value: Any) -> Any:
    """Refuse numbers, which a lenient parser would accept as timestamps."""
    if isinstance(value, str) and not value[:10].count("-") == 2:
        raise ValueError("is not a timestamp; write 2026-11-22T19:57:58.101394Z")
    if isinstance(value, str) and _LOST_PLUS.search(value):
        raise ValueError("is not a timestamp; write a + in a URL as %2B")
    return value


class ChangesQuery(ListQuery):
    """Query parameters: start, domain and page."""

    limit: Annotated[int, Field(ge=1, le=5_000, description="Rows per page.")] = 1_000
    cursor: Annotated[
        str | None,
        Field(
            max_length=2_000,
            description="`next_cursor` of the previous page. The list continues in the current "
            "generation: a row that has changed meanwhile comes again at the end; no row is "
            "missed.",
        ),
    ] = None
    updated_since: Annotated[
        datetime | None,
        BeforeValidator(_written_moment),
        Field(
            description="Only rows changed after this time, with microseconds; UTC if it has no "
            "zone. All rows if omitted.",
            examples=["2026-11-22T19:57:58.101394Z"],
        ),
    ] = None
    domain: Annotated[
        str | None, Field(max_length=100, description="Only this domain.", examples=[None])
    ] = None


@router.get(
    "/crm-changes",
    summary="List changes for a CRM sync",
    response_model=Changes,
    responses={304: {"description": "Not modified; the ETag matches."}},
)
def list_changes(
    request: Request, generation: Tagged, query: Annotated[ChangesQuery, Query()]
) -> dict[str, Any]:
    """Return one row per domain and customer that was added, changed or removed.

    Follow `next_cursor` to the last page, store its `updated_until`, and send it as
    `updated_since` next time. A publish meanwhile loses no row: changed rows move to the end, the
    others keep their order. A removed customer comes as a tombstone (`is_deleted`), also after
    their whole domain was removed; held-out and suppressed customers have no recommended action.
    A customer who was suppressed since the publish, or is not any more, comes once, at once.
    """
    names = visible_domains(request, generation.names)
    if query.domain is not None:
        names = list(among("domain", [query.domain], names))
    where = ["list_contains(?, domain)"]
    values: list[Any] = [names]
    if query.updated_since is not None:
        where.append("epoch_us(updated_at) > ?")
        values.append(_microseconds(query.updated_since))
    page = read_page(
        generation,
        TODAY[_TABLE],
        _ORDER,
        query,
        list_id("crm-changes", names, query.updated_since),
        where=where,
        values=values,
        is_bound=False,
    )
    return {
        **in_all(generation, names),
        "items": page.rows,
        "next_cursor": page.next_cursor,
        "updated_until": None if page.next_cursor else _newest(generation),
    }


def _newest(generation: OpenGeneration) -> datetime | None:
    """Return the time up to which a reader of the last page has all changes."""
    (row,) = generation.rows(f"select max(updated_at) as newest from {TODAY[_TABLE]}")
    newest: datetime | None = row["newest"]
    return newest


def _microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exact."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
