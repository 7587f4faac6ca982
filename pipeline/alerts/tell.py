"""The end of a night: judges it, keeps what is open, and tells who wants to know."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from pipeline.alerts.book import (
    OPENED,
    OVER,
    Alert,
    AlertMessage,
    give_up,
    keep,
    message_of,
    read_alerts,
    settle,
    turn,
    waiting,
)
from pipeline.alerts.gather import AlertDomain, Judgement, judge
from pipeline.alerts.sending import RefusedLetter, is_for_programs, send
from pipeline.alerts.settings import EVERY_KIND, FILE, Targets, read_targets
from pipeline.alerts.wording import Letter, Line, alert_letters
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.runs.nights import Night


@dataclass
class Told:
    """What a night told.

    Attributes:
        opened: Alerts that opened.
        over: Alerts that are over.
        sent: Messages that arrived.
        warnings: What went wrong in telling.
    """

    opened: list[Alert] = field(default_factory=list)
    over: list[Alert] = field(default_factory=list)
    sent: int = 0
    warnings: list[str] = field(default_factory=list)


def tell_night(
    home: Home,
    night: Night,
    domains: Sequence[AlertDomain],
    titles: Mapping[str, str],
    now: datetime | None = None,
) -> Told:
    """Judge a night and tell who wants to know; nothing that goes wrong here is raised.

    Where the state cannot be written, as on a full disk, what was found is told all the same; the
    next night may then tell it again.

    Args:
        home: CHURN_HOME.
        night: Its record, ended.
        domains: What it was about.
        titles: Domain → its name for readers.
        now: Now, UTC without a zone; by the clock if None.
    """
    moment = now or datetime.now(UTC).replace(tzinfo=None)
    told = Told()
    targets = _targets(home, told)
    try:
        standing = read_alerts(home)
    except Exception as problem:
        told.warnings.append(_not_kept(problem))
        standing = []
    judged = judge(home, night, domains, standing, moment)
    told.warnings += judged.problems
    told.opened, told.over = turn(standing, judged.troubles, judged.kinds, moment)
    messages = _messages(targets, told)
    try:
        _keep(home, told, judged, messages, targets, moment)
        messages = waiting(home)
    except Exception as problem:
        told.warnings.append(_not_kept(problem))
    _send(home, targets, titles, messages, moment, told)
    return told


def _targets(home: Home, told: Told) -> Targets:
    try:
        return read_targets(home)
    except ChurnError as error:
        where = f" {error.where}" if error.where else ""
        told.warnings.append(f"alerts reach nobody: {error.what}{where}")
        return Targets()


def _not_kept(problem: Exception) -> str:
    words = problem.what if isinstance(problem, ChurnError) else type(problem).__name__
    return f"alerts could not be kept, and may come again: {words}"


def _keep(
    home: Home,
    told: Told,
    judged: Judgement,
    messages: Iterable[AlertMessage],
    targets: Targets,
    now: datetime,
) -> None:
    if not home.state.exists() and not told.opened:
        return
    keep(home, told.opened, told.over, judged.troubles, messages, now)
    give_up(home, targets.targets)


def _messages(targets: Targets, told: Told) -> list[AlertMessage]:
    """Who is told of what: targets of everything, and readers of what they subscribed to."""
    events = [(one, OPENED) for one in told.opened] + [(one, OVER) for one in told.over]
    found: dict[str, AlertMessage] = {}
    for alert, event in events:
        readers = [(name, "") for name, target in targets.targets.items() if target.alerts]
        readers += [
            (one.target, one.to or "")
            for one in targets.subscriptions
            if one.alert in (EVERY_KIND, alert.kind) and alert.domain in ("", one.domain)
        ]
        for name, recipient in readers:
            message = message_of(alert, event, name, recipient)
            found[message.message_id] = message
    return list(found.values())


def _send(
    home: Home,
    targets: Targets,
    titles: Mapping[str, str],
    messages: Iterable[AlertMessage],
    now: datetime,
    told: Told,
) -> None:
    by_reader: dict[tuple[str, str], list[AlertMessage]] = {}
    for message in messages:
        if message.target in targets.targets:
            by_reader.setdefault((message.target, message.recipient), []).append(message)
    down: dict[str, str] = {}
    refused: dict[str, str] = {}
    for (name, recipient), own in by_reader.items():
        target = targets.targets[name]
        letters = alert_letters(own, targets, dict(titles), is_each=is_for_programs(target))
        for letter, ids in letters:
            # one that does not answer is asked once a night; a letter that is refused is in no
            # other letter's way
            problem = down.get(name) or send(home, name, target, letter, recipient)
            if isinstance(problem, RefusedLetter):
                refused[f"{name} {recipient}".strip()] = problem
            elif problem:
                down[name] = problem
            else:
                told.sent += len(ids)
            try:
                settle(home, ids, now, problem)
            except Exception as fault:
                if not any(words.startswith("alerts could not") for words in told.warnings):
                    told.warnings.append(_not_kept(fault))
    told.warnings += [
        f"the target {name} was not reached and will be told the next night: {problem}"
        for name, problem in down.items()
    ]
    told.warnings += [
        f"the target {reader} refused a message and will get it again the next night: {problem}"
        for reader, problem in refused.items()
    ]


def try_targets(home: Home) -> dict[str, str | None]:
    """Send a letter to every target; return why it did not arrive, None if it did.

    Raises:
        ChurnError: Nothing is set up, or the file has a mistake.
    """
    targets = read_targets(home)
    if not targets.targets:
        raise ChurnError(
            "No target is set up.",
            where=str(home.root / FILE),
            hint="docs/operate.md shows the file.",
        )
    moment = datetime.now(UTC)
    letter = Letter(
        f"msg_test_{moment:%Y%m%dT%H%M%S%f}",
        "test",
        "Churn: a test",
        (Line("Alerts of the churn platform arrive here.", targets.link("nights")),),
    )
    return {name: send(home, name, target, letter) for name, target in targets.targets.items()}
