"""Reads the figures that the rules judge, from what the night left: nothing is computed for it."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import duckdb

from pipeline.alerts.book import Alert
from pipeline.alerts.rules import (
    USUAL_DAYS,
    DayCount,
    ValueCount,
    is_far_fewer,
    old_tables,
    poor_quality,
    strong_drift,
    thin_days,
    vanished_values,
)
from pipeline.alerts.trouble import (
    DEAD_LETTERS,
    DOUBLED,
    DRIFT,
    FAILED,
    FRESHNESS,
    NEW_COLUMN,
    QUALITY,
    REFUSED,
    SHRUNKEN,
    STOPPED,
    VANISHED,
    VOLUME,
    Trouble,
)
from pipeline.campaigns.outbox import read_dead_letters
from pipeline.ingest import IngestSummary
from pipeline.ingest.lake import Record, latest
from pipeline.operations.reading import new_overlaps
from pipeline.project.alert_settings import AlertRules
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, source_tables
from pipeline.publish.generation import SCHEMA, current
from pipeline.runs.nights import Night, nights
from pipeline.warehouse.control import late_feed

# What was found in one file stays an alert so long, unless it is cured before.
REMEMBERED = timedelta(days=14)
_DAY = timedelta(days=1)


@dataclass
class FilesBefore:
    """What the lake held of a domain before a night read its files, and what the night read.

    Attributes:
        records: Table → logical name → record.
        read: What was read; None where nothing was.
    """

    records: dict[str, dict[str, Record]]
    read: IngestSummary | None = None


@dataclass(frozen=True)
class AlertDomain:
    """A domain that a night was about.

    Attributes:
        name: Domain.
        rules: Its rules.
        today: The day it is there; None to take the day after its newest rows, as of the demo.
        files: What it read; None if it did not come so far.
        is_built: Whether the warehouse holds this night's rows of it.
    """

    name: str
    rules: AlertRules
    today: date | None
    files: FilesBefore | None = None
    is_built: bool = True


@dataclass
class Judgement:
    """What a night found.

    Attributes:
        troubles: What is wrong.
        kinds: Domain and kind that could be judged: an open alert of them that was not found is
            over.
        problems: Why something could not be judged.
    """

    troubles: list[Trouble] = field(default_factory=list)
    kinds: set[tuple[str, str]] = field(default_factory=set)
    problems: list[str] = field(default_factory=list)


def files_before(home: Home, domain: str) -> FilesBefore:
    """Return what the lake holds of a domain, before its files are read."""
    return FilesBefore(
        {
            table.name: {
                name: record for name, (_, record) in latest(home, domain, table.name).items()
            }
            for table in source_tables(domain)
        }
    )


def judge(
    home: Home,
    night: Night,
    domains: Sequence[AlertDomain],
    standing: Sequence[Alert],
    now: datetime,
) -> Judgement:
    """Judge a night; a rule that cannot be judged leaves its alerts as they are.

    Args:
        home: CHURN_HOME.
        night: Its record.
        domains: What it was about.
        standing: Alerts that are open.
        now: Now, UTC without a zone.
    """
    found = Judgement()
    _judge_night(home, night, [one.name for one in domains], found)
    for one in domains:
        rules: list[tuple[tuple[str, ...], Callable[..., Iterable[Trouble] | None], list[Any]]] = [
            ((FRESHNESS,), _freshness, [home, one]),
            ((VOLUME,), _volume, [home, one]),
            ((VANISHED,), _vanished, [home, one]),
            ((NEW_COLUMN,), _new_columns, [home, one, standing, now]),
            ((SHRUNKEN,), _shrunken, [home, one, standing, now]),
            ((DOUBLED,), _doubled, [one, standing]),
            ((QUALITY, DRIFT), _model, [home, one]),
            ((DEAD_LETTERS,), _dead_letters, [home, one]),
        ]
        for kinds, rule, given in rules:
            try:
                troubles = rule(*given)
            except Exception as problem:
                # what broke the night may break its rules; the night has said it
                if night.outcome not in ("failed", "refused"):
                    words = problem.what if isinstance(problem, ChurnError) else None
                    found.problems.append(
                        f"{one.name}: alerts of {' and '.join(kinds)} could not be judged: "
                        f"{words or type(problem).__name__}"
                    )
                continue
            if troubles is not None:
                found.troubles += troubles
                found.kinds |= {(one.name, kind) for kind in kinds}
    return found


def _judge_night(home: Home, night: Night, domains: Sequence[str], found: Judgement) -> None:
    """Judge how the night ended, and whether the one before it ended."""
    for kind, of_note in ((REFUSED, "refusal"), (FAILED, "failure")):
        told: dict[str, str] = {}
        for note in night.notes:
            if note.kind == of_note:
                told.setdefault(note.domain, without_values(note.what))
        found.troubles += [Trouble(domain, kind, "", words) for domain, words in told.items()]
        found.kinds |= {(domain, kind) for domain in ("", *domains)}
    try:
        before = [one for one in nights(home, 2) if one.began_at != night.began_at]
    except ChurnError:
        return
    found.kinds.add(("", STOPPED))
    if before and before[0].outcome == "running":
        began = f"{before[0].began_at:%Y-%m-%d %H:%M} UTC"
        words = f"churn {before[0].command} of {began} was stopped before its end."
        found.troubles.append(Trouble("", STOPPED, began, words))


def without_values(words: str) -> str:
    """Return why something failed without what an exception quotes, which may be of a customer."""
    first = words.split("\n", 1)[0]
    for part in first.split(": "):
        if part.endswith(("Error", "Exception")) and " " not in part:
            return f"{first.partition(part)[0]}{part}. The record of the night says more."
    return first


def _warehouse(home: Home) -> duckdb.DuckDBPyConnection:
    return duckdb.connect(str(home.warehouse), read_only=True)


def _freshness(home: Home, domain: AlertDomain) -> list[Trouble] | None:
    if not domain.is_built:
        return None
    with _warehouse(home) as connection:
        last = dict(
            connection.execute(
                "select table_name, max(day) from control.control__event_days "
                "where domain = ? and not contains(table_name, '.') group by all",
                [domain.name],
            ).fetchall()
        )
    today = domain.today or max(last.values(), default=date.min) + _DAY
    return old_tables(domain.name, last, today, domain.rules) if last else None


def _volume(home: Home, domain: AlertDomain) -> list[Trouble] | None:
    if not domain.is_built:
        return None
    with _warehouse(home) as connection:
        rows = connection.execute(
            """
            select
                counts.table_name,
                counts.day,
                counts.event_rows,
                cast(counts.expected_rows as double),
                holes.day is not null,
                holes.reason is not null
            from control.control__day_counts as counts
            left join control.control__holes as holes using (domain, table_name, day)
            where counts.domain = ? and not contains(counts.table_name, '.')
            qualify counts.day > max(counts.day) over (partition by counts.table_name) - ?
            """,
            [domain.name, USUAL_DAYS],
        ).fetchall()
        late = None if domain.today is None else late_feed(connection, domain.name, domain.today)
        days = [DayCount(*row) for row in rows]
        if late is not None:
            # days that are awaited and have not come: of a prompt feed, they are missing already
            table = late.table.partition(".")[0]
            usual = [one for one in days if one.table == table]
            awaited = (late.last + n * _DAY for n in range(1, min(late.days, USUAL_DAYS) + 1))
            days += [
                DayCount(table, day, 0, _same_weekday(usual, day), is_hole=True)
                for day in awaited
                if day > max((one.day for one in usual), default=date.min)
            ]
    return thin_days(domain.name, days, domain.rules) if days else None


def _same_weekday(days: Iterable[DayCount], day: date) -> float | None:
    """What was expected of the newest day of the same weekday."""
    same = [one for one in days if one.day.weekday() == day.weekday()]
    return max(same).expected if same else None


def _vanished(home: Home, domain: AlertDomain) -> list[Trouble] | None:
    if not domain.is_built:
        return None
    tables = {table.name: table for table in source_tables(domain.name)}
    counts: list[ValueCount] = []
    rows: dict[str, tuple[int, int]] = {}
    with _warehouse(home) as connection:
        for name, columns in domain.rules.vanishing.items():
            table = _table_with(domain.name, tables, name, columns)
            day = f"cast({table.event_day or table.event_time} as date)"
            relation = f"lake.{table.identifier}"
            newest = domain.rules.vanishing_days
            (last,) = connection.execute(
                "select max(day) from control.control__event_days "
                "where domain = ? and table_name = ?",
                [domain.name, name],
            ).fetchall()[0]
            if last is None:
                continue
            first = last - timedelta(days=newest + USUAL_DAYS - 1)
            since = last - timedelta(days=newest - 1)
            rows[name] = connection.execute(
                f"select count(*) filter (where {day} < $2), count(*) filter (where {day} >= $2) "
                f"from {relation} where {day} between $1 and $3",
                [first, since, last],
            ).fetchall()[0]
            for column in columns:
                counts += [
                    ValueCount(name, column, *row)
                    for row in connection.execute(
                        f"select cast({column} as varchar), count(*) filter (where {day} < $2), "
                        f"count(*) filter (where {day} >= $2) from {relation} "
                        f"where {day} between $1 and $3 and {column} is not null group by all",
                        [first, since, last],
                    ).fetchall()
                ]
    return vanished_values(domain.name, counts, rows, domain.rules)


def _table_with(
    domain: str, tables: Mapping[str, SourceTable], name: str, columns: Iterable[str]
) -> SourceTable:
    """Return a table whose values are counted.

    Raises:
        ChurnError: It does not exist, has no days, lacks a column, or the column is an id.
    """
    place = f"dbt_project.yml: vars.churn_domains.{domain}.alerts.vanishing.{name}"
    dated = [table.name for table in tables.values() if table.event_day or table.event_time]
    if name not in dated:
        raise ChurnError(
            f"{domain} has no table {name!r} with days.",
            where=place,
            hint=f"Tables are: {', '.join(dated)}.",
        )
    table = tables[name]
    # the values of an id are customers, and an alert names none
    fit = [one.name for one in table.columns if not one.is_id]
    for column in columns:
        if column not in fit:
            raise ChurnError(
                f"{name} has no column {column!r} whose values can be watched.",
                where=place,
                hint=f"Columns are: {', '.join(fit)}.",
            )
    return table


def _standing(standing: Iterable[Alert], domain: str, kind: str, now: datetime) -> list[Alert]:
    """Open alerts of a kind about single files that are not too old."""
    return [
        one
        for one in standing
        if (one.domain, one.kind) == (domain, kind) and now - one.since < REMEMBERED
    ]


def _new_columns(
    home: Home, domain: AlertDomain, standing: Iterable[Alert], now: datetime
) -> list[Trouble]:
    if not domain.rules.new_columns:
        return []
    found: dict[tuple[str, str], str] = {}
    for one in _standing(standing, domain.name, NEW_COLUMN, now):
        table, _, column = one.subject.partition(".")
        records = [record for _, record in latest(home, domain.name, table).values()]
        newest = max(records, key=lambda record: record.ingested_at, default=None)
        if newest is not None and column in newest.ignored_columns:
            found[table, column] = one.words
    if domain.files is not None and domain.files.read is not None:
        for file in domain.files.read.files:
            known = domain.files.records.get(file.table, {})
            if file.status not in ("ingested", "replaced") or not known:
                continue
            before = {column for record in known.values() for column in record.ignored_columns}
            for column in file.ignored_columns:
                if column not in before:
                    found.setdefault(
                        (file.table, column),
                        f"{file.file} has a column {column}, which no file of {file.table} had; "
                        "it is not read.",
                    )
    return [
        Trouble(domain.name, NEW_COLUMN, f"{table}.{column}", words)
        for (table, column), words in sorted(found.items())
    ]


def _shrunken(
    home: Home, domain: AlertDomain, standing: Iterable[Alert], now: datetime
) -> list[Trouble]:
    share = domain.rules.volume_share
    usual: dict[tuple[str, str], float] = {}
    for one in _standing(standing, domain.name, SHRUNKEN, now):
        table, _, name = one.subject.partition("/")
        usual[table, name] = one.measured or 0.0
    if domain.files is not None and domain.files.read is not None:
        for table, records in domain.files.records.items():
            for name, record in records.items():
                usual.setdefault((table, name), float(record.rows))
    found = []
    for (table, name), rows in sorted(usual.items()):
        place = latest(home, domain.name, table).get(name)
        if place is not None and is_far_fewer(place[1].rows, rows, share):
            found.append(
                Trouble(
                    domain.name,
                    SHRUNKEN,
                    f"{table}/{name}",
                    f"{name} came again with {place[1].rows:,} rows; it had {rows:,.0f} before, "
                    "which it replaces.",
                    rows,
                )
            )
    return found


def _doubled(domain: AlertDomain, standing: Iterable[Alert]) -> list[Trouble] | None:
    if domain.files is None or domain.files.read is None:
        return None
    known = {one.subject for one in standing if (one.domain, one.kind) == (domain.name, DOUBLED)}
    fresh = {f"{pair.first} + {pair.second}" for pair in new_overlaps(domain.files.read)}
    return [
        Trouble(
            domain.name,
            DOUBLED,
            f"{pair.first} + {pair.second}",
            f"{pair}: these rows may count twice.",
        )
        for pair in domain.files.read.overlaps
        if pair.rows and f"{pair.first} + {pair.second}" in known | fresh
    ]


def _model(home: Home, domain: AlertDomain) -> list[Trouble] | None:
    live = current(home)
    if live is None:
        return None
    with duckdb.connect(str(live.path), read_only=True) as connection:
        drift = _rows(connection, f"select * from {SCHEMA}.bi_drift where domain = ?", domain.name)
        realised = _rows(
            connection,
            f"select * from {SCHEMA}.bi_realised_quality where domain = ? "
            "order by as_of_date desc, run_id limit 1",
            domain.name,
        )
        intervals = {
            row["metric"]: (row["ci_low"], row["ci_high"])
            for row in _rows(
                connection,
                f"select metric, ci_low, ci_high from {SCHEMA}.bi_model_quality "
                "where domain = ? and split = 'test' and model = 'lightgbm'",
                domain.name,
            )
        }
    newest = realised[0] if realised else None
    return [
        *poor_quality(domain.name, newest, intervals, domain.rules),
        *strong_drift(domain.name, drift, domain.rules),
    ]


def _rows(connection: duckdb.DuckDBPyConnection, sql: str, domain: str) -> list[dict[str, Any]]:
    found = connection.execute(sql, [domain])
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _dead_letters(home: Home, domain: AlertDomain) -> list[Trouble]:
    count = len(read_dead_letters(home, domain.name))
    if count <= domain.rules.dead_letters:
        return []
    words = (
        f"{count:,} message{'s' * (count != 1)} of campaigns did not reach the receiver and "
        f"{'were' if count != 1 else 'was'} given up."
    )
    return [Trouble(domain.name, DEAD_LETTERS, "", words)]
