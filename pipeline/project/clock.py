"""The day it is: of the clock, or of CHURN_TODAY."""

import os
from datetime import date, datetime
from zoneinfo import ZoneInfo

from pipeline.project.errors import ChurnError

TODAY = "CHURN_TODAY"


def is_given() -> bool:
    """Whether CHURN_TODAY says which day it is."""
    return bool(os.environ.get(TODAY))


def today(zone: str = "UTC") -> date:
    """Return today. The environment variable CHURN_TODAY (YYYY-MM-DD) replaces it.

    A simulation of past nights and a test set it; nothing else does.

    Args:
        zone: Where, by its name in the IANA list.

    Raises:
        ChurnError: CHURN_TODAY is not a date.
    """
    said = os.environ.get(TODAY)
    if not said:
        return datetime.now(ZoneInfo(zone)).date()
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise ChurnError(
            f"{TODAY} is {said!r}, which is not a date.",
            where=f"environment variable {TODAY}",
            hint="Write it as YYYY-MM-DD, or unset it.",
        ) from error
