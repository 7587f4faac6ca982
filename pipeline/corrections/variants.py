"""Builds a domain's features with other corrections than the warehouse has, in memory.

The SQL is what dbt compiles with every correction of the domain adopted. Which of them a variant
has is decided by what each correction reads: that is put to the one before it in the variant. What
does not rest on a correction is read from the warehouse; only of the cut-offs whose features are
kept a build makes no more than one, so what it narrows to those is made once, of all cut-offs.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb
import numpy as np
from numpy.typing import NDArray

from ml.contract import Examples, read_examples
from pipeline.corrections.catalogue import Correction, corrections_of
from pipeline.project.corrections import DAY_OF
from pipeline.project.duck import open_large, quoted
from pipeline.project.home import Home
from pipeline.runs.context import RunContext
from pipeline.warehouse.compiled_sql import CompiledModel, compiled_stack
from pipeline.warehouse.dbt import dbt

_RELATION = re.compile(r'"warehouse"\."(\w+)"\."(\w+)"')
# The cut-offs whose features a build makes: those that are not kept, and one that is compared.
_NARROWED = "control.control__feature_cut_offs"
# The database of what a build has narrowed, made of all cut-offs.
_WHOLE = "whole"
# What the placebo reads: the rows of the correction whose place it takes.
TRUE = "__true"


@dataclass(frozen=True)
class CompiledCorrections:
    """A domain's feature SQL with every correction in it.

    Attributes:
        domain: Domain.
        known: Its corrections.
        stack: Models that rest on a correction, in the order to create them.
        narrowed: Models that rest on none, and that a build makes of some cut-offs alone.
        marked: Relations where the corrections of each shape begin.
    """

    domain: str
    known: Mapping[str, Correction]
    stack: tuple[CompiledModel, ...]
    narrowed: tuple[CompiledModel, ...]
    marked: Mapping[str, str]

    @property
    def features(self) -> str:
        """The relation with the features."""
        return self.stack[-1].relation


def compile_corrections(context: RunContext, domain: str) -> CompiledCorrections:
    """Let dbt compile a domain's features with every correction of it adopted."""
    known = corrections_of(domain)
    entry = context.entries[domain].with_changes({"corrections": list(known)})
    variables = dict(context.variables)
    variables["churn_domains"] = {**variables["churn_domains"], domain: entry.given()}
    # its own manifest, so that the one of the last build stays
    elsewhere = Home(context.home.work / "corrections")
    dbt(
        context.home,
        "compile",
        "--select",
        f"+int_{domain}__features_joined",
        variables=variables,
        console=context.console,
        title="features with every correction",
        target_path=elsewhere.dbt_target,
    )
    stack = compiled_stack(elsewhere, domain)
    # made beside the features where a build has not made them
    rests = _resting(stack, {correction.relation for correction in known.values()})
    others = [model for model in stack if model not in rests]
    narrowed = _resting(others, {_NARROWED})
    marked = {correction.shape: correction.marked for correction in known.values()}
    return CompiledCorrections(domain, known, tuple(rests), tuple(narrowed), marked)


def _resting(stack: Sequence[CompiledModel], on: set[str]) -> list[CompiledModel]:
    """Return the models of a stack that are among some relations, or rest on them."""
    found, names = [], set(on)
    for model in stack:
        if model.relation in names or names & set(_read(model.sql)):
            found.append(model)
            names.add(model.relation)
    return found


def _read(sql: str) -> list[str]:
    return [f"{schema}.{name}" for schema, name in _RELATION.findall(sql)]


def arranged(
    compiled: CompiledCorrections,
    chain: Sequence[str],
    instead: Mapping[str, str] | None = None,
) -> list[CompiledModel]:
    """Return the models of a variant, in the order to create them.

    Args:
        compiled: The domain's SQL.
        chain: Names of the corrections, in the order in which they are made.
        instead: Correction → select that takes its place; it may read the correction's own rows as
            `<relation>__true`.
    """
    instead = instead or {}
    by_relation = {correction.relation: correction for correction in compiled.known.values()}
    last = dict(compiled.marked)
    reads: dict[str, str] = {}
    for name in chain:
        correction = compiled.known[name]
        reads[name] = last[correction.shape]
        last[correction.shape] = correction.relation
    models = {model.relation: model for model in compiled.stack}
    found: list[CompiledModel] = []
    for name in chain:
        correction = compiled.known[name]
        model = models[correction.relation]
        sql = _put(model.sql, compiled, correction.shape, reads[name])
        if name in instead:
            found.append(CompiledModel(f"{model.relation}{TRUE}", sql, True))
            found.append(CompiledModel(model.relation, instead[name], True))
        else:
            found.append(replace(model, sql=sql, is_table=True))
    for model in compiled.stack:
        if model.relation not in by_relation:
            sql = model.sql
            for shape, relation in last.items():
                sql = _put(sql, compiled, shape, relation)
            found.append(replace(model, sql=sql))
    return found


def _put(sql: str, compiled: CompiledCorrections, shape: str, relation: str) -> str:
    """Let SQL read another relation wherever it reads a corrected one of a shape."""
    chained = {c.relation for c in compiled.known.values() if c.shape == shape}
    chained.add(compiled.marked[shape])
    schema, _, name = relation.partition(".")

    def other(found: re.Match[str]) -> str:
        is_chained = f"{found[1]}.{found[2]}" in chained
        return f'"warehouse"."{schema}"."{name}"' if is_chained else found[0]

    return _RELATION.sub(other, sql)


def read_by(compiled: CompiledCorrections, chain: Sequence[str], name: str) -> str:
    """Return the relation that a correction of a variant reads."""
    correction = compiled.known[name]
    before = [
        compiled.known[other]
        for other in chain[: chain.index(name)]
        if compiled.known[other].shape == correction.shape
    ]
    return before[-1].relation if before else correction.marked


@contextmanager
def opened(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Yield an in-memory database with the warehouse attached, under its own name, to read."""
    settings = {"threads": "2", "preserve_insertion_order": "false"}
    with open_large(home, "variants", config=settings) as connection:
        connection.execute(f"attach {quoted(home.warehouse)} as warehouse (read_only)")
        yield connection


def create(
    connection: duckdb.DuckDBPyConnection,
    compiled: CompiledCorrections,
    models: Sequence[CompiledModel],
) -> None:
    """Make the models of a variant in memory; they replace those of the one before."""
    known = {
        row[0]
        for row in connection.execute("select database_name from duckdb_databases()").fetchall()
    }
    if _WHOLE not in known:
        connection.execute(f"attach ':memory:' as {_WHOLE}")
        every = (
            'select domain, as_of_date from "warehouse"."control"."control__cut_offs" '
            f"where domain = {quoted(compiled.domain)}"
        )
        cut_offs = CompiledModel(_NARROWED, every, True)
        # tables: every variant reads them
        of_all = [replace(model, is_table=True) for model in compiled.narrowed]
        _create(connection, _WHOLE, [cut_offs, *of_all], {})
    whole = {_NARROWED, *(model.relation for model in compiled.narrowed)}
    _create(connection, "memory", models, dict.fromkeys(whole, _WHOLE))


def _create(
    connection: duckdb.DuckDBPyConnection,
    database: str,
    models: Sequence[CompiledModel],
    elsewhere: Mapping[str, str],
) -> None:
    """Make models in a database, anew; what they read is there, elsewhere or in the warehouse."""
    places = {**elsewhere, **{model.relation: database for model in models}}

    def placed(found: re.Match[str]) -> str:
        place = places.get(f"{found[1]}.{found[2]}", "warehouse")
        return f'"{place}"."{found[1]}"."{found[2]}"'

    for schema in {model.relation.partition(".")[0] for model in models}:
        connection.execute(f"drop schema if exists {database}.{schema} cascade")
        connection.execute(f"create schema {database}.{schema}")
    for model in models:
        kind = "table" if model.is_table else "view"
        connection.execute(
            f"create {kind} {database}.{model.relation} as {_RELATION.sub(placed, model.sql)}"
        )


def read_variant(
    connection: duckdb.DuckDBPyConnection,
    compiled: CompiledCorrections,
    since: np.datetime64,
    until: np.datetime64,
) -> Examples:
    """Read the examples of the variant that was made: its features, and the mart's outcomes."""
    domain = compiled.domain
    mart = f"{domain}__churn_examples"
    names = [row[0] for row in connection.execute(f"describe warehouse.{domain}.{mart}").fetchall()]
    features = [name for name in names if "__" in name]
    spine = [name for name in names if name not in features]
    columns = ", ".join([*(f"mart.{n}" for n in spine), *(f"variant.{n}" for n in features)])
    connection.execute(f"create schema if not exists memory.{domain}")
    connection.execute(
        f"create or replace view memory.{domain}.{mart} as select {columns} "
        f"from warehouse.{domain}.{mart} as mart "
        f"inner join memory.{compiled.features} as variant using (customer_id, as_of_date)"
    )
    return read_examples(connection, domain, since=since, until=until)


def touched(
    connection: duckdb.DuckDBPyConnection, correction: Correction, examples: Examples
) -> NDArray[np.bool_]:
    """Return whether a correction of the variant that was made changed the past of each row."""
    day = DAY_OF[correction.shape]
    rows = connection.execute(
        f"select customer_id, cast(min({day}) as date) from memory.{correction.relation} "
        "where correction = ? group by customer_id",
        [correction.name],
    ).fetchall()
    first = {customer: np.datetime64(day, "D") for customer, day in rows}
    never = np.datetime64("9999-12-31", "D")
    known = np.array([first.get(c, never) for c in examples.customer_id], dtype="datetime64[D]")
    return np.asarray(known < examples.as_of_date)


def counts(connection: duckdb.DuckDBPyConnection, relation: str, name: str) -> tuple[int, int]:
    """Return how many rows a correction makes or changes, and of how many customers."""
    rows, customers = connection.execute(
        f"select count(*), count(distinct customer_id) from {relation} where correction = ?", [name]
    ).fetchall()[0]
    return int(rows), int(customers)
