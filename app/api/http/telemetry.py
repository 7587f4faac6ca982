"""One log line and one set of metrics per request, without paths, queries, bodies or ids."""

import sys
import time
import traceback
from typing import Any, TextIO

import structlog
from asgi_correlation_id import correlation_id
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.http.problems import ProblemError, machine_problem

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60)


class Telemetry:
    """Log and metrics of one app.

    A line has the route's template, never the path, because paths contain customer ids.
    """

    def __init__(self, output: TextIO | None = None) -> None:
        self.registry = CollectorRegistry()
        self._log = structlog.wrap_logger(
            structlog.PrintLogger(output or sys.stderr),
            processors=[
                structlog.processors.add_log_level,
                structlog.processors.TimeStamper(fmt="iso", utc=True),
                structlog.processors.JSONRenderer(),
            ],
        )
        self.requests = Counter(
            "churn_api_requests", "Requests.", ["method", "route", "status"], registry=self.registry
        )
        self.seconds = Histogram(
            "churn_api_request_seconds",
            "Seconds from the first byte in to the last byte out.",
            ["route"],
            buckets=_BUCKETS,
            registry=self.registry,
        )
        self.swaps = Counter(
            "churn_api_generations_opened", "Generations opened.", registry=self.registry
        )
        self.published = Gauge(
            "churn_api_generation_published_seconds",
            "When the open generation was published, in Unix time.",
            registry=self.registry,
        )

    def event(self, name: str, **values: Any) -> None:
        """Write one line; values must not be personal."""
        self._log.info(name, **values)

    def failure(self, name: str, error: BaseException, **values: Any) -> None:
        """Log an error with its kind and place, but not its message.

        The message may contain values, such as a customer id.
        """
        frames = traceback.extract_tb(error.__traceback__)
        at = [f"{frame.filename}:{frame.lineno} {frame.name}" for frame in frames[-8:]]
        self._log.error(name, error=type(error).__name__, at=at, **values)

    def exposition(self) -> bytes:
        """Return the metrics in the Prometheus format."""
        return generate_latest(self.registry)


class TelemetryMiddleware:
    """Measures and logs each request, adds common headers, and answers 500 to crashes."""

    def __init__(self, app: ASGIApp, telemetry: Telemetry) -> None:
        self.app = app
        self.telemetry = telemetry

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        began, status = time.perf_counter(), 500
        has_started = False

        async def answer(message: Message) -> None:
            nonlocal status, has_started
            if message["type"] == "http.response.start":
                status, has_started = message["status"], True
                headers = message["headers"]
                headers.append((b"x-content-type-options", b"nosniff"))
                if status in (200, 304) and "etag" in state:
                    headers.append((b"etag", state["etag"].encode()))
                    headers.append((b"cache-control", b"private, no-cache"))
                    headers.append((b"vary", b"X-API-Key"))
                else:
                    headers.append((b"cache-control", b"no-store"))
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception as error:
            self.telemetry.failure("request_failed", error, request_id=correlation_id.get())
            if not has_started:
                problem = machine_problem(error) or _problem_of(state.get("generation"))
                await problem.response(scope, receive, answer)
        finally:
            self._note(scope, status, time.perf_counter() - began)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "none")
        self.telemetry.requests.labels(_method(scope["method"]), route, status).inc()
        self.telemetry.seconds.labels(route).observe(seconds)
        principal = scope["state"].get("principal")
        generation = scope["state"].get("generation")
        self.telemetry.event(
            "request",
            method=_method(scope["method"]),
            route=route,
            status=status,
            milliseconds=round(1000 * seconds, 1),
            key=principal.id if principal else None,
            generation=generation.name if generation else None,
            request_id=correlation_id.get(),
        )


def _problem_of(generation: Any) -> ProblemError:
    """Return the answer to a request that crashed while it read a generation, or before it did.

    Answers are made for the columns of today's tables, so a generation that lacks some of them is
    the reason of a crash.
    """
    lacking = generation.lacking if generation is not None else []
    if lacking:
        return ProblemError(
            503,
            "published-by-an-older-version",
            f"The published generation lacks {lacking[0]}"
            + (f" and {len(lacking) - 1} more columns" if len(lacking) > 1 else "")
            + ". Run `churn publish` to publish again.",
            headers={"Retry-After": "600"},
        )
    return ProblemError(
        500, "internal-error", "Internal error. Report this request_id; the log has the details."
    )


def _method(method: str) -> str:
    """Return the method as a label; unknown ones share one label, since callers choose them."""
    known = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS")
    return method if method in known else "other"
