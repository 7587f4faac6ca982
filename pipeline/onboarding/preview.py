"""Compares definitions of leaving on what is in the lake; nothing is built.

Orders or periods are those of the domain's mapping, which dbt compiles beside the warehouse and a
database in memory runs. Orders that were returned count, and a map of ids is not followed.
"""

import shutil
from dataclasses import dataclass

import duckdb
from rich.console import Console

from pipeline.onboarding.definitions import (
    HORIZONS,
    LOOKBACKS,
    Definition,
    Recommendation,
    compare,
    recommend,
)
from pipeline.onboarding.lapses import Lapse, compare_lapses, load_purchases
from pipeline.onboarding.orders import gaps_between_days
from pipeline.project.domains import domain_entries
from pipeline.project.duck import parquet_select
from pipeline.project.errors import ChurnError
from pipeline.project.files import empty_folder
from pipeline.project.home import Home
from pipeline.project.sources import FIRST_SEEN, source_tables
from pipeline.warehouse.compiled_sql import CompiledModel, compiled_stack, create_models
from pipeline.warehouse.dbt import dbt

_SHAPES = {"no_contract": "stg_no_contract__orders", "subscription": "stg_subscription__periods"}


@dataclass(frozen=True)
class Preview:
    """Definitions side by side: horizons and lookbacks, or days after the end of a membership."""

    definitions: list[Definition]
    recommendation: Recommendation | None
    lapses: list[Lapse]


def preview_definitions(home: Home, domain: str, console: Console) -> Preview:
    """Return what several definitions make of a domain's orders or periods in the lake.

    Args:
        home: CHURN_HOME.
        domain: Domain.
        console: Console for progress.

    Raises:
        ChurnError: The domain has no data in the lake.
    """
    entry = domain_entries()[domain]
    if not any((home.lake / domain).glob("*/*")):
        raise ChurnError(
            f"There are no data of {domain} in the lake.",
            where=str(home.lake / domain),
            hint=f"Load them: churn ingest --domain {domain} --raw DIR.",
        )
    shape = _SHAPES[entry.kind]
    stack = _compiled(home, domain, shape, console)
    with duckdb.connect() as con:
        _lay(con, home, domain)
        create_models(con, stack)
        if entry.kind == "subscription":
            load_purchases(con, f"select * from subscription.{shape} where not is_expiry_ancient")
            preview = Preview([], None, compare_lapses(con))
        else:
            con.execute(
                "create table order_days as select distinct customer_id, ordered_on "
                f"from no_contract.{shape} where not is_refund"
            )
            definitions = compare(
                con,
                horizons=sorted({*HORIZONS, entry.horizon_days or HORIZONS[0]}),
                lookbacks=sorted({*LOOKBACKS, entry.lookback_days or LOOKBACKS[0]}),
                min_orders=entry.min_orders or 1,
            )
            recommendation = recommend(definitions, gaps_between_days(con))
            preview = Preview(definitions, recommendation, [])
    if not preview.definitions and not preview.lapses:
        raise ChurnError(
            f"{domain} has no row of {shape} in the lake.",
            where=f"models/{domain}/staging",
            hint="Look at the mapping: which rows it leaves out, and why.",
        )
    return preview


def _compiled(home: Home, domain: str, shape: str, console: Console) -> list[CompiledModel]:
    """Compile the models up to a staged shape, in a CHURN_HOME of their own."""
    folder = empty_folder(home.work / f"preview_{domain}")
    trial = Home(folder)
    (trial.work / "duckdb").mkdir(parents=True)
    try:
        dbt(
            trial,
            "compile",
            "--select",
            f"+{shape}",
            variables={},
            console=console,
            title=f"{domain}: reading the mapping",
        )
        return compiled_stack(trial, domain, shape)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _lay(con: duckdb.DuckDBPyConnection, home: Home, domain: str) -> None:
    """Make the relations that the stack reads: the lake, all of it known, and no map of ids."""
    con.execute("create schema lake")
    con.execute("create schema control")
    for table in source_tables(domain):
        columns = {column.name: column.data_type for column in table.columns}
        files = sorted((home.lake / domain / table.name).rglob("*.parquet"))
        rows = parquet_select(con, files, columns | {FIRST_SEEN: "date"})
        con.execute(f"create view lake.{table.identifier} as {rows}")
    con.execute(
        "create table control.control__knowledge as "
        f"select '{domain}' as domain, current_date + 1 as known_before"
    )
    con.execute(
        "create table control.control__identities (domain varchar, id varchar, "
        "customer_id varchar, known_as varchar, known_after date, known_until date)"
    )
