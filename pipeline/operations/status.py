"""How a night ended: one line for a scheduler, and the same in CHURN_HOME/status.json."""

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from pipeline.project.exit_codes import FAILED, REFUSED, worst
from pipeline.project.files import write_json
from pipeline.project.home import Home
from pipeline.publish.generation import SCHEMA, current
from pipeline.runs.context import RunContext
from pipeline.runs.nights import OUTCOMES, Night, Note, Outcome, Rows, Step


class DomainStatus(BaseModel):
    """How a night ended for a domain.

    Attributes:
        outcome: published | warned | refused | failed.
        exit_code: What a night of this domain alone would have ended with.
        as_of_date: Cut-off of the scores that readers see; None before the first publish.
        run_id: The model that made them.
        trained_because: Why the night trained; None if the live model scored as it was.
    """

    model_config = ConfigDict(extra="forbid")

    outcome: Outcome
    exit_code: int
    as_of_date: date | None = None
    run_id: str | None = None
    trained_because: str | None = None


class NightStatus(BaseModel):
    """How a night ended.

    Attributes:
        command: The command.
        began_at: When, UTC.
        ended_at: When it ended, UTC.
        exit_code: Of the command.
        outcome: The same as a word.
        generation: What readers see now; None if nothing was ever published.
        is_new: Whether this night published it.
        domains: Domain → how it ended there.
        steps: Each step with seconds and rows.
        read: Rows of the files that were new or replaced, by table.
        warnings: What is published all the same.
        refusals: Why something was not published; refusals and failures.
    """

    model_config = ConfigDict(extra="forbid")

    command: str
    began_at: datetime
    ended_at: datetime | None
    exit_code: int
    outcome: Outcome
    generation: str | None
    is_new: bool
    domains: dict[str, DomainStatus] = {}
    steps: list[Step] = []
    read: list[Rows] = []
    warnings: list[Note] = []
    refusals: list[Note] = []

    @property
    def line(self) -> str:
        """The status in one line of JSON."""
        return json.dumps(self.model_dump(mode="json"), ensure_ascii=False)


def status_of(
    home: Home, night: Night, context: RunContext | None, trained: Mapping[str, str]
) -> NightStatus:
    """Return the status of a night that has ended.

    Args:
        home: CHURN_HOME.
        night: Its record.
        context: Its context; None if it did not come so far.
        trained: Domain → why it trained.
    """
    codes = {outcome: code for code, outcome in OUTCOMES.items()}
    stopped = {
        FAILED if note.kind == "failure" else REFUSED
        for note in night.notes
        if note.kind != "warning" and not note.domain
    }
    generation, published = None, dict[str, tuple[date, str]]()
    # a status is told, whatever else cannot be read
    with suppress(Exception):
        live = current(home)
        if live is not None:
            generation, published = live.name, _published(live.path)
    domains = {}
    for name in context.domains if context else ():
        code = worst({context.exit_code_of(name), *stopped}) if context else FAILED
        day, run_id = published.get(name, (None, None))
        domains[name] = DomainStatus(
            outcome=OUTCOMES[code],
            exit_code=code,
            as_of_date=day,
            run_id=run_id,
            trained_because=trained.get(name),
        )
    return NightStatus(
        command=night.command,
        began_at=night.began_at,
        ended_at=night.ended_at,
        exit_code=codes.get(night.outcome, FAILED),
        outcome=night.outcome,
        generation=generation,
        is_new=night.generation is not None,
        domains=domains,
        steps=night.steps,
        read=night.rows,
        warnings=[note for note in night.notes if note.kind == "warning"],
        refusals=[note for note in night.notes if note.kind != "warning"],
    )


def keep_status(home: Home, status: NightStatus) -> None:
    """Write `status.json`; readers see the one of the night before, or this one."""
    write_json(home.status, status.model_dump(mode="json"))


def _published(path: Path) -> dict[str, tuple[date, str]]:
    """Cut-off and model of each domain's published scores."""
    with duckdb.connect(str(path), read_only=True) as connection:
        rows = connection.execute(
            f"select domain, as_of_date, run_id from {SCHEMA}.bi_domains"
        ).fetchall()
    return {domain: (day, run_id) for domain, day, run_id in rows}
