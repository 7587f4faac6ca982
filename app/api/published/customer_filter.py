"""The filter of the customer list, which can be saved as an audience."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.http.bodies import Day
from app.api.http.problems import invalid, parameter_fault
from app.api.published.generation import TODAY, OpenGeneration
from app.api.published.lists import among
from app.customer_conditions import CONDITIONS
from pipeline.retention.catalogue import actions_of

Number = Annotated[float | None, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=100)]


class CustomerFilter(BaseModel):
    """Filters on customers; a customer must pass all that are given."""

    # a misspelt filter must not be silently ignored
    model_config = ConfigDict(extra="forbid")

    band: Annotated[
        list[Name], Field(max_length=10, description="Risk bands; matches any of them.")
    ] = []
    min_probability: Annotated[
        float | None, Field(ge=0, le=1, description="Minimum churn probability.")
    ] = None
    max_probability: Annotated[
        float | None, Field(ge=0, le=1, description="Maximum churn probability.")
    ] = None
    min_value_at_risk: Annotated[
        Number,
        Field(
            description="Minimum value at risk, in the domain's currency; customers without "
            "one are left out."
        ),
    ] = None
    max_value_at_risk: Annotated[
        Number,
        Field(
            description="Maximum value at risk, in the domain's currency; customers without "
            "one are left out."
        ),
    ] = None
    min_customer_value: Annotated[
        Number,
        Field(
            description="Minimum customer value, in the domain's currency; customers without "
            "one are left out."
        ),
    ] = None
    due_from: Annotated[
        Day | None, Field(description="Earliest due date; customers without one are left out.")
    ] = None
    due_to: Annotated[Day | None, Field(description="Latest due date, inclusive.")] = None
    segment: Annotated[
        list[Name],
        Field(
            max_length=50,
            description="Segments, from the column `ladder_part` of `bi_customer_360`; matches any "
            "of them.",
        ),
    ] = []
    theme: Annotated[
        str | None,
        Field(
            max_length=100,
            description="Driver theme; matches customers with one of their ten largest drivers "
            "in it that raises the risk.",
        ),
    ] = None
    reason: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=100,
            description="Text in one of the three main reasons; case-insensitive.",
        ),
    ] = None
    already_cancelled: Annotated[
        bool | None,
        Field(
            description="Only customers who have already cancelled, or only others; all if omitted."
        ),
    ] = None
    at_risk: Annotated[
        bool | None,
        Field(
            description="Only customers at risk (critical or high, not cancelled already), or only "
            "others; all if omitted."
        ),
    ] = None
    action: Annotated[
        list[Name],
        Field(
            max_length=50,
            description="Planned actions; matches any of them, including held-out customers.",
        ),
    ] = []
    decision: Annotated[
        Literal["treat", "hold_out", "leave"] | None,
        Field(description="Decision of the plan: treat, hold out, or leave."),
    ] = None


# Filters that need another table than `bi_churn_risk`: the table and the condition.
_ELSEWHERE = {
    "segment": ("bi_customer_360", CONDITIONS["segment"]),
    "theme": ("bi_churn_drivers", "theme = ? and direction = 'raises'"),
    "action": ("bi_churn_actions", CONDITIONS["action"]),
    "decision": ("bi_churn_actions", CONDITIONS["decision"]),
}
_ON_RISK = {name: sql for name, sql in CONDITIONS.items() if name not in _ELSEWHERE}


def conditions(
    generation: OpenGeneration, domain: str, chosen: CustomerFilter, *, where: str = "query"
) -> tuple[list[str], list[Any]]:
    """Return a filter as conditions on `bi_churn_risk`, and their bound values.

    Args:
        generation: Generation; the filter's names must exist in it.
        domain: Domain.
        chosen: The filter.
        where: Where it was sent: `query`, or a place in the body such as `#/filter`.

    Raises:
        ProblemError: 422, a name does not exist, or a minimum is above its maximum.
    """
    _check(generation, domain, chosen, where)
    found, values = ["domain = ?"], [domain]
    given = {name: value for name, value in chosen if value not in (None, [])}
    for name, condition in _ON_RISK.items():
        if name in given:
            found.append(condition)
            values.append(given[name])
    for name, (table, condition) in _ELSEWHERE.items():
        if name in given:
            found.append(
                f"customer_id in (select customer_id from {TODAY.get(table, f'serving.{table}')} "
                f"where domain = ? and {condition})"
            )
            values += [domain, given[name]]
    return found, values


def known_actions(generation: OpenGeneration, domain: str) -> list[str]:
    """Return the actions of the catalogue and those in the plan."""
    planned = generation.choices("bi_churn_actions", "planned_action", domain)
    return sorted({*planned, *actions_of(domain)})


def _check(generation: OpenGeneration, domain: str, chosen: CustomerFilter, where: str) -> None:
    for low, high in (
        ("min_probability", "max_probability"),
        ("min_value_at_risk", "max_value_at_risk"),
        ("due_from", "due_to"),
    ):
        least, most = getattr(chosen, low), getattr(chosen, high)
        if least is not None and most is not None and least > most:
            raise invalid(parameter_fault(where, low, f"{least} is above {high}, {most}"))
    if chosen.band:
        among("band", chosen.band, generation.choices("bi_churn_risk", "risk_band", domain), where)
    if chosen.segment:
        parts = generation.choices("bi_customer_360", "ladder_part", domain)
        among("segment", chosen.segment, parts, where)
    if chosen.theme is not None:
        themes = generation.choices("bi_churn_drivers", "theme", domain)
        among("theme", [chosen.theme], themes, where)
    if chosen.action:
        among("action", chosen.action, known_actions(generation, domain), where)
