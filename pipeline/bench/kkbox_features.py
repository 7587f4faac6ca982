"""How much more the features of one cut-off cost than one scan of the listening lake's columns."""

from collections.abc import Iterator
from contextlib import contextmanager

import duckdb
import yaml

from pipeline.bench import kkbox_data
from pipeline.bench.columns import sums_of_lake
from pipeline.bench.figures import Figure
from pipeline.bench.workbench import Bench, Timed, best
from pipeline.dbt import dbt
from pipeline.feature_sql import View, compiled_stack
from pipeline.settings import PROJECT, Home

AIM = 5.0
CUT_OFF = kkbox_data.LAST_CUT_OFF
_TOP = "int_kkbox__features_joined"


def measure(bench: Bench) -> list[Figure]:
    """Time a scan of the lake's columns, and all features of one cut-off.

    The features are the project's compiled SQL over the relations its own macro makes, each model
    a view or a table as its config says, the last one a temporary table.
    """
    kkbox_data.lake(bench)
    stack = prepare(bench)
    scan = sums_of_lake(kkbox_data.logs_table())
    members: list[int] = []

    def scan_lake() -> None:
        with warehouse(bench.home) as connection:
            connection.execute(scan).fetchall()

    scan_seconds, build_seconds = best(
        bench,
        Timed("scanning the lake's columns", scan_lake),
        Timed(f"features of {CUT_OFF}", lambda: members.append(build(bench.home, stack))),
    )
    scanned = Figure("lake_scan", scan_seconds, "s", f"every log column summed, {bench.how}")
    built = Figure("features_of_one_cut_off", build_seconds, "s", f"{CUT_OFF}, {bench.how}")
    return [
        Figure("lake_rows", _log_rows(bench.home), "rows", "in the lake"),
        Figure("cohort_rows", members[-1], "rows", f"members of {CUT_OFF}"),
        scanned,
        built.compared(scanned, name="features_per_lake_scan", aim=AIM),
    ]


def prepare(bench: Bench) -> list[View]:
    """Make the lake's relations with one cut-off; return the stack."""
    home, variables = bench.home, {"as_of": {"kkbox": CUT_OFF}}

    def call(command: str, *arguments: str, title: str) -> None:
        dbt(home, command, *arguments, variables=variables, console=bench.console, title=title)

    call("run-operation", "create_source_relations", title="relations over the lake")
    call("compile", "--select", f"+{_TOP}", title="feature SQL")
    with warehouse(home) as connection:
        for relation in ("kkbox_cut_offs", "kkbox_coverage"):
            connection.execute(f"delete from lake.{relation} where as_of_date != ?", [CUT_OFF])
    return compiled_stack(home, "kkbox")


def build(home: Home, stack: list[View]) -> int:
    """Make the stack in order and return the rows of its last relation."""
    with warehouse(home) as connection:
        for view in stack[:-1]:
            connection.execute(f"create schema if not exists {view.relation.partition('.')[0]}")
            kind = "table" if view.is_table else "view"
            connection.execute(f"create or replace {kind} {view.relation} as\n{view.sql}")
        connection.execute(f"create or replace temp table features as\n{stack[-1].sql}")
        return _count(connection, "features")


@contextmanager
def warehouse(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the bench's warehouse with the settings of dbt's profile."""
    profile = yaml.safe_load((PROJECT / "profiles.yml").read_text())["churn"]
    settings = dict(profile["outputs"][profile["target"]]["settings"])
    # The one setting that the profile takes from the environment.
    settings["temp_directory"] = str(home.work / "duckdb")
    with duckdb.connect(str(home.warehouse), config=settings) as connection:
        yield connection


def _log_rows(home: Home) -> int:
    with warehouse(home) as connection:
        return _count(connection, f"lake.{kkbox_data.logs_table().identifier}")


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0
