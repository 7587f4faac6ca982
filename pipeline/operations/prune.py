"""`churn prune`: deletes what no build reads any more, by the rule `keep` of each domain's entry.

Scores hold their cut-off in every build: its features, its examples and its rows in the history of
scores. Once a night's outcomes are frozen and the rule lets go of it, all of that goes with them;
what was published of it and its labels stay.
"""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Literal

import numpy as np
import sqlalchemy as sa

from ml.cohorts import is_on_grid
from ml.recipe import RECIPE
from pipeline.campaigns.tables import CAMPAIGNS
from pipeline.labels.freeze import FrozenCohort, stored_labels
from pipeline.labels.freeze import prune as prune_labels
from pipeline.labels.registry import entries as label_entries
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.files import empty_folder
from pipeline.project.home import Home
from pipeline.project.state import reading_from
from pipeline.project.sums import drop_sums
from pipeline.runs.registry import current_scores, decisions, recipe_of

# Days after a launch on which the early sign of a campaign is read.
_EARLY = timedelta(days=30)

Kind = Literal["scores", "what was published", "runs", "replaced labels"]


@dataclass(frozen=True)
class Prunable:
    """Something that the rule of its domain lets go of.

    Attributes:
        kind: What it is.
        domain: Domain.
        path: The file or the folder.
        day: Its cut-off; of a run, the day on which what it learned was known.
        bytes: What it takes on the disk.
        labels: The registry's entry of replaced labels.
    """

    kind: Kind
    domain: str
    path: Path
    day: date
    bytes: int
    labels: FrozenCohort | None = None


def find_prunable(home: Home, settings: Mapping[str, DomainSettings]) -> list[Prunable]:
    """Return what the rules let go of, by domain and kind, oldest first.

    A domain of which nothing is published yet keeps everything.

    Args:
        home: CHURN_HOME.
        settings: The entries of the domains to look at.

    Raises:
        ChurnError: A record of a run or of labels cannot be read.
    """
    return [found for name, entry in settings.items() for found in _of_domain(home, name, entry)]


def prune(home: Home, found: list[Prunable]) -> None:
    """Delete what was found. A command that is killed leaves each of them whole or gone.

    Args:
        home: CHURN_HOME; nobody else may write in it.
        found: From `find_prunable`.
    """
    leaving = empty_folder(home.work / "pruned")
    for number, one in enumerate(found):
        if one.labels is not None:
            prune_labels(home, one.labels)
        elif one.path.is_dir():
            # one rename, so that no reader meets half a folder
            one.path.rename(leaving / str(number))
        else:
            drop_sums([one.path])
            one.path.unlink(missing_ok=True)
    shutil.rmtree(leaving)


def _of_domain(home: Home, domain: str, settings: DomainSettings) -> Iterator[Prunable]:
    published = current_scores(home, domain)
    if published is None:
        return
    keep, newest = settings.keep, date.fromisoformat(published.as_of_date)
    nights_from = newest - timedelta(days=keep.nights_days)
    cut_offs_from = newest - timedelta(days=keep.cut_offs_days)
    old_from = newest - timedelta(days=keep.runs_days)
    labels = label_entries(home, domain)
    frozen = {(one.label_definition, one.as_of_date) for one in labels if one.withdrawn_at is None}
    runs = sorted(path.parent for path in (home.models / domain).glob(f"*/{RECIPE}"))
    scored = {run: sorted((run / "scores").glob("*/")) for run in runs}
    days = {folder.name for folders in scored.values() for folder in folders}
    held = {published.as_of_date, *_early_days(home, domain, days)}

    gone: set[Path] = set()
    for run, folders in scored.items():
        definition = recipe_of(run).label_definition
        for folder in folders:
            day = date.fromisoformat(folder.name)
            limit = cut_offs_from if is_on_grid(np.datetime64(day), settings) else nights_from
            is_over = (definition, folder.name) in frozen or day < cut_offs_from
            if day < limit and is_over and folder.name not in held:
                gone.add(folder)
                yield Prunable("scores", domain, folder, day, _size(folder))

    in_use = {published.run_id, *_decided_last(home, domain)}
    for run, folders in scored.items():
        known_on = recipe_of(run).outcomes_known_on
        if run.name not in in_use and known_on < old_from and set(folders) <= gone:
            # its scores are counted by themselves
            size = _size(run) - sum(map(_size, folders))
            yield Prunable("runs", domain, run, known_on, size)

    for path in sorted((home.history / domain).glob("*.parquet")):
        if (day := date.fromisoformat(path.stem)) < cut_offs_from:
            yield Prunable("what was published", domain, path, day, _size(path))

    for entry in reversed(list(_replaced(labels, old_from))):
        path = stored_labels(home, entry)
        if path.exists():
            day = date.fromisoformat(entry.as_of_date)
            yield Prunable("replaced labels", domain, path, day, _size(path), entry)


def _decided_last(home: Home, domain: str) -> set[str | None]:
    """The live run, and the one that was judged last."""
    made = decisions(home, domain)
    if not made:
        return set()
    return {made[-1].decision.run_id, made[-1].decision.challenger_run_id}


def _early_days(home: Home, domain: str, scored: set[str]) -> set[str]:
    """The days on which early signs of launched campaigns are read: the first that was published.

    Where publishes kept no history yet, it is the first that was scored; both stay.
    """
    with reading_from(home) as connection:
        if connection is None:
            return set()
        launched: Sequence[datetime] = connection.scalars(
            sa.select(CAMPAIGNS.c.launched_at).where(
                CAMPAIGNS.c.domain == domain, CAMPAIGNS.c.launched_at.is_not(None)
            )
        ).all()
    published = {path.stem for path in (home.history / domain).glob("*.parquet")}
    since = [str(moment.date() + _EARLY) for moment in launched]
    return {
        min(later)
        for days in (scored, scored & published)
        for begin in since
        if (later := [day for day in days if day >= begin])
    }


def _replaced(labels: list[FrozenCohort], old_from: date) -> Iterator[FrozenCohort]:
    """The versions that were withdrawn, or replaced by a newer one, before a day; newest first."""
    newer: dict[tuple[str, str], FrozenCohort] = {}
    for entry in reversed(labels):
        cohort = entry.label_definition, entry.as_of_date
        left = entry.withdrawn_at
        if left is None:
            left = newer[cohort].frozen_at if cohort in newer else None
            newer[cohort] = entry
        if left is not None and date.fromisoformat(left[:10]) < old_from:
            yield entry


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())
