"""Published domains, trained models, and what codes mean."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import Field

from app.api.access.keys import Principal
from app.api.dependencies import Paged, Reads
from app.api.published.answers import GlobalAnswer, in_all
from app.api.published.lists import ListQuery, SortKey, among, list_id, read_page, same
from app.api.published.row_models import list_model, row_model

router = APIRouter(prefix="/v1", dependencies=[Reads], tags=["domains and models"])

# a run's settings are for its builders, and name columns that are not published
_DOMAIN = row_model("Domain", "bi_domains", leave_out=["live_settings"])
_MODEL = row_model("Model", "bi_models")
_CODE = row_model("Code", "bi_codes")
_ANSWERS: dict[int | str, dict[str, Any]] = {
    304: {"description": "Not modified; the ETag matches."},
    410: {"description": "The cursor's generation is gone; start again."},
}


class ModelsQuery(ListQuery):
    """Query parameters of the list of models."""

    domain: Annotated[
        str | None, Field(max_length=100, description="Only this domain.", examples=[None])
    ] = None


class CodesQuery(ListQuery):
    """Which codes."""

    kind: Annotated[
        str | None, Field(max_length=100, description="Of this vocabulary only.", examples=[None])
    ] = None


@router.get(
    "/domains",
    summary="List domains",
    response_model=list_model("DomainList", GlobalAnswer, _DOMAIN),
    responses=_ANSWERS,
)
def list_domains(
    request: Request, generation: Paged, query: Annotated[ListQuery, Query()]
) -> dict[str, Any]:
    """Return one row per domain that the key may access, with its definition of churn.

    A domain without published scores is listed, too; its live run and cut-off are null.
    """
    names = visible_domains(request, [*generation.domains, *generation.unscored])
    page = read_page(
        generation,
        "serving.bi_domains",
        [SortKey("domain", "varchar")],
        query,
        list_id("domains", names),
        where=["list_contains(?, domain)"],
        values=[names],
    )
    return {**in_all(generation, names), "items": page.rows, "next_cursor": page.next_cursor}


@router.get(
    "/models",
    summary="List models",
    response_model=list_model("ModelList", GlobalAnswer, _MODEL),
    responses=_ANSWERS,
)
def list_models(
    request: Request, generation: Paged, query: Annotated[ModelsQuery, Query()]
) -> dict[str, Any]:
    """Return one row per trained run, newest first: which is live, since when, and why."""
    names = visible_domains(request, [*generation.domains, *generation.unscored])
    if query.domain is not None:
        names = list(among("domain", [query.domain], names))
    page = read_page(
        generation,
        "serving.bi_models",
        [
            SortKey("domain", "varchar"),
            SortKey("-epoch_us(trained_at)", "bigint"),
            SortKey("run_id", "varchar"),
        ],
        query,
        list_id("models", names, same(query.model_dump())),
        where=["list_contains(?, domain)"],
        values=[names],
    )
    return {**in_all(generation, names), "items": page.rows, "next_cursor": page.next_cursor}


@router.get(
    "/codes",
    summary="What do codes mean, and what to call them?",
    response_model=list_model("CodeList", GlobalAnswer, _CODE),
    responses=_ANSWERS,
)
def list_codes(
    request: Request, generation: Paged, query: Annotated[CodesQuery, Query()]
) -> dict[str, Any]:
    """One row per vocabulary and code."""
    names = visible_domains(request, [*generation.domains, *generation.unscored])
    kinds = [row["kind"] for row in generation.rows("select distinct kind from serving.bi_codes")]
    wanted = [] if query.kind is None else [query.kind]
    among("kind", wanted, sorted(kinds))
    page = read_page(
        generation,
        "serving.bi_codes",
        [SortKey("kind", "varchar"), SortKey("code", "varchar")],
        query,
        list_id("codes", same(query.model_dump())),
        where=["kind = ?"] if wanted else [],
        values=wanted,
    )
    return {**in_all(generation, names), "items": page.rows, "next_cursor": page.next_cursor}


def visible_domains(request: Request, names: list[str]) -> list[str]:
    """Return the domains that the key may access."""
    principal: Principal = request.state.principal
    return [name for name in names if principal.may_see(name)]
