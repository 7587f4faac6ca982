"""The bundle: what each generation stores so that raw rows can be scored without the warehouse.

The warehouse is private to the build, so publish stores beside the serving tables: the compiled SQL
of reasons and actions, the rows it reads that do not belong to customers, the shapes of those that
do, and the days on which each source has events.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.project.duck import file_sql, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sums import replaced_with_sum
from pipeline.realtime.errors import NotReadyError
from pipeline.runs.registry import recipe_of
from pipeline.warehouse.compiled_sql import (
    CompiledModel,
    kept,
    load_coverage,
    load_identities,
    load_stack,
    read_models,
    relations_read,
    stack_hash,
    write_models,
)
from pipeline.warehouse.control import JUDGED

FOLDER = "realtime"
STACK = "features.json"
_REASONS = "reasons.json"
_DECISIONS = "decisions.json"
_COVERAGE = "coverage.json"
_IDENTITIES = "identities.json"

# Control relations: judged days come with their rows, cut-offs and windows are a request's own.
_KNOWN = ("control.control__knowledge", *(f"control.control__{name}" for name in JUDGED))
_FILLED = (
    "control.control__cut_offs",
    "control.control__feature_cut_offs",
    "control.control__coverage",
    "control.control__windows",
    "control.control__identities",
)
# What answers read besides the compiled SQL: features, the live runs, which kinds of day were
# tested, what leaving costs, the plan's shadow prices.
_ASKED = (
    "churn.int_churn__features_described",
    "churn.int_churn__live_runs_selected",
    "churn.int_churn__test_days_picked",
    "churn.int_churn__value_bands_cut",
    "churn.int_churn__leaving_costs_measured",
    "churn.int_churn__budget_shadow_prices_derived",
    "churn.int_churn__channel_shadow_prices_picked",
)
# Which columns make a relation a customer's: its rows come with a request, only its shape is kept.
_CUSTOMERS = ("customer_id", "customer_number")


def keep_run_stack(home: Home, run: Path) -> None:
    """Store the feature SQL in a run's folder; runs made before this file existed lack it.

    Nothing is stored if the build has other SQL by now; the run then cannot score raw rows.
    """
    path, recipe = run / STACK, recipe_of(run)
    if path.exists():
        return
    stack = load_stack(home, recipe.domain)
    if stack_hash(stack) == recipe.feature_sql_hash:
        with replaced_with_sum(path) as part:
            write_models(part, stack)


def write_bundle(connection: duckdb.DuckDBPyConnection, home: Home, copies: Path) -> None:
    """Write a generation's bundle into the folder of its copies; nothing before the first full run.

    Args:
        connection: Connection with the warehouse attached as `warehouse`.
        home: CHURN_HOME.
        copies: Folder of the generation's Parquet and CSV copies.
    """
    reasons, decisions = kept(home, "reasons"), kept(home, "decisions")
    if reasons is None or decisions is None:
        return
    coverage = load_coverage(home)
    folder = copies / FOLDER
    folder.mkdir()
    live = connection.execute(
        "select domain, run_id from warehouse.churn.int_churn__live_runs_selected order by domain"
    ).fetchall()
    for relation in _KNOWN:
        _copy(connection, relation, folder)
    read = sorted({*relations_read([*reasons, *decisions]), *_ASKED})
    for relation in (*read, *_FILLED, *_examples(connection, read)):
        is_shape = relation in _FILLED or _is_of_customers(connection, relation)
        _copy(connection, relation, folder, "limit 0" if is_shape else "")
    for domain, run_id in live:
        keep_run_stack(home, home.models / domain / run_id)
    write_models(folder / _COVERAGE, coverage)
    resolved = [load_identities(home, domain) for domain, _ in live]
    write_models(folder / _IDENTITIES, [one for one in resolved if one])
    write_models(folder / _REASONS, reasons)
    write_models(folder / _DECISIONS, decisions)


def _examples(connection: duckdb.DuckDBPyConnection, read: list[str]) -> list[str]:
    """Every domain's examples, those that decisions do not read included."""
    found = connection.execute(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name = 'warehouse' and ends_with(table_name, '__churn_examples')"
    ).fetchall()
    return sorted({name for (name,) in found} - set(read))


def _is_of_customers(connection: duckdb.DuckDBPyConnection, relation: str) -> bool:
    described = connection.execute(f"describe warehouse.{relation}").fetchall()
    return any(row[0] in _CUSTOMERS for row in described)


def _copy(
    connection: duckdb.DuckDBPyConnection, relation: str, folder: Path, limit: str = ""
) -> None:
    connection.execute(
        f"copy (select * from warehouse.{relation} {limit}) "
        f"to {quoted(folder / f'{relation}.parquet')} (format parquet)"
    )


def kept_folder(folder: Path, domain: str) -> Path:
    """Return where the bundle of a domain is, in the folder of a generation's bundle.

    A domain that a newer generation kept from an older one has a folder of its own: the SQL and
    the rows it was published with.
    """
    own = folder / domain
    return own if own.is_dir() else folder


def is_bundled(generation: Path, domain: str) -> bool:
    """Whether the generation of a DuckDB file has a bundle of a domain that this code can read."""
    folder = kept_folder(generation.with_suffix("") / FOLDER, domain)
    files = (_REASONS, _DECISIONS, _COVERAGE, _IDENTITIES)
    return all((folder / name).exists() for name in files)


def read_rules(generation: Path, domain: str) -> tuple[list[CompiledModel], list[CompiledModel]]:
    """Return a generation's SQL of reasons and its SQL of actions.

    Raises:
        NotReadyError: The generation is older than bundles.
    """
    folder = bundle_folder(generation, domain)
    return read_models(folder / _REASONS), read_models(folder / _DECISIONS)


def read_coverage(generation: Path, domain: str) -> list[CompiledModel]:
    """Return a generation's SQL that derives what is known before cut-offs.

    Raises:
        NotReadyError: The generation is older than bundles.
    """
    return read_models(bundle_folder(generation, domain) / _COVERAGE)


def read_identities(generation: Path, domain: str) -> CompiledModel | None:
    """Return a generation's SQL that resolves a domain's map of ids; None without a map.

    Raises:
        NotReadyError: The generation is older than bundles.
    """
    models = read_models(bundle_folder(generation, domain) / _IDENTITIES)
    return next((one for one in models if one.name == f"stg_{domain}__identities"), None)


def bundle_folder(generation: Path, domain: str) -> Path:
    """Return the folder of a generation's bundle of a domain.

    Raises:
        NotReadyError: The generation is gone, or older than bundles.
    """
    if not generation.exists():
        raise NotReadyError(
            "Newer generations were published meanwhile, and the requested one is no longer "
            "available.",
            where=generation.stem,
            hint="Send the request again.",
        )
    if not is_bundled(generation, domain):
        raise NotReadyError(
            "The published generation cannot score raw rows, because an older version published "
            "it.",
            where=generation.stem,
            hint="Run `churn run` to publish again.",
        )
    return kept_folder(generation.with_suffix("") / FOLDER, domain)


def load_bundle(connection: duckdb.DuckDBPyConnection, generation: Path, domain: str) -> None:
    """Create a bundle's relations in an in-memory database.

    Raises:
        NotReadyError: The generation is older than bundles, or its bundle is damaged.
    """
    for path in sorted(bundle_folder(generation, domain).glob("*.parquet")):
        schema, name = path.stem.split(".")
        connection.execute(f"create schema if not exists {schema}")
        with damage_told(generation):
            connection.execute(
                f"create table {schema}.{name} as from read_parquet({file_sql(path)})"
            )


@contextmanager
def damage_told(generation: Path) -> Iterator[None]:
    """Turn DuckDB's errors about a bundle into a message for the caller.

    Raises:
        NotReadyError: A file is damaged or gone.
    """
    try:
        yield
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise NotReadyError(
            "The files for real time in the published generation are damaged.",
            where=generation.stem,
            hint="Run `churn publish` to publish again.",
        ) from error


def read_run_stack(run: Path) -> list[CompiledModel]:
    """Return the feature SQL of a run.

    Raises:
        ChurnError: It is not stored, or is not the SQL the model was trained on.
    """
    path, recipe = run / STACK, recipe_of(run)
    if not path.exists():
        raise ChurnError(
            f"The feature SQL of {run.name} is not stored, and the warehouse has newer SQL.",
            where=str(path),
            hint=f"Train on today's features: churn run --domain {recipe.domain}",
        )
    stack = read_models(path)
    found = stack_hash(stack)
    if found != recipe.feature_sql_hash:
        raise ChurnError(
            f"The feature SQL of {run.name} is not the SQL its model was trained on.",
            where=f"{path}: {found[:12]} instead of {recipe.feature_sql_hash[:12]}",
            hint="Restore the file from a backup, or train again: churn run "
            f"--domain {recipe.domain}",
        )
    if not any('"control"."control__' in view.sql for view in stack):
        raise ChurnError(
            f"The feature SQL of {run.name} was made by an older version of the project.",
            where=str(path),
            hint=f"Train on today's features: churn run --domain {recipe.domain}",
        )
    return stack
