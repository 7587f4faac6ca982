"""Objects shared by the requests of one app; there is no global state."""

import threading
from dataclasses import dataclass, field

from fastapi import Request

from app.api.access.keys import KeyRing
from app.api.access.store import Store
from app.api.http.telemetry import Telemetry
from app.api.published.generation import Reader
from app.api.settings import ApiSettings
from pipeline.project.home import Home


@dataclass(frozen=True)
class Services:
    """The parts of an app; `app.state.services`.

    Attributes:
        home: CHURN_HOME.
        settings: Limits.
        reader: The published generation.
        store: The API's tables.
        keys: Keys in memory.
        telemetry: Log and metrics.
        planner: Lock, so that one trial plan runs at a time.
    """

    home: Home
    settings: ApiSettings
    reader: Reader
    store: Store
    keys: KeyRing
    telemetry: Telemetry
    planner: threading.Lock = field(default_factory=threading.Lock)


def services_of(request: Request) -> Services:
    """Return the app's services."""
    services: Services = request.app.state.services
    return services
