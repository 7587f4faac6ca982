"""What each generation keeps so that raw rows can be answered without the warehouse.

The warehouse is private to whoever builds, so a publish puts beside the serving tables: the
compiled SQL that words reasons and values actions, the rows it reads that are no customer's, the
shapes of those that are, and the days on which each source has events.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from pipeline.project.duck import quoted
from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home
from pipeline.realtime.errors import NotReadyError
from pipeline.runs.registry import recipe_of
from pipeline.warehouse.compiled_sql import (
    CompiledModel,
    compiled_model,
    load_stack,
    read_manifest,
    read_stack,
    stack_hash,
    write_stack,
)
from pipeline.warehouse.control import load_coverage

FOLDER = "realtime"
STACK = "features.json"
_RULES = "decisions.json"
_COVERAGE = "coverage.json"

# In the order in which they are made.
WORDED = ("int_churn__reasons_worded",)
DECIDED = (
    "int_churn__reasons_picked",
    "int_churn__leave_alone_rules_matched",
    "int_churn__contact_eligibility_checked",
    "int_churn__actions_valued",
    "int_churn__customer_options_summarised",
    "int_churn__best_actions_picked",
    "fct_churn_actions",
)
# Rows that are no customer's.
_GIVEN = (
    "control.control__knowledge",
    "control.control__event_days",
    "churn.int_churn__live_runs_selected",
    "churn.int_churn__features_described",
    "churn.int_churn__actions_catalogued",
    "churn.int_churn__plan_settings_resolved",
    "churn.int_churn__budget_shadow_prices_derived",
    "churn.int_churn__channel_shadow_prices_picked",
)
# Relations whose rows a request brings.
_SHAPES = (
    "control.control__cut_offs",
    "control.control__coverage",
    "churn.fct_churn_scores",
    "churn.fct_churn_reasons",
    "churn.int_churn__actions_allocated",
    "churn.stg_churn__reasons",
    "churn.stg_churn__suppressions",
    "churn.stg_churn__contacts",
)


def save_rules(home: Home) -> None:
    """Keep the SQL that dbt has just compiled; its manifest forgets it at the next call."""
    nodes = {node["name"]: node for node in read_manifest(home)["nodes"].values()}
    names = [name for name in (*WORDED, *DECIDED) if nodes.get(name, {}).get("compiled_code")]
    if len(names) == len(WORDED) + len(DECIDED):
        write_stack(_rules_path(home), [compiled_model(nodes[name]) for name in names])


def has_rules(home: Home) -> bool:
    """Whether the SQL of the last build is kept."""
    if not _rules_path(home).exists():
        return False
    names = [view.relation.split(".")[1] for view in read_stack(_rules_path(home))]
    return names == [*WORDED, *DECIDED]


def _rules_path(home: Home) -> Path:
    return home.dbt_target.parent / "realtime.json"


def keep_run_stack(home: Home, run: Path) -> None:
    """Put the feature SQL into a run's folder; runs made before this file existed lack it.

    Nothing is kept when the build has other SQL by now: the run then cannot answer raw rows.
    """
    path, recipe = run / STACK, recipe_of(run)
    if path.exists():
        return
    stack = load_stack(home, recipe.domain)
    if stack_hash(stack) == recipe.feature_sql_hash:
        with replaced(path) as part:
            write_stack(part, stack)


def write_bundle(connection: duckdb.DuckDBPyConnection, home: Home, copies: Path) -> None:
    """Write a generation's bundle into the folder of its copies; nothing before a whole run.

    Args:
        connection: Has the warehouse attached as `warehouse`.
        home: CHURN_HOME.
        copies: Folder of the generation's Parquet and CSV copies.
    """
    if not has_rules(home):
        return
    coverage = load_coverage(home)
    folder = copies / FOLDER
    folder.mkdir()
    live = connection.execute(
        "select domain, run_id from warehouse.churn.int_churn__live_runs_selected order by domain"
    ).fetchall()
    for relation in _GIVEN:
        _copy(connection, relation, folder)
    domains = [
        name.removesuffix("__churn_examples")
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where database_name = 'warehouse' "
            "and table_name like '%\\_\\_churn\\_examples' escape '\\' order by table_name"
        ).fetchall()
    ]
    for relation in (*_SHAPES, *(f"{domain}.{domain}__churn_examples" for domain in domains)):
        _copy(connection, relation, folder, "limit 0")
    for domain, run_id in live:
        keep_run_stack(home, home.models / domain / run_id)
    write_stack(folder / _COVERAGE, [coverage])
    write_stack(folder / _RULES, read_stack(_rules_path(home)))


def _copy(
    connection: duckdb.DuckDBPyConnection, relation: str, folder: Path, limit: str = ""
) -> None:
    connection.execute(
        f"copy (select * from warehouse.{relation} {limit}) "
        f"to {quoted(folder / f'{relation}.parquet')} (format parquet)"
    )


def is_bundled(generation: Path) -> bool:
    """Whether a generation, given by its DuckDB file, has a bundle of this version."""
    folder = generation.with_suffix("") / FOLDER
    files = (_RULES, _COVERAGE, *(f"{relation}.parquet" for relation in (*_GIVEN, *_SHAPES)))
    return all((folder / name).exists() for name in files)


def read_rules(generation: Path) -> tuple[list[CompiledModel], list[CompiledModel]]:
    """Return a generation's SQL that words reasons, and the SQL that decides actions.

    Raises:
        NotReadyError: The generation is older than bundles.
    """
    folder = bundle_folder(generation)
    rules = read_stack(folder / _RULES)
    return rules[: len(WORDED)], rules[len(WORDED) :]


def read_coverage(generation: Path) -> CompiledModel:
    """Return a generation's SQL that derives coverage from cut-offs and days with events.

    Raises:
        NotReadyError: The generation is older than bundles.
    """
    (coverage,) = read_stack(bundle_folder(generation) / _COVERAGE)
    return coverage


def bundle_folder(generation: Path) -> Path:
    """Return the folder of a generation's bundle.

    Raises:
        NotReadyError: The generation is gone, or older than bundles.
    """
    if not generation.exists():
        raise NotReadyError(
            "Newer generations were published meanwhile, and the one that was asked is not kept "
            "any more.",
            where=generation.stem,
            hint="Ask again.",
        )
    if not is_bundled(generation):
        raise NotReadyError(
            "The published generation cannot answer raw rows: it was published by an older "
            "version.",
            where=generation.stem,
            hint="churn run publishes one that can.",
        )
    return generation.with_suffix("") / FOLDER


def load_bundle(connection: duckdb.DuckDBPyConnection, generation: Path) -> None:
    """Make a bundle's relations in an in-memory database.

    Raises:
        NotReadyError: The generation is older than bundles, or its bundle is damaged.
    """
    for path in sorted(bundle_folder(generation).glob("*.parquet")):
        schema, name = path.stem.split(".")
        connection.execute(f"create schema if not exists {schema}")
        with damage_told(generation):
            connection.execute(f"create table {schema}.{name} as from read_parquet({quoted(path)})")


@contextmanager
def damage_told(generation: Path) -> Iterator[None]:
    """Tell what DuckDB cannot read of a bundle in words for whoever asked.

    Raises:
        NotReadyError: A file is damaged or gone.
    """
    try:
        yield
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise NotReadyError(
            "What real time needs of the published generation is damaged.",
            where=generation.stem,
            hint="churn publish publishes it anew.",
        ) from error


def read_run_stack(run: Path) -> list[CompiledModel]:
    """Return the feature SQL of a run.

    Raises:
        ChurnError: It is not kept, or is not the SQL the model learned from.
    """
    path, recipe = run / STACK, recipe_of(run)
    if not path.exists():
        raise ChurnError(
            f"The feature SQL of {run.name} is not kept, and the warehouse has other SQL by now.",
            where=str(path),
            hint=f"churn run --domain {recipe.domain} trains on today's features.",
        )
    stack = read_stack(path)
    found = stack_hash(stack)
    if found != recipe.feature_sql_hash:
        raise ChurnError(
            f"The feature SQL beside {run.name} is not the SQL its model learned from.",
            where=f"{path}: {found[:12]} instead of {recipe.feature_sql_hash[:12]}",
            hint="Put the file back from a copy, or train anew: churn run "
            f"--domain {recipe.domain}.",
        )
    if not any('"control"."control__' in view.sql for view in stack):
        raise ChurnError(
            f"The feature SQL of {run.name} is of an older version of the project.",
            where=str(path),
            hint=f"churn run --domain {recipe.domain} trains on today's features.",
        )
    return stack
