"""Field types and the base model of request bodies."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

from app.spreadsheets import is_formula


def _no_formula(value: Any) -> Any:
    """Refuse text that a spreadsheet would run as a formula."""
    if isinstance(value, str) and is_formula(value.strip()):
        raise ValueError("starts like a spreadsheet formula; start with a letter")
    return value


def _written_day(value: Any) -> Any:
    """Refuse numbers and timestamps, which a lenient parser would accept as dates."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError(f"{value[:30]!r} is not a date; write YYYY-MM-DD")
    if not isinstance(value, str | date):
        raise ValueError("is not a date; write YYYY-MM-DD as text")
    return value


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Day = Annotated[date, BeforeValidator(_written_day)]
CustomerId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Field(description="Customer id as the source spells it, after the rules for ids."),
]
Text = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=500, strip_whitespace=True, pattern=r"^[^\x00-\x1f\x7f]+$"
    ),
    BeforeValidator(_no_formula),
]


class StrictBody(BaseModel):
    """A request body; unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")
