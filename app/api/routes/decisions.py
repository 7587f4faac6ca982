"""People's decisions: suppressions (do not contact) and contacts made."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from app.api.dependencies import App, Author, InDomain, OnlyOnce, Published, Reads, Writes
from app.api.http.bodies import CustomerId, Day, StrictBody, Text, rows_of
from app.api.http.problems import Fault, body_fault, invalid
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.generation import OpenGeneration, PublishedDomain
from app.api.published.lists import ListQuery, list_id, read_kept
from app.api.services import Services
from pipeline.retention import decisions
from pipeline.retention.catalogue import actions_of
from pipeline.retention.contact_days import contact_day_problem
from pipeline.retention.listed_ids import read_ids

router = APIRouter(prefix="/v1/{domain}", tags=["decisions"])

MAX_ROWS = 1_000


class Suppression(StrictBody):
    """A customer who must not be contacted."""

    customer_id: CustomerId
    reason: Annotated[
        Text,
        Field(
            description="Reason, shown wherever the suppression is shown.",
            examples=["asked not to be contacted"],
        ),
    ]


class Suppressions(StrictBody):
    """Customers who must not be contacted."""

    suppressions: Annotated[
        list[Suppression], Field(min_length=1, max_length=MAX_ROWS), rows_of(Suppression, MAX_ROWS)
    ]


class Contact(StrictBody):
    """A contact that was made."""

    customer_id: CustomerId
    contacted_on: Annotated[
        Day,
        Field(
            description="Day of the contact, where the domain's days are counted; not in the "
            "future."
        ),
    ]
    action_id: Annotated[
        str | None,
        Field(max_length=100, description="Action of the catalogue; null if it was none of them."),
    ] = None


class Contacts(StrictBody):
    """Contacts that the CRM made, so that cool-downs apply."""

    contacts: Annotated[
        list[Contact], Field(min_length=1, max_length=MAX_ROWS), rows_of(Contact, MAX_ROWS)
    ]


class Kept(DomainAnswer):
    """Result of storing rows."""

    received: int = Field(description="Rows received.")
    added: int = Field(description="New rows among them.")
    unknown: int | None = Field(
        description="Customers without a row in the domain's files. They are kept, for data that "
        "come later; check their spelling. Null if the files could not be read."
    )


class Lifted(DomainAnswer):
    """Result of lifting a suppression."""

    lifted: int = Field(description="Suppressions lifted: 0 or 1.")


class KeptSuppression(BaseModel):
    """A stored suppression, published or not."""

    customer_id: str = Field(
        description="Customer id as the source spells it, after the rules for ids."
    )
    reason: str = Field(description="Why.")
    added_at: datetime = Field(description="When it was added, UTC.")
    added_by: str | None = Field(
        description="Who added it: the key's name, or who imported it. Null if it was added before "
        "authors were kept."
    )


class SuppressionList(DomainAnswer):
    """Stored suppressions, sorted by customer id."""

    items: list[KeptSuppression]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


@router.get(
    "/suppressions",
    summary="List suppressions",
    dependencies=[Reads],
)
def list_suppressions(
    services: App,
    generation: Published,
    domain: InDomain,
    query: Annotated[ListQuery, Query()],
) -> SuppressionList:
    """Return the stored suppressions, including those added since the publish."""
    rows, following = read_kept(
        query,
        list_id("suppressions", domain.name),
        lambda after, limit: decisions.read_suppressions(services.home, domain.name, after, limit),
        lambda row: row[0],
    )
    items = [
        KeptSuppression(
            customer_id=row.customer_id,
            reason=row.reason,
            added_at=row.added_at.replace(tzinfo=UTC),
            added_by=row.added_by,
        )
        for row in rows
    ]
    return SuppressionList(**in_domain(generation, domain), items=items, next_cursor=following)


@router.post(
    "/suppressions",
    summary="Suppress customers",
    dependencies=[Writes],
    status_code=201,
    response_model=Kept,
)
async def suppress(
    services: App,
    generation: Published,
    domain: InDomain,
    body: Suppressions,
    once: OnlyOnce,
    by: Author,
) -> Response:
    """Store suppressions. A customer sent again gets the new reason and author and keeps the day.

    The customer need not be scored; the suppression then applies later.
    """
    asked = [row.customer_id for row in body.suppressions]
    ids, unknown = await run_in_threadpool(_ids, services, domain, "suppressions", asked)
    _refuse_twice("suppressions", ids)
    rows = [(one, row.reason) for one, row in zip(ids, body.suppressions, strict=True)]
    return await once(
        _kept(
            generation,
            domain,
            (len(rows), unknown),
            lambda: decisions.suppress(services.home, domain.name, rows, by),
        ),
        status=201,
    )


@router.delete(
    "/suppressions/{customer_id:path}",
    summary="Lift a suppression",
    dependencies=[Writes],
)
def lift(
    services: App,
    generation: Published,
    domain: InDomain,
    by: Author,
    customer_id: Annotated[
        str, Path(max_length=500, description="Id as spelt in the source; may contain `/` and `+`.")
    ],
) -> Lifted:
    """Lift a suppression. Idempotent."""
    # by the rules, and as it may have been stored before there were any
    spelling = read_ids(services.home, domain.name, [customer_id]).spellings[0].customer_id
    both = sorted({customer_id, spelling or customer_id})
    lifted = decisions.lift(services.home, domain.name, both, by)
    return Lifted(**in_domain(generation, domain), lifted=lifted)


@router.post(
    "/contacts",
    summary="Record contacts",
    dependencies=[Writes],
    status_code=201,
    response_model=Kept,
)
async def contact(
    services: App,
    generation: Published,
    domain: InDomain,
    body: Contacts,
    once: OnlyOnce,
    by: Author,
) -> Response:
    """Store contacts. The same customer, day and action counts as one contact."""
    known = actions_of(domain.name)
    faults: list[Fault] = []
    for number, row in enumerate(body.contacts):
        if row.action_id is not None and row.action_id not in known:
            faults.append(
                body_fault(
                    ["contacts", number, "action_id"],
                    f"{row.action_id[:100]!r} is not an action of {domain.name}; omit it or send "
                    f"one of {', '.join(known)}",
                )
            )
        if problem := contact_day_problem(domain.name, row.contacted_on):
            faults.append(body_fault(["contacts", number, "contacted_on"], problem))
    if faults:
        raise invalid(*faults)
    asked = [row.customer_id for row in body.contacts]
    ids, unknown = await run_in_threadpool(_ids, services, domain, "contacts", asked)
    rows = [
        (one, row.contacted_on, row.action_id or "")
        for one, row in zip(ids, body.contacts, strict=True)
    ]
    return await once(
        _kept(
            generation,
            domain,
            (len(rows), unknown),
            lambda: decisions.note_contacts(services.home, domain.name, rows, by),
        ),
        status=201,
    )


def _ids(
    services: Services, domain: PublishedDomain, name: str, asked: Sequence[str]
) -> tuple[list[str], int | None]:
    """Return the ids of a request by the rules for ids, and how many are not known.

    Raises:
        ProblemError: 422, some are not ids.
    """
    found = read_ids(services.home, domain.name, asked)
    ids = [one.customer_id or "" for one in found.spellings]
    faults = [
        body_fault([name, number, "customer_id"], f"{asked[number][:100]!r}: {one.reason}")
        for number, one in enumerate(found.spellings)
        if not one.customer_id
    ]
    if faults:
        raise invalid(*faults)
    return ids, None if found.unknown is None else len(found.unknown)


def _kept(
    generation: OpenGeneration,
    domain: PublishedDomain,
    counts: tuple[int, int | None],
    write: Callable[[], int],
) -> Callable[[str], BaseModel]:
    """Return the work of a POST that stores rows; its answer contains no customer."""
    received, unknown = counts

    def work(_: str) -> BaseModel:
        return Kept(
            **in_domain(generation, domain), received=received, added=write(), unknown=unknown
        )

    return work


def _refuse_twice(name: str, customers: Sequence[str]) -> None:
    """Refuse a customer with two reasons in one request."""
    seen: set[str] = set()
    faults = []
    for number, customer in enumerate(customers):
        if customer in seen:
            faults.append(
                body_fault([name, number, "customer_id"], "appears twice; send one reason")
            )
        seen.add(customer)
    if faults:
        raise invalid(*faults)
