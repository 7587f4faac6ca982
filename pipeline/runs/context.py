"""The context of a command: CHURN_HOME, domains, their settings, cut-offs and the console."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from pipeline.project.domain_settings import DomainSettings
from pipeline.project.home import Home

REFUSED = 3


@dataclass(frozen=True)
class RunContext:
    """The context of a command.

    Attributes:
        home: CHURN_HOME.
        domains: Domains to train and score.
        entries: Every domain's settings, this run's overrides included.
        as_of: Domain → cut-off to score instead of the default.
        console: Console for messages and progress.
    """

    home: Home
    domains: tuple[str, ...]
    entries: Mapping[str, DomainSettings]
    as_of: Mapping[str, str]
    console: Console

    @property
    def variables(self) -> dict[str, Any]:
        """dbt vars."""
        given = {name: settings.given() for name, settings in self.entries.items()}
        return {"churn_domains": given, "as_of": dict(self.as_of)}

    def say(self, words: str) -> None:
        """Print a progress line."""
        self.console.print(f"[dim]·[/] {words}", highlight=False)

    def warn(self, words: str) -> None:
        """Print a warning."""
        self.console.print(f"  [yellow]warning[/] {words}", highlight=False)
