"""Dependencies of routes: caller, generation, domain, and idempotency."""

import asyncio
import hashlib
import secrets
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated
from urllib.parse import unquote

import sqlalchemy as sa
from fastapi import Depends, Header, Path, Request, Response, Security
from fastapi.security import APIKeyHeader, SecurityScopes
from pydantic import BaseModel
from starlette.concurrency import run_in_threadpool

from app.api.access.keys import SCOPE_WORDS, Principal, scope_problem
from app.api.access.store import ANSWERS, Store
from app.api.http.problems import ProblemError
from app.api.http.version import CODE_VERSION
from app.api.published.generation import OpenGeneration, PublishedDomain
from app.api.published.lists import decode
from app.api.services import Services, services_of

# Header with the person behind a key that several people share.
PERSON = "X-Churn-Person"


class KeyHeader(APIKeyHeader):
    """The key's header and its owner, which the gate has looked up before the route."""

    async def __call__(  # type: ignore[override]
        self, request: Request, scopes: SecurityScopes
    ) -> Principal:
        """Return the caller.

        Raises:
            ProblemError: 403, the key lacks the scope.
        """
        principal: Principal = request.state.principal
        if problem := scope_problem(principal, scopes.scopes):
            raise problem
        return principal


_KEY = KeyHeader(
    name="X-API-Key",
    auto_error=False,
    scheme_name="ApiKey",
    description="Create a key with `churn keys create --name NAME --scope read`. Scopes: "
    + "; ".join(f"{scope}: {words}" for scope, words in SCOPE_WORDS.items())
    + ".",
)
Reads = Security(_KEY, scopes=["read"])
Predicts = Security(_KEY, scopes=["predict"])
Writes = Security(_KEY, scopes=["write"])
Plans = Security(_KEY, scopes=["plan"])
Approves = Security(_KEY, scopes=["approve"])
Administers = Security(_KEY, scopes=["admin"])


class NotModifiedError(Exception):
    """The caller already has this answer: 304."""


async def published(request: Request) -> OpenGeneration:
    """Return the generation that this request reads until its end.

    Raises:
        ProblemError: 503, nothing has been published yet.
    """
    kept: OpenGeneration | None = getattr(request.state, "generation", None)
    if kept is None:
        reader = services_of(request).reader
        kept = request.state.generation = reader.laid_over(reader.current())
    return kept


async def paged(request: Request) -> OpenGeneration:
    """Return the generation of a page: the current one for the first page, then the cursor's.

    Raises:
        ProblemError: 503, nothing has been published yet; 410, the cursor's generation is gone;
            422, the cursor is not valid.
        NotModifiedError: The caller already has the answer.
    """
    reader = services_of(request).reader
    generation = reader.current()
    cursor = request.query_params.get("cursor")
    name = decode(cursor).generation if cursor else None
    if name is not None and name != generation.name:
        older = await run_in_threadpool(reader.at, name)
        if older is None:
            raise ProblemError(
                410,
                "cursor-expired",
                f"The list was started in {name[:100]}, which is no longer available. Start it "
                "again without a cursor.",
                generation=generation.name,
            )
        generation = older
    request.state.generation = reader.laid_over(generation)
    return await tagged(request)


async def tagged(request: Request) -> OpenGeneration:
    """Return the generation for an answer that depends on it, suppressions, the URL and the key.

    The ETag covers the URL and the key's domains, so a match means that the caller has the answer
    to the same request.

    Raises:
        NotModifiedError: The caller already has the answer.
    """
    generation = await published(request)
    principal: Principal = request.state.principal
    told = (
        generation.name,
        generation.today.version,
        CODE_VERSION,
        str(request.url.path),
        request.url.query,
        sorted(principal.domains),
    )
    tag = f'"{hashlib.sha256(repr(told).encode()).hexdigest()[:32]}"'
    request.state.etag = tag
    known = request.headers.get("if-none-match")
    # `*` is the business of AnyTagMiddleware: it holds for an answer, not for a refusal
    if known and tag in {part.strip().removeprefix("W/") for part in known.split(",")}:
        raise NotModifiedError
    return generation


async def author(
    request: Request,
    person: Annotated[
        str | None,
        Header(
            alias=PERSON,
            max_length=100,
            description="Who decides, percent-encoded, if the key is shared by several people. "
            "It is stored with the key's name.",
        ),
    ] = None,
) -> str:
    """Return who a change is stored for: the key's name, with the person before it if one is sent.

    Nobody checks the person: the holder of the key says so.
    """
    key: str = request.state.principal.name
    name = " ".join(unquote(person or "").split())
    return f"{name} ({key})" if name else key


Author = Annotated[str, Depends(author)]


# These call each other instead of using Depends, because resolving dependencies would take most of
# the time of a look-up.
Published = Annotated[OpenGeneration, Depends(published)]
Tagged = Annotated[OpenGeneration, Depends(tagged)]
# Must be a route's first parameter: it sets the generation that the others read.
Paged = Annotated[OpenGeneration, Depends(paged)]
App = Annotated[Services, Depends(services_of)]


async def published_domain(
    request: Request,
    domain: Annotated[str, Path(description="Domain, as listed by /v1/domains.", max_length=100)],
) -> PublishedDomain:
    """Return a domain whose scores are in the generation.

    Raises:
        ProblemError: 404, there is no such domain, or its scores are not published; 403, the key
            may not access it.
    """
    generation = await published(request)
    principal: Principal = request.state.principal
    visible = [name for name in generation.domains if principal.may_see(name)]
    if domain in generation.names and not principal.may_see(domain):
        raise ProblemError(
            403,
            "domain-not-allowed",
            f"This key may not access {domain}; its domains are "
            f"{', '.join(sorted(principal.domains))}.",
            allowed=visible,
        )
    if domain in generation.unscored:
        raise ProblemError(
            404,
            "domain-not-published",
            f"No scores of {domain} are published. Run `churn run --domain {domain} --raw DIR` to "
            "publish them.",
            allowed=visible,
        )
    if domain in generation.retired:
        raise ProblemError(
            404,
            "domain-not-published",
            f"{domain} is not a domain of this platform any more. /v1/crm-changes lists the "
            "customers to remove.",
            allowed=visible,
        )
    if domain not in generation.domains:
        raise ProblemError(
            404,
            "unknown-domain",
            f"There is no published domain {domain[:100]!r}; available: "
            f"{', '.join(visible) or 'none'}.",
            allowed=visible,
        )
    return generation.domains[domain]


InDomain = Annotated[PublishedDomain, Depends(published_domain)]

IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        pattern=r"^[!-~]+$",
        description="A text of your choice, such as a UUID. Repeating the request with the same "
        "key has no further effect and returns the first answer, for a day.",
        examples=["0b5a3c1e-8f0d-4d3e-9a53-6f3c9b3d2a10"],
    ),
]
# After this time the claim of a dead process is taken over.
_LEASE = timedelta(seconds=60)
_WAIT_SECONDS = 15.0
_POLL_SECONDS = 0.05


class Once:
    """Runs a POST's work once per idempotency key; repeated requests get the first answer."""

    def __init__(self, request: Request, idempotency_key: IdempotencyKey = None) -> None:
        self._request = request
        self._key = idempotency_key
        services = services_of(request)
        self._store: Store = services.store
        self._kept_for = timedelta(hours=services.settings.idempotency_hours)

    async def __call__(
        self,
        work: Callable[[str], BaseModel],
        *,
        status: int = 200,
        fingerprint: str | None = None,
    ) -> Response:
        """Run the work in a thread, or return its stored answer.

        Args:
            work: Gets an id of this effect, which stays the same if a dead run is repeated (a job
                may use it as its id), and returns the answer. The answer is stored, so it must
                not contain personal data. Exceptions are not stored.
            status: Status of the answer.
            fingerprint: Hash of the body if it was not read as JSON (an upload).

        Raises:
            ProblemError: 409, the first request is still running; 422, the key was used for
                another request.
        """
        if self._key is None:
            return _answer(status, await run_in_threadpool(lambda: _bytes(work(_effect_id()))))
        principal: Principal = self._request.state.principal
        where = (principal.id, self._key)
        url = self._request.url
        body = await self._request.body() if fingerprint is None else fingerprint.encode()
        told = f"{self._request.method} {url.path}?{url.query}\n".encode() + body
        request_hash = hashlib.sha256(told).hexdigest()
        until = time.monotonic() + _WAIT_SECONDS
        while (claimed := await run_in_threadpool(self._claim, where, request_hash)) is None:
            if time.monotonic() > until:
                raise ProblemError(
                    409,
                    "still-running",
                    "The first request with this Idempotency-Key is still running. Try again.",
                    headers={"Retry-After": "5"},
                )
            # a waiting request must not hold a thread that others need
            await asyncio.sleep(_POLL_SECONDS)
        if isinstance(claimed, Response):
            return claimed
        return await run_in_threadpool(self._run, where, claimed, work, status)

    def _run(
        self,
        where: tuple[str, str],
        effect: str,
        work: Callable[[str], BaseModel],
        status: int,
    ) -> Response:
        mine = (ANSWERS.c.key_id == where[0]) & (ANSWERS.c.idempotency_key == where[1])
        try:
            body = _bytes(work(effect))
        except BaseException:
            with self._store.writing() as connection:
                connection.execute(sa.delete(ANSWERS).where(mine))
            raise
        with self._store.writing() as connection:
            connection.execute(sa.update(ANSWERS).where(mine).values(status=status, body=body))
        return _answer(status, body)

    def _claim(self, where: tuple[str, str], request_hash: str) -> str | Response | None:
        """Return the effect's id if this request runs it, the stored answer, or None to wait."""
        now = datetime.now(UTC).replace(tzinfo=None)
        with self._store.writing() as connection:
            connection.execute(
                sa.delete(ANSWERS).where(ANSWERS.c.claimed_at < now - self._kept_for)
            )
            mine = (ANSWERS.c.key_id == where[0]) & (ANSWERS.c.idempotency_key == where[1])
            row = connection.execute(sa.select(ANSWERS).where(mine)).one_or_none()
            if row is None:
                effect = _effect_id()
                connection.execute(
                    sa.insert(ANSWERS).values(
                        key_id=where[0],
                        idempotency_key=where[1],
                        request_hash=request_hash,
                        effect_id=effect,
                        claimed_at=now,
                    )
                )
                return effect
            if row.request_hash != request_hash:
                raise ProblemError(
                    422,
                    "idempotency-key-reused",
                    "This Idempotency-Key was used for another request. Use a new one.",
                )
            if row.status is not None:
                return _answer(row.status, row.body, is_replayed=True)
            if row.claimed_at < now - _LEASE:
                connection.execute(sa.update(ANSWERS).where(mine).values(claimed_at=now))
                return str(row.effect_id)
            return None


OnlyOnce = Annotated[Once, Depends(Once)]


def _effect_id() -> str:
    return secrets.token_hex(16)


def _bytes(answer: BaseModel) -> bytes:
    return answer.model_dump_json().encode()


def _answer(status: int, body: bytes, *, is_replayed: bool = False) -> Response:
    headers = {"Idempotent-Replayed": "true"} if is_replayed else None
    return Response(body, status, headers, "application/json")
