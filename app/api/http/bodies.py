"""Field types and the base model of request bodies."""

import re
from datetime import date
from itertools import islice
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from app.api.http.problems import MOST_FAULTS
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
    """A request body; unknown fields are refused, the first hundred of them by name."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _report_few(cls, sent: Any) -> Any:
        return cls.without_unknown(sent, beyond=MOST_FAULTS)

    @classmethod
    def without_unknown(cls, sent: Any, beyond: int) -> Any:
        """Return what was sent without the unknown fields beyond a number.

        Each costs an error, and a caller can send a hundred thousand; no more are built than are
        reported.
        """
        if not isinstance(sent, dict) or len(sent) <= beyond:
            return sent
        known = {field.alias or name for name, field in cls.model_fields.items()}
        unknown = islice((name for name in sent if name not in known), beyond)
        return {name: sent[name] for name in (*(known & sent.keys()), *unknown)}


def rows_of(model: type[StrictBody], most: int) -> BeforeValidator:
    """Return what a list of these bodies is checked by first: its rows share the hundred.

    A list of more than `most` rows is refused for that alone.
    """

    def report_few(sent: Any) -> Any:
        if not isinstance(sent, list) or len(sent) > most:
            return sent
        known, left, rows = model.model_fields.keys(), MOST_FAULTS, []
        for row in sent:
            few = model.without_unknown(row, beyond=left) if isinstance(row, dict) else row
            left -= len(few.keys() - known) if isinstance(few, dict) else 0
            rows.append(few)
        return rows

    return BeforeValidator(report_few)
