"""What one app shares between its requests; there is no state outside of it."""

import threading
from dataclasses import dataclass, field

from fastapi import Request

from app.api.generation import Reader
from app.api.keys import KeyRing
from app.api.settings import ApiSettings
from app.api.store import Store
from app.api.telemetry import Telemetry
from pipeline.domains import Entry
from pipeline.settings import Home


@dataclass(frozen=True)
class Services:
    """The parts of an app; `app.state.services`.

    Attributes:
        home: CHURN_HOME.
        settings: Limits.
        entries: The domains' entries of dbt_project.yml, texts filled in.
        reader: The published generation.
        store: Keys and idempotency.
        keys: Keys in memory.
        telemetry: Log and metrics.
        planner: Held by the one plan that is computed at a time.
    """

    home: Home
    settings: ApiSettings
    entries: dict[str, Entry]
    reader: Reader
    store: Store
    keys: KeyRing
    telemetry: Telemetry
    planner: threading.Lock = field(default_factory=threading.Lock)


def services_of(request: Request) -> Services:
    """Return the app's services."""
    services: Services = request.app.state.services
    return services
