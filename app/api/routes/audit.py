"""Who decided what, and when."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel, Field

from app.api.dependencies import App, InDomain, Published, Reads
from app.api.http.problems import invalid, parameter_fault
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.lists import ListQuery, list_id, read_kept
from pipeline.retention.audit import AuditRow, read_audit

router = APIRouter(prefix="/v1/{domain}/audit", tags=["decisions"])


class AuditEntry(BaseModel):
    """A decision that somebody made."""

    at: datetime = Field(description="When, UTC.")
    decided_by: str | None = Field(
        description="Who: the key's name, with the person's if the key is shared; null if nobody "
        "was named."
    )
    what: str = Field(description="What was done.", examples=["marked do-not-contact"])
    subject: str = Field(
        description="To whom or what: customers, or the name of an audience or a draft."
    )


class AuditEntries(DomainAnswer):
    """AuditEntries, the newest first."""

    items: list[AuditEntry]
    next_cursor: str | None = Field(description="Cursor of the next page; null on the last one.")


@router.get("", summary="List who decided what", dependencies=[Reads])
def list_decisions(
    services: App, generation: Published, domain: InDomain, query: Annotated[ListQuery, Query()]
) -> AuditEntries:
    """Return who marked, lifted, saved, deleted and approved what, the newest first."""

    def read(after: str, limit: int) -> list[AuditRow]:
        if after and not after.isdecimal():
            raise invalid(parameter_fault("query", "cursor", "belongs to another list"))
        return read_audit(services.home, domain.name, int(after) if after else None, limit)

    found, following = read_kept(
        query, list_id("audit", domain.name), read, lambda row: str(row.number)
    )
    items = [
        AuditEntry(
            at=row.at.replace(tzinfo=UTC),
            decided_by=row.decided_by,
            what=row.what,
            subject=row.subject,
        )
        for row in found
    ]
    return AuditEntries(**in_domain(generation, domain), items=items, next_cursor=following)
