"""Settings of the API; `churn api` has options for some of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class ApiSettings:
    """Limits of one API process.

    Attributes:
        rate_limit: GET requests per key, in the notation of `limits`.
        write_limit: Other requests per key.
        failure_limit: Requests without a valid key per address.
        at_once: Requests of a key that are answered at the same time.
        body_limit: Bytes of a request body.
        body_limits: Limits of POST /v1/{domain}/<name> by name, which need the scope predict.
        max_age_hours: Maximum age of the generation; `/readyz` fails when it is older.
        follow_seconds: Seconds between checks for a new generation.
        idempotency_hours: Hours that an answer is stored for its idempotency key.
    """

    rate_limit: str = "1200/minute"
    write_limit: str = "120/minute"
    failure_limit: str = "30/minute"
    at_once: int = 32
    body_limit: int = MIB
    body_limits: Mapping[str, int] = field(
        default_factory=lambda: {"predictions": 32 * MIB, "batch-predictions": 512 * MIB}
    )
    max_age_hours: float = 24 * 7
    follow_seconds: float = 0.2
    idempotency_hours: float = 24
