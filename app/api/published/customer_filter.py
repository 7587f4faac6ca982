"""The filter of the customer list, which can be saved as an audience."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.api.http.bodies import Day
from app.api.http.problems import invalid, parameter_fault
from app.api.published.generation import TODAY, OpenGeneration
from app.api.published.lists import among
from app.customer_conditions import COLUMNS, CONDITIONS, CUSTOMERS, OF, RANGES, RISK, conditions_on
from pipeline.retention.catalogue import actions_of

Number = Annotated[float | None, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=100)]
PartName = Annotated[str, Field(max_length=200)]


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
    max_customer_value: Annotated[
        Number,
        Field(
            description="Maximum customer value, in the domain's currency; customers without "
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
    part: Annotated[
        list[PartName],
        Field(
            max_length=100,
            description="Parts of segments, each `segment:segment_value_code` of "
            "`bi_customer_segments`; matches any part of the same segment, and every segment "
            "that is named.",
        ),
    ] = []
    driver: Annotated[
        list[Name],
        Field(
            max_length=50,
            description="Driver groups; matches customers whose risk one of them raises more than "
            "weakly.",
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
    channel: Annotated[
        list[Name],
        Field(
            max_length=50,
            description="Channels of the planned actions; matches any of them, including held-out "
            "customers.",
        ),
    ] = []
    min_expected_profit: Annotated[
        Number,
        Field(
            description="Minimum expected profit of the planned action; customers without one are "
            "left out."
        ),
    ] = None
    do_not_contact: Annotated[
        bool | None,
        Field(
            description="Only customers who are marked do-not-contact now, or only others; all if "
            "omitted."
        ),
    ] = None
    control_group: Annotated[
        bool | None,
        Field(
            description="Only customers of a control group, the permanent one included, or only "
            "others; all if omitted."
        ),
    ] = None
    next_order_from: Annotated[
        Day | None,
        Field(
            description="Earliest day on which the next order is expected; customers without one "
            "are left out."
        ),
    ] = None
    next_order_to: Annotated[
        Day | None, Field(description="Latest day on which the next order is expected, inclusive.")
    ] = None
    min_predicted_value: Annotated[
        Number,
        Field(
            description="Minimum predicted value, in the domain's currency; customers without one "
            "are left out."
        ),
    ] = None


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
    return conditions_on(
        RISK,
        domain,
        {name: value for name, value in chosen if name in CONDITIONS and value not in (None, [])},
        lambda table: TODAY.get(table, f"serving.{table}"),
    )


def known_actions(generation: OpenGeneration, domain: str) -> list[str]:
    """Return the actions of the catalogue and those in the plan."""
    planned = generation.choices("bi_churn_actions", "planned_action", domain)
    return sorted({*planned, *actions_of(domain)})


def known_parts(generation: OpenGeneration, domain: str) -> list[str]:
    """Return the parts of segments that customers are in, each as `segment:code`."""
    column = f"segment || '{OF}' || segment_value_code"
    return generation.choices("bi_customer_segments", column, domain)


def _check(generation: OpenGeneration, domain: str, chosen: CustomerFilter, where: str) -> None:
    for low, high in RANGES:
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
    if chosen.channel:
        channels = generation.choices("bi_churn_actions", "channel", domain)
        among("channel", chosen.channel, channels, where)
    if chosen.part:
        among("part", chosen.part, known_parts(generation, domain), where)
    if chosen.driver:
        drivers = generation.choices("bi_driver_importance", "driver_group", domain)
        among("driver", chosen.driver, drivers, where)
    for name, column in COLUMNS.items():
        if getattr(chosen, name) is not None and not generation.has_column(CUSTOMERS, column):
            raise invalid(
                parameter_fault(
                    where,
                    name,
                    f"needs {column}, which is not published; run `churn publish` to publish again",
                )
            )
