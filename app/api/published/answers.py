"""Base models of answers: fields that every answer has."""

from collections.abc import Iterable
from datetime import date, datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field

from app.api.published.generation import OpenGeneration, PublishedDomain


def _as_utc(value: Any) -> Any:
    """Published times are UTC without a zone; add the zone here."""
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.isoformat(timespec="microseconds") + "Z"
    return value


Moment = Annotated[datetime, BeforeValidator(_as_utc)]

_GENERATION = Field(
    description="Published generation of this answer.",
    examples=["churn_20261122T195758026565_81b01b6a"],
)


class DomainAnswer(BaseModel):
    """An answer about one domain."""

    as_of_date: date = Field(
        description="Scored cut-off; only events before 00:00 UTC of that day were known."
    )
    model_version: str = Field(description="Training run behind the scores.")
    generation: str = _GENERATION


class GlobalAnswer(BaseModel):
    """An answer about several domains."""

    as_of_date: dict[str, date | None] = Field(
        description="Domain → scored cut-off; null if no scores of the domain are published."
    )
    model_version: dict[str, str | None] = Field(
        description="Domain → training run behind the scores; null like the cut-off."
    )
    generation: str = _GENERATION


def in_domain(generation: OpenGeneration, domain: PublishedDomain) -> dict[str, Any]:
    """Return the members of a DomainAnswer."""
    return {
        "as_of_date": domain.as_of_date,
        "model_version": domain.model_version,
        "generation": generation.name,
    }


def in_all(generation: OpenGeneration, domains: Iterable[str]) -> dict[str, Any]:
    """Return the members of a GlobalAnswer; domains without scores have nulls."""
    chosen = {name: generation.domains.get(name) for name in domains}
    return {
        "as_of_date": {name: found and found.as_of_date for name, found in chosen.items()},
        "model_version": {name: found and found.model_version for name, found in chosen.items()},
        "generation": generation.name,
    }
