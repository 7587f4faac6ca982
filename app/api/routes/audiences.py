"""Audiences: filters of the customer list that people keep by name."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.dialects.sqlite import insert

from app.api.access.store import AUDIENCES, Store
from app.api.dependencies import App, InDomain, Published, Reads, Writes
from app.api.http.bodies import StrictBody, Text
from app.api.http.problems import ProblemError
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.customer_filter import CustomerFilter, conditions
from app.api.published.lists import ListQuery, list_id, read_kept

router = APIRouter(prefix="/v1/{domain}/audiences", tags=["audiences"])

# Of a domain; people choose from a list.
MOST = 200

Name = Annotated[
    Text,
    Path(max_length=100, description="What people call it; capitals count.",
         examples=["cancelled, worth a call"]),
]  # fmt: skip


class AudienceBody(StrictBody):
    """Whom an audience means."""

    filter: CustomerFilter


class KeptAudience(BaseModel):
    """A filter with a name. Who passes it changes with every publish."""

    name: str = Field(description="What people call it.")
    filter: CustomerFilter = Field(
        description="Sent as query parameters to the customer list it gives who is meant now."
    )
    saved_at: datetime = Field(description="When it was last saved, UTC.")


class AudienceList(DomainAnswer):
    """Audiences, by name."""

    items: list[KeptAudience]
    next_cursor: str | None = Field(description="For the next page; null on the last one.")


class SavedAudience(DomainAnswer, KeptAudience):
    """An audience as it is kept now."""


class ForgottenAudience(DomainAnswer):
    """What was forgotten."""

    forgotten: int = Field(description="Audiences that were there and are not any more: 0 or 1.")


@router.get(
    "",
    summary="Which audiences are saved?",
    dependencies=[Reads],
    response_model_exclude_defaults=True,
)
def list_audiences(
    services: App, generation: Published, domain: InDomain, query: Annotated[ListQuery, Query()]
) -> AudienceList:
    """Audiences as they are kept now; a filter has only what was chosen."""
    taken, following = read_kept(
        query,
        list_id("audiences", domain.name),
        lambda after, limit: _read(services.store, domain.name, after, limit),
        lambda audience: audience.name,
    )
    return AudienceList(**in_domain(generation, domain), items=list(taken), next_cursor=following)


@router.put(
    "/{name:path}",
    summary="Save an audience",
    dependencies=[Writes],
    response_model_exclude_defaults=True,
    responses={409: {"description": "There are too many; delete one first."}},
)
def save_audience(
    services: App, generation: Published, domain: InDomain, name: Name, body: AudienceBody
) -> SavedAudience:
    """Keep a filter by name; what had the name is replaced. Names in it must exist now."""
    conditions(generation, domain.name, body.filter, where="#/filter")
    kept = KeptAudience(name=name, filter=body.filter, saved_at=datetime.now(UTC))
    _save(services.store, domain.name, kept)
    return SavedAudience(**in_domain(generation, domain), **dict(kept))


@router.delete("/{name:path}", summary="Forget an audience", dependencies=[Writes])
def forget_audience(
    services: App, generation: Published, domain: InDomain, name: Name
) -> ForgottenAudience:
    """Forget the name; doing so again changes nothing. No customer is touched."""
    where = (AUDIENCES.c.domain == domain.name) & (AUDIENCES.c.name == name)
    with services.store.writing() as connection:
        forgotten = connection.execute(sa.delete(AUDIENCES).where(where)).rowcount
    return ForgottenAudience(**in_domain(generation, domain), forgotten=forgotten)


def _read(store: Store, domain: str, after: str, limit: int) -> list[KeptAudience]:
    found = (
        sa.select(AUDIENCES)
        .where(AUDIENCES.c.domain == domain, AUDIENCES.c.name > after)
        .order_by(AUDIENCES.c.name)
        .limit(limit)
    )
    with store.reading() as connection:
        return [
            KeptAudience(
                name=row.name,
                filter=CustomerFilter(**json.loads(row.filter)),
                saved_at=row.saved_at.replace(tzinfo=UTC),
            )
            for row in connection.execute(found)
        ]


def _save(store: Store, domain: str, kept: KeptAudience) -> None:
    row: dict[str, Any] = {
        "domain": domain,
        "name": kept.name,
        "filter": kept.filter.model_dump_json(exclude_defaults=True),
        "saved_at": kept.saved_at.replace(tzinfo=None),
    }
    of_domain = AUDIENCES.c.domain == domain
    others = sa.select(sa.func.count()).where(of_domain, AUDIENCES.c.name != kept.name)
    with store.writing() as connection:
        if connection.execute(others).scalar_one() >= MOST:
            raise ProblemError(
                409, "too-many-audiences",
                f"{domain} has {MOST} audiences, as many as it may; delete one first.",
            )  # fmt: skip
        connection.execute(
            insert(AUDIENCES)
            .values(row)
            .on_conflict_do_update(
                index_elements=["domain", "name"],
                set_={name: row[name] for name in ("filter", "saved_at")},
            )
        )
