"""Completes the OpenAPI document: responses and headers that routes do not declare."""

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from app.api.access.gate import OPEN
from app.api.http.problems import MEDIA_TYPE, ProblemDetails

_EVERYWHERE = {
    400: "The request or its body cannot be read.",
    401: "The key is missing, unknown, revoked or expired.",
    403: "The key lacks the scope or may not access the domain.",
    404: "The domain, customer or other resource does not exist.",
    408: "The body arrives too slowly.",
    413: "The body is too large.",
    415: "The media type of the body is not supported.",
    422: "A parameter or a field is wrong; `errors` names each.",
    429: "Too many requests; Retry-After says how long to wait.",
    500: "Internal error.",
    503: "Nothing is published yet, or a resource is busy; try again.",
    507: "The disk of the API is full; nothing was stored.",
}
_REQUEST_ID = {"X-Request-ID": "Correlation id; the UUID that you sent, or a new one."}
_HEADERS = _REQUEST_ID | {
    "RateLimit-Limit": "Requests of this kind allowed per window.",
    "RateLimit-Remaining": "Requests left in this window.",
    "RateLimit-Reset": "Seconds until the window ends.",
}
_STILL_RUNNING = "The first request with this Idempotency-Key is still running."
_PROBLEM = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}}


def describe(app: FastAPI) -> None:
    """Replace the app's OpenAPI document by one that lists every response."""

    def openapi() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = _document(app)
        return app.openapi_schema

    app.openapi = openapi  # type: ignore[method-assign]


def _document(app: FastAPI) -> dict[str, Any]:
    document = get_openapi(
        title=app.title,
        version=app.version,
        description=app.description,
        routes=app.routes,
        tags=app.openapi_tags,
    )
    schemas = document.setdefault("components", {}).setdefault("schemas", {})
    for name in ("HTTPValidationError", "ValidationError"):
        schemas.pop(name, None)
    problem = ProblemDetails.model_json_schema(ref_template="#/components/schemas/{model}")
    schemas.update(problem.pop("$defs", {}))
    schemas["ProblemDetails"] = problem
    for path, operations in document["paths"].items():
        for operation in operations.values():
            _tell_answers(path, operation)
    return document


def _tell_answers(path: str, operation: dict[str, Any]) -> None:
    answers = operation["responses"]
    kinds = {} if path in OPEN else _EVERYWHERE
    for status, words in kinds.items():
        told = answers.get(str(status), {})
        is_default = told.get("description") == "Validation Error"
        answers[str(status)] = {
            "description": words if is_default else told.get("description", words),
            "content": _PROBLEM,
        }
    if any(one["name"] == "Idempotency-Key" for one in operation.get("parameters", ())):
        told = [answers.get("409", {}).get("description"), _STILL_RUNNING]
        answers["409"] = {"description": " ".join(filter(None, told))}
    for status, answer in answers.items():
        if int(status) >= 400:
            answer.setdefault("content", _PROBLEM)
        if path in OPEN:
            continue
        told = dict(_REQUEST_ID if status == "500" else _HEADERS)
        if status in ("429", "503", "507"):
            told["Retry-After"] = "Seconds to wait before trying again."
        if "304" in answers and status in ("200", "304"):
            told["ETag"] = "Tag of this answer; send it as If-None-Match."
        answer.setdefault("headers", {}).update(
            {
                name: {"description": words, "schema": {"type": "string"}}
                for name, words in told.items()
            }
        )
    if "304" in answers:
        operation.setdefault("parameters", []).append(
            {
                "name": "If-None-Match",
                "in": "header",
                "required": False,
                "description": "ETag of an earlier answer; 304 if it is still current.",
                "schema": {"type": "string"},
            }
        )
