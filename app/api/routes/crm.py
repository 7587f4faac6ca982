"""What a CRM sync copies: rows that were added, changed or removed since it last looked."""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import BeforeValidator, Field, create_model

from app.api.dependencies import Reads, Tagged
from app.api.published.answers import GlobalAnswer, Moment, in_all
from app.api.published.generation import OpenGeneration
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
# what an address makes of +02:00
_LOST_PLUS = re.compile(r":\d\d[.\d]* \d\d:?\d\d$")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
Changes = create_model(
    "CrmChanges",
    __base__=list_model("CrmChangeList", GlobalAnswer, row_model("CrmRow", _TABLE)),
    __doc__="Rows in the order in which they changed; `is_deleted` marks a tombstone.",
    updated_until=(
        Moment | None,
        Field(
            description="On the last page: send it as `updated_since` next time. Null on the "
            "pages before, whose `next_cursor` goes on."
        ),
    ),
)


def _written_moment(value: Any) -> Any:
    """A number is no moment, whatever a lenient parser makes of it."""
    if isinstance(value, str) and not value[:10].count("-") == 2:
        raise ValueError("is no moment; write 2026-11-22T19:57:58.101394Z")
    if isinstance(value, str) and _LOST_PLUS.search(value):
        raise ValueError("is no moment; a + in an address is written %2B")
    return value


class ChangesQuery(ListQuery):
    """Since when, and for which domain."""

    limit: Annotated[int, Field(ge=1, le=5_000, description="Rows of a page.")] = 1_000
    cursor: Annotated[
        str | None,
        Field(
            max_length=2_000,
            description="`next_cursor` of the page before. It goes on in what is current: a row "
            "that changed meanwhile comes (again) at the end, none is left out.",
        ),
    ] = None
    updated_since: Annotated[
        datetime | None,
        BeforeValidator(_written_moment),
        Field(
            description="Only rows that changed after this moment, with microseconds; UTC if it "
            "says no zone. Everything if not given.",
            examples=["2026-11-22T19:57:58.101394Z"],
        ),
    ] = None
    domain: Annotated[
        str | None, Field(max_length=100, description="Of this domain only.", examples=[None])
    ] = None


@router.get(
    "/crm-changes",
    summary="What changed since I last looked?",
    response_model=Changes,
    responses={304: {"description": "As before; ETag matches."}},
)
def list_changes(
    request: Request, generation: Tagged, query: Annotated[ChangesQuery, Query()]
) -> dict[str, Any]:
    """One row per domain and customer that was added, changed or removed.

    Follow `next_cursor` to the last page, keep its `updated_until`, and send that as
    `updated_since` the next time. Publishing meanwhile loses no row: a row that changes moves to
    the end of the order, and the others stay where they are. A removed customer comes as a
    tombstone (`is_deleted`), a held-out or suppressed one without a recommended action.
    """
    names = visible_domains(request, list(generation.domains))
    if query.domain is not None:
        names = list(among("domain", [query.domain], names))
    where = ["list_contains(?, domain)"]
    values: list[Any] = [names]
    if query.updated_since is not None:
        where.append("epoch_us(updated_at) > ?")
        values.append(_microseconds(query.updated_since))
    page = read_page(
        generation,
        f"serving.{_TABLE}",
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
    """Until when whoever has read the last page has everything."""
    (row,) = generation.rows(f"select max(updated_at) as newest from serving.{_TABLE}")
    newest: datetime | None = row["newest"]
    return newest


def _microseconds(moment: datetime) -> int:
    """Microseconds since 1970, exact."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)
