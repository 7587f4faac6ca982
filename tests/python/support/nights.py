"""A demo lived night after night by the command line, beside the same world without mishaps.

Each night the day's files arrive, are ingested and scored as a scheduler does it (`churn nightly`),
with CHURN_TODAY set to the morning after. A file that is refused is left aside, and exported again
some nights later. What was published and frozen on each night is kept, and judged by the clean
world: a second CHURN_HOME that got every true row.

A domain has a home of its own, because the demos are of different years.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np
from rich.console import Console
from rich.table import Table

from ml import artifacts
from ml.contract import Examples
from ml.level.read import read_levels
from ml.train import margin
from pipeline.demo import generate
from pipeline.demo.folder import MARKER
from pipeline.demo.nights import HISTORY, REST, Delivery, NightOptions, Nights, make_nights
from pipeline.project.clock import TODAY
from pipeline.project.domains import domain_entries
from pipeline.project.duck import quoted
from pipeline.project.exit_codes import PUBLISHED, REFUSED, WARNED
from pipeline.project.files import empty_folder
from pipeline.project.home import PROJECT, Home
from pipeline.project.sources import source_tables
from pipeline.proofs.time_travel import rebuilt
from pipeline.publish.generation import current
from pipeline.runs.registry import trained_run
from pipeline.warehouse.compiled_sql import load_stack

# Nights after its own on which a refused file comes again.
AGAIN = 2
_DAY = timedelta(days=1)
# Rows that a mishap adds and that did happen.
_TRUE = ("refund",)


@dataclass
class Night:
    """What a night was, as its user saw it.

    Attributes:
        day: Day whose files arrive.
        planted: What went wrong in them, or came late with them.
        set_aside: File that ingest refused → the words of the refusal.
        exit_code: Of the command that scores and publishes.
        outcome: published | with warnings | same day | refused | failed; `same day` when what
            is known ends no later than on the night before.
        words: Warnings and refusals.
        cut_off: Published cut-off after the night.
        run_id: Model of the published scores.
        scored: Customers published.
        seconds: Wall time of the night's commands.
        new_tombstones: Customers that the CRM was told are deleted on this night.
        waiting: Customers out of scope whose row still waits.
        false_tombstones: Those of the new ones who are in scope in the clean world.
        merged_tombstones: Those of the new ones whose id was merged away.
        new_frozen: Cohorts frozen on this night.
        has_clean_inputs: The lake before the cut-off is that of the clean world.
        differing_scores: Published scores that differ from the clean world's, with this model.
    """

    day: date
    planted: list[str] = field(default_factory=list)
    set_aside: dict[str, str] = field(default_factory=dict)
    exit_code: int = PUBLISHED
    outcome: str = ""
    words: list[str] = field(default_factory=list)
    cut_off: date | None = None
    run_id: str = ""
    scored: int = 0
    seconds: float = 0
    new_tombstones: int = 0
    waiting: int = 0
    false_tombstones: list[str] = field(default_factory=list)
    merged_tombstones: list[str] = field(default_factory=list)
    new_frozen: list[str] = field(default_factory=list)
    has_clean_inputs: bool = False
    differing_scores: int = 0


@dataclass
class Snapshot:
    """What is published after a night.

    Attributes:
        cut_off: Cut-off of the scores.
        run_id: Their model.
        scores: Customer → probability.
        deleted: Customers whose CRM row is a tombstone.
        listed: Customers whose CRM row is not.
    """

    cut_off: date
    run_id: str
    scores: dict[str, float]
    deleted: set[str]
    listed: set[str]


# Called each morning after the night's commands, with the home; later tests bring contacts here.
EachNight = Callable[[Home, Night], None]


class World:
    """A domain's demo, cut into nights, in a home where they are lived, and the clean one."""

    def __init__(self, domain: str, folder: Path, *, scale: float, options: NightOptions) -> None:
        """Make the demo and its nights; nothing is run yet.

        Args:
            domain: Domain.
            folder: Where the homes lie.
            scale: Size of the demo.
            options: Nights and mishaps; with a rest, outcomes of the nights are seen.
        """
        self.domain, self.folder = domain, folder
        made = Home(folder / "demo")
        assert generate(domain, made, scale=scale, seed=20170401, console=Console(quiet=True))
        self.nights: Nights = make_nights(domain, made.raw / domain, options)
        self.arrives = dict(self.nights.write(folder / "arrives"))
        self.home, self.clean = Home(folder / "home"), Home(folder / "clean")
        self.lived: list[Night] = []
        self.snapshots: list[Snapshot] = []
        self.frozen_on: dict[Path, date | str] = {}
        self.lakes: dict[date, dict[str, str]] = {}

    @property
    def end(self) -> date:
        """The day after the last one that arrives."""
        return self.nights.last + timedelta(days=self.nights.rest + 1)

    def start(self) -> None:
        """Load the history and publish; then copy the home for the clean world."""
        self._do(self.home, self.nights.first, "ingest", "--raw", self.arrives[HISTORY])
        self._do(self.home, self.nights.first, "run")
        shutil.copytree(self.home.root, self.clean.root, symlinks=True)
        self.snapshots.append(self._snapshot())
        self._note_frozen(HISTORY)

    def load(self) -> None:
        """Load the history and what arrives on every night; build only then, when all is there."""
        self._do(self.home, self.nights.first, "ingest", "--raw", self.arrives[HISTORY])
        shutil.copytree(self.home.root, self.clean.root, symlinks=True)
        self.lived = [self._arrive(day) for day in self.nights.days()]
        self.live_on()
        self._build_clean()

    def _do(self, home: Home, today: date, command: str, *arguments: object) -> None:
        """Run a command of which nothing is refused."""
        done = churn(home, today, command, "--domain", self.domain, *arguments)
        assert done.returncode in (PUBLISHED, WARNED), done.stdout + done.stderr

    def live(self, each_night: EachNight | None = None) -> list[Night]:
        """Live every night; return what each was."""
        for day in self.nights.days():
            night = self._live_one(day)
            self.lived.append(night)
            if each_night is not None:
                each_night(self.home, night)
        return self.lived

    def live_on(self) -> None:
        """Load the days after the nights and build, so that cohorts of the nights freeze."""
        self._do(self.home, self.end, "ingest", "--raw", self.arrives[REST])
        self._do(self.home, self.end, "build")
        self._note_frozen(REST)

    def _arrive(self, day: date) -> Night:
        """Ingest a night's files; set aside what is refused."""
        night = Night(day, self._planted(day))
        folder = self.arrives[str(day)]
        while any(folder.glob("*.csv")):
            done = churn(self.home, day + _DAY, "ingest", "--domain", self.domain, "--raw", folder)
            if done.returncode == PUBLISHED:
                break
            words = " ".join(done.stderr.split())
            name = next((p.name for p in folder.glob("*.csv") if p.name in words), None)
            assert name and "→" in words, f"the refusal names no file or no way out: {words}"
            self._set_aside(folder / name, day)
            night.set_aside[name] = words
        return night

    def _live_one(self, day: date) -> Night:
        began = time.monotonic()
        night = self._arrive(day)
        done = churn(self.home, day + _DAY, "nightly", "--domain", self.domain)
        night.seconds = round(time.monotonic() - began, 1)
        night.exit_code = done.returncode
        night.words = [*warnings(done.stdout), *done.stderr.splitlines()]
        before, now = self.snapshots[-1], self._snapshot()
        is_later = before.cut_off < now.cut_off
        night.outcome = _outcome(done.returncode, is_later=is_later)
        night.new_tombstones = len(now.deleted - before.deleted)
        night.waiting = len(now.listed - now.scores.keys())
        night.scored = len(now.scores)
        night.cut_off, night.run_id = now.cut_off, now.run_id
        self.snapshots.append(now)
        night.new_frozen = self._note_frozen(day)
        self.lakes[day] = self._lake_rows(self.home, now.cut_off)
        return night

    def _set_aside(self, path: Path, day: date) -> None:
        """Leave a refused file aside; its true rows come again some nights later."""
        aside = path.parent / "aside"
        aside.mkdir(exist_ok=True)
        path.rename(aside / path.name)
        (delivery,) = (d for d in self.nights.deliveries if d.night == day and d.name == path.name)
        truly = self.nights.true_rows[delivery.feed.table.name][day]
        later = min(day + timedelta(days=AGAIN), self.nights.last)
        again = Delivery(later, delivery.feed, delivery.name, truly)
        again.write(self.arrives[str(later)])

    def _planted(self, day: date) -> list[str]:
        found = [
            f"{one.kind} ({one.table}, {len(one.rows)} rows)"
            for one in self.nights.planted
            if one.night == day and (one.kind != "merged" or one.day == day)
        ]
        found += [
            f"{one.kind} of {one.day:%m-%d} arrives"
            for one in self.nights.planted
            if one.arrives == day and one.arrives != one.night
        ]
        kinds = list(dict.fromkeys(found))
        refunds = [words for words in kinds if words.startswith("refund")]
        return [words for words in kinds if words not in refunds[1:]]

    def _snapshot(self) -> Snapshot:
        generation = current(self.home)
        assert generation is not None
        with duckdb.connect(str(generation.path), read_only=True) as connection:
            scores = dict(
                connection.execute(
                    "select customer_id, churn_probability from serving.bi_churn_risk "
                    "where domain = ?",
                    [self.domain],
                ).fetchall()
            )
            rows = connection.execute(
                "select customer_id, is_deleted from serving.crm_churn_actions where domain = ?",
                [self.domain],
            ).fetchall()
            ((cut_off, run_id),) = connection.execute(
                "select as_of_date, run_id from serving.bi_domains where domain = ?", [self.domain]
            ).fetchall()
        deleted = {customer for customer, is_deleted in rows if is_deleted}
        return Snapshot(cut_off, run_id, scores, deleted, {one for one, _ in rows} - deleted)

    def _note_frozen(self, when: date | str) -> list[str]:
        new = [
            path
            for path in sorted((self.home.labels / self.domain).glob("*/*.parquet"))
            if path not in self.frozen_on
        ]
        self.frozen_on.update(dict.fromkeys(new, when))
        return [f"{path.parent.name} {path.stem}" for path in new]

    def _lake_rows(self, home: Home, before: date) -> dict[str, str]:
        """Count and hash of each table's rows before a day, without the day they were seen."""
        found = {}
        for table in source_tables(self.domain):
            files = sorted((home.lake / self.domain / table.name).glob("**/*.parquet"))
            day = table.event_day or table.event_time
            if not files or day is None:
                continue
            columns = ", ".join(f'"{column.name}"' for column in table.columns)
            listed = ", ".join(quoted(path) for path in files)
            with duckdb.connect() as connection:
                found[table.name] = str(
                    connection.execute(
                        f"select count(*), sum(cast(hash({columns}) as hugeint)) from read_parquet("
                        f"[{listed}], union_by_name = true, hive_partitioning = false) "
                        f"where {day} < date '{before}'"
                    ).fetchone()
                )
        return found

    def judge(self) -> None:
        """Fill in what the clean world says of every night."""
        self._build_clean()
        merged = self.merged
        stack = load_stack(self.clean, self.domain)
        for number, night in enumerate(self.lived):
            before, now = self.snapshots[number], self.snapshots[number + 1]
            assert night.cut_off is not None
            lake = self._lake_rows(self.clean, night.cut_off)
            night.has_clean_inputs = self.lakes[night.day] == lake
            with rebuilt(self.clean, self.domain, stack, night.cut_off, "hidden") as connection:
                true_scores = self._scores(connection, stack[-1].relation, night)
            gone = (now.deleted - before.deleted) & true_scores.keys()
            night.merged_tombstones = sorted(gone & merged)
            night.false_tombstones = sorted(gone - merged)
            night.differing_scores = sum(
                now.scores.get(one) != true_scores.get(one)
                for one in now.scores.keys() | true_scores.keys()
            )

    @property
    def merged(self) -> set[str]:
        """Both ids of each merge."""
        return {
            row.split(",")[self.nights.feeds[one.table].id_at]
            for one in self.nights.planted
            if one.kind == "merged"
            for row in (*one.rows, *one.instead_of)
        }

    def _build_clean(self) -> None:
        """Load every true row into the clean home, and build it with all days.

        It knows which days were scored: their cohorts are labelled, too.
        """
        shutil.copytree(self.home.models, self.clean.models, dirs_exist_ok=True)
        folder = empty_folder(self.folder / "true")
        shutil.copyfile(self.nights.raw_dir / MARKER, folder / MARKER)
        for name, feed in self.nights.feeds.items():
            refunds: dict[date, list[str]] = {}
            for one in self.nights.planted:
                if one.kind in _TRUE and one.table == name:
                    refunds.setdefault(one.day, []).extend(one.rows)
            day = self.nights.first
            while day < self.end:
                rows = [*self.nights.true_rows[name].get(day, []), *refunds.get(day, [])]
                Delivery(day, feed, feed.file_name(day), rows).write(folder)
                day += _DAY
        self._do(self.clean, self.end, "ingest", "--raw", folder)
        self._do(self.clean, self.end, "build")

    def _scores(
        self, connection: duckdb.DuckDBPyConnection, relation: str, night: Night
    ) -> dict[str, float]:
        """Score the clean features with the run that was live on a night, at the clean level."""
        run = trained_run(self.home.models / self.domain / night.run_id)
        booster, calibration = artifacts.load_model(run)
        features = run.recipe.features
        casts = ", ".join(f"cast({name} as double) as {name}" for name in features)
        columns = connection.execute(
            f"select customer_id, {casts} from {relation} order by customer_id"
        ).fetchnumpy()
        customers = np.asarray(columns["customer_id"], dtype=object)
        values = np.column_stack(
            [np.ma.filled(columns[name].astype(float), np.nan) for name in features]
        )
        rows = Examples(
            domain=self.domain,
            customer_id=customers,
            as_of_date=np.full(len(customers), np.datetime64("2000-01-01")),
            is_churned=np.full(len(customers), np.nan),
            features=features,
            values=values,
            is_boolean=np.zeros(len(features), dtype=bool),
        )
        margins = margin(booster, rows)
        with duckdb.connect(str(self.clean.warehouse), read_only=True) as warehouse:
            levels = read_levels(warehouse, self.domain, run.recipe.level)
        if levels is not None:
            margins += levels.at(np.datetime64(night.cut_off)).offset(margins, calibration)
        probability = calibration.apply(margins)
        return dict(zip(customers, map(float, probability), strict=True))

    def false_labels(self) -> dict[str, list[tuple[str, str]]]:
        """Frozen labels that differ from the clean world's.

        Returns:
            Cohort, with the night that froze it → customers, each with what is wrong.
        """
        found: dict[str, list[tuple[str, str]]] = {}
        kind = domain_entries()[self.domain].kind
        with duckdb.connect(str(self.clean.warehouse), read_only=True) as connection:
            for path, when in self.frozen_on.items():
                rows = connection.execute(
                    f"""
                    with
                    frozen as (from read_parquet({quoted(path)})),
                    cohort as (select distinct label_definition, as_of_date from frozen),
                    truth as (
                        select labels.*
                        from {kind}.int_{kind}__labels_closed as labels
                        inner join cohort using (label_definition, as_of_date)
                        where labels.domain = '{self.domain}' and labels.is_churned is not null
                    )
                    select
                        customer_id,
                        coalesce(cast(frozen.is_churned as varchar), 'not in it') || ' for '
                        || coalesce(cast(truth.is_churned as varchar), 'not in it')
                    from frozen full join truth using (customer_id)
                    where frozen.is_churned is distinct from truth.is_churned
                    order by all
                    """
                ).fetchall()
                if rows:
                    found[f"{path.parent.name} {path.stem} ({when})"] = rows
        return found

    def write(self, path: Path, **more: object) -> None:
        """Write the nights as JSON."""
        document = {"nights": [asdict(night) for night in self.lived], **more}
        path.write_text(json.dumps(document, indent=1, default=str) + "\n")


def churn(home: Home, today: date, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user would on a day."""
    return subprocess.run(
        [Path(sys.executable).with_name("churn"), *map(str, arguments)],
        env=os.environ | {"CHURN_HOME": str(home.root), TODAY: str(today)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )


def warnings(text: str) -> list[str]:
    """The warnings of a command's output, each in one line."""
    found: list[str] = []
    is_inside = False
    for line in text.splitlines():
        if line.startswith("  warning "):
            found.append(line.removeprefix("  warning ").strip())
            is_inside = True
        elif is_inside and line.strip() and line[0] not in "·┏┃┡│└ " and ": derived" not in line:
            found[-1] += " " + line.strip()
        else:
            is_inside = False
    return found


def _outcome(exit_code: int, *, is_later: bool) -> str:
    if exit_code == REFUSED:
        return "refused"
    if exit_code not in (PUBLISHED, WARNED):
        return "failed"
    if not is_later:
        return "same day"
    return "published" if exit_code == PUBLISHED else "with warnings"


def table(nights: list[Night]) -> str:
    """The nights as a table, as the documentation has it."""
    text = io.StringIO()
    shown = Table("night", "what arrives", "set aside", "exit", "outcome", "cut-off")
    for title in ("customers", "deleted", "falsely", "waiting", "other scores", "seconds"):
        shown.add_column(title, justify="right")
    for night in nights:
        shown.add_row(
            f"{night.day:%m-%d}",
            "\n".join(night.planted),
            "\n".join(night.set_aside),
            str(night.exit_code),
            night.outcome,
            f"{night.cut_off:%m-%d}",
            f"{night.scored:,}",
            str(night.new_tombstones),
            str(len(night.false_tombstones)),
            str(night.waiting),
            f"{night.differing_scores}{' (whole)' if night.has_clean_inputs else ''}",
            f"{night.seconds:.0f}",
        )
    Console(width=150, file=text).print(shown)
    return text.getvalue()
