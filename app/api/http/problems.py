"""RFC 9457 problem details: the body of every error, `application/problem+json`."""

import json
import sqlite3
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from asgi_correlation_id import correlation_id
from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy.exc import DatabaseError
from starlette.exceptions import HTTPException
from starlette.routing import Match

from pipeline.project.failures import is_full, state_code
from pipeline.project.state_sums import StateDamagedError

# Maximum number of faults reported for a request.
MOST_FAULTS = 100
# Replacements for the parser's own messages.
_WORDS = {
    "extra_forbidden": "is not a known field; /openapi.json lists the fields",
    "model_attributes_type": "is not an object",
    "finite_number": "is not a finite number",
}
_STATE_IS_GONE = (
    sqlite3.SQLITE_READONLY,
    sqlite3.SQLITE_CANTOPEN,
    sqlite3.SQLITE_PERM,
    sqlite3.SQLITE_NOTADB,
    sqlite3.SQLITE_CORRUPT,
)
MEDIA_TYPE = "application/problem+json"
TYPES = "urn:churn:problem:"


class Fault(BaseModel):
    """A fault in a request."""

    pointer: str = Field(
        description="Location: a JSON pointer into the body (`#/contacts/2/contacted_on`), or "
        "`query/limit`, `path/customer_id`, `header/Idempotency-Key`.",
        examples=["#/contacts/2/contacted_on"],
    )
    row: int | None = Field(
        None, description="Row in the innermost list of the pointer, counted from 1."
    )
    field: str | None = Field(None, description="Field or parameter.", examples=["contacted_on"])
    detail: str = Field(description="What is wrong and what to send instead.")


class ProblemDetails(BaseModel):
    """RFC 9457 problem details."""

    model_config = ConfigDict(extra="allow")

    type: str = Field(
        description="Kind of problem; stable, for use by programs.",
        examples=["urn:churn:problem:unknown-customer"],
    )
    title: str = Field(description="Kind of problem, for people.", examples=["Unknown customer"])
    status: int = Field(description="HTTP status.", examples=[404])
    detail: str = Field(description="What is wrong with this request, and what to do.")
    request_id: str | None = Field(None, description="Correlation id, also in the log.")
    errors: list[Fault] = Field(
        default_factory=list, description=f"The faults, at most {MOST_FAULTS}."
    )


class ProblemError(Exception):
    """An error answer; can be raised anywhere in a request.

    Args:
        status: HTTP status.
        kind: Last part of the type, such as `unknown-customer`; the title is derived from it.
        detail: What is wrong with this request, and what to do.
        errors: Faults of single fields.
        headers: Headers of the answer, such as Retry-After.
        extra: Additional members, such as `allowed`.
    """

    def __init__(
        self,
        status: int,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Fault] = (),
        headers: Mapping[str, str] | None = None,
        **extra: Any,
    ) -> None:
        self.status, self.kind, self.detail = status, kind, detail
        self.errors, self.headers, self.extra = list(errors), dict(headers or {}), extra
        super().__init__(f"{status} {kind}: {detail}")

    @property
    def response(self) -> Response:
        """The HTTP response."""
        body: dict[str, Any] = {
            "type": TYPES + self.kind,
            "title": self.kind.replace("-", " ").capitalize(),
            "status": self.status,
            "detail": self.detail,
            "request_id": correlation_id.get(),
        }
        if self.errors:
            body["errors"] = [fault.model_dump(exclude_none=True) for fault in self.errors]
        body |= self.extra
        return Response(
            json.dumps(body, default=str, ensure_ascii=False).encode("utf-8", "replace"),
            self.status,
            self.headers,
            MEDIA_TYPE,
        )


def invalid(*faults: Fault) -> ProblemError:
    """Return the problem of a request with faulty fields."""
    shown = "; ".join(f"{fault.pointer}: {fault.detail}" for fault in faults[:3])
    more = f"; and {len(faults) - 3} more" if faults[3:] else ""
    return ProblemError(422, "invalid-request", f"{shown}{more}", errors=faults[:MOST_FAULTS])


def body_fault(path: Sequence[str | int], detail: str) -> Fault:
    """Return a fault at a place in the body, such as `["contacts", 2, "contacted_on"]`."""
    row = next((part + 1 for part in reversed(path) if isinstance(part, int)), None)
    field = next((part for part in reversed(path) if isinstance(part, str)), None)
    steps = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return Fault(
        pointer="#" + "".join(f"/{step}" for step in steps), row=row, field=field, detail=detail
    )


def parameter_fault(where: str, name: str, detail: str) -> Fault:
    """Return a fault in a parameter; where is query, path or header."""
    return Fault(pointer=f"{where}/{name}", row=None, field=name, detail=detail)


def add_problem_handlers(app: FastAPI) -> None:
    """Turn all exceptions of an app into problem details."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(DatabaseError, _machine)
    app.add_exception_handler(StateDamagedError, _machine)
    app.add_exception_handler(OSError, _machine)
    # other exceptions reach the middleware of app.api.http.telemetry, which answers 500


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, ProblemError)  # noqa: S101 - registered for it
    return error.response


def machine_problem(error: Exception) -> ProblemError | None:
    """Return the answer to what the machine refuses, or to a damaged state; None for all else."""
    if isinstance(error, DatabaseError | OSError) and is_full(error):
        return ProblemError(
            507,
            "insufficient-storage",
            "The disk of the API is full; nothing was stored. Tell its operator, and try again.",
            headers={"Retry-After": "600"},
        )
    code = state_code(error) if isinstance(error, DatabaseError) else None
    if code == sqlite3.SQLITE_BUSY:
        return ProblemError(
            503,
            "busy",
            "The API's database is locked by another writer. Try again shortly.",
            headers={"Retry-After": "5"},
        )
    if code in _STATE_IS_GONE or isinstance(error, StateDamagedError):
        return ProblemError(
            503,
            "state-unavailable",
            "The API's database cannot be read or written. Tell its operator, and try again.",
            headers={"Retry-After": "600"},
        )
    return None


async def _machine(_: Request, error: Exception) -> Response:
    problem = machine_problem(error)
    if problem is None:
        raise error
    return problem.response


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    headers = dict(error.headers or {})
    if error.status_code == 404:
        problem = ProblemError(
            404,
            "no-such-route",
            "There is nothing at this path; /openapi.json lists all paths.",
        )
    elif error.status_code == 405:
        allowed = _methods(request)
        problem = ProblemError(
            405,
            "method-not-allowed",
            f"{request.method[:20]} is not allowed at this path; use {allowed}.",
            headers=headers | {"Allow": allowed},
        )
    elif error.status_code == 413:
        problem = ProblemError(413, "content-too-large", str(error.detail))
    elif error.status_code == 400:
        problem = ProblemError(
            400,
            "unreadable-body",
            f"The form cannot be read: {error.detail}"
            if content_type(request).startswith("multipart/")
            else "The body cannot be read: it is not valid JSON in UTF-8, or is nested too deeply.",
        )
    else:
        kind = HTTPStatus(error.status_code).phrase.lower().replace(" ", "-")
        problem = ProblemError(error.status_code, kind, str(error.detail), headers=headers)
    return problem.response


def _methods(request: Request) -> str:
    """Return the methods of a path; a route knows only its own."""
    return ", ".join(
        method
        for method in ("GET", "POST", "PUT", "PATCH", "DELETE")
        if any(
            route.matches({**request.scope, "method": method})[0] is Match.FULL
            for route in request.app.routes
        )
    )


def content_type(request: Request) -> str:
    """Return the Content-Type of a request without parameters; empty without one."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _validation(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    errors, kind = error.errors(), content_type(request)
    if kind != "application/json" and any(
        e["loc"] == ("body",) and e["type"] != "missing" for e in errors
    ):
        return ProblemError(
            415,
            "unsupported-media-type",
            f"{kind[:100] or 'A body without Content-Type'} is not supported; send "
            "application/json.",
        ).response
    faults = []
    for found in errors:
        place, *path = found["loc"]
        words = _WORDS.get(found["type"], str(found["msg"]).removeprefix("Value error, "))
        if found["type"] == "json_invalid":
            return ProblemError(
                400,
                "unreadable-body",
                f"The body is not valid JSON: {found['ctx']['error']}, "
                f"at character {path[0] if path else 0}.",
            ).response
        if place == "body":
            faults.append(body_fault(path, words))
        else:
            faults.append(parameter_fault(str(place), str(path[0]) if path else "", words))
    return invalid(*faults).response
