"""What can be wrong: each kind with the page that shows it and the command that goes on from it."""

import hashlib
from dataclasses import dataclass
from typing import NamedTuple


class AlertKind(NamedTuple):
    """A kind of alert.

    Attributes:
        title: What it is called.
        page: Address of the page of the viewer that shows it.
        command: What an operator looks at or does; `{domain}` is filled in.
    """

    title: str
    page: str
    command: str


FRESHNESS, VOLUME, VANISHED = "freshness", "volume", "vanished"
NEW_COLUMN, SHRUNKEN, DOUBLED = "new_column", "shrunken", "doubled"
QUALITY, DRIFT = "quality", "drift"
REFUSED, FAILED, STOPPED = "refused", "failed", "stopped"
DEAD_LETTERS = "dead_letters"

KINDS = {
    FRESHNESS: AlertKind("Data are old", "nights", "churn ingest --domain {domain} --raw DIR"),
    VOLUME: AlertKind(
        "Rows are missing",
        "nights",
        "churn ingest --domain {domain} --raw DIR, or a reason in seeds/feed_outages.csv",
    ),
    VANISHED: AlertKind("A value stopped coming", "nights", "churn ingest --domain {domain}"),
    NEW_COLUMN: AlertKind(
        "A new column", "nights", "models/{domain}/_{domain}__sources.yml says what is read"
    ),
    SHRUNKEN: AlertKind(
        "A file has shrunk", "nights", "churn ingest --domain {domain} --raw DIR, with all of it"
    ),
    DOUBLED: AlertKind(
        "Rows may count twice", "nights", "churn ingest --domain {domain} --remove FILE"
    ),
    QUALITY: AlertKind(
        "Scores are worse than the back-test", "was_right", "churn evaluate --domain {domain}"
    ),
    DRIFT: AlertKind(
        "Customers have changed since the training",
        "was_right",
        "churn models list --domain {domain}",
    ),
    REFUSED: AlertKind("Not published", "nights", 'churn publish --accept "REASON"'),
    FAILED: AlertKind("The night failed", "nights", "churn nightly, once it is fixed"),
    STOPPED: AlertKind("A night stopped before its end", "nights", "churn doctor"),
    DEAD_LETTERS: AlertKind(
        "Messages were given up", "campaigns", "churn endpoints dead --domain {domain}"
    ),
}


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong now.

    Attributes:
        domain: Domain; empty for what concerns no single one.
        kind: A key of `KINDS`.
        subject: What of it: a table, a file, a column, a metric. Never a customer.
        words: What is wrong, with the figures.
        measured: What it is compared with on later nights, such as the rows a file had before.
    """

    domain: str
    kind: str
    subject: str
    words: str
    measured: float | None = None

    @property
    def alert_id(self) -> str:
        """The id of the same trouble on every night."""
        told = f"{self.domain}|{self.kind}|{self.subject}".encode()
        return f"alert_{hashlib.sha256(told).hexdigest()[:16]}"

    @property
    def page(self) -> str:
        """Address of the viewer's page."""
        return KINDS[self.kind].page

    @property
    def command(self) -> str:
        """What an operator does."""
        return KINDS[self.kind].command.replace("{domain}", self.domain or "DOMAIN")
