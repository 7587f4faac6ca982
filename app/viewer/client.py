"""The API as the viewer calls it: to compute plans and to save changes."""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Literal
from urllib.parse import quote
from uuid import uuid4

import httpx
import streamlit as st

from app.people import Role
from app.viewer.sign_in import signed_in

ADDRESS = "CHURN_API_URL"
KEY = "CHURN_API_KEY"
# Seconds to wait: while the API is busy, for an answer it computes, for one it only reads.
_PATIENCE, _COMPUTING, _GLANCE = 20, 60.0, 5.0
# Marks that one request may hold.
_BATCH = 1_000


def key_of(role: Role) -> str:
    """Return the variable with the key of a role; `CHURN_API_KEY` serves those without one."""
    return f"{KEY}_{role.upper()}"


class UnavailableError(Exception):
    """The API gave no answer; the text tells a marketer why and what to do."""


def show_change(change: Callable[[], object]) -> None:
    """Make a change and show the page again, or show why it failed."""
    try:
        change()
    except UnavailableError as problem:
        st.error(str(problem))
    else:
        st.rerun()


def compute_plan(domain: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Return a plan with other settings, a body of `POST /v1/{domain}/plans`; it is not saved.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("POST", f"/v1/{domain}/plans", settings)


def drafts(domain: str) -> list[dict[str, Any]]:
    """Return the saved drafts of plans, by name.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return list(_ask("GET", f"/v1/{domain}/drafts?limit=500", timeout=_GLANCE)["items"])


def save_draft(domain: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Save a plan as a draft; one of that name is replaced.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("PUT", _draft(domain, name), settings, needs="plan")


def approve_draft(domain: str, name: str, draft_id: str) -> dict[str, Any]:
    """Make a draft the plan from the next publish on.

    Raises:
        UnavailableError: The API is not running or refuses, or the draft was saved anew.
    """
    return _ask("POST", f"{_draft(domain, name)}/approval?draft_id={draft_id}", needs="approve")


def forget_draft(domain: str, name: str) -> dict[str, Any]:
    """Delete a draft.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("DELETE", _draft(domain, name), needs="plan")


def audit(domain: str, most: int) -> list[dict[str, Any]]:
    """Return who decided what, the newest first.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return list(_ask("GET", f"/v1/{domain}/audit?limit={most}", timeout=_GLANCE)["items"])


def draft_customers(domain: str, name: str, decision: str) -> list[dict[str, Any]]:
    """Return the customers whom a draft would contact (`treat`) or hold out (`hold_out`).

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    path = f"{_draft(domain, name)}/customers?limit=500&decision={decision}"
    page = _ask("GET", path)
    found = list(page["items"])
    while page["next_cursor"]:
        page = _ask("GET", f"{path}&cursor={page['next_cursor']}")
        found += page["items"]
    return found


def campaigns(domain: str) -> list[dict[str, Any]]:
    """Return drafts of campaigns and campaigns, by name.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return list(_ask("GET", f"/v1/{domain}/campaigns?limit=500", timeout=_GLANCE)["items"])


def draft_campaign(domain: str, name: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Save a draft of a campaign and compute what it would do; one of that name is replaced.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    _ask("PUT", _campaign(domain, name), settings, needs="plan")
    return preview_campaign(domain, name)


def preview_campaign(domain: str, name: str) -> dict[str, Any]:
    """Compute what a draft of a campaign would do on what is published now.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("POST", f"{_campaign(domain, name)}/preview", needs="plan")


def launch_campaign(domain: str, name: str, campaign_id: str) -> dict[str, Any]:
    """Launch the draft of a campaign that was looked at.

    Raises:
        UnavailableError: The API is not running or refuses, or the draft was saved again since.
    """
    path = f"{_campaign(domain, name)}/launch?campaign_id={campaign_id}"
    return _ask("POST", path, needs="approve")


def change_campaign(
    domain: str, name: str, step: Literal["pause", "resume", "finish"]
) -> dict[str, Any]:
    """Pause a campaign, let it go on, or end it.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("POST", f"{_campaign(domain, name)}/{step}", needs="approve")


def playbooks(domain: str) -> list[dict[str, Any]]:
    """Return the playbooks, by name, each with what its campaigns achieved.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return list(_ask("GET", f"/v1/{domain}/playbooks", timeout=_GLANCE)["items"])


def save_playbook(domain: str, name: str, campaign: str) -> dict[str, Any]:
    """Keep the settings of a campaign as a playbook; one of that name is replaced.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("PUT", _playbook(domain, name), {"campaign": campaign}, needs="plan")


def draft_from_playbook(domain: str, playbook: str, settings: dict[str, Any]) -> dict[str, Any]:
    """Draft a campaign from a playbook, and preview it.

    Args:
        domain: Domain.
        playbook: Name of the playbook.
        settings: A body of `PUT /v1/{domain}/playbooks/{name}/draft`.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    _ask("PUT", f"{_playbook(domain, playbook)}/draft", settings, needs="plan")
    return preview_campaign(domain, settings["campaign"])


def forget_playbook(domain: str, name: str) -> dict[str, Any]:
    """Delete a playbook.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("DELETE", _playbook(domain, name), needs="plan")


def _playbook(domain: str, name: str) -> str:
    return f"/v1/{domain}/playbooks/{quote(name, safe='')}"


def _campaign(domain: str, name: str) -> str:
    return f"/v1/{domain}/campaigns/{quote(name, safe='')}"


def _draft(domain: str, name: str) -> str:
    return f"/v1/{domain}/drafts/{quote(name, safe='')}"


def suppress(domain: str, customers: Sequence[tuple[str, str]]) -> int:
    """Mark customers do-not-contact; return how many were not marked before.

    Args:
        domain: Domain.
        customers: Pairs of customer_id and reason.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    added = 0
    for start in range(0, len(customers), _BATCH):
        entries = [
            {"customer_id": customer, "reason": reason}
            for customer, reason in customers[start : start + _BATCH]
        ]
        added += _ask(
            "POST", f"/v1/{domain}/suppressions", {"suppressions": entries}, needs="mark"
        )["added"]
    return added


def lift_suppression(domain: str, customer_id: str) -> dict[str, Any]:
    """Remove the do-not-contact mark of a customer.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("DELETE", f"/v1/{domain}/suppressions/{quote(customer_id, safe='')}", needs="mark")


def audiences(domain: str) -> list[dict[str, Any]]:
    """Return the saved audiences by name, each with `filter`, `saved_at` and `saved_by`.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return list(_ask("GET", f"/v1/{domain}/audiences?limit=500", timeout=_GLANCE)["items"])


def save_audience(domain: str, name: str, chosen: dict[str, Any]) -> dict[str, Any]:
    """Save filters under a name; an audience of that name is replaced.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask(
        "PUT", f"/v1/{domain}/audiences/{quote(name, safe='')}", {"filter": chosen}, needs="mark"
    )


def forget_audience(domain: str, name: str) -> dict[str, Any]:
    """Delete a saved audience.

    Raises:
        UnavailableError: The API is not running or refuses.
    """
    return _ask("DELETE", f"/v1/{domain}/audiences/{quote(name, safe='')}", needs="mark")


def _ask(
    method: str,
    path: str,
    body: dict[str, Any] | None = None,
    *,
    needs: Role = "view",
    timeout: float = _COMPUTING,
) -> dict[str, Any]:
    who = signed_in()
    # here too: the key of a viewer that runs alone may serve all roles
    if not who.may(needs):
        raise UnavailableError(
            f"Your role is {who.role}, and this takes the role {needs}. Ask your data team for it."
        )
    address, key = os.environ.get(ADDRESS), os.environ.get(key_of(who.role), os.environ.get(KEY))
    if not address:
        raise UnavailableError(
            "The churn service is not connected. Drafts and changes are not possible on this "
            "page; the published figures are complete. Ask your data team to start the viewer "
            "together with the service."
        )
    headers = {"Idempotency-Key": str(uuid4())} if method == "POST" else {}
    headers["X-Churn-Person"] = quote(who.name)
    if key:
        headers["X-API-Key"] = key

    def send() -> httpx.Response:
        return _client(address).request(method, path, json=body, headers=headers, timeout=timeout)

    try:
        answer = send()
        # a slider that moved on leaves a plan that the API is still computing
        for _ in range(_PATIENCE):
            if not _is_busy(answer):
                break
            time.sleep(1)
            answer = send()
    except httpx.HTTPError as problem:
        raise UnavailableError(
            "The churn service does not answer. The last step on this page may not have been "
            "saved. Try again in a minute; if it fails again, ask your data team to check the "
            "service."
        ) from problem
    if answer.is_error:
        try:
            told = answer.json()
        except ValueError:
            told = {}
        detail = told.get("detail") or answer.reason_phrase
        raise UnavailableError(f"The churn service refused this step: {detail}")
    return dict(answer.json()) if answer.content else {}


def _is_busy(answer: httpx.Response) -> bool:
    """Whether to ask again in a moment; not where nothing is published."""
    wait = answer.headers.get("Retry-After", "")
    return (
        answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
        and wait.isdigit()
        and int(wait) <= _PATIENCE
    )


@st.cache_resource(max_entries=1, show_spinner=False)
def _client(address: str) -> httpx.Client:
    return httpx.Client(base_url=address)
