"""Answers raw rows of a few customers: one engine for a domain of a generation."""

import queue
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from pipeline.feature_sql import as_statement
from pipeline.realtime.answer import Desk, Scored, add_features, open_answering
from pipeline.realtime.controls import (
    Covered,
    Knowledge,
    check_cut_off,
    coverage_of,
    make_controls,
    write_controls,
)
from pipeline.realtime.guards import read_guarded
from pipeline.realtime.model import load_live_model
from pipeline.realtime.rows import Customer, Loader, check_customers, ignored_columns
from pipeline.settings import Home

# Requests that are worked on at the same time; further ones wait their turn.
DESKS = 2


@dataclass(frozen=True)
class Prediction:
    """The answer for one customer.

    Attributes:
        customer_id: Customer.
        scored: What is said of it; None outside the cohort.
        reason: Why it is outside the cohort.
        ignored: Table → rows on the cut-off or after it, which were not read.
    """

    customer_id: str
    scored: Scored | None
    reason: str | None = None
    ignored: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Answer:
    """The answer to a request.

    Attributes:
        as_of_date: The cut-off.
        predictions: One per customer, in the order they were sent.
        notes: What whoever asked should know, in sentences.
    """

    as_of_date: date
    predictions: list[Prediction]
    notes: list[str]


class Engine:
    """The published build of a domain, in memory, ready for raw rows. Safe to use from threads.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        generation: The generation's DuckDB file.
        run_id: Its live run.

    Raises:
        NotReadyError: The generation is older than real time.
        ChurnError: The run's folder is not what it was.
    """

    def __init__(self, home: Home, domain: str, generation: Path, run_id: str) -> None:
        self._home = home
        self.model = load_live_model(home, domain, run_id)
        # one thread: at this size threads wait for each other more than they work
        self._database = duckdb.connect(config={"threads": 1})
        open_answering(self._database, generation, self.model)
        self.knowledge: Knowledge = make_controls(self._database, domain)
        Loader.make_relations(self._database, self.model.tables)
        statement = as_statement(self.model.stack)
        described = {
            row[0]: row[1] for row in self._database.execute(f"describe {statement}").fetchall()
        }
        features = add_features(self._database, self.model, described)
        self._statement = (
            f"insert into {domain}.{domain}__churn_examples by name select '{domain}' as domain, "
            f"* from ({statement})"
        )
        self._coverage: dict[date, list[Covered]] = {}
        self._lock = threading.Lock()
        self._desks: queue.SimpleQueue[tuple[Desk, Loader]] = queue.SimpleQueue()
        for _ in range(DESKS):
            cursor = self._database.cursor()
            # what is set for a session is not set for its cursors
            cursor.execute("set timezone = 'UTC'")
            loader = Loader(cursor, self.model.tables, domain)
            cursor.execute(f"prepare features as {self._statement}")
            self._desks.put((Desk(cursor, generation, self.model, features), loader))

    def predict(self, customers: Sequence[Customer], as_of_date: date | None = None) -> Answer:
        """Answer for customers whose full history was sent.

        Args:
            customers: Each with the rows of the domain's raw files.
            as_of_date: Cut-off; the published one if not given.

        Raises:
            BadRowsError: Something that was sent cannot be used.
            RefusedDateError: No honest answer can be given for that day.
        """
        cut_off = as_of_date or self.knowledge.scored
        check_cut_off(self.knowledge, cut_off, self.model.run_id)
        check_customers(customers, self.model.tables)
        guarded = read_guarded(self._home, self.model.domain, [c.customer_id for c in customers])
        scored: dict[str, Scored] = {}
        ignored: dict[int, dict[str, int]] = {}
        with self._desk() as (desk, loader):
            # a table that was not sent is not observed: its features are null, not zero
            for given in dict.fromkeys(customer.given for customer in customers):
                places = [at for at, one in enumerate(customers) if one.given == given]
                chosen = [customers[at] for at in places]
                with _undone(desk.connection):
                    covered = self._covered(desk.connection, cut_off)
                    write_controls(desk.connection, self.model.domain, cut_off, covered, given)
                    ignored |= loader.load(chosen, places)
                    desk.connection.execute("execute features")
                    found = desk.score(cut_off, guarded)
                scored |= {one.customer_id: one for one in found}
        predictions = [
            Prediction(
                customer.customer_id,
                scored.get(customer.customer_id),
                None
                if customer.customer_id in scored
                else self._outside(customer, ignored.get(at)),
                ignored.get(at, {}),
            )
            for at, customer in enumerate(customers)
        ]
        return Answer(cut_off, predictions, self._notes(cut_off, customers))

    def _covered(self, connection: duckdb.DuckDBPyConnection, cut_off: date) -> list[Covered]:
        with self._lock:
            if cut_off not in self._coverage:
                if len(self._coverage) > 100:
                    self._coverage.clear()
                self._coverage[cut_off] = coverage_of(connection, self.knowledge, cut_off)
            return self._coverage[cut_off]

    @contextmanager
    def _desk(self) -> Iterator[tuple[Desk, Loader]]:
        taken = self._desks.get()
        try:
            yield taken
        finally:
            self._desks.put(taken)

    def _outside(self, customer: Customer, ignored: dict[str, int] | None) -> str:
        for table in self.model.tables:
            sent = len(customer.tables.get(table.name) or ())
            if table.required and sent == (ignored or {}).get(table.name, 0):
                return f"nothing in {table.name} happened before the cut-off"
        return f"not scored: {self.model.recipe['settings']['not_scored']}"

    def _notes(self, cut_off: date, customers: Sequence[Customer]) -> list[str]:
        notes = []
        if cut_off > self.knowledge.known_before:
            notes.append(
                f"The published build knows what happened before {self.knowledge.known_before}; "
                f"that the rows sent reach to {cut_off} is taken on trust, each source as far "
                "behind as it was then."
            )
        for table in self.model.tables:
            if not table.required and any(table.name not in one.given for one in customers):
                notes.append(
                    f"Where {table.name} was not sent, what is computed from it is null; an empty "
                    "list says that there is nothing."
                )
        notes += [
            f"Not read, because {table} has no such columns: {', '.join(names)}."
            for table, names in ignored_columns(customers, self.model.tables).items()
        ]
        return notes


@contextmanager
def _undone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction that leaves nothing behind."""
    connection.execute("begin")
    try:
        yield
    finally:
        connection.execute("rollback")


class Engines:
    """Keeps an engine for each domain of the newest generations that were asked for."""

    def __init__(self, home: Home, kept: int = 4) -> None:
        self._home = home
        self._kept = kept
        self._engines: dict[tuple[Path, str], Engine] = {}
        self._lock = threading.Lock()

    def engine(self, generation: Path, domain: str, run_id: str) -> Engine:
        """Return the engine of a generation's domain, opened at its first use.

        Raises:
            NotReadyError: The generation is older than real time.
            ChurnError: The run's folder is not what it was.
        """
        with self._lock:
            key = (generation, domain)
            found = self._engines.pop(key, None)
            if found is None:
                found = Engine(self._home, domain, generation, run_id)
            self._engines[key] = found  # the last one used is the last one to go
            while len(self._engines) > self._kept:
                self._engines.pop(next(iter(self._engines)))
            return found
