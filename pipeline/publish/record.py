"""Remembers refused and accepted publishes beside a domain's runs; generations come and go."""

from datetime import UTC, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.project.checked import RESTORE, checked, in_file, read_document
from pipeline.project.files import write_json
from pipeline.project.home import Home
from pipeline.project.sums import replaced_with_sum


class PublishNote(BaseModel):
    """A publish of a domain that a guard refused, or that somebody accepted beyond one.

    Attributes:
        at: When, UTC.
        outcome: What happened.
        words: What the guards found, with the figures.
        reason: Why it was accepted; None for a refusal.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: str
    outcome: Literal["refused", "accepted"]
    words: str
    reason: str | None = None


def publish_notes(home: Home, domain: str) -> list[PublishNote]:
    """Return a domain's notes, oldest first."""
    path = home.models / domain / "publish_notes.json"
    if not path.exists():
        return []
    document = read_document(path, RESTORE)
    return checked(list[PublishNote], document, lambda keys: in_file(path, keys), RESTORE)


def note_publish(
    home: Home,
    domain: str,
    outcome: Literal["refused", "accepted"],
    words: str,
    reason: str | None = None,
) -> None:
    """Add a note; the refusal that was noted last is not noted again."""
    notes = publish_notes(home, domain)
    note = PublishNote(
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        outcome=outcome,
        words=words,
        reason=reason,
    )
    if notes and outcome == "refused" and notes[-1].model_copy(update={"at": note.at}) == note:
        return
    with replaced_with_sum(home.models / domain / "publish_notes.json") as part:
        write_json(part, [one.model_dump(exclude_none=True) for one in [*notes, note]])
