"""The control relations at a cut-off, from the published build: cut-offs, knowledge, coverage."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from pipeline.project.duck import to_read
from pipeline.realtime.bundle import bundle_folder, damage_told
from pipeline.realtime.errors import NotReadyError, RefusedDateError
from pipeline.warehouse.compiled_sql import CompiledModel, as_statement


@dataclass(frozen=True)
class Known:
    """What each table covers before one cut-off.

    Attributes:
        coverage: Table (or table.part), first day of its record, day after the last one.
        windows: Table (or table.part), days from a window's first day to the cut-off, days from its
            end, whether the record fills it.
    """

    coverage: list[tuple[str, date, date]]
    windows: list[tuple[str, int, int, bool]]


@dataclass(frozen=True)
class Knowledge:
    """The limits of the published build's data.

    Attributes:
        known_before: Day after the last day on which outcomes could be observed.
        scored: The cut-off that its live run scored.
        outcomes_known_on: First day on which all outcomes the model learned from were known.
    """

    known_before: date
    scored: date
    outcomes_known_on: date

    @property
    def reaches(self) -> date:
        """The last cut-off covered by the build; a run may score beyond its data."""
        return max(self.known_before, self.scored)


@dataclass(frozen=True)
class TestedDay:
    """How near the live model was tested to the kind of day that is scored.

    Attributes:
        test_as_of_date: The test cohort with the nearest day of the month; None where the
            generation does not say.
        is_measured: Whether it is near enough to speak for the day; None likewise.
    """

    test_as_of_date: date | None = None
    is_measured: bool | None = None

    def notes(self, cut_off: date) -> list[str]:
        """Return what a caller should know about the quality of such scores, in sentences."""
        if self.is_measured is not False:
            return []
        return [
            f"The model was not tested on a day like {cut_off}: the nearest cohort is that of "
            f"{self.test_as_of_date}, and quality on other days of the month may be lower."
        ]


def tested_day(connection: duckdb.DuckDBPyConnection, domain: str, cut_off: date) -> TestedDay:
    """Return how near to a cut-off's day of the month the live model was tested.

    Args:
        connection: In-memory database with a generation's bundle.
        domain: Domain.
        cut_off: The cut-off.
    """
    row = connection.execute(
        "select test_as_of_date, is_measured from churn.int_churn__test_days_picked "
        "where domain = ? and day_of_month = day(cast(? as date))",
        [domain, cut_off],
    ).fetchone()
    return TestedDay(*row) if row else TestedDay()


def make_controls(connection: duckdb.DuckDBPyConnection, domain: str) -> Knowledge:
    """Create empty control relations; the build's own move to the schema `published`.

    Args:
        connection: In-memory database on which `open_answering` ran.
        domain: Domain.
    """
    known_before, scored, outcomes = connection.execute(
        "select knowledge.known_before, runs.as_of_date, runs.outcomes_known_on "
        "from control.control__knowledge as knowledge, published.runs_live as runs "
        "where knowledge.domain = ?",
        [domain],
    ).fetchall()[0]
    connection.execute("truncate control.control__knowledge")
    # a generation of an older version has none
    connection.execute(
        "create table if not exists control.control__feature_cut_offs "
        "(domain varchar, as_of_date date)"
    )
    return Knowledge(known_before, scored, outcomes)


def read_knowledge(generation: Path, domain: str) -> Knowledge:
    """Return the limits of a generation's data without opening more of it.

    Args:
        generation: The generation's DuckDB file.
        domain: Domain.

    Raises:
        NotReadyError: The generation is older than bundles, its bundle is damaged, or it has no
            model of the domain.
    """
    folder = bundle_folder(generation, domain)
    paths = [
        to_read(folder / f"{name}.parquet")
        for name in ("control.control__knowledge", "churn.int_churn__live_runs_selected")
    ]
    with duckdb.connect() as connection, damage_told(generation):
        row = connection.execute(
            "select knowledge.known_before, runs.as_of_date, runs.outcomes_known_on "
            "from read_parquet(?) as knowledge "
            "inner join read_parquet(?) as runs using (domain) where domain = ?",
            [*paths, domain],
        ).fetchone()
    if row is None:
        raise NotReadyError(
            f"{domain} has no published model.", hint="Run `churn run` to publish one."
        )
    return Knowledge(*row)


def check_cut_off(knowledge: Knowledge, cut_off: date, run_id: str) -> None:
    """Refuse a cut-off that cannot be scored honestly.

    Raises:
        RefusedDateError: The model learned from later outcomes, or the day is in the future.
    """
    if cut_off < knowledge.outcomes_known_on:
        raise RefusedDateError(
            f"No score for {cut_off}: the model {run_id} learned from outcomes that were not known "
            f"before {knowledge.outcomes_known_on}.",
            hint=f"Choose {knowledge.outcomes_known_on} or later; the published cut-off is "
            f"{knowledge.scored}.",
        )
    today = datetime.now(UTC).date()
    if cut_off > today:
        raise RefusedDateError(
            f"No score for {cut_off}: the day is in the future.",
            hint=f"Choose {today} or earlier.",
        )


def check_lake(knowledge: Knowledge, cut_off: date) -> None:
    """Refuse a cut-off that the platform's own data do not reach.

    Callers who send rows may go beyond our data; the platform's own data may not, because missing
    rows would read as inactivity.

    Raises:
        RefusedDateError: The build has no data for the days before the cut-off.
    """
    if cut_off > knowledge.reaches:
        raise RefusedDateError(
            f"No score for {cut_off}: the platform's own data end before {knowledge.known_before}.",
            hint=f"Choose {knowledge.reaches} or earlier, send rows with as_of_date, or load newer "
            "files with `churn run`.",
        )


def notes_of(knowledge: Knowledge, cut_off: date, absent: Iterable[str]) -> list[str]:
    """Return notes on the answer for the caller, in sentences.

    Args:
        knowledge: Limits of the build's data.
        cut_off: The cut-off.
        absent: Tables that were not sent for at least one customer.
    """
    notes = []
    if cut_off > knowledge.reaches:
        notes.append(
            f"The published data end before {knowledge.known_before}. The rows sent are assumed to "
            f"be complete up to {cut_off}, each source with the same delay as in the published "
            "data."
        )
    notes += [
        f"Where {table} was not sent, features from it are null, not zero." for table in absent
    ]
    return notes


def coverage_of(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    derive: list[CompiledModel],
    knowledge: Knowledge,
    cut_off: date,
) -> Known:
    """Return what each source covers before a cut-off.

    It is derived as in the build, from the days before the cut-off. Beyond the build's data,
    callers who send rows have newer ones: each source is assumed to lag behind the cut-off as it
    lagged behind the build's last one, so a source that ended long ago does not read as inactivity.

    Args:
        connection: In-memory database with the build's judged days.
        domain: Domain.
        derive: The SQL of the build, from `read_coverage`.
        knowledge: What the build knows.
        cut_off: The cut-off.
    """
    coverage, windows = derive
    known = min(cut_off, knowledge.known_before)
    later = max(cut_off - knowledge.reaches, timedelta())
    covered = [
        (name, since, before + later)
        for name, since, before in connection.execute(
            "select table_name, covered_from, covered_before "
            f"from ({as_statement([_one_cut_off(domain, known), coverage])}) order by table_name"
        ).fetchall()
    ]
    rows = ", ".join(
        f"('{domain}', '{name}', date '{cut_off}', date '{since}', date '{before}')"
        for name, since, before in covered
    )
    columns = "domain, table_name, as_of_date, covered_from, covered_before"
    shifted = CompiledModel(
        coverage.relation, f"select * from (values {rows}) as covered ({columns})", is_table=False
    )
    asked = "select table_name, window_days, until_days, is_whole from"
    filled = (
        connection.execute(f"{asked} ({as_statement([shifted, windows])}) order by all").fetchall()
        if rows
        else []
    )
    return Known(covered, filled)


def _one_cut_off(domain: str, day: date) -> CompiledModel:
    return CompiledModel(
        "control.control__cut_offs",
        f"select '{domain}' as domain, date '{day}' as as_of_date",
        is_table=False,
    )


def write_controls(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    cut_off: date,
    covered: Known,
    given: frozenset[str],
) -> None:
    """Replace the rows of the control relations.

    Args:
        connection: The database.
        domain: Domain.
        cut_off: The cut-off.
        covered: From `coverage_of`.
        given: Tables that were sent; the others have no coverage, so their features are null.
    """
    connection.execute(
        f"""
        delete from control.control__cut_offs;
        delete from control.control__feature_cut_offs;
        delete from control.control__knowledge;
        delete from control.control__coverage;
        delete from control.control__windows;
        insert into control.control__cut_offs (domain, as_of_date)
        values ('{domain}', date '{cut_off}');
        insert into control.control__feature_cut_offs values ('{domain}', date '{cut_off}');
        insert into control.control__knowledge values ('{domain}', date '{cut_off}')
        """
    )
    for relation, rows in (
        ("coverage", covered.coverage),
        ("windows", covered.windows),
    ):
        chosen = [
            f"('{domain}', '{name}', date '{cut_off}', {', '.join(_literal(one) for one in rest)})"
            for name, *rest in rows
            if name.partition(".")[0] in given
        ]
        if chosen:
            connection.execute(
                f"insert into control.control__{relation} values {', '.join(chosen)}"
            )


def _literal(value: date | int | bool) -> str:
    return f"date '{value}'" if isinstance(value, date) else str(value)
