"""Scores all customers in a lake: of uploaded files, or the platform's own lake at a cut-off."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.project.duck import parquet_select
from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home
from pipeline.project.memory import duckdb_limit
from pipeline.project.sources import SourceTable, source_tables
from pipeline.realtime.answer import Scored, Scorer, add_features, open_answering
from pipeline.realtime.bundle import read_coverage, read_identities
from pipeline.realtime.contact_rules import DecisionReader
from pipeline.realtime.controls import (
    TestedDay,
    check_cut_off,
    check_lake,
    coverage_of,
    make_controls,
    notes_of,
    tested_day,
    write_controls,
)
from pipeline.realtime.model import LiveModel, load_live_model, read_level
from pipeline.warehouse.compiled_sql import CompiledModel, create_models, placed

# Called with the progress, from 0 to 1.
Progress = Callable[[float], None]

CHUNK = 2_000
# Memory for features and scoring before they spill to disk.
MEMORY = 2 * 10**9
# Condition for ids that real time refuses; ingest accepts them, since it reads files as they are.
_UNFIT_ID = r"regexp_matches(customer_id, '[\x00-\x1f\x7f]') or length(customer_id) > 200"
_UNFIT_WORDS = "not scored: the id has a control character or more than 200 characters"

_TEXT, _NUMBER = pa.string(), pa.float64()
RESULT = pa.schema(
    [
        ("customer_id", _TEXT),
        ("as_of_date", pa.date32()),
        ("in_scope", pa.bool_()),
        ("out_of_scope_reason", _TEXT),
        ("churn_probability", _NUMBER),
        ("risk_band", _TEXT),
        ("due_on", pa.date32()),
        ("customer_value", _NUMBER),
        ("leaving_cost", _NUMBER),
        ("already_cancelled", pa.bool_()),
        ("reason_1", _TEXT),
        ("reason_2", _TEXT),
        ("reason_3", _TEXT),
        ("action_id", _TEXT),
        ("action_title", _TEXT),
        ("channel", _TEXT),
        ("expected_profit", _NUMBER),
        ("expected_spend", _NUMBER),
        ("is_within_plan", pa.bool_()),
        ("published_decision", _TEXT),
        ("arm", _TEXT),
        ("no_action_reason", _TEXT),
        ("no_action_words", _TEXT),
        ("model_version", _TEXT),
        ("generation", _TEXT),
        ("is_day_measured", pa.bool_()),
    ]
)


@dataclass(frozen=True)
class Counts:
    """Counts and notes of a scored lake.

    Attributes:
        customers: Rows of the result.
        in_scope: Customers in the cohort, each with a score.
        ignored: Table → rows on or after the cut-off, which were not read.
        notes: Notes for the caller, in sentences.
    """

    customers: int
    in_scope: int
    ignored: dict[str, int]
    notes: list[str]


def score_lake(
    home: Home,
    domain: str,
    generation: Path,
    run_id: str,
    *,
    lake: Path,
    cut_off: date,
    is_sent: bool,
    target: Path,
    spill: Path,
    progress: Progress,
) -> Counts:
    """Score the customers of a lake and write one row each as Parquet.

    Args:
        home: CHURN_HOME, for the run and people's decisions.
        domain: Domain.
        generation: The generation's DuckDB file.
        run_id: Its live run.
        lake: Folder like `CHURN_HOME/lake`, with this domain's tables.
        cut_off: Cut-off.
        is_sent: Whether the lake was uploaded. Then customers outside the cohort get a row that
            says so, and the rows are assumed to reach the cut-off.
        target: File for the result, written whole or not at all.
        spill: Empty folder for data that do not fit into memory.
        progress: Called with the progress.

    Raises:
        RefusedDateError: The day cannot be scored honestly.
        ChurnError: The run's folder was changed, or the cohort of a lake is empty.
    """
    model = load_live_model(home, domain, run_id)
    config: dict[str, str | bool | int | float | list[str]] = {
        "memory_limit": duckdb_limit(most=MEMORY),
        "temp_directory": str(spill),
        "threads": 2,
    }
    with duckdb.connect(config=config) as connection:
        open_answering(connection, generation, model)
        knowledge = make_controls(connection, domain)
        check_cut_off(knowledge, cut_off, run_id)
        level = read_level(home, model, knowledge.scored)
        if not is_sent:
            check_lake(knowledge, cut_off)
        given = frozenset(
            table.name for table in model.tables if _make_view(connection, lake, table)
        )
        _resolve_ids(connection, lake, domain, read_identities(generation, domain))
        derive = read_coverage(generation, domain)
        covered = coverage_of(connection, domain, derive, knowledge, cut_off)
        tested = tested_day(connection, domain, cut_off)
        write_controls(connection, domain, cut_off, covered, given)
        ignored = _late_rows(connection, model, cut_off)
        progress(0.05)
        create_models(connection, model.stack)
        last = model.stack[-1].relation
        described = {row[0]: row[1] for row in connection.execute(f"describe {last}").fetchall()}
        features = add_features(connection, model, described)
        connection.execute(
            "create table lake.cohort as select *, "
            f"(row_number() over (order by customer_id) - 1) // {CHUNK} as chunk from {last}"
            + (f" where not ({_UNFIT_ID})" if is_sent else "")
        )
        row = connection.execute("select count(*), max(chunk) from lake.cohort").fetchone()
        in_scope, newest = (row[0], row[1]) if row else (0, None)
        if in_scope == 0 and not is_sent:
            raise ChurnError(
                f"The cohort of {cut_off} is empty, so there is nothing to score.",
                hint="Choose another cut-off.",
            )
        progress(0.4)
        written = 0
        with (
            replaced(target) as part,
            pq.ParquetWriter(part, RESULT, compression="zstd") as writer,
        ):
            scorer = Scorer(connection, generation, model, features, level)
            scorer.set_cut_off(cut_off)
            decided = DecisionReader(home, domain)
            for chunk in range(0 if newest is None else newest + 1):
                rows = [
                    _result(one, cut_off, run_id, generation.stem, tested)
                    for one in _scored(connection, scorer, decided, chunk, cut_off)
                ]
                written += len(rows)
                writer.write_table(pa.Table.from_pylist(rows, RESULT))
                progress(0.4 + 0.55 * written / in_scope)
            if is_sent:
                for batch in _others(connection, model, cut_off):
                    rows = [
                        _outside(customer, cut_off, words, run_id, generation.stem, tested)
                        for customer, words in batch
                    ]
                    written += len(rows)
                    writer.write_table(pa.Table.from_pylist(rows, RESULT))
    progress(1.0)
    absent = [t.name for t in model.tables if not t.required and t.name not in given]
    notes = notes_of(knowledge, cut_off, absent) if is_sent else []
    notes += tested.notes(cut_off)
    notes += level.notes(cut_off) if level else []
    return Counts(written, in_scope, ignored, notes)


def _resolve_ids(
    connection: duckdb.DuckDBPyConnection, lake: Path, domain: str, resolve: CompiledModel | None
) -> None:
    """Fill the control relation of the map of ids from the lake's own map."""
    table = next((table for table in source_tables(domain) if table.known_from), None)
    if resolve is None or table is None:
        return
    _make_view(connection, lake, table)
    connection.execute(
        "insert into control.control__identities "
        f"select '{domain}' as domain, * from ({placed(resolve.sql)})"
    )


def _make_view(connection: duckdb.DuckDBPyConnection, lake: Path, table: SourceTable) -> bool:
    """Create a lake relation over a folder's files, empty without any; return if there are any."""
    files = sorted((lake / table.domain / table.name).rglob("*.parquet"))
    columns = {column.name: column.data_type for column in table.columns}
    rows = parquet_select(connection, files, columns)
    connection.execute(f"create view lake.{table.identifier} as {rows}")
    return bool(files)


def _late_rows(
    connection: duckdb.DuckDBPyConnection, model: LiveModel, cut_off: date
) -> dict[str, int]:
    found = {}
    for table in model.tables:
        if day := table.event_day or table.event_time:
            row = connection.execute(
                f"select count(*) from lake.{table.identifier} where {day} >= ?", [cut_off]
            ).fetchone()
            if row and row[0]:
                found[table.name] = int(row[0])
    return found


def _scored(
    connection: duckdb.DuckDBPyConnection,
    scorer: Scorer,
    decided: DecisionReader,
    chunk: int,
    cut_off: date,
) -> list[Scored]:
    """Score one chunk in a transaction that is rolled back."""
    connection.execute("begin")
    try:
        rows = connection.execute(
            scorer.select_features(f"from lake.cohort where chunk = {chunk}")
        ).fetchall()
        return scorer.score(rows, cut_off, decided.about([row[0] for row in rows]))
    finally:
        connection.execute("rollback")


def _others(
    connection: duckdb.DuckDBPyConnection, model: LiveModel, cut_off: date
) -> Iterator[list[tuple[str, str]]]:
    """Return customers with rows in a required table who are not in the cohort, and why."""
    required = [table for table in model.tables if table.required and table.id_column]
    if not required:
        return
    # distinct here, too: a single table has no union to remove duplicates
    sources = " union ".join(
        f"select distinct {table.id_column} as customer_id from lake.{table.identifier}"
        for table in required
    )
    # the same words as in real time
    late = " ".join(
        f"when customer_id not in (select {table.id_column} from lake.{table.identifier} "
        f"where {day} < date '{cut_off}') "
        f"then 'no rows in {table.name} before the cut-off'"
        for table in required
        if (day := table.event_day or table.event_time)
    )
    cursor = connection.execute(
        f"select customer_id, case when {_UNFIT_ID} then ? {late} else ? end "
        f"from ({sources}) anti join lake.cohort using (customer_id) order by customer_id",
        [_UNFIT_WORDS, f"not scored: {model.settings.not_scored}"],
    )
    while rows := cursor.fetchmany(CHUNK):
        yield rows


def _result(
    one: Scored, cut_off: date, run_id: str, generation: str, tested: TestedDay
) -> dict[str, Any]:
    raising = [
        row["sentence"]
        for row in one.reasons
        if row["direction"] == "raises" and not row["is_typical"]
    ]
    first, second, third = [*raising[:3], None, None, None][:3]
    action = one.action
    return {
        "customer_id": one.customer_id,
        "as_of_date": cut_off,
        "in_scope": True,
        "out_of_scope_reason": None,
        "churn_probability": one.churn_probability,
        "risk_band": one.risk_band,
        "due_on": one.due_on,
        "customer_value": one.customer_value,
        "leaving_cost": one.leaving_cost,
        "already_cancelled": one.already_cancelled,
        "reason_1": first,
        "reason_2": second,
        "reason_3": third,
        "action_id": action["planned_action"],
        "action_title": action["action_title"],
        "channel": action["channel"],
        "expected_profit": action["expected_profit"],
        "expected_spend": action["expected_spend"],
        "is_within_plan": action["is_within_plan"],
        "published_decision": action["published_decision"],
        "arm": action["arm"],
        "no_action_reason": action["reason"],
        "no_action_words": action["reason_words"],
        "model_version": run_id,
        "generation": generation,
        "is_day_measured": tested.is_measured,
    }


def _outside(
    customer: str, cut_off: date, words: str, run_id: str, generation: str, tested: TestedDay
) -> dict[str, Any]:
    empty = dict.fromkeys(RESULT.names)
    return empty | {
        "customer_id": customer,
        "as_of_date": cut_off,
        "in_scope": False,
        "out_of_scope_reason": words,
        "model_version": run_id,
        "generation": generation,
        "is_day_measured": tested.is_measured,
    }
