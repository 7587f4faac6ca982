"""What an owner of the API may set; `churn api` has an option for each."""

from collections.abc import Mapping
from dataclasses import dataclass, field

KIB, MIB = 1024, 1024 * 1024


@dataclass(frozen=True)
class ApiSettings:
    """Limits of one API process.

    Attributes:
        rate_limit: Requests of one key, as `limits` writes them.
        write_limit: Requests of one key that are not GET, counted apart.
        failure_limit: Requests without a good key from one address.
        body_limit: Bytes of a request body.
        body_limits: Limits of POST /v1/{domain}/<name> by name, which need the scope predict.
        max_age_hours: A generation published longer ago is not fresh: `/readyz` fails.
        follow_seconds: How often the link to the current generation is looked at.
        idempotency_hours: How long an answer is kept for its idempotency key.
    """

    rate_limit: str = "1200/minute"
    write_limit: str = "120/minute"
    failure_limit: str = "30/minute"
    body_limit: int = MIB
    body_limits: Mapping[str, int] = field(
        default_factory=lambda: {"predictions": 32 * MIB, "batch-predictions": 512 * MIB}
    )
    max_age_hours: float = 24 * 7
    follow_seconds: float = 0.2
    idempotency_hours: float = 24
