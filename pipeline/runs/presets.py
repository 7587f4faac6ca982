"""Finds settings under which data can be trained on that are too few for the run's own.

What is advised has been tried: the labels of a candidate are made from the data by the same SQL as
in a build, and its cohorts are chosen as in a training.
"""

import shlex
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import yaml

from ml.cohorts import (
    Cohort,
    Fits,
    TooLittleDataError,
    choose_fits,
    is_on_grid,
    read_cohorts,
    sizes,
)
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.files import empty_folder
from pipeline.project.home import Home
from pipeline.runs.context import RunContext
from pipeline.warehouse.dbt import dbt

# The smallest size at which a comparison with the baselines still says something.
SMALLEST = {"rows": 100, "churners": 20, "stayers": 20, "cohorts": 1}
# Stands for "enough": the days alone are looked at before the data are.
_ENOUGH = 1 << 40
_LONGEST = 1500


@dataclass(frozen=True)
class Refused:
    """A training that was refused because the data are too few.

    Attributes:
        domain: Domain.
        settings: The domain's, as the run had them.
        scoring: Cut-off to score.
        as_of: The same if it was asked for, as YYYY-MM-DD.
    """

    domain: str
    settings: DomainSettings
    scoring: np.datetime64
    as_of: str | None = None

    def command(self, *pairs: str) -> str:
        """Return the command that runs with further settings."""
        day = ["--as-of", self.as_of] if self.as_of else []
        options = [word for pair in pairs for word in ("--set", pair)]
        return shlex.join(["churn", "run", "--domain", self.domain, *day, *options])


@dataclass(frozen=True)
class Candidate:
    """Settings to try.

    Attributes:
        words: What they are.
        pairs: What `--set` gets.
        settings: The domain's with them.
        cohorts: Its cohorts under them.
    """

    words: str
    pairs: tuple[str, ...]
    settings: DomainSettings
    cohorts: list[Cohort]


def advise(context: RunContext, connection: duckdb.DuckDBPyConnection, refused: Refused) -> str:
    """Return what would allow training, with its command and its risk; empty without data.

    Args:
        context: The command's.
        connection: The warehouse after a build.
        refused: The training that was refused.
    """
    row = connection.execute(
        "select min(event_days.day), max(knowledge.known_before) "
        "from control.control__event_days as event_days "
        "inner join control.control__knowledge as knowledge using (domain) where domain = ?",
        [refused.domain],
    ).fetchone()
    if row is None or row[0] is None or row[1] is None:
        return ""
    first, days = np.datetime64(row[0], "D"), (row[1] - row[0]).days
    entry = domain_entries()[refused.domain]
    held = f"The files hold {days} day{'s' * (days != 1)}"
    presets = list(_presets(context, entry, first, days, refused))
    for found in presets:
        fits = _chosen(found, refused)
        if fits is not None:
            return (
                f"{held}. The {found.words} fits them ({_told(entry, found)}; cohorts for the "
                f"first fit: {len(fits.fit)}): {refused.command(*found.pairs)}"
            )
    own = Candidate(
        "setting",
        _overrides(refused.settings, entry),
        refused.settings,
        read_cohorts(connection, refused.domain),
    )
    for found in (own, *presets):
        if lowered := _lowered(found, refused):
            return lowered
    shortest = [
        n
        for name in entry.presets
        if (n := _days_needed(first, entry.with_preset(name))) is not None
    ]
    if shortest and min(shortest) > days:
        return f"{held}; the shortest preset needs {min(shortest)}."
    smallest = "minimum={" + ", ".join(f"{key}: {n}" for key, n in SMALLEST.items()) + "}"
    return (
        f"No setting fits these data. {held}. The smallest useful size is {SMALLEST['rows']} "
        f"customers, {SMALLEST['churners']} who leave and {SMALLEST['stayers']} who stay, in the "
        "cohort that a model is validated on and in the one that it is tested on; --set "
        f"{shlex.quote(smallest)} accepts it. With fewer, no figure tells a model from chance. "
        "Load more of the history, or wait for it."
    )


def _presets(
    context: RunContext, entry: DomainSettings, first: np.datetime64, days: int, refused: Refused
) -> Iterator[Candidate]:
    """The presets that are not set already and whose windows the days allow, tried on the data."""
    for name in entry.presets:
        settings = entry.with_preset(name).resolved()
        is_set = settings.learned().given() == refused.settings.learned().given()
        if is_set or not _training_cohorts(first, days, settings):
            continue
        try:
            cohorts = _tried(context, refused, settings)
        except ChurnError:
            # the refusal is told without a preset that cannot be tried
            continue
        yield Candidate(f"preset {name!r}", (f"preset={name}",), settings, cohorts)


def _tried(context: RunContext, refused: Refused, settings: DomainSettings) -> list[Cohort]:
    """Make the labels of a domain under other settings, beside the warehouse; return the cohorts.

    Raises:
        ChurnError: A model failed.
    """
    domain = refused.domain
    folder = empty_folder(context.home.work / f"advise_{domain}")
    trial = Home(folder)
    trial.lake.symlink_to(context.home.lake)
    entries = {name: entry.given() for name, entry in context.entries.items()}
    try:
        dbt(
            trial,
            "build",
            "--select",
            f"+{domain}__label_cohorts",
            "--exclude-resource-type",
            "test",
            "unit_test",
            variables={
                "churn_domains": entries | {domain: settings.given()},
                "as_of": dict(context.as_of),
                "left_out": [name for name in entries if name != domain],
            },
            console=context.console,
            title=f"{domain}: trying other settings",
        )
        with duckdb.connect(str(trial.warehouse), read_only=True) as connection:
            rows = connection.execute(
                "select as_of_date, label_rows, churners, closes_on, is_closed "
                f"from {domain}.{domain}__label_cohorts where label_definition = ? "
                "order by as_of_date",
                [settings.label_definition],
            ).fetchall()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return [
        Cohort(np.datetime64(day, "D"), count, churners, np.datetime64(known, "D"), closed)
        for day, count, churners, known, closed in rows
    ]


def _chosen(found: Candidate, refused: Refused, **minimum: int) -> Fits | None:
    """The cohorts that a training would choose; None if it would be refused."""
    settings = found.settings.with_changes({"minimum": minimum}) if minimum else found.settings
    try:
        return choose_fits(found.cohorts, refused.scoring, settings)
    except TooLittleDataError:
        return None


def _lowered(found: Candidate, refused: Refused) -> str:
    """Say which minimum accepts the data, and what it costs; empty if they are too few for any."""
    fits = _chosen(found, refused, **SMALLEST)
    if fits is None:
        return ""
    by_day = {cohort.as_of_date: cohort for cohort in found.cohorts}
    judged = [
        sizes([by_day[day] for day in days]) for days in (fits.fit, fits.validations, fits.tests)
    ]
    asked = found.settings.minimum
    usual = {
        "rows": asked.rows,
        "churners": asked.churners,
        "stayers": asked.stayers or asked.churners,
        "cohorts": asked.cohorts,
    }
    minimum = {}
    for key, most in usual.items():
        have = judged[0][key] if key == "cohorts" else min(size[key] for size in judged)
        round_number = have if key == "cohorts" else have // 10 * 10
        minimum[key] = min(most, max(SMALLEST[key], round_number))
    if _chosen(found, refused, **minimum) is None:
        minimum = dict(SMALLEST)
    if minimum["stayers"] >= minimum["churners"] and asked.stayers is None:
        del minimum["stayers"]
    test = judged[2]
    error = np.sqrt((test["rows"] + 1) / (12 * test["churners"] * test["stayers"]))
    last = f" to {fits.tests[-1]}" if len(fits.tests) > 1 else ""
    value = ", ".join(f"{key}: {number}" for key, number in minimum.items())
    with_preset = f" with the {found.words}" if found.words != "setting" else ""
    return (
        f"A lower minimum accepts these data{with_preset}: "
        f"{refused.command(*found.pairs, f'minimum={{{value}}}')}\n"
        f"The risk: the test, {fits.test}{last}, has {test['rows']:,} customers, so an AUC is "
        f"known to ± {2 * error:.2f} at best. Compare it with the baselines before you act on a "
        "score."
    )


def _overrides(settings: DomainSettings, entry: DomainSettings) -> tuple[str, ...]:
    """The `key=value` pairs that make a domain's entry the settings of the refused run."""
    today = entry.given()
    # a text that names other keys follows them
    follow = {key for key, value in today.items() if isinstance(value, str) and "{" in value}
    return tuple(
        f"{key}={_as_yaml(value)}"
        for key, value in settings.given().items()
        if value != today.get(key) and key not in follow and key != "minimum"
    )


def _as_yaml(value: Any) -> str:
    if isinstance(value, str):
        return value
    return " ".join(yaml.safe_dump(value, default_flow_style=True).replace("...", "").split())


def _told(entry: DomainSettings, found: Candidate) -> str:
    """The plain keys that a preset sets."""
    preset = entry.presets[found.pairs[0].partition("=")[2]]
    plain = {key: value for key, value in preset.items() if not isinstance(value, dict)}
    return ", ".join(f"{key} {value}" for key, value in plain.items())


def _days_needed(first: np.datetime64, settings: DomainSettings) -> int | None:
    return next((n for n in range(1, _LONGEST) if _training_cohorts(first, n, settings)), None)


def _training_cohorts(first: np.datetime64, days: int, settings: DomainSettings) -> int:
    """Cohorts the first fit would have if all were large enough; 0 if training would be refused.

    Args:
        first: First day with an event.
        days: Days from there to the knowledge cut-off.
        settings: The domain's.
    """
    known_before = first + days
    cut_offs = [first + n for n in range(settings.warm_up_days, days + 1)]
    cohorts = [
        Cohort(day, 2 * _ENOUGH, _ENOUGH, known_on, is_closed=bool(known_on <= known_before))
        for day in cut_offs
        if is_on_grid(day, settings)
        for known_on in [day + (settings.horizon_days or 0)]
    ]
    try:
        return len(choose_fits(cohorts, known_before, settings).fit)
    except TooLittleDataError:
        return 0
