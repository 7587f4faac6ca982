"""The API as the viewer uses it: for what computes or writes."""

import os
import time
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import httpx
import streamlit as st

ADDRESS = "CHURN_API_URL"
KEY = "CHURN_API_KEY"
# Seconds: for an answer that says "busy", one that is computed, one that is only read.
_PATIENCE, _COMPUTING, _GLANCE = 20, 60.0, 5.0


class UnavailableError(Exception):
    """The API cannot be asked; the text says why and what to do, for a reader."""


def compute_plan(domain: str, budget: float, holdout: float | None) -> dict[str, Any]:
    """Return what a plan with another budget and hold-out would do; nothing of it is kept.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    body: dict[str, Any] = {"budget": budget}
    if holdout is not None:
        body["holdout"] = holdout
    return _ask("POST", f"/v1/{domain}/plans", body)


def suppress(domain: str, customer_id: str, reason: str) -> dict[str, Any]:
    """Keep that a customer must not be contacted.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    entry = {"customer_id": customer_id, "reason": reason}
    return _ask("POST", f"/v1/{domain}/suppressions", {"suppressions": [entry]})


def lift_suppression(domain: str, customer_id: str) -> dict[str, Any]:
    """Forget that a customer must not be contacted.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("DELETE", f"/v1/{domain}/suppressions/{quote(customer_id, safe='')}")


def audiences(domain: str) -> list[dict[str, Any]]:
    """Return the saved audiences, each a `name` and a `filter` of the customer list, by name.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return list(_ask("GET", f"/v1/{domain}/audiences?limit=500", timeout=_GLANCE)["items"])


def save_audience(domain: str, name: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """Keep a filter by name; what had the name is replaced.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("PUT", f"/v1/{domain}/audiences/{quote(name, safe='')}", {"filter": chosen})


def forget_audience(domain: str, name: str) -> dict[str, Any]:
    """Forget a saved audience.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("DELETE", f"/v1/{domain}/audiences/{quote(name, safe='')}")


def _ask(
    method: str, path: str, body: dict[str, Any] | None = None, *, timeout: float = _COMPUTING
) -> dict[str, Any]:
    address, key = os.environ.get(ADDRESS), os.environ.get(KEY)
    if not address:
        raise UnavailableError(
            "Nothing can be computed or changed here: the viewer was started without the API. "
            "Start both with `make app`."
        )
    headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
    if key:
        headers["X-API-Key"] = key

    def send() -> httpx.Response:
        return _client(address).request(method, path, json=body, headers=headers, timeout=timeout)

    try:
        answer = send()
        # a slider that moved on leaves a plan behind that is still being computed
        for _ in range(_PATIENCE):
            if not _is_busy(answer):
                break
            time.sleep(1)
            answer = send()
    except httpx.HTTPError as problem:
        raise UnavailableError(
            "The service that computes and writes does not answer. It may not be running: "
            "start it with `churn api`, or both with `make app`."
        ) from problem
    if answer.is_error:
        try:
            problem_words = answer.json().get("detail") or answer.reason_phrase
        except ValueError:
            problem_words = answer.reason_phrase
        raise UnavailableError(f"The service refused: {problem_words}")
    return dict(answer.json()) if answer.content else {}


def _is_busy(answer: httpx.Response) -> bool:
    """Whether asking again in a moment helps; not where nothing is published."""
    wait = answer.headers.get("Retry-After", "")
    return (
        answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        and wait.isdigit()
        and int(wait) <= _PATIENCE
    )


@st.cache_resource(max_entries=1, show_spinner=False)
def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address)
