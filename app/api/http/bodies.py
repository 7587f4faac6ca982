"""What the bodies of requests are made of."""

import re
from datetime import date
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints


def _no_formula(value: Any) -> Any:
    """Text for people ends in spreadsheets, which run what begins like a formula."""
    if isinstance(value, str) and value.strip()[:1] in ("=", "+", "-", "@"):
        raise ValueError("begins like a formula, which a spreadsheet would run; begin with a word")
    return value


def _written_day(value: Any) -> Any:
    """Numbers and moments are no days, whatever a lenient parser makes of them."""
    if isinstance(value, str) and not _DAY.fullmatch(value):
        raise ValueError(f"{value[:30]!r} is no day; write YYYY-MM-DD")
    if not isinstance(value, str | date):
        raise ValueError("is no day; write YYYY-MM-DD as text")
    return value


_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
Day = Annotated[date, BeforeValidator(_written_day)]
CustomerId = Annotated[
    str,
    StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$"),
    Field(description="Customer as the source spells the id."),
]
Text = Annotated[
    str,
    StringConstraints(min_length=1, max_length=500, strip_whitespace=True,
                      pattern=r"^[^\x00-\x1f\x7f]+$"),
    BeforeValidator(_no_formula),
]  # fmt: skip


class StrictBody(BaseModel):
    """A body; a member that is misspelt is refused."""

    model_config = ConfigDict(extra="forbid")
