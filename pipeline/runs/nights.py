"""The record of every run: when, what each step took, what was read, said and published.

A file each under CHURN_HOME/nights, written when the run begins and after every step, so that a
run that was killed has left a record too.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict

from pipeline.project.checked import RESTORE, checked, in_file, read_document
from pipeline.project.clock import today
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import FAILED, PUBLISHED, REFUSED, WARNED
from pipeline.project.files import write_json
from pipeline.project.home import Home

# Records that are kept.
KEPT = 400

Outcome = Literal["running", "published", "warned", "refused", "failed"]
OUTCOMES: dict[int, Outcome] = {
    PUBLISHED: "published",
    WARNED: "warned",
    REFUSED: "refused",
    FAILED: "failed",
}


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Step(_Record):
    """A step that has ended.

    Attributes:
        name: What it does, in words.
        domain: The domain it was about; empty for all.
        seconds: How long it took.
        rows: Rows that it read, built, scored or published; None where nobody counted.
    """

    name: str
    domain: str = ""
    seconds: float = 0
    rows: int | None = None


class Rows(_Record):
    """What was read of a table.

    Attributes:
        domain: Domain.
        table: Table.
        read: Rows in the files that were new or replaced.
        quarantined: Of these, rows with values that could not be read.
    """

    domain: str
    table: str
    read: int
    quarantined: int


class Note(_Record):
    """A warning or a refusal.

    Attributes:
        kind: Which of them.
        domain: The domain it is about; empty for all.
        what: What is wrong.
        where: Where, as far as known.
        hint: What to do.
    """

    kind: Literal["warning", "refusal", "failure"]
    domain: str = ""
    what: str
    where: str | None = None
    hint: str | None = None


class Night(_Record):
    """A run.

    Attributes:
        command: The command, such as `run`.
        began_at: When, UTC.
        ended_at: When it ended, UTC; None while it runs, or if it was killed.
        day: The day it was, by the clock or CHURN_TODAY; older records lack it.
        outcome: How it ended.
        steps: The steps that ended, in order.
        rows: What was read.
        notes: Warnings and refusals, in order.
        generation: What readers see since; None if nothing was published.
        kept: Domains that kept what was published of them before.
    """

    command: str
    began_at: datetime
    ended_at: datetime | None = None
    day: date | None = None
    outcome: Outcome = "running"
    steps: list[Step] = []
    rows: list[Rows] = []
    notes: list[Note] = []
    generation: str | None = None
    kept: list[str] = []


@dataclass
class NightLog:
    """Writes the record of one run.

    Attributes:
        path: Its file.
        night: The record so far.
    """

    path: Path
    night: Night
    _codes: set[int] = field(default_factory=set)

    @contextmanager
    def step(self, name: str, domain: str = "") -> Iterator[Step]:
        """Time a step, which the block may give its rows; it is recorded however it ends."""
        began, step = time.perf_counter(), Step(name=name, domain=domain)
        try:
            yield step
        finally:
            step.seconds = round(time.perf_counter() - began, 1)
            self.night.steps.append(step)
            self.write()

    def warn(self, words: str, domain: str = "") -> None:
        """Record a warning."""
        self.night.notes.append(Note(kind="warning", domain=domain, what=words))

    def refuse(self, domain: str, error: ChurnError) -> None:
        """Record why a domain, or the whole run, did not go on."""
        kind: Literal["refusal", "failure"] = "refusal" if error.exit_code == REFUSED else "failure"
        self.night.notes.append(
            Note(kind=kind, domain=domain, what=error.what, where=error.where, hint=error.hint)
        )

    def write(self) -> None:
        """Write the record; readers see the old one or the new one."""
        write_json(self.path, self.night.model_dump(mode="json", exclude_none=True))

    def end(self, exit_code: int) -> None:
        """Record how the run ended."""
        self.night.ended_at = datetime.now(UTC)
        self.night.outcome = OUTCOMES.get(exit_code, "failed")
        self.write()


def begin_night(home: Home, command: str) -> NightLog:
    """Begin the record of a run; the oldest records beyond those kept are removed."""
    now = datetime.now(UTC)
    night = Night(command=command, began_at=now, day=today())
    log = NightLog(home.nights / f"{now:%Y%m%dT%H%M%S%f}.json", night)
    log.write()
    for old in _files(home)[:-KEPT]:
        old.unlink(missing_ok=True)
    return log


def nights(home: Home, most: int = KEPT) -> list[Night]:
    """Return the newest records, the newest first.

    Raises:
        ChurnError: A file is not as it was written.
    """
    return [_read(path) for path in reversed(_files(home)[-most:])]


def _files(home: Home) -> list[Path]:
    return sorted(home.nights.glob("[0-9]*.json"))


def _read(path: Path) -> Night:
    return checked(Night, read_document(path, RESTORE), lambda keys: in_file(path, keys), RESTORE)
