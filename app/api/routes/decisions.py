"""What people tell the platform: whom nobody may contact, and whom somebody did contact."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query, Response
from pydantic import BaseModel, Field

from app.api.dependencies import App, InDomain, OnlyOnce, Published, Reads, Writes
from app.api.http.bodies import CustomerId, Day, StrictBody, Text
from app.api.http.problems import Fault, body_fault, invalid
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.generation import OpenGeneration, PublishedDomain
from app.api.published.lists import ListQuery, list_id, read_kept
from pipeline.retention import decisions
from pipeline.retention.catalogue import actions_of

router = APIRouter(prefix="/v1/{domain}", tags=["decisions"])

MAX_ROWS = 1_000


class Suppression(StrictBody):
    """A customer whom nobody may contact."""

    customer_id: CustomerId
    reason: Annotated[Text, Field(description="Why; shown to whoever asks.",
                                  examples=["asked not to be contacted"])]  # fmt: skip


class Suppressions(StrictBody):
    """Customers whom nobody may contact."""

    suppressions: Annotated[list[Suppression], Field(min_length=1, max_length=MAX_ROWS)]


class Contact(StrictBody):
    """A message that somebody sent."""

    customer_id: CustomerId
    contacted_on: Annotated[Day, Field(description="Day of the contact, UTC; not in the future.")]
    action_id: Annotated[
        str | None,
        Field(max_length=100, description="Action of the catalogue; null when it was none of it."),
    ] = None


class Contacts(StrictBody):
    """What the CRM sent, so that cool-downs are not blind."""

    contacts: Annotated[list[Contact], Field(min_length=1, max_length=MAX_ROWS)]


class Kept(DomainAnswer):
    """What was kept. The next publish brings it to readers."""

    received: int = Field(description="Rows sent.")
    added: int = Field(description="Of these, rows that were not kept before.")


class Lifted(DomainAnswer):
    """What was forgotten. The next publish brings it to readers."""

    lifted: int = Field(description="Suppressions that were there and are not any more: 0 or 1.")


class KeptSuppression(BaseModel):
    """A suppression as it is kept now, published or not yet."""

    customer_id: str = Field(description="Customer as the source spells the id.")
    reason: str = Field(description="Why.")
    added_at: datetime = Field(description="Since when, UTC.")


class SuppressionList(DomainAnswer):
    """Customers whom nobody may contact, as kept now, by id."""

    items: list[KeptSuppression]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


@router.get(
    "/suppressions",
    summary="Whom may nobody contact?",
    dependencies=[Reads],
)
def list_suppressions(
    services: App,
    generation: Published,
    domain: InDomain,
    query: Annotated[ListQuery, Query()],
) -> SuppressionList:
    """Suppressions as they are kept now; those of the next publish are among them."""
    rows, following = read_kept(
        query,
        list_id("suppressions", domain.name),
        lambda after, limit: decisions.read_suppressions(services.home, domain.name, after, limit),
        lambda row: row[0],
    )
    items = [
        KeptSuppression(customer_id=customer, reason=reason, added_at=added.replace(tzinfo=UTC))
        for customer, reason, added in rows
    ]
    return SuppressionList(**in_domain(generation, domain), items=items, next_cursor=following)


@router.post(
    "/suppressions",
    summary="Nobody may contact these customers",
    dependencies=[Writes],
    status_code=201,
    response_model=Kept,
)
async def suppress(
    services: App, generation: Published, domain: InDomain, body: Suppressions, once: OnlyOnce
) -> Response:
    """Keep suppressions. Sent again, a customer gets the new reason and keeps the day.

    A customer need not be scored: who asks not to be contacted is kept for later, too.
    """
    rows = [(row.customer_id, row.reason) for row in body.suppressions]
    _refuse_twice("suppressions", [row[0] for row in rows])
    return await once(
        _kept(generation, domain, len(rows),
              lambda: decisions.suppress(services.home, domain.name, rows)),
        status=201,
    )  # fmt: skip


@router.delete(
    "/suppressions/{customer_id:path}",
    summary="This customer may be contacted again",
    dependencies=[Writes],
)
def lift(
    services: App,
    generation: Published,
    domain: InDomain,
    customer_id: Annotated[
        str, Path(max_length=500, description="As the source spells it; may hold `/` and `+`.")
    ],
) -> Lifted:
    """Forget a suppression; doing so again changes nothing."""
    lifted = decisions.lift(services.home, domain.name, [customer_id])
    return Lifted(**in_domain(generation, domain), lifted=lifted)


@router.post(
    "/contacts",
    summary="These customers were contacted",
    dependencies=[Writes],
    status_code=201,
    response_model=Kept,
)
async def contact(
    services: App, generation: Published, domain: InDomain, body: Contacts, once: OnlyOnce
) -> Response:
    """Keep contacts. The same customer, day and action is one contact, however often it is sent."""
    known = actions_of(domain.name)
    today = datetime.now(UTC).date()
    faults: list[Fault] = []
    for number, row in enumerate(body.contacts):
        if row.action_id is not None and row.action_id not in known:
            faults.append(
                body_fault(
                    ["contacts", number, "action_id"],
                    f"{row.action_id[:100]!r} is no action of {domain.name}; leave it out or send "
                    f"one of {', '.join(known)}",
                )
            )
        if row.contacted_on > today:
            faults.append(
                body_fault(
                    ["contacts", number, "contacted_on"],
                    f"{row.contacted_on} is in the future; today is {today}, UTC",
                )
            )
    if faults:
        raise invalid(*faults)
    rows = [(row.customer_id, row.contacted_on, row.action_id or "") for row in body.contacts]
    return await once(
        _kept(generation, domain, len(rows),
              lambda: decisions.note_contacts(services.home, domain.name, rows)),
        status=201,
    )  # fmt: skip


def _kept(
    generation: OpenGeneration, domain: PublishedDomain, received: int, write: Callable[[], int]
) -> Callable[[str], BaseModel]:
    """Return the work of a POST that keeps rows; its answer holds no customer."""

    def work(_: str) -> BaseModel:
        return Kept(**in_domain(generation, domain), received=received, added=write())

    return work


def _refuse_twice(name: str, customers: Sequence[str]) -> None:
    """A customer with two reasons in one request: nobody knows which is meant."""
    seen: set[str] = set()
    faults = []
    for number, customer in enumerate(customers):
        if customer in seen:
            faults.append(
                body_fault([name, number, "customer_id"], "is there twice; send one reason")
            )
        seen.add(customer)
    if faults:
        raise invalid(*faults)
