"""What is known at a cut-off, from the published build: cut-offs, knowledge, coverage."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from pipeline.realtime.bundle import bundle_folder, damage_told
from pipeline.realtime.errors import NotReadyError, RefusedDateError

Covered = tuple[str, date, date]


@dataclass(frozen=True)
class Knowledge:
    """What the published build knows.

    Attributes:
        known_before: Day after the last day on which an outcome could be seen.
        scored: The cut-off it scored with its live run.
        outcomes_known_on: First day on which all the model learned from was known.
    """

    known_before: date
    scored: date
    outcomes_known_on: date

    @property
    def reaches(self) -> date:
        """The last cut-off that the build speaks for: a run may score beyond its data."""
        return max(self.known_before, self.scored)


CONTROLS = {
    "cut_offs": "as_of_date date, due_from date",
    "scoring_cut_off": "as_of_date date",
    "knowledge": "known_before date",
    "coverage": "table_name varchar, as_of_date date, covered_from date, covered_before date",
}


def make_controls(connection: duckdb.DuckDBPyConnection, domain: str) -> Knowledge:
    """Make the control relations, empty; the build's own move to the schema `published`.

    Args:
        connection: In-memory database on which `open_answering` ran.
        domain: Domain.
    """
    for name in ("knowledge", "event_days"):
        connection.execute(
            f"create table published.{name} as from lake.{domain}_{name}; "
            f"drop table lake.{domain}_{name}"
        )
    for name, columns in CONTROLS.items():
        connection.execute(f"create table lake.{domain}_{name} ({columns})")
    known_before, scored, outcomes = connection.execute(
        "select knowledge.known_before, runs.as_of_date, runs.outcomes_known_on "
        "from published.knowledge as knowledge, published.runs_live as runs"
    ).fetchall()[0]
    return Knowledge(known_before, scored, outcomes)


def read_knowledge(generation: Path, domain: str) -> Knowledge:
    """Return what a generation's build knows, without opening more of it.

    Args:
        generation: The generation's DuckDB file.
        domain: Domain.

    Raises:
        NotReadyError: The generation is older than bundles, its bundle is damaged, or it has no
            model of the domain.
    """
    folder = bundle_folder(generation)
    paths = [
        str(folder / f"{name}.parquet")
        for name in (f"lake.{domain}_knowledge", "churn.int_churn__runs_live")
    ]
    with duckdb.connect() as connection, damage_told(generation):
        row = connection.execute(
            "select knowledge.known_before, runs.as_of_date, runs.outcomes_known_on "
            "from read_parquet(?) as knowledge, read_parquet(?) as runs where runs.domain = ?",
            [*paths, domain],
        ).fetchone()
    if row is None:
        raise NotReadyError(f"{domain} has no published model.", hint="churn run publishes one.")
    return Knowledge(*row)


def check_cut_off(knowledge: Knowledge, cut_off: date, run_id: str) -> None:
    """Refuse a cut-off for which no honest score can be given.

    Raises:
        RefusedDateError: The model learned from what came later, or the day has not begun.
    """
    if cut_off < knowledge.outcomes_known_on:
        raise RefusedDateError(
            f"No score for {cut_off}: the model {run_id} learned from outcomes that were known on "
            f"{knowledge.outcomes_known_on} only.",
            hint=f"Ask for {knowledge.outcomes_known_on} or later; the published cut-off is "
            f"{knowledge.scored}.",
        )
    today = datetime.now(UTC).date()
    if cut_off > today:
        raise RefusedDateError(
            f"No score for {cut_off}: what happens before it is not known on {today}.",
            hint=f"Ask for {today} or earlier.",
        )


def check_lake(knowledge: Knowledge, cut_off: date) -> None:
    """Refuse a cut-off that the platform's own data do not reach.

    Callers who send rows may go beyond our data; the platform's own data may not, because missing
    rows would read as inactivity.

    Raises:
        RefusedDateError: The build knows nothing of the days before the cut-off.
    """
    if cut_off > knowledge.reaches:
        raise RefusedDateError(
            f"No score for {cut_off}: the platform's own data end before {knowledge.known_before}.",
            hint=f"Ask for {knowledge.reaches} or earlier, or send the rows with as_of_date; "
            "churn run with newer files brings it forward.",
        )


def notes_of(knowledge: Knowledge, cut_off: date, absent: Iterable[str]) -> list[str]:
    """Return what whoever sent rows should know of the answer, in sentences.

    Args:
        knowledge: What the build knows.
        cut_off: The cut-off.
        absent: Tables that were not sent, for one customer at least.
    """
    notes = []
    if cut_off > knowledge.reaches:
        notes.append(
            f"The published build knows what happened before {knowledge.known_before}; "
            f"that the rows sent reach to {cut_off} is taken on trust, each source as far "
            "behind as it was then."
        )
    notes += [
        f"Where {table} was not sent, what is computed from it is null, not zero."
        for table in absent
    ]
    return notes


def coverage_of(
    connection: duckdb.DuckDBPyConnection, knowledge: Knowledge, cut_off: date
) -> list[Covered]:
    """Return what each source covers of the time before a cut-off.

    As the build derives it, from the days with events before the cut-off. Beyond what the build
    speaks for, whoever sends rows has newer ones: each source is taken to be as far behind the
    cut-off as it was behind the build's last one, so one that ended long ago is not taken for
    silence.

    Returns:
        Table (or table.value), first covered day, day after the last one.
    """
    later = max(cut_off - knowledge.reaches, timedelta())
    return [
        (name, since, last + timedelta(days=1) + later)
        for name, since, last in connection.execute(
            "select table_name, min(day), max(day) from published.event_days where day < ? "
            "group by table_name order by table_name",
            [min(cut_off, knowledge.known_before)],
        ).fetchall()
    ]


def write_controls(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    cut_off: date,
    covered: list[Covered],
    given: frozenset[str],
) -> None:
    """Fill the control relations anew.

    Args:
        connection: The database.
        domain: Domain.
        cut_off: The cut-off.
        covered: From `coverage_of`.
        given: Tables that were sent; the others cover nothing, so their features are null.
    """
    for name in CONTROLS:
        connection.execute(f"delete from lake.{domain}_{name}")
    connection.execute(f"insert into lake.{domain}_cut_offs values (date '{cut_off}', null)")
    connection.execute(f"insert into lake.{domain}_scoring_cut_off values (date '{cut_off}')")
    connection.execute(f"insert into lake.{domain}_knowledge values (date '{cut_off}')")
    connection.executemany(
        f"insert into lake.{domain}_coverage values (?, ?, ?, ?)",
        [
            (name, cut_off, since, before)
            for name, since, before in covered
            if name.partition(".")[0] in given
        ]
        or [("nothing", cut_off, cut_off, cut_off)],
    )
