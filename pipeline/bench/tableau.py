"""The Tableau export of a million customers: seconds, processor time, and peak memory."""

import json
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

import duckdb

from pipeline.bench.figures import Figure, Ratio
from pipeline.bench.workbench import Bench, Timed, best
from pipeline.dictionary import Table, published_tables
from pipeline.publish import SCHEMA, STORAGE
from pipeline.settings import Home
from pipeline.tableau import export
from pipeline.tableau.export import PREFIX

CUSTOMERS = 1_000_000
AIM_SECONDS = 60.0
_NAME = "churn_00000000T000000000000_bench"
# Rows a customer in the tables whose key says more than the customer.
_PER_CUSTOMER = {"rank": 10, "weeks_before": 12, "segment": 7}
_SMALL = 1_000


def measure(bench: Bench, customers: int = CUSTOMERS) -> list[Figure]:
    """Measure the export of every published table, as wide as the dictionary says, made up.

    Args:
        bench: Where, and how often.
        customers: Customers in the tables that have a row each.
    """
    home = Home(bench.folder / f"tableau_{customers}")
    rows = make_generation(home, customers)
    found: list[dict[str, float]] = []

    def run() -> None:
        found.append(_exported(home))

    (seconds,) = best(bench, Timed("export", run))
    least = min(found, key=lambda one: one["cpu_seconds"])
    size = (home.published / "current.hyper").stat().st_size / 1e6
    aim = Ratio("tableau_export_of_a_minute", "60 s", seconds / AIM_SECONDS, 1.0)
    return [
        Figure("tableau_rows", rows, "rows", f"of {customers:,} customers, all bi_ tables"),
        Figure("tableau_export", seconds, "s", f"published → current.hyper; {bench.how}", aim),
        Figure("tableau_cpu", least["cpu_seconds"], "s", "processor time of it, Hyper's included"),
        Figure("tableau_peak_memory", max(o["own_mb"] for o in found), "MB", "of this process"),
        Figure("tableau_hyper_memory", max(o["hyper_mb"] for o in found), "MB", "of Hyper"),
        Figure("tableau_extract", size, "MB", "size of the extract"),
    ]


def make_generation(home: Home, customers: int) -> int:
    """Write a published generation of made-up rows, once; return its rows.

    Ids, words and numbers are as long and as varied as real ones; an extract of constants would be
    written in no time.
    """
    document = home.published / f"{_NAME}.json"
    tables = [table for table in published_tables() if table.name.startswith(PREFIX)]
    shape = {table.name: [column.name for column in table.columns] for table in tables}
    if document.exists() and json.loads(document.read_text()).get("shape") == shape:
        return sum(json.loads(document.read_text())["tables"].values())
    shutil.rmtree(home.published, ignore_errors=True)
    copies = home.published / _NAME
    copies.mkdir(parents=True)
    # a domain's own tables share the customers among them
    own = [table.name for table in tables if table.key == ("customer_id",)]
    counts = {}
    with duckdb.connect() as connection:
        connection.execute(
            f"attach '{copies}.duckdb' as generation (storage_version '{STORAGE}'); "
            f"create schema generation.{SCHEMA}"
        )
        for table in tables:
            name = f"generation.{SCHEMA}.{table.name}"
            many = customers // len(own) if table.name in own else customers
            connection.execute(f"create table {name} as {_made_up(table, many)}")
            connection.execute(f"copy {name} to '{copies / table.name}.parquet' (format parquet)")
            count = connection.execute(f"select count(*) from {name}").fetchone()
            counts[table.name] = count[0] if count else 0
    document.write_text(
        json.dumps({"fingerprint": "bench", "tables": counts, "shape": shape}) + "\n"
    )
    (home.published / "current.duckdb").symlink_to(f"{_NAME}.duckdb")
    return sum(counts.values())


def _made_up(table: Table, customers: int) -> str:
    """SQL of a table's made-up rows."""
    if "customer_id" in table.key:
        each = max((_PER_CUSTOMER.get(name, 1) for name in table.key), default=1)
    else:
        each, customers = 1, _SMALL
    columns = ", ".join(
        f"cast({_value(c.name, c.data_type)} as {c.data_type}) as {c.name}" for c in table.columns
    )
    return f"select {columns} from range({customers}) as t (i), range({each}) as u (j)"


def _value(name: str, data_type: str) -> str:
    number = f"hash(i, j, '{name}')"
    if name == "customer_id":
        return "to_base64(unhex(md5(i::varchar) || md5('x' || i)))"
    if data_type == "varchar":
        # a few words, or a sentence with the customer's own number in it
        if any(part in name for part in ("sentence", "driver", "words", "hint")):
            return (
                f"'last paid ' || {number} % 400 || ' days ago; ' || {number} % 30 || ' is usual'"
            )
        return f"'one of {name} ' || {number} % 12"
    return {
        "date": f"date '2017-01-01' + ({number} % 90)::integer",
        "timestamp": "timestamp '2017-04-01 06:00:00'",
        "boolean": f"{number} % 3 = 0",
        "double": f"case when {number} % 10 > 0 then ({number} % 1000003) / 1000003 end",
    }.get(data_type, f"{number} % 1000")


def _exported(home: Home) -> dict[str, float]:
    """Export in a process of its own, so that its memory is its own."""
    done = subprocess.run(  # noqa: S603 - this very module
        [sys.executable, "-m", "pipeline.bench.tableau", str(home.root)],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ,
    )
    figures: dict[str, float] = json.loads(done.stdout)
    return figures


def main() -> None:
    """Export and tell processor time and memory on standard output, as JSON."""
    began = time.perf_counter()
    export(Home(Path(sys.argv[1])))
    own, others = (
        resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    )
    figures = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime,
        "own_mb": own.ru_maxrss / 1024,
        "hyper_mb": others.ru_maxrss / 1024,
    }
    sys.stdout.write(json.dumps(figures))


if __name__ == "__main__":
    main()
