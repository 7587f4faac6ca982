"""Checks keys, rate limits and body limits before a request is read."""

import asyncio
import math
import re
import time
from collections import Counter
from typing import Any

from limits import RateLimitItem, parse
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.access.keys import KeyRing, Principal, scope_problem
from app.api.http import docs_page
from app.api.http.problems import ProblemError
from app.api.settings import ApiSettings

# Routes with larger bodies, by the last part of the path.
_LARGE = re.compile(r"^/v1/[^/]+/([^/\n]+)$")
# Paths without key or limit: probes and the description of the API.
OPEN = frozenset({"/healthz", "/readyz", "/openapi.json"}) | docs_page.PATHS
# Large requests of a kind at the same time; two are computed while the others are read.
_AT_ONCE = 4
_PATIENCE = 30.0
# Minimum speed of a large body, in bytes per second, after a grace period in seconds.
_SLOWEST, _GRACE = 100_000, 15.0


class GateMiddleware:
    """Refuses requests without a valid key, over a rate limit or too large, before reading them."""

    def __init__(self, app: ASGIApp, keys: KeyRing, settings: ApiSettings) -> None:
        self.app = app
        self.keys = keys
        self.settings = settings
        # the synchronous storage would start a thread every hundredth of a second
        self.limiter = SlidingWindowCounterRateLimiter(MemoryStorage())
        self.reads = parse(settings.rate_limit)
        self.writes = parse(settings.write_limit)
        self.failures = parse(settings.failure_limit)
        self.running: Counter[str] = Counter()
        self.turns = {name: asyncio.Semaphore(_AT_ONCE) for name in settings.body_limits}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["path"] in OPEN:
            await self.app(scope, receive, send)
            return
        state: dict[str, Any] = scope.setdefault("state", {})
        headers = Headers(scope=scope)
        token = headers.get("x-api-key", "")
        principal = self.keys.find(token) if token else None
        state["principal"] = principal
        item, who = self._limit(scope, principal)
        is_within = await self.limiter.hit(item, who)
        window = await self.limiter.get_window_stats(item, who)
        reset = max(0, math.ceil(window.reset_time - time.time()))
        limits = {
            "RateLimit-Limit": str(item.amount),
            "RateLimit-Remaining": str(max(0, window.remaining)),
            "RateLimit-Reset": str(reset),
        }
        refusal = self._refusal(principal, token, item, is_within, reset)
        large = self._large(scope)
        limit = self.settings.body_limit
        if large is not None and principal is not None:
            limit = self.settings.body_limits[large]
            # before the body is read, not after
            refusal = refusal or scope_problem(principal, ["predict"])
        refusal = refusal or _too_large(limit, headers)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] += [
                    (name.lower().encode(), value.encode()) for name, value in limits.items()
                ]
            await send(message)

        if refusal is not None:
            await refusal.response(scope, receive, answer)
            return
        receive = _in_time(_counted(limit, receive))
        who = principal.id if principal else ""
        if self.running[who] >= self.settings.at_once:
            await _too_many(self.settings.at_once).response(scope, receive, answer)
            return
        self.running[who] += 1
        try:
            await self._serve(large, scope, receive, answer)
        finally:
            self.running[who] -= 1
            if not self.running[who]:
                del self.running[who]

    async def _serve(self, large: str | None, scope: Scope, receive: Receive, answer: Send) -> None:
        """Pass a request on, a large one when it is its turn."""
        if large is None:
            await self.app(scope, receive, answer)
            return
        # requests are not read while they wait, so only those with a turn use memory
        try:
            async with asyncio.timeout(_PATIENCE):
                await self.turns[large].acquire()
        except TimeoutError:
            await _busy().response(scope, receive, answer)
            return
        try:
            await self.app(scope, receive, answer)
        finally:
            self.turns[large].release()

    def _limit(self, scope: Scope, principal: Principal | None) -> tuple[RateLimitItem, str]:
        if principal is None:
            client = scope.get("client")
            return self.failures, f"address {client[0] if client else 'unknown'}"
        if scope["method"] == "GET":
            return self.reads, f"read {principal.id}"
        return self.writes, f"write {principal.id}"

    def _refusal(
        self,
        principal: Principal | None,
        token: str,
        item: RateLimitItem,
        is_within: bool,
        reset: int,
    ) -> ProblemError | None:
        if not is_within:
            return ProblemError(
                429,
                "too-many-requests",
                f"More requests than {item}. Wait {max(1, reset)} seconds.",
                headers={"Retry-After": str(max(1, reset))},
            )
        if principal is None:
            detail = (
                "This key is unknown, revoked or expired."
                if token
                else "The header X-API-Key is missing."
            )
            return ProblemError(
                401,
                "not-authenticated",
                f"{detail} Create a key with `churn keys create --name NAME --scope read`.",
                headers={"WWW-Authenticate": 'ApiKey realm="churn", header="X-API-Key"'},
            )
        return None

    def _large(self, scope: Scope) -> str | None:
        """Return the name of the requested route if it has larger bodies, otherwise None."""
        found = _LARGE.match(scope["path"])
        is_large = found and scope["method"] == "POST" and found[1] in self.settings.body_limits
        return found[1] if found and is_large else None


def _too_large(limit: int, headers: Headers) -> ProblemError | None:
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > limit:
        return ProblemError(413, "content-too-large", _words(limit), limit_bytes=limit)
    return None


def _counted(limit: int, receive: Receive) -> Receive:
    """Count the bytes of a body while it is received, in case its length is not declared."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > limit:
            raise HTTPException(413, _words(limit))
        return message

    return counted


def _in_time(receive: Receive) -> Receive:
    """Refuse a body that arrives too slowly; only time spent waiting for it counts."""
    taken, waited, is_whole = 0, 0.0, False

    async def timed() -> Message:
        nonlocal taken, waited, is_whole
        if is_whole:
            return await receive()
        began = time.monotonic()
        try:
            async with asyncio.timeout(_GRACE + taken / _SLOWEST - waited):
                message = await receive()
        except TimeoutError:
            raise HTTPException(408, "The body arrives too slowly. Send it again.") from None
        waited += time.monotonic() - began
        taken += len(message.get("body", b""))
        is_whole = not message.get("more_body", False)
        return message

    return timed


def _busy() -> ProblemError:
    return ProblemError(
        503,
        "busy",
        "Too many large requests are being answered. Try again shortly.",
        headers={"Retry-After": "5"},
    )


def _too_many(at_once: int) -> ProblemError:
    return ProblemError(
        429,
        "too-many-at-once",
        f"{at_once} requests of this key are being answered already. Wait for one of them.",
        headers={"Retry-After": "1"},
    )


def _words(limit: int) -> str:
    return f"The body is larger than {limit:,} bytes. Send it in parts."
