"""Scores raw rows of a few customers: one engine per domain of a generation."""

import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import duckdb

from pipeline.project.home import Home
from pipeline.realtime.answer import Scored, Scorer, add_features, open_answering
from pipeline.realtime.bundle import read_coverage
from pipeline.realtime.contact_rules import DecisionReader
from pipeline.realtime.controls import (
    Knowledge,
    Known,
    TestedDay,
    check_cut_off,
    coverage_of,
    make_controls,
    notes_of,
    tested_day,
    write_controls,
)
from pipeline.realtime.model import PublishedLevel, load_live_model, read_level
from pipeline.realtime.rows import (
    Customer,
    Loader,
    check_customers,
    check_nobody_forgotten,
    ignored_columns,
)
from pipeline.warehouse.compiled_sql import as_statement

# Requests that run at the same time; others wait.
PLACES = 2
_MOST_CUT_OFFS = 100


@dataclass(frozen=True)
class Prediction:
    """The answer for one customer.

    Attributes:
        customer_id: Customer.
        scored: The scored customer; None outside the cohort.
        reason: Why the customer is outside the cohort.
        ignored: Table → rows on or after the cut-off, which were not read.
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
        predictions: One per customer, in the order of the request.
        notes: Notes for the caller, in sentences.
        tested: How near the model was tested to this kind of day.
        level: The level that the scores are on; None where levels are not forecast.
    """

    as_of_date: date
    predictions: list[Prediction]
    notes: list[str]
    tested: TestedDay
    level: PublishedLevel | None = None


class Engine:
    """The published build of a domain in memory, ready for raw rows; thread-safe.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        generation: The generation's DuckDB file.
        run_id: Its live run.

    Raises:
        NotReadyError: The generation was published by a version without real time.
        ChurnError: The run's folder was changed.
    """

    def __init__(self, home: Home, domain: str, generation: Path, run_id: str) -> None:
        self._home = home
        self.model = load_live_model(home, domain, run_id)
        self._generation = generation
        self._decided = DecisionReader(home, domain)
        self._statement = as_statement(self.model.stack)
        self._derive = read_coverage(generation, domain)
        self._coverage: dict[date, Known] = {}
        self._lock = threading.Lock()
        self._free: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        first = self._open_worker()
        self._opened = 1
        self.knowledge: Knowledge = first.knowledge
        self.level = first.scorer.level
        self._tested = {
            day: tested_day(first.database, domain, date(2000, 1, day)) for day in range(1, 32)
        }
        self._database = first.database
        self._free.put(first)

    def _open_worker(self) -> "_Worker":
        """Open a separate database, so that requests do not see each other's rows."""
        domain = self.model.domain
        # one thread: at this size several would mostly wait for each other
        database = duckdb.connect(config={"threads": 1})
        open_answering(database, self._generation, self.model)
        knowledge = make_controls(database, domain)
        Loader.make_relations(database, self.model.tables)
        described = {
            row[0]: row[1] for row in database.execute(f"describe {self._statement}").fetchall()
        }
        features = add_features(database, self.model, described)
        level = read_level(self._home, self.model, knowledge.scored)
        scorer = Scorer(database, self._generation, self.model, features, level)
        asked = scorer.select_features(self._statement)
        database.execute(f"prepare features as {asked}")
        return _Worker(database, scorer, Loader(database, self.model.tables), knowledge)

    def predict(self, customers: Sequence[Customer], as_of_date: date | None = None) -> Answer:
        """Score customers whose full history was sent.

        Args:
            customers: Customers with their rows of the domain's raw files.
            as_of_date: Cut-off; by default the published one.

        Raises:
            BadRowsError: Some rows cannot be used.
            RefusedDateError: The day cannot be scored honestly.
        """
        cut_off = as_of_date or self.knowledge.scored
        check_cut_off(self.knowledge, cut_off, self.model.run_id)
        customers = check_customers(customers, self.model.tables)
        check_nobody_forgotten(self._home, self.model.domain, customers)
        guarded = self._decided.about([customer.customer_id for customer in customers])
        scored: dict[str, Scored] = {}
        ignored: dict[int, dict[str, int]] = {}
        with self._worker() as worker:
            # a table that was not sent is not observed, so its features are null, not zero
            for given in dict.fromkeys(customer.given for customer in customers):
                places = [at for at, one in enumerate(customers) if one.given == given]
                chosen = [customers[at] for at in places]
                self._set(worker, cut_off, given)
                with _undone(worker.database):
                    ignored |= worker.loader.load(chosen, places, cut_off)
                    rows = worker.database.execute("execute features").fetchall()
                    found = worker.scorer.score(rows, cut_off, guarded)
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
        tested = self._tested[cut_off.day]
        notes = [*self._notes(cut_off, customers), *tested.notes(cut_off)]
        if self.level:
            notes += self.level.notes(cut_off)
        return Answer(cut_off, predictions, notes, tested, self.level)

    def _set(self, worker: "_Worker", cut_off: date, given: frozenset[str]) -> None:
        """Set the control relations to a cut-off; they stay until a request has another one."""
        if worker.at == (cut_off, given):
            return
        with self._lock:
            if cut_off not in self._coverage:
                if len(self._coverage) > _MOST_CUT_OFFS:
                    self._coverage.clear()
                self._coverage[cut_off] = coverage_of(
                    worker.database, self.model.domain, self._derive, self.knowledge, cut_off
                )
            covered = self._coverage[cut_off]
        worker.at = None
        write_controls(worker.database, self.model.domain, cut_off, covered, given)
        worker.scorer.set_cut_off(cut_off)
        worker.at = (cut_off, given)

    @contextmanager
    def _worker(self) -> Iterator["_Worker"]:
        with self._lock:
            is_needed = self._free.empty() and self._opened < PLACES
            self._opened += is_needed
        try:
            taken = self._open_worker() if is_needed else self._free.get()
        except Exception:
            # undo the count, or waiters would block on a worker that never opened
            with self._lock:
                self._opened -= is_needed
            raise
        try:
            yield taken
        finally:
            self._free.put(taken)

    def _outside(self, customer: Customer, ignored: dict[str, int] | None) -> str:
        for table in self.model.tables:
            sent = len(customer.tables.get(table.name) or ())
            if table.required and sent == (ignored or {}).get(table.name, 0):
                return f"no rows in {table.name} before the cut-off"
        return f"not scored: {self.model.settings.not_scored}"

    def _notes(self, cut_off: date, customers: Sequence[Customer]) -> list[str]:
        absent = [
            table.name
            for table in self.model.tables
            if not table.required and any(table.name not in one.given for one in customers)
        ]
        notes = notes_of(self.knowledge, cut_off, absent)
        if absent:
            notes.append("An empty list of rows means that nothing happened.")
        notes += [
            f"Ignored, because {table} has no such columns: {', '.join(names)}."
            for table, names in ignored_columns(customers, self.model.tables).items()
        ]
        return notes


@dataclass
class _Worker:
    """A worker, which runs one request at a time.

    Attributes:
        database: An in-memory database.
        scorer: Its prepared scorer.
        loader: Its prepared loader.
        knowledge: Limits of the published build's data.
        at: Cut-off and tables of its control relations.
    """

    database: duckdb.DuckDBPyConnection
    scorer: Scorer
    loader: Loader
    knowledge: Knowledge
    at: tuple[date, frozenset[str]] | None = None


@contextmanager
def _undone(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """A transaction that is always rolled back."""
    connection.execute("begin")
    try:
        yield
    finally:
        connection.execute("rollback")


class Engines:
    """Keeps the engines of the newest requested generations.

    Args:
        home: CHURN_HOME.
        opened: Called after an engine is opened.
        kept: Number of generations to keep; requests still arrive for the second newest.
    """

    def __init__(
        self, home: Home, opened: Callable[[], None] = lambda: None, kept: int = 2
    ) -> None:
        self._home = home
        self._opened = opened
        self._kept = kept
        self._generations: dict[Path, dict[str, _EngineSlot]] = {}
        self._lock = threading.Lock()

    def engine(self, generation: Path, domain: str, run_id: str) -> Engine:
        """Return the engine of a generation's domain, opened at its first use.

        Raises:
            NotReadyError: The generation was published by a version without real time.
            ChurnError: The run's folder was changed.
        """
        slot = self._slot(generation, domain)
        # requests for other engines do not wait for this one
        with slot.lock:
            if slot.engine is None:
                slot.engine = Engine(self._home, domain, generation, run_id)
                self._opened()
            return slot.engine

    def in_use(self) -> set[str]:
        """Return the domains with an engine."""
        with self._lock:
            return {
                domain
                for slots in self._generations.values()
                for domain, slot in slots.items()
                if slot.engine is not None
            }

    def _slot(self, generation: Path, domain: str) -> "_EngineSlot":
        with self._lock:
            slots = self._generations.pop(generation, {})
            self._generations[generation] = slots  # least recently used first
            while len(self._generations) > self._kept:
                self._generations.pop(next(iter(self._generations)))
            return slots.setdefault(domain, _EngineSlot())


@dataclass
class _EngineSlot:
    """An engine that one request opens while others wait for it."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    engine: Engine | None = None
