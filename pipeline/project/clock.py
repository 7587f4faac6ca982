"""The day it is: of the clock, or of CHURN_TODAY."""

import os
from datetime import UTC, date, datetime

from pipeline.project.errors import ChurnError

TODAY = "CHURN_TODAY"


def today() -> date:
    """Return today, UTC. The environment variable CHURN_TODAY (YYYY-MM-DD) replaces it.

    A simulation of past nights and a test set it; nothing else does.

    Raises:
        ChurnError: CHURN_TODAY is not a date.
    """
    said = os.environ.get(TODAY)
    if not said:
        return datetime.now(UTC).date()
    try:
        return date.fromisoformat(said)
    except ValueError as error:
        raise ChurnError(
            f"{TODAY} is {said!r}, which is not a date.",
            where=f"environment variable {TODAY}",
            hint="Write it as YYYY-MM-DD, or unset it.",
        ) from error
