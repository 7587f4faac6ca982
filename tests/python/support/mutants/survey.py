"""Try every mutant of a domain's label and feature models on made-up worlds."""

import multiprocessing
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

import duckdb
from mutants.operators import Model, Mutant
from mutants.worlds import MARTS, WORLDS, make
from reference.compare import differences, report
from reference.stack import built, in_memory
from reference.worlds import World

from pipeline.project.domains import domain_entries
from pipeline.project.home import Home
from pipeline.warehouse.compiled_sql import CompiledModel, compiled_stack

PROCESSES = 2
# small enough that both processes are busy to the end
AT_A_TIME = 20
# then a mutant that joins all with all is stopped
SECONDS = 10

Fate = Literal["killed", "invalid", "survived"]


class Verdict(NamedTuple):
    """What became of a mutant.

    Attributes:
        mutant: The mutant.
        lines: Where it stands in the compiled model.
        fate: Killed where a mart differs, invalid where the SQL fails, takes too long or too much.
        world: In which world, if it did not survive.
        words: What the engine said of an invalid one.
    """

    mutant: Mutant
    lines: str
    fate: Fate
    world: str = ""
    words: str = ""


class Bench:
    """One world under the unmutated models, each a table.

    The marts agree with the reference here, so a mutant that changes no mart agrees with it too,
    and one that changes a value differs from it: marts are compared with themselves, in SQL.
    """

    def __init__(self, stack: list[CompiledModel], marts: tuple[str, ...], world: World):
        self.sql = {view.relation: in_memory(view.sql) for view in stack}
        self.marts = marts
        self.exits = ExitStack()
        self.connection = self.exits.enter_context(built(world, stack))
        self.count = {relation: self._counting(relation) for relation in self.sql}
        self.counted = {relation: self._ask(relation) for relation in self.sql}

    def kills(self, relation: str, sql: str) -> bool:
        """Whether a mart differs when a model has other SQL; everything is as before afterwards.

        Raises:
            duckdb.Error: The mutant cannot run, or is stopped.
        """
        with self._undone():
            changed: set[str] = set()
            for name in self._from(relation):
                text = in_memory(sql) if name == relation else self.sql[name]
                if name != relation and not self._reads(name, changed):
                    continue
                self.connection.execute(f"create or replace table {name} as {text}")
                if self._ask(name) == self.counted[name]:
                    continue
                if name in self.marts:
                    return True
                changed.add(name)
        return False

    @contextmanager
    def _undone(self) -> Iterator[None]:
        watch = threading.Timer(SECONDS, self.connection.interrupt)
        watch.start()
        self.connection.execute("begin")
        try:
            yield
        finally:
            watch.cancel()
            self.connection.execute("rollback")

    def _from(self, relation: str) -> list[str]:
        """A model and all that are made after it."""
        names = list(self.sql)
        return names[names.index(relation) :]

    def _reads(self, relation: str, others: set[str]) -> bool:
        return any(_quoted(other) in self.sql[relation] for other in others)

    def _counting(self, relation: str) -> str:
        """A query whose answer is another one when any row is."""
        columns = self.connection.execute(f"describe {relation}").fetchall()
        # the engine hashes 0 and -1 alike when they are hugeints
        values = ", ".join(
            f'"{name}"::varchar' if kind == "HUGEINT" else f'"{name}"' for name, kind, *_ in columns
        )
        return f"select count(*), sum(hash({values})) from {relation}"

    def _ask(self, relation: str) -> list[tuple[int, int | None]]:
        return self.connection.execute(self.count[relation]).fetchall()


def _quoted(relation: str) -> str:
    schema, name = relation.split(".")
    return f'"{schema}"."{name}"'


@dataclass
class Domain:
    """A domain's models and worlds in one process; worlds are made when they are first needed."""

    name: str
    stack: list[CompiledModel]
    models: dict[str, Model]

    def __post_init__(self) -> None:
        self.benches: dict[str, Bench] = {}

    @classmethod
    def compiled(cls, home: Home, name: str) -> "Domain":
        """The models that labels and examples are made of, without seeds."""
        stack = compiled_stack(home, name, f"{name}__churn_examples")
        schemas = (name, domain_entries()[name].kind)
        models = {
            view.relation: Model(view.relation.split(".")[1], view.sql)
            for view in stack
            if view.relation.split(".")[0] in schemas
        }
        # as text of the tree, so that a mutant differs from it in its own words only
        stack = [
            replace(view, sql=models[view.relation].sql()) if view.relation in models else view
            for view in stack
        ]
        return cls(name, stack, models)

    def everything(self) -> list[tuple[str, int]]:
        """Every change of every model, by relation and number."""
        return [
            (relation, number)
            for relation, model in self.models.items()
            for number in range(len(model.changes))
        ]

    def bench(self, world: str) -> Bench:
        """A world under the models."""
        if world not in self.benches:
            marts = (f"{self.name}.{self.name}__labels", f"{self.name}.{self.name}__churn_examples")
            self.benches[world] = Bench(self.stack, marts, make(self.name, world))
        return self.benches[world]

    def judge(self, relation: str, number: int) -> tuple[Fate, str, str]:
        """Fate of a change, the world that decided it and what the engine said."""
        sql = self.models[relation].sql(number)
        for world in WORLDS[self.name]:
            bench = self.bench(world)
            try:
                if bench.kills(relation, sql):
                    return "killed", world, ""
            except duckdb.Error as error:
                return "invalid", world, str(error).splitlines()[0]
        return "survived", "", ""

    def disagreement(self, name: str) -> str:
        """Report of what differs between reference and unmutated models in a world, or nothing."""
        world = make(self.name, name)
        for mart in MARTS[self.name]:
            both = mart(self.stack)
            unequal = differences(both.reference(world), both.sql(world))
            if unequal:
                return report(world, unequal, both.reference, both.sql)
        return ""


def survey(home: Home, domain: str, *, one_in: int = 1) -> tuple[list[Verdict], dict[str, str]]:
    """Judge the mutants of a domain.

    Args:
        home: Home in which dbt compiled the domain.
        domain: Domain.
        one_in: Every so many of each model's mutants; 1 for all.

    Returns:
        Verdicts in the order of the models, and by world what differs there without a mutant.
    """
    own = Domain.compiled(home, domain)
    everything = [change for change in own.everything() if change[1] % one_in == 0]
    count = len(everything) // AT_A_TIME + 1
    parts = [everything[at::count] for at in range(count)]
    with ProcessPoolExecutor(
        PROCESSES,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_open,
        initargs=(home, domain),
    ) as pool:
        agreement = {world: pool.submit(_disagreement, world) for world in WORLDS[domain]}
        judged = dict(pair for part in pool.map(_judge, parts) for pair in part)
        differing = {world: found.result() for world, found in agreement.items()}
    verdicts = []
    for relation, model in own.models.items():
        for number, mutant in enumerate(model.mutants()):
            if (relation, number) in judged:
                verdicts.append(Verdict(mutant, model.lines(number), *judged[relation, number]))
    return verdicts, {world: words for world, words in differing.items() if words}


_here: Domain


def _open(home: Home, domain: str) -> None:
    global _here
    _here = Domain.compiled(home, domain)


def _judge(part: list[tuple[str, int]]) -> list[tuple[tuple[str, int], tuple[Fate, str, str]]]:
    return [(change, _here.judge(*change)) for change in part]


def _disagreement(world: str) -> str:
    return _here.disagreement(world)
