"""Whom a plan is for and what it may use, as the columns of the plan's settings."""

from dataclasses import asdict, dataclass, fields
from datetime import date
from typing import Any, Self

# What stands around each member of a list in a column, so that one is found by its whole name.
_BAR = "|"


@dataclass(frozen=True)
class PlanChoice:
    """Whom a plan is for and what it may use; without any, all scored customers and all actions.

    The rows that meet it are those of `int_churn__plan_audience_selected` and, among their options,
    of `int_churn__plan_options_offered`.

    Attributes:
        bands: Risk bands.
        themes: Themes, one of which is among a customer's three strongest.
        parts: Parts of segments, each as `segment:code`; one of each segment that is named.
        min_probability: Lowest churn probability.
        max_probability: Highest churn probability.
        min_value: Lowest customer value, in the domain's currency.
        due_from: First due date.
        due_to: Last due date.
        is_at_risk: Only customers at risk, or only others.
        already_cancelled: Only customers who have already cancelled, or only others.
        actions: Actions of the catalogue.
        channels: Channels of the catalogue.
    """

    bands: tuple[str, ...] = ()
    themes: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()
    min_probability: float | None = None
    max_probability: float | None = None
    min_value: float | None = None
    due_from: date | None = None
    due_to: date | None = None
    is_at_risk: bool | None = None
    already_cancelled: bool | None = None
    actions: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()

    def columns(self) -> dict[str, Any]:
        """Return the columns of the plan's settings; null where nothing is chosen."""
        return {name: _in_bars(value) for name, value in asdict(self).items()}

    @classmethod
    def of_json(cls, document: dict[str, Any]) -> Self:
        """Return the choice of a JSON document; `as_json` wrote it."""
        read: dict[str, Any] = {}
        for field in fields(cls):
            value = document.get(field.name)
            if isinstance(value, list):
                value = tuple(value)
            elif field.name.startswith("due_") and value is not None:
                value = date.fromisoformat(value)
            if value is not None:
                read[field.name] = value
        return cls(**read)

    def as_json(self) -> dict[str, Any]:
        """Return what is chosen, JSON-ready; what is not chosen is left out."""
        chosen = {name: value for name, value in asdict(self).items() if value not in (None, ())}
        return {
            name: value.isoformat() if isinstance(value, date) else value
            for name, value in chosen.items()
        }


CHOICE_COLUMNS = tuple(field.name for field in fields(PlanChoice))


def _in_bars(value: Any) -> Any:
    if isinstance(value, tuple):
        return f"{_BAR}{_BAR.join(value)}{_BAR}" if value else None
    return value
