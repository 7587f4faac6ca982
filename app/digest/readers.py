"""Who gets the digest: everything by name of a target, or what readers subscribed to."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

import duckdb

from app.digest.audiences import audience_section
from app.digest.figures import Business, Row, Section, business, opened, published_domains
from app.digest.letters import digest_letter, only
from app.viewer.pages import PAGES
from pipeline.alerts.book import read_alerts
from pipeline.alerts.sending import send
from pipeline.alerts.settings import Subscription, Targets, read_targets, write_targets
from pipeline.alerts.wording import Letter
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home


@dataclass
class Sent:
    """How sending went.

    Attributes:
        reached: Readers who were reached: a target, or a target with an address.
        problems: Reader → why not.
    """

    reached: list[str] = field(default_factory=list)
    problems: dict[str, str] = field(default_factory=dict)


def make_digest(home: Home, domain: str | None, day: date) -> Letter:
    """Return the digest of a domain, or of all that are published.

    Raises:
        ChurnError: Nothing is published, or nothing of the domain.
    """
    targets, alerts = read_targets(home), read_alerts(home)
    with opened(home) as (connection, generation):
        found = [
            business(connection, row, alerts, generation)
            for row in _chosen(published_domains(connection), domain)
        ]
    return digest_letter(found, targets, generation, day)


def send_digest(home: Home, letter: Letter, names: Sequence[str]) -> Sent:
    """Send a digest to targets.

    Raises:
        ChurnError: One of them is not set up.
    """
    targets = read_targets(home)
    for name in names:
        _check_target(targets, name)
    sent = Sent()
    for name in names:
        _note(sent, name, send(home, name, targets.targets[name], letter))
    return sent


def send_to_readers(home: Home, day: date) -> Sent:
    """Send readers what they subscribed to, in one letter each; alerts are told by nights.

    Raises:
        ChurnError: Nothing is published.
    """
    targets, alerts, sent = read_targets(home), read_alerts(home), Sent()
    by_reader: dict[tuple[str, str], list[Subscription]] = {}
    for one in targets.subscriptions:
        if one.alert is None:
            by_reader.setdefault((one.target, one.to or ""), []).append(one)
    with opened(home) as (connection, generation):
        rows = {str(row["domain"]): row for row in published_domains(connection)}
        whole = {name: business(connection, row, alerts, generation) for name, row in rows.items()}
        for (name, to), asked in by_reader.items():
            reader = f"{name} {to}".strip()
            parts = [
                part
                for domain, row in rows.items()
                if (part := _part(home, connection, whole[domain], row, asked)).sections
            ]
            if not parts:
                sent.problems[reader] = "nothing of what was subscribed to is published"
                continue
            letter = digest_letter(parts, targets, generation, day, reader)
            _note(sent, reader, send(home, name, targets.targets[name], letter, to))
    return sent


def subscribe(home: Home, wanted: Subscription) -> None:
    """Add a subscription to `targets.json`; one that is there already stays alone.

    Raises:
        ChurnError: Target, page or audience do not exist.
    """
    targets = read_targets(home)
    _check_target(targets, wanted.target)
    if wanted.to is not None and targets.targets[wanted.target].kind != "smtp":
        raise ChurnError(
            f"The target {wanted.target} does not send mail.",
            hint="Leave out --to, or choose a target of the kind smtp.",
        )
    addresses = [page.address for page in PAGES]
    if wanted.page is not None and wanted.page not in addresses:
        raise ChurnError(
            f"The viewer has no page {wanted.page!r}.", hint=f"Pages are: {', '.join(addresses)}."
        )
    if wanted.audience is not None:
        with opened(home) as (connection, _):
            (row,) = _chosen(published_domains(connection), wanted.domain)
            audience_section(home, connection, row, wanted.audience)
    others = [one for one in targets.subscriptions if one != wanted]
    changed = targets.model_copy(update={"subscriptions": (*others, wanted)})
    write_targets(home, changed)


def unsubscribe(home: Home, wanted: Subscription) -> bool:
    """Take a subscription out; return whether it was there."""
    targets = read_targets(home)
    kept = tuple(one for one in targets.subscriptions if one != wanted)
    if kept == targets.subscriptions:
        return False
    write_targets(home, targets.model_copy(update={"subscriptions": kept}))
    return True


def _chosen(rows: list[Row], domain: str | None) -> list[Row]:
    found = [row for row in rows if domain in (None, row["domain"])]
    if not found:
        raise ChurnError(
            f"Nothing of {domain} is published." if domain else "No scores are published.",
            hint="Publish first: churn run.",
        )
    return found


def _part(
    home: Home,
    connection: duckdb.DuckDBPyConnection,
    whole: Business,
    row: Row,
    asked: Sequence[Subscription],
) -> Business:
    own = [one for one in asked if one.domain == whole.domain]
    pages = [one.page for one in own if one.page is not None]
    audiences = []
    for one in own:
        if one.audience is not None:
            try:
                audiences.append(audience_section(home, connection, row, one.audience))
            except ChurnError as error:
                # the others are told, and this reader learns what became of it
                audiences.append(Section(f"Audience {one.audience}", "customers", note=error.what))
    return only(whole, pages, audiences)


def _check_target(targets: Targets, name: str) -> None:
    if name not in targets.targets:
        raise ChurnError(
            f"There is no target {name!r}.",
            hint=f"Targets are: {', '.join(targets.targets) or 'none'}. They are in targets.json.",
        )


def _note(sent: Sent, reader: str, problem: str | None) -> None:
    if problem is None:
        sent.reached.append(reader)
    else:
        sent.problems[reader] = problem
