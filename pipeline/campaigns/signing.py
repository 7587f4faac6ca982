"""Secrets of receivers, and signatures by Standard Webhooks 1.0.

Signing needs the secrets themselves, so they are in a file that only its owner may read, and not in
the state, of which copies are made.
"""

import base64
import binascii
import json
import os
import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

from standardwebhooks.webhooks import Webhook

from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home

PREFIX = "whsec_"
# Bytes, as the specification has it.
SHORTEST, LONGEST = 24, 64
# How long the secret before the newest still signs.
OVERLAP = timedelta(hours=24)


def new_secret() -> str:
    """Return a random secret of 32 bytes."""
    return PREFIX + base64.b64encode(secrets.token_bytes(32)).decode()


def check_secret(secret: str) -> str:
    """Return a secret that a receiver gave.

    Raises:
        ChurnError: It is not `whsec_` and 24 to 64 bytes in base64.
    """
    try:
        size = len(base64.b64decode(secret.removeprefix(PREFIX), validate=True))
    except (binascii.Error, ValueError):
        size = 0
    if not secret.startswith(PREFIX) or not SHORTEST <= size <= LONGEST:
        raise ChurnError(
            "The secret is not one of Standard Webhooks.",
            hint=f"It is {PREFIX} and {SHORTEST} to {LONGEST} bytes in base64; without one, a "
            "secret is made.",
        )
    return secret


def keep_secret(home: Home, domain: str, name: str, secret: str, now: datetime) -> None:
    """Make a secret the newest of an endpoint; the one before signs for a day beside it.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        name: Endpoint.
        secret: The secret.
        now: Now, UTC without a zone.
    """
    document = _read(home)
    key = _key(domain, name)
    until = (now + OVERLAP).isoformat()
    older = [
        {**one, "until": one["until"] or until}
        for one in document.get(key, [])
        if one["until"] is None or datetime.fromisoformat(one["until"]) > now
    ]
    document[key] = [{"secret": secret, "until": None}, *older]
    with replaced(home.secrets) as part:
        descriptor = os.open(part, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(document, file, indent=1)


def secrets_of(home: Home, domain: str, name: str, now: datetime) -> list[str]:
    """Return the secrets that an endpoint's messages are signed with, the newest first."""
    return [
        one["secret"]
        for one in _read(home).get(_key(domain, name), [])
        if one["until"] is None or datetime.fromisoformat(one["until"]) > now
    ]


def signed_headers(keys: list[str], message_id: str, body: str, now: datetime) -> dict[str, str]:
    """Return the headers of an attempt: id, timestamp, and one signature for each secret.

    Args:
        keys: Secrets.
        message_id: Id of the message.
        body: What is sent.
        now: Moment of the attempt, UTC without a zone.
    """
    at = now.replace(tzinfo=UTC)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(message_id, at, body) for key in keys),
    }


def _read(home: Home) -> dict[str, list[dict[str, Any]]]:
    if not home.secrets.exists():
        return {}
    found: dict[str, list[dict[str, Any]]] = json.loads(home.secrets.read_text(encoding="utf-8"))
    return found


def _key(domain: str, name: str) -> str:
    return f"{domain}/{name}"
