"""Writes the messages of a campaign: one for each member to contact, none for the control group."""

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from pipeline.campaigns.members import Chosen
from pipeline.project.errors import ChurnError

# Bytes; receivers may refuse more (Standard Webhooks 1.0, payload size).
LARGEST = 20_000
KIND = "campaign.contact"


def message_id(campaign_id: str, customer_id: str) -> str:
    """Return the id of a member's message: the same however often it is sent, without a dot."""
    told = f"{campaign_id}|{customer_id}".encode()
    return f"msg_{hashlib.sha256(told).hexdigest()[:32]}"


def write_messages(campaign: Mapping[str, Any], chosen: Chosen, now: datetime) -> list[Any]:
    """Return the rows of the outbox for a launch.

    Args:
        campaign: The row of `campaigns`.
        chosen: The members.
        now: Moment of the launch, UTC without a zone.

    Raises:
        ChurnError: A message is too large.
    """
    rows = []
    for member in chosen.members:
        if member["arm"] != "treat":
            continue
        body = _body(campaign, chosen, member, now)
        size = len(body.encode())
        if size >= LARGEST:
            raise ChurnError(
                f"A message would have {size:,} bytes; receivers take less than {LARGEST:,}.",
                where=f"action {member['action_id']}",
                hint="Shorten its title or message_hint in seeds/retention_actions.csv.",
            )
        # the CRM contacted the customer, who keeps the arm and gets no second message
        is_cooling = member["is_cooling"]
        rows.append(
            {
                "message_id": message_id(campaign["campaign_id"], member["customer_id"]),
                "replay": 0,
                "domain": campaign["domain"],
                "campaign_id": campaign["campaign_id"],
                "customer_id": member["customer_id"],
                "destination": campaign["destination"],
                "state": "withheld" if is_cooling else "pending",
                "body": None if is_cooling else body,
                "attempts": 0,
                "next_at": now,
                "made_at": now,
                "ended_at": now if is_cooling else None,
                "ended_because": "contacted lately" if is_cooling else None,
            }
        )
    return rows


def _body(
    campaign: Mapping[str, Any], chosen: Chosen, member: Mapping[str, Any], now: datetime
) -> str:
    title, hint = chosen.words[member["action_id"]]
    due_on = "" if member["due_on"] is None else str(member["due_on"])
    return json.dumps(
        {
            "type": KIND,
            "timestamp": f"{now.isoformat(timespec='seconds')}Z",
            "data": {
                "domain": campaign["domain"],
                "campaign_id": campaign["campaign_id"],
                "campaign": campaign["name"],
                "customer_id": member["customer_id"],
                "action_id": member["action_id"],
                "action_title": title,
                "message_hint": hint.replace("{due_on}", due_on),
                "channel": member["channel"],
                "due_on": due_on or None,
                "risk_band": member["risk_band"],
            },
        },
        ensure_ascii=False,
        separators=(",", ":"),
    )
