"""The viewer with a million customers: seconds to the first page, of a filter, and its memory."""

import json
import os
import resource
import subprocess
import sys
import time

import duckdb

from benchmarks.figures import Figure, Ratio
from benchmarks.workbench import Bench
from pipeline.project.files import write_json
from pipeline.project.generations import name_current
from pipeline.project.home import PROJECT, Home
from pipeline.project.origin import ORIGIN
from pipeline.project.serving_tables import published_tables
from pipeline.publish.generation import SCHEMA, STORAGE

CUSTOMERS = 1_000_000
FIRST_PAGE, FILTER, MEMORY = 3.0, 1.0, 1_000.0
_NAME = "churn_20000101T000000000000_be9c4000"
_BANDS = (
    "case when i % 20 = 0 then 'critical' when i % 5 = 0 then 'high' "
    "when i % 2 = 0 then 'medium' else 'low' end"
)
# Columns that the pages read; all others are null.
_FILLED = {
    "bi_domains": (
        "range(1) as t (i)",
        {
            "title": "'Bench'",
            "population": "'everybody'",
            "not_scored": "'nobody'",
            "outcome": "'leaves'",
            "currency": "'$'",
            "value_definition": "'made up'",
            "usage_meaning": "'uses'",
            "transactions_meaning": "'orders'",
            "as_of_date": "date '2020-01-01'",
            "trained_until": "date '2019-11-01'",
            "scored_at": "timestamp '2020-01-01 06:00:00'",
            "run_id": "'bench'",
        },
    ),
    "bi_customer_360": (
        "range({customers}) as t (i)",
        {
            "as_of_date": "date '2020-01-01'",
            "due_on": "date '2020-01-01' + (i % 30)::integer",
            "churn_probability": "(hash(i) % 10000) / 10000.0",
            "risk_band": _BANDS,
            "risk_rank": "i + 1",
            "already_cancelled": "i % 50 = 0",
            "is_at_risk": f"{_BANDS} in ('critical', 'high') and i % 50 > 0",
            "previous_probability": "(hash(i, 1) % 10000) / 10000.0",
            "previous_risk_band": "case when i % 7 = 0 then 'low' else 'high' end",
            "top_driver_1": "'Last visited ' || i % 90 || ' days ago (typical: 8)'",
            "top_driver_2": "i % 30 || ' visits in 28 days (typical: 3)'",
            "top_driver_3": "'Auto-renew is off (like 10% of customers)'",
            "customer_value": "(hash(i, 2) % 200000) / 100.0",
            "leaving_cost_days": "180",
            "value_at_risk": "(hash(i, 3) % 100000) / 100.0",
            "decision": "case when i % 10 = 0 then 'treat' else 'leave' end",
            "reason_words": "case when i % 10 > 0 then 'Would cost more than it earns' end",
            "planned_action": "case when i % 10 = 0 then 'voucher_' || i % 6 end",
            "action_title": "case when i % 10 = 0 then 'Voucher ' || i % 6 end",
            "channel": "case when i % 10 = 0 then 'channel_' || i % 3 end",
            "expected_profit": "(hash(i, 4) % 1000) / 100.0",
            "segment": "'part ' || i % 3",
            "ladder_part": "'part ' || i % 3",
        },
    ),
    "bi_customer_segments": (
        "range({customers}) as t (i), range(7) as u (j)",
        {
            "as_of_date": "date '2020-01-01'",
            "segment": "'kind ' || j",
            "segment_value": "'part ' || hash(i, j) % 4",
            "segment_value_code": "'part_' || hash(i, j) % 4",
        },
    ),
    "bi_churn_reasons": (
        "range({customers}) as t (i), range(9) as u (j)",
        {
            "rank": "j + 1",
            "driver_group": "'group ' || j",
            "group_title": "'subject ' || j",
            "direction": "case when j % 2 = 0 then 'raises' else 'lowers' end",
            "strength": "case when j < 2 then 'strong' else 'weak' end",
            "is_actionable": "j % 3 = 0",
            "is_typical": "false",
            "sentence": "'Last visited ' || i % 90 || ' days ago (typical: 8)'",
        },
    ),
    "bi_customer_activity": (
        "range({customers}) as t (i), range(13) as u (j)",
        {
            "as_of_date": "date '2020-01-01'",
            "weeks_before": "j + 1",
            "week_starts_on": "date '2020-01-01' - (7 * j + 7)::integer",
            "usage_amount": "hash(i, j) % 20",
            "transactions": "hash(i, j, 1) % 3",
        },
    ),
}


def measure(bench: Bench, customers: int = CUSTOMERS) -> list[Figure]:
    """Open pages and change filters in a separate process, as a script run of the server."""
    home = Home(bench.folder / f"viewer_{customers}")
    make_generation(home, customers)
    # pages over made-up customers open without signing in
    write_json(home.lake / "bench" / ORIGIN, {"origin": "demo"})
    runs = []
    with bench.console.status("the viewer's pages"):
        for _ in range(bench.rounds):
            done = subprocess.run(
                [sys.executable, "-m", "benchmarks.viewer"],
                env=os.environ | {"CHURN_HOME": str(home.root)},
                cwd=PROJECT,
                capture_output=True,
                text=True,
                check=True,
            )
            runs.append(json.loads(done.stdout.strip().splitlines()[-1]))
    first, filters, memory = (
        min(run[name] for run in runs) for name in ("first_page", "slowest_filter", "memory")
    )
    how = f"{customers:,} customers, {bench.how}"
    return [
        Figure(
            "viewer_first_page",
            first,
            "s",
            f"Today, the first page after start-up; {how}",
            Ratio("viewer_first_page_of_3_s", "3 s", first / FIRST_PAGE, 1.0),
        ),
        Figure(
            "viewer_filter",
            filters,
            "s",
            "slowest of nine choices on Customers, the slider among them",
            Ratio("viewer_filter_of_1_s", "1 s", filters / FILTER, 1.0),
        ),
        Figure(
            "viewer_memory",
            memory,
            "MB",
            "peak of the process",
            Ratio("viewer_memory_of_1_gb", "1 GB", memory / MEMORY, 1.0),
        ),
    ]


def make_generation(home: Home, customers: int) -> None:
    """Write a published generation of generated customers, once."""
    path = home.published / f"{_NAME}.duckdb"
    document = path.with_suffix(".json")
    if document.exists():
        return
    home.published.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with duckdb.connect() as connection:
        connection.execute(f"attach '{path}' as generation (storage_version '{STORAGE}')")
        connection.execute(f"create schema generation.{SCHEMA}")
        for table in published_tables():
            source, values = _FILLED.get(table.name, ("range(0) as t (i)", {}))
            given = {
                "domain": "'bench'",
                "customer_id": "to_base64(unhex(md5(i::varchar) || md5('x' || i)))",
            } | values
            columns = ", ".join(
                f"cast({given.get(c.name, 'null')} as {c.data_type}) as {c.name}"
                for c in table.columns
            )
            connection.execute(
                f"create table generation.{SCHEMA}.{table.name} as select {columns} "
                f"from {source.format(customers=customers)}"
            )
    name_current(home, path.stem)
    document.write_text(json.dumps({"fingerprint": "bench", "tables": {}}) + "\n")


def _open_pages() -> dict[str, float]:
    """Time the pages' script runs; peak memory in MB."""
    # a browser's first request comes after the server's start, but loads the pages' own modules
    from streamlit.testing.v1 import AppTest

    from app.viewer.serve import MAIN

    began = time.perf_counter()
    page = AppTest.from_file(str(MAIN), default_timeout=120).run()
    first = time.perf_counter() - began
    page.switch_page("screens/customers.py").run()
    page.multiselect(key="kinds").set_value(["Kind 1"]).run()
    choices = (
        lambda: page.multiselect(key="bands").set_value(["medium"]),
        lambda: page.number_input(key="value").set_value(1_500),
        lambda: page.text_input(key="reason").set_value("renew"),
        lambda: page.selectbox(key="sort").set_value("expected profit"),
        lambda: page.multiselect(key="actions").set_value(["Voucher 2"]),
        lambda: page.multiselect(key="part_kind 1").set_value(["part 1", "part 3"]),
        lambda: page.slider(key="risk").set_value((20.0, 70.0)),
        lambda: page.slider(key="risk").set_value((20.0, 70.1)),
        lambda: page.multiselect(key="actions").set_value([]),
    )
    seconds = []
    for choose in choices:
        choose()
        began = time.perf_counter()
        page.run()
        seconds.append(time.perf_counter() - began)
    if page.exception:
        raise RuntimeError(page.exception[0].message)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"first_page": first, "slowest_filter": max(seconds), "memory": peak}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_open_pages()) + "\n")
