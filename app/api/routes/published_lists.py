"""Lists of a serving table's rows of one domain, with filters on some columns."""

from collections.abc import Sequence
from typing import Annotated, Any, cast

from fastapi import APIRouter, Query
from pydantic import Field, create_model

from app.api.dependencies import InDomain, Paged, Reads
from app.api.published.answers import DomainAnswer, in_domain
from app.api.published.lists import ListQuery, SortKey, among, list_id, read_page, same
from app.api.published.row_models import list_model, row_model, serving_tables, table_words

router = APIRouter(prefix="/v1/{domain}", dependencies=[Reads])


def add_list(
    path: str,
    table: str,
    name: str,
    summary: str,
    order: Sequence[SortKey],
    *,
    tag: str,
    filters: Sequence[str] = (),
) -> None:
    """Add a route that lists a table's rows of one domain.

    Args:
        path: Path after the domain.
        table: Serving table.
        name: Name of the row's schema.
        summary: Summary of the operation.
        order: Total order of a domain's rows.
        tag: Heading in the documentation.
        filters: Text columns to filter by; allowed values are those in the table.
    """
    described = {c["name"]: c["description"] for c in serving_tables()[table]["columns"]}
    fields: dict[str, Any] = {
        column: (str | None, Field(None, max_length=200, description=described[column]))
        for column in filters
    }
    asked: type[ListQuery] = create_model(f"{name}Query", __base__=ListQuery, **fields)
    answer = list_model(f"{name}List", DomainAnswer, row_model(name, table, leave_out=["domain"]))

    async def wanted(query: Annotated[ListQuery, Query()]) -> ListQuery:
        return query

    def read(generation: Paged, domain: InDomain, query: ListQuery) -> dict[str, Any]:
        where, values = ["domain = ?"], [domain.name]
        for column in filters:
            value = getattr(query, column)
            if value is not None:
                among(column, [value], generation.choices(table, column, domain.name))
                where.append(f"{column} = ?")
                values.append(value)
        identity = list_id(path, domain.name, same(query.model_dump()))
        page = read_page(
            generation,
            f"serving.{table}",
            order,
            query,
            identity,
            columns="* exclude (domain)",
            where=where,
            values=values,
        )
        return {
            **in_domain(generation, domain),
            "items": page.rows,
            "next_cursor": page.next_cursor,
        }

    # the query model is created here, so the signature cannot name it
    read.__annotations__["query"] = cast(Any, Annotated[asked, Query()])
    read.__doc__ = table_words(table)
    read.__name__ = f"list_{table.removeprefix('bi_')}"
    router.add_api_route(
        path,
        read,
        summary=summary,
        response_model=answer,
        tags=[tag],
        responses={
            304: {"description": "Not modified; the ETag matches."},
            410: {"description": "The cursor's generation is gone; start again."},
        },
    )


_QUALITY = ("model", "split", "metric")
_BY_QUALITY = (
    SortKey("split", "varchar"),
    SortKey("model", "varchar"),
    SortKey("metric", "varchar"),
)

add_list(
    "/drivers",
    "bi_driver_importance",
    "Driver",
    "List churn drivers by importance",
    (SortKey("importance_rank", "bigint"), SortKey("feature", "varchar")),
    tag="reasons",
    filters=("driver_group",),
)
add_list(
    "/quality",
    "bi_model_quality",
    "Quality",
    "List quality of the model and its baselines",
    _BY_QUALITY,
    tag="quality",
    filters=_QUALITY,
)
add_list(
    "/quality/days",
    "bi_model_quality_by_day",
    "DayQuality",
    "List quality by the day of the month that is scored",
    (
        SortKey("as_of_date", "date"),
        SortKey("model", "varchar"),
        SortKey("metric", "varchar"),
    ),
    tag="quality",
    filters=("model", "metric"),
)
add_list(
    "/quality/segments",
    "bi_model_quality_by_segment",
    "SegmentQuality",
    "List quality by segment",
    (SortKey("segment", "varchar"), SortKey("segment_value", "varchar"), *_BY_QUALITY),
    tag="quality",
    filters=("segment", *_QUALITY),
)
add_list(
    "/quality/realised",
    "bi_realised_quality",
    "RealisedQuality",
    "List realised quality of published scores",
    (SortKey("as_of_date", "date"), SortKey("run_id", "varchar")),
    tag="quality",
)
add_list(
    "/calibration",
    "bi_calibration",
    "CalibrationBin",
    "List calibration bins: predicted and observed churn rate",
    (SortKey("split", "varchar"), SortKey("bin", "bigint")),
    tag="quality",
    filters=("split",),
)
add_list(
    "/drift",
    "bi_drift",
    "Drift",
    "List drift between training and scored customers",
    (
        SortKey("-abs(coalesce(effect_log_odds, 0))", "double"),
        SortKey("kind", "varchar"),
        SortKey("subject", "varchar"),
    ),
    tag="quality",
    filters=("kind",),
)
