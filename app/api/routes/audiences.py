"""Audiences: saved filters of the customer list."""

import json
from datetime import UTC, datetime
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field
from sqlalchemy.dialects.sqlite import insert

from app.api.access.store import AUDIENCES, Store
from app.api.dependencies import App, Author, InDomain, Published, Reads, Writes
from app.api.http.bodies import StrictBody, Text
from app.api.http.problems import ProblemError
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.customer_filter import CustomerFilter, conditions
from app.api.published.lists import ListQuery, list_id, read_kept
from pipeline.retention.audit import record

router = APIRouter(prefix="/v1/{domain}/audiences", tags=["audiences"])

# Maximum per domain, since people choose from a list.
MOST = 200

Name = Annotated[
    Text,
    Path(
        max_length=100,
        description="Name of the audience; case-sensitive.",
        examples=["cancelled, worth a call"],
    ),
]


class AudienceBody(StrictBody):
    """The filter of an audience."""

    filter: CustomerFilter


class KeptAudience(BaseModel):
    """A saved filter. The customers who match it change with every publish."""

    name: str = Field(description="Name of the audience.")
    filter: CustomerFilter = Field(
        description="The filter. Send it as query parameters to the customer list to get the "
        "customers who match now."
    )
    saved_at: datetime = Field(description="When it was last saved, UTC.")
    saved_by: str | None = Field(
        default=None,
        description="Who saved it last: the key's name. Null if it was saved before authors were "
        "kept.",
    )


class AudienceList(DomainAnswer):
    """Audiences, sorted by name."""

    items: list[KeptAudience]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


class SavedAudience(DomainAnswer, KeptAudience):
    """A saved audience."""


class ForgottenAudience(DomainAnswer):
    """Result of deleting an audience."""

    forgotten: int = Field(description="Audiences deleted: 0 or 1.")


@router.get(
    "",
    summary="List audiences",
    dependencies=[Reads],
    response_model_exclude_defaults=True,
)
def list_audiences(
    services: App, generation: Published, domain: InDomain, query: Annotated[ListQuery, Query()]
) -> AudienceList:
    """Return the saved audiences. A filter has only the fields that were set."""
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
    responses={409: {"description": "There are too many audiences; delete one first."}},
)
def save_audience(
    services: App,
    generation: Published,
    domain: InDomain,
    name: Name,
    body: AudienceBody,
    by: Author,
) -> SavedAudience:
    """Save a filter under a name and replace an existing one. Its values must exist now."""
    conditions(generation, domain.name, body.filter, where="#/filter")
    kept = KeptAudience(name=name, filter=body.filter, saved_at=datetime.now(UTC), saved_by=by)
    _save(services.store, domain.name, kept)
    return SavedAudience(**in_domain(generation, domain), **dict(kept))


@router.delete("/{name:path}", summary="Delete an audience", dependencies=[Writes])
def forget_audience(
    services: App, generation: Published, domain: InDomain, name: Name, by: Author
) -> ForgottenAudience:
    """Delete a saved filter. Idempotent; customers are not affected."""
    where = (AUDIENCES.c.domain == domain.name) & (AUDIENCES.c.name == name)
    with services.store.writing() as connection:
        forgotten = connection.execute(sa.delete(AUDIENCES).where(where)).rowcount
        if forgotten:
            record(connection, domain.name, "deleted an audience", name, by)
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
                saved_by=row.saved_by,
            )
            for row in connection.execute(found)
        ]


def _save(store: Store, domain: str, kept: KeptAudience) -> None:
    row: dict[str, Any] = {
        "domain": domain,
        "name": kept.name,
        "filter": kept.filter.model_dump_json(exclude_defaults=True),
        "saved_at": kept.saved_at.replace(tzinfo=None),
        "saved_by": kept.saved_by,
    }
    of_domain = AUDIENCES.c.domain == domain
    others = sa.select(sa.func.count()).where(of_domain, AUDIENCES.c.name != kept.name)
    with store.writing() as connection:
        if connection.execute(others).scalar_one() >= MOST:
            raise ProblemError(
                409,
                "too-many-audiences",
                f"{domain} already has {MOST} audiences, the maximum. Delete one first.",
            )
        connection.execute(
            insert(AUDIENCES)
            .values(row)
            .on_conflict_do_update(
                index_elements=["domain", "name"],
                set_={name: row[name] for name in ("filter", "saved_at", "saved_by")},
            )
        )
        record(connection, domain, "saved an audience", kept.name, kept.saved_by)
