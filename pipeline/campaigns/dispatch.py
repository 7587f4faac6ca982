"""Sends what is due, again and again or once."""

import secrets
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Protocol

import sqlalchemy as sa

from pipeline.campaigns.hand_over import hand_over
from pipeline.campaigns.outbox import LEASE, claim, expunge, next_due, settle, take
from pipeline.campaigns.send import Reply, Sender
from pipeline.campaigns.signing import secrets_of, signed_headers
from pipeline.project.clock import today as clock_today
from pipeline.project.home import Home
from pipeline.project.state import open_state
from pipeline.project.state_sums import check_state

# Messages that are sent at the same time.
AT_ONCE = 8
# Seconds between looks for new messages.
POLL_SECONDS = 2.0
_EXPUNGE_EVERY = timedelta(hours=1)


class Sends(Protocol):
    """Makes one attempt; `Sender` does it over HTTP."""

    def send(self, url: str, allows_private: bool, headers: dict[str, str], body: str) -> Reply:
        """Send a message."""

    def close(self) -> None:
        """Close what is open."""


@dataclass
class Dispatched:
    """What a dispatcher did.

    Attributes:
        outcomes: Outcome of attempts → how many there were.
        withheld: Messages that were due and may not be sent, or not now.
        files: Files that were written.
    """

    outcomes: dict[str, int] = field(default_factory=dict)
    withheld: int = 0
    files: list[Path] = field(default_factory=list)


def utc_now() -> datetime:
    """Return now, UTC without a zone."""
    return datetime.now(UTC).replace(tzinfo=None)


class Dispatcher:
    """Sends messages of running campaigns; several may run on one CHURN_HOME.

    Args:
        home: CHURN_HOME.
        sender: Makes attempts; over HTTP by default.
        now: The clock, UTC without a zone.
        today: Day by which cool-downs count.
        chance: Source of the jitter.
        lease: How long a message is nobody else's; longer than an attempt.
        at_once: Messages that are sent at the same time.
    """

    def __init__(
        self,
        home: Home,
        sender: Sends | None = None,
        *,
        now: Callable[[], datetime] = utc_now,
        today: Callable[[], date] = clock_today,
        chance: Random | None = None,
        lease: timedelta = LEASE,
        at_once: int = AT_ONCE,
    ) -> None:
        self._home = home
        check_state(home)
        self._engine = open_state(home)
        self._sender: Sends = sender or Sender()
        self._now = now
        self._today = today
        self._chance = chance or Random()  # noqa: S311 - jitter is no secret
        self._lease = lease
        self._at_once = at_once
        self._worker = secrets.token_hex(8)
        self._expunged: datetime | None = None

    def close(self) -> None:
        """Close connections."""
        self._sender.close()
        self._engine.dispose()

    def once(self, stop: threading.Event | None = None) -> Dispatched:
        """Send everything that is due now; what is due later stays."""
        done = Dispatched()
        now = self._now()
        if self._expunged is None or now - self._expunged > _EXPUNGE_EVERY:
            expunge(self._engine, now)
            self._expunged = now
        done.files = hand_over(self._home, self._engine, now, self._today())
        running: set[Future[str | None]] = set()
        with ThreadPoolExecutor(self._at_once) as pool:
            while stop is None or not stop.is_set():
                free = self._at_once - len(running)
                found = claim(self._engine, self._worker, self._now(), free, self._lease)
                running |= {pool.submit(self._send, one) for one in found}
                if not running:
                    break
                ended, running = wait(running, return_when=FIRST_COMPLETED)
                _count(done, ended)
            _count(done, wait(running).done)
        return done

    def run(self, stop: threading.Event, poll_seconds: float = POLL_SECONDS) -> None:
        """Send what is due until told to stop; a state that is locked for long is tried again."""
        while not stop.is_set():
            with suppress(sa.exc.OperationalError):
                self.once(stop)
            stop.wait(poll_seconds)

    def next_due(self) -> datetime | None:
        """Return when the next message is due; None without one."""
        return next_due(self._engine)

    def _send(self, leased: tuple[str, int]) -> str | None:
        now = self._now()
        message = take(self._engine, self._worker, leased, now, self._today(), self._lease)
        if message is None:
            return None
        keys = secrets_of(self._home, message.domain, message.destination, now)
        if keys:
            headers = signed_headers(keys, message.message_id, message.body, now)
            answer = self._sender.send(message.url, message.allows_private, headers, message.body)
        else:
            answer = Reply(problem="no secret")
        return settle(self._engine, message, answer, self._now(), self._chance)


def _count(done: Dispatched, ended: set[Future[str | None]]) -> None:
    for one in ended:
        outcome = one.result()
        if outcome is None:
            done.withheld += 1
        else:
            done.outcomes[outcome] = done.outcomes.get(outcome, 0) + 1
