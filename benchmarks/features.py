"""The cost of one cut-off's features, relative to reading their input rows once."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import duckdb
import yaml

from benchmarks import ecommerce_data, kkbox_data
from benchmarks.columns import sums_of_csv, sums_of_lake
from benchmarks.figures import Figure
from benchmarks.workbench import Bench, Timed, best
from pipeline.project.home import PROJECT, Home
from pipeline.project.memory import duckdb_limit
from pipeline.warehouse.compiled_sql import CompiledModel, compiled_stack
from pipeline.warehouse.dbt import dbt


@dataclass(frozen=True)
class Case:
    """A domain's features at one cut-off.

    Attributes:
        domain: Domain.
        cut_off: The cut-off.
        aim: Maximum cost of the features, in scans of the lake's columns.
    """

    domain: str
    cut_off: str
    aim: float | None = None


KKBOX = Case("kkbox", kkbox_data.LAST_CUT_OFF, aim=5.0)
ECOMMERCE = Case("ecommerce", ecommerce_data.LAST_CUT_OFF)


def measure_kkbox(bench: Bench) -> list[Figure]:
    """Time a scan of the lake's log columns, and all features at one cut-off.

    The features are the project's compiled SQL over the relations of its own macro, each model a
    view or a table as configured, the last one a temporary table.
    """
    kkbox_data.lake(bench)
    stack = prepare(bench, KKBOX)
    scan = sums_of_lake(kkbox_data.logs_table())
    members: list[int] = []

    scan_seconds, build_seconds = best(
        bench,
        Timed("scanning the lake's columns", lambda: _ask(bench.home, scan)),
        Timed(f"features of {KKBOX.cut_off}", lambda: members.append(build(bench.home, stack))),
    )
    scanned = Figure("lake_scan", scan_seconds, "s", f"every log column summed, {bench.how}")
    built = Figure("features_of_one_cut_off", build_seconds, "s", f"{KKBOX.cut_off}, {bench.how}")
    return [
        Figure("lake_rows", _rows(bench.home, kkbox_data.logs_table().identifier), "rows", "there"),
        Figure("cohort_rows", members[-1], "rows", f"members of {KKBOX.cut_off}"),
        scanned,
        built.compared(scanned, name="features_per_lake_scan", aim=KKBOX.aim),
    ]


def measure_ecommerce(bench: Bench) -> list[Figure]:
    """Time reading the event files, a scan of the lake's columns, and features at one cut-off."""
    raw = ecommerce_data.raw_files(bench)
    ecommerce_data.lake(bench)
    stack = prepare(bench, ECOMMERCE)
    table = ecommerce_data.events_table()
    read, scan = sums_of_csv(table, raw / "*.csv", ecommerce_data.LACKS), sums_of_lake(table)
    customers: list[int] = []

    read_seconds, scan_seconds, build_seconds = best(
        bench,
        Timed("reading the CSV files", lambda: _ask(bench.home, read)),
        Timed("scanning the lake's columns", lambda: _ask(bench.home, scan)),
        Timed(
            f"features of {ECOMMERCE.cut_off}", lambda: customers.append(build(bench.home, stack))
        ),
    )
    events = _rows(bench.home, table.identifier)
    csv = Figure("event_csv_read_beside_features", read_seconds, "s", f"same files, {bench.how}")
    scanned = Figure("event_lake_scan", scan_seconds, "s", f"every column summed, {bench.how}")
    what = f"{ECOMMERCE.cut_off}, {customers[-1]:,} customers, {bench.how}"
    built = Figure("event_features_of_one_cut_off", build_seconds, "s", what)
    per_second = Figure(
        "events_per_second_to_features", round(events / build_seconds), "rows/s", "lake to features"
    )
    return [
        csv,
        scanned.compared(csv, name="event_lake_scan_per_csv_read"),
        built.compared(csv, name="event_features_per_csv_read"),
        per_second,
    ]


def prepare(bench: Bench, case: Case) -> list[CompiledModel]:
    """Create the lake's relations for one cut-off; return the stack of the domain's features."""
    home, variables = bench.home, {"as_of": {case.domain: case.cut_off}}

    def call(command: str, *arguments: str, title: str) -> None:
        dbt(home, command, *arguments, variables=variables, console=bench.console, title=title)

    top = f"int_{case.domain}__features_joined"
    call("seed", "--select", "feed_outages", title="known outages")
    call("run", "--select", "+path:models/control", title="cut-offs, coverage and windows")
    call("compile", "--select", f"+{top}", title="feature SQL")
    with warehouse(home) as connection:
        connection.execute("drop schema seeds cascade")  # the stack brings its own
        for relation in (
            "control__cut_offs",
            "control__feature_cut_offs",
            "control__coverage",
            "control__windows",
        ):
            connection.execute(
                f"delete from control.{relation} where domain != ? or as_of_date != ?",
                [case.domain, case.cut_off],
            )
    return compiled_stack(home, case.domain)


def build(home: Home, stack: list[CompiledModel]) -> int:
    """Create the stack in order and return the number of rows of its last relation."""
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
    # The settings that the profile reads from the environment.
    settings["temp_directory"] = str(home.work / "duckdb")
    settings["memory_limit"] = duckdb_limit()
    with duckdb.connect(str(home.warehouse), config=settings) as connection:
        yield connection


def _ask(home: Home, sql: str) -> None:
    with warehouse(home) as connection:
        connection.execute(sql).fetchall()


def _rows(home: Home, identifier: str) -> int:
    with warehouse(home) as connection:
        return _count(connection, f"lake.{identifier}")


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"select count(*) from {relation}").fetchone()
    return int(row[0]) if row else 0
