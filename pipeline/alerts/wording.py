"""Writes what is told: a letter has a title, lines with links, and the same as data."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from pipeline.alerts.book import OVER, Alert, AlertMessage
from pipeline.alerts.settings import Targets
from pipeline.alerts.trouble import KINDS

BUSINESS = "business"


@dataclass(frozen=True)
class Line:
    """A line of a letter.

    Attributes:
        text: What it says.
        url: Where it leads; empty for nowhere.
        label: Words of the link.
    """

    text: str
    url: str = ""
    label: str = "Open the page"


@dataclass(frozen=True)
class Letter:
    """Something to send.

    Attributes:
        letter_id: The same however often it is sent; without a dot.
        kind: alert.opened, alert.over, alerts, digest or test.
        title: Its subject.
        lines: What it says.
        data: The same for programs.
        html: The same for a mail; None for the lines alone.
        plain: The same as plain text; None for the lines with their links.
    """

    letter_id: str
    kind: str
    title: str
    lines: tuple[Line, ...]
    data: dict[str, Any] = field(default_factory=dict)
    html: str | None = None
    plain: str | None = None

    @property
    def text(self) -> str:
        """It as plain text."""
        if self.plain is not None:
            return self.plain
        parts = [f"{one.text}\n{one.url}" if one.url else one.text for one in self.lines]
        return "\n\n".join(parts) + "\n"


def alert_data(alert: Alert, link: str) -> dict[str, Any]:
    """Return an alert for programs."""
    return {
        "alert_id": alert.alert_id,
        "domain": alert.domain or None,
        "kind": alert.kind,
        "subject": alert.subject or None,
        "what": alert.words,
        "since": f"{alert.since.isoformat(timespec='seconds')}Z",
        "over": f"{alert.ended_at.isoformat(timespec='seconds')}Z" if alert.ended_at else None,
        "page": link,
        "command": alert.command,
    }


def link_of(alert: Alert, targets: Targets, titles: dict[str, str]) -> str:
    """Return the address of the page that shows an alert, for its business."""
    title = titles.get(alert.domain)
    return targets.link(alert.page, urlencode({BUSINESS: title}) if title else "")


def line_of(message: AlertMessage, targets: Targets, titles: dict[str, str]) -> Line:
    """Return an event as a line."""
    alert = message.alert
    about = f"{titles.get(alert.domain, alert.domain)}: " if alert.domain else ""
    title = KINDS[alert.kind].title if alert.kind in KINDS else alert.kind
    since = f"{alert.since:%Y-%m-%d %H:%M} UTC"
    link = link_of(alert, targets, titles)
    if message.event == OVER:
        return Line(f"Over: {about}{title}, since {since}. It was: {alert.words}", link)
    return Line(
        f"{about}{title}, since {since}. {alert.words} For the data team: {alert.command}", link
    )


def alert_letters(
    messages: Sequence[AlertMessage],
    targets: Targets,
    titles: dict[str, str],
    *,
    is_each: bool,
) -> list[tuple[Letter, list[str]]]:
    """Return letters with the ids of the messages that each of them tells.

    Args:
        messages: What is to be told to one reader.
        targets: What is set up.
        titles: Domain → its name for readers.
        is_each: A letter each, for programs; else one for all.
    """
    if not messages:
        return []
    if is_each:
        return [
            (
                Letter(
                    one.message_id,
                    f"alert.{one.event}",
                    _title([one]),
                    (line_of(one, targets, titles),),
                    alert_data(one.alert, link_of(one.alert, targets, titles)),
                ),
                [one.message_id],
            )
            for one in messages
        ]
    lines = tuple(line_of(one, targets, titles) for one in messages)
    letter = Letter(messages[0].message_id, "alerts", _title(messages), lines)
    return [(letter, [one.message_id for one in messages])]


def _title(messages: Sequence[AlertMessage]) -> str:
    over = sum(one.event == OVER for one in messages)
    opened = len(messages) - over
    parts = [f"{opened} new" if opened else "", f"{over} over" if over else ""]
    return f"Churn alerts: {', '.join(filter(None, parts))}"
