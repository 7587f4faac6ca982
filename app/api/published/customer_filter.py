"""Which customers of the scored cohort are meant: the filter of the list, which can be saved."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.http.bodies import Day
from app.api.http.problems import invalid, parameter_fault
from app.api.published.generation import OpenGeneration
from app.api.published.lists import among
from pipeline.retention.catalogue import actions_of

Number = Annotated[float | None, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=100)]


class CustomerFilter(BaseModel):
    """Which customers; who passes every filter that is given is meant."""

    # a filter that is misspelt must not be left out silently
    model_config = ConfigDict(extra="forbid")

    band: Annotated[list[Name], Field(max_length=10, description="Risk bands; one of them.")] = []
    min_probability: Annotated[
        float | None, Field(ge=0, le=1, description="Least churn probability.")
    ] = None
    max_probability: Annotated[
        float | None, Field(ge=0, le=1, description="Largest churn probability.")
    ] = None
    min_value_at_risk: Annotated[
        Number, Field(description="In the domain's currency; who has none is left out.")
    ] = None
    max_value_at_risk: Annotated[
        Number, Field(description="In the domain's currency; who has none is left out.")
    ] = None
    min_customer_value: Annotated[
        Number, Field(description="In the domain's currency; who has none is left out.")
    ] = None
    due_from: Annotated[
        Day | None, Field(description="First due date; who has none is left out.")
    ] = None
    due_to: Annotated[Day | None, Field(description="Last due date, included.")] = None
    segment: Annotated[
        list[Name],
        Field(
            max_length=50,
            description="Parts of the customers, one of them: the column "
            "`ladder_part` of `bi_customer_360`.",
        ),
    ] = []
    theme: Annotated[
        str | None,
        Field(
            max_length=100,
            description="Driver theme: one of the customer's ten largest drivers is of it and "
            "raises the risk.",
        ),
    ] = None
    reason: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=100,
            description="Words in one of the three main reasons; capitals do not count.",
        ),
    ] = None
    already_cancelled: Annotated[
        bool | None,
        Field(description="Only who has cancelled already, or only who has not; all if left out."),
    ] = None
    action: Annotated[
        list[Name],
        Field(max_length=50, description="Planned actions, one of them; those held out too."),
    ] = []
    decision: Annotated[
        Literal["treat", "hold_out", "leave"] | None,
        Field(description="What the plan decided: to treat, to hold out, or to leave alone."),
    ] = None


_ON_RISK = {
    "band": "list_contains(?, risk_band)",
    "min_probability": "churn_probability >= ?",
    "max_probability": "churn_probability <= ?",
    "min_value_at_risk": "value_at_risk >= ?",
    "max_value_at_risk": "value_at_risk <= ?",
    "min_customer_value": "customer_value >= ?",
    "due_from": "due_on >= ?",
    "due_to": "due_on <= ?",
    "reason": "contains(lower(concat_ws(' ', top_driver_1, top_driver_2, top_driver_3)), lower(?))",
    "already_cancelled": "coalesce(already_cancelled, false) = ?",
}
# Filter → table that is asked, and the condition there.
_ELSEWHERE = {
    "segment": ("bi_customer_360", "list_contains(?, ladder_part)"),
    "theme": ("bi_churn_drivers", "theme = ? and direction = 'raises'"),
    "action": ("bi_churn_actions", "list_contains(?, planned_action)"),
    "decision": ("bi_churn_actions", "decision = ?"),
}


def conditions(
    generation: OpenGeneration, domain: str, chosen: CustomerFilter, *, where: str = "query"
) -> tuple[list[str], list[Any]]:
    """Return a filter as conditions on `bi_churn_risk`, and what they bind.

    Args:
        generation: Generation; names are those it has.
        domain: Domain.
        chosen: The filter.
        where: Where it was sent: `query`, or a place of the body such as `#/filter`.

    Raises:
        ProblemError: 422, a name does not exist, or a bound is above its other one.
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
                f"customer_id in (select customer_id from serving.{table} "
                f"where domain = ? and {condition})"
            )
            values += [domain, given[name]]
    return found, values


def known_actions(generation: OpenGeneration, domain: str) -> list[str]:
    """Return the actions of the catalogue, and those that are planned."""
    planned = generation.choices("bi_churn_actions", "planned_action", domain)
    return sorted({*planned, *actions_of(domain)})


def _check(generation: OpenGeneration, domain: str, chosen: CustomerFilter, where: str) -> None:
    for low, high in (("min_probability", "max_probability"),
                      ("min_value_at_risk", "max_value_at_risk"),
                      ("due_from", "due_to")):  # fmt: skip
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
