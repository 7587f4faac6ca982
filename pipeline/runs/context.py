"""The context of a command: CHURN_HOME, domains, their settings, cut-offs, console, outcomes."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from rich.console import Console
from rich.text import Text

from pipeline.project.clock import today
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import FAILED, REFUSED, WARNED, worst
from pipeline.project.home import Home
from pipeline.project.terminal import show_warning
from pipeline.runs.nights import NightLog, Step


@dataclass(frozen=True)
class RunContext:
    """The context of a command.

    Attributes:
        home: CHURN_HOME.
        domains: Domains to train and score.
        entries: Every domain's settings, this run's overrides included.
        as_of: Domain → cut-off to score instead of the default.
        console: Console for messages and progress.
        accept: Why what a guard refuses is published all the same; None to refuse it.
        show_error: Prints an error; without it, the console does.
        outcomes: Domain → exit codes it has earned so far; "" is what concerns no single one.
        dropped: Domains that later steps are not about any more.
        log: Records the run; None for a command that leaves no record.
        days: Domain → the day it is taken to be, of a night that is made up for; else the clock's.
    """

    home: Home
    domains: tuple[str, ...]
    entries: Mapping[str, DomainSettings]
    as_of: Mapping[str, str]
    console: Console
    accept: str | None = None
    show_error: Callable[[ChurnError], None] | None = None
    outcomes: dict[str, set[int]] = field(default_factory=dict)
    dropped: set[str] = field(default_factory=set)
    log: NightLog | None = None
    days: Mapping[str, date] = field(default_factory=dict)

    def today(self, domain: str) -> date:
        """Return the day it is where the domain's days are counted."""
        return self.days.get(domain) or today(self.entries[domain].timezone)

    @property
    def variables(self) -> dict[str, Any]:
        """dbt vars."""
        given = {name: settings.given() for name, settings in self.entries.items()}
        out = {"left_out": list(self.left_out)} if self.left_out else {}
        days = {"today": {name: str(day) for name, day in self.days.items()}} if self.days else {}
        return {"churn_domains": given, "as_of": dict(self.as_of), **out, **days}

    @property
    def left_out(self) -> tuple[str, ...]:
        """Domains that were refused or failed before they could be published."""
        return tuple(sorted(self.dropped))

    @property
    def remaining(self) -> tuple[str, ...]:
        """Domains of the command that were neither refused nor failed."""
        out = {name for name, codes in self.outcomes.items() if codes & {REFUSED, FAILED}}
        return tuple(name for name in self.domains if name not in out)

    @property
    def exit_code(self) -> int:
        """Exit code of the command; trouble of a domain it is not about is a warning."""
        codes = set(self.outcomes.get("", ()))
        for name, found in self.outcomes.items():
            codes |= found if name in self.domains or not name else {WARNED}
        return worst(codes)

    def exit_code_of(self, domain: str) -> int:
        """Exit code of a command about this domain alone."""
        return worst(self.outcomes.get("", set()) | self.outcomes.get(domain, set()))

    def step(self, name: str, domain: str = "") -> AbstractContextManager[Step]:
        """Time a step of the run for its record; the block may give it its rows."""
        return self.log.step(name, domain) if self.log else nullcontext(Step(name=name))

    def say(self, words: str) -> None:
        """Print a progress line."""
        self.console.print(Text.assemble(("·", "dim"), " ", words), highlight=False)

    def warn(self, words: str, domain: str = "") -> None:
        """Print a warning; it counts in the exit code."""
        show_warning(self.console, words)
        self.outcomes.setdefault(domain, set()).add(WARNED)
        if self.log:
            self.log.warn(words, domain)

    def forgive(self) -> None:
        """Forget what went wrong so far: it was the warehouse's fault, and all is done again."""
        self.outcomes.clear()
        self.dropped.clear()

    def leave_out(self, domain: str, error: ChurnError) -> None:
        """Print why a domain cannot go on, and do not build it; the others go on."""
        self.dropped.add(domain)
        self.refuse(domain, error)

    def refuse(self, domain: str, error: ChurnError) -> None:
        """Print why a domain is not published; it keeps what was last published of it."""
        code = error.exit_code if error.exit_code == REFUSED else FAILED
        self.outcomes.setdefault(domain, set()).add(code)
        if self.log:
            self.log.refuse(domain, error)
        if self.show_error is None:
            self.console.print(str(error), highlight=False, markup=False)
        else:
            self.show_error(error)
