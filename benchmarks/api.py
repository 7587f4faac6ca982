"""The API under load: customer look-ups while generation after generation is published."""

import multiprocessing
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import duckdb

from app.api.access.keys import create_key
from app.api.access.store import Store
from app.api.published.row_models import serving_tables
from benchmarks.figures import Figure, Ratio
from benchmarks.http_load import Load, get, run_load, serving
from benchmarks.workbench import Bench
from pipeline.project.home import Home
from pipeline.publish.generation import current, publish

DOMAIN, UNSCORED = "bench", "idle"
CUSTOMERS = 20_000
PUBLISHES = 10
CONNECTIONS = 4
QUIET_SECONDS = 5.0
AIM_PER_SECOND, AIM_P99 = 300, 50
REASONS = 9


def measure(bench: Bench) -> list[Figure]:
    """Time look-ups during publishes in another process, then without publishes, then a bare route.

    Server, client and publisher are separate processes on the same machine.
    """
    home = Home(bench.folder / "api_home")
    customers = min(CUSTOMERS, bench.rows)
    make_world(home, customers)
    publish_next(home, 0)
    with bench.console.status("look-ups through publishes"):
        swapped, published = load_through_publishes(home, PUBLISHES)
    quiet = _quiet(home, bench.rounds)
    bare = _bare(home, bench.rounds)
    how = f"{customers:,} customers, {CONNECTIONS} connections"
    bare_figure = Figure("api_bare_route", bare.per_second, "1/s", "FastAPI alone, same client")
    generations = f"through {published} publishes"
    return [
        bare_figure,
        Figure("api_look_up", quiet.per_second, "1/s", f"customer look-up, {how}").compared(
            bare_figure, name="api_look_up_per_bare_route"
        ),
        Figure("api_look_up_p50", quiet.quantile(0.5), "ms", "the same"),
        Figure("api_look_up_p99", quiet.quantile(0.99), "ms", "the same"),
        Figure(
            "api_look_up_publishing",
            swapped.per_second,
            "1/s",
            f"{generations}; the aim is {AIM_PER_SECOND} or more",
            Ratio(
                "api_look_up_publishing_per_bare_route",
                bare_figure.name,
                swapped.per_second / bare.per_second,
            ),
        ),
        Figure("api_look_up_publishing_p50", swapped.quantile(0.5), "ms", "the same"),
        Figure(
            "api_look_up_publishing_p99",
            swapped.quantile(0.99),
            "ms",
            f"the same; the aim is under {AIM_P99}",
        ),
        Figure("api_errors", len(swapped.errors), "answers", f"{generations}; the aim is 0"),
        Figure(
            "api_mixed_generations",
            len(swapped.faults),
            "answers",
            f"parts of two generations in one answer, {generations}; the aim is 0",
        ),
    ]


def load_through_publishes(home: Home, publishes: int) -> tuple[Load, int]:
    """Look up customers until another process has published often enough; return how often."""
    names: set[str] = set()

    def check(answer: dict[str, Any]) -> str | None:
        names.add(answer["generation"])
        return mixed(answer)

    context = multiprocessing.get_context("spawn")
    requests = look_ups(home)
    with serving(home, "api", "--port", "0", "--rate-limit", "10000000/minute") as port:
        publisher = context.Process(target=publish_often, args=(home, publishes))
        publisher.start()
        try:
            load = run_load(
                port,
                requests,
                connections=CONNECTIONS,
                until=_until_followed(home, publisher.is_alive),
                check=check,
            )
        finally:
            publisher.join()
    # the generation open at the start was not published meanwhile
    return load, len(names) - 1


def _until_followed(home: Home, is_publishing: Callable[[], bool]) -> Callable[[float, int], bool]:
    """Stop one second after the last publish, so that requests meet it, too."""
    ended: list[float] = []

    def until(seconds: float, answers: int) -> bool:
        # polling a process costs a system call
        if not ended and answers % 50 == 0 and not is_publishing():
            ended.append(seconds)
        return bool(ended) and seconds > ended[0] + 1

    return until


def look_ups(home: Home, count: int = 1_000) -> list[bytes]:
    """Return requests for customers across the table, with a key that can read."""
    key = create_key(Store(home), f"bench {time.time_ns()}", ["read"])
    generation = current(home)
    assert generation is not None  # noqa: S101 - it has just been published
    with duckdb.connect(str(generation.path), read_only=True) as connection:
        ids = connection.execute(
            "select customer_id from serving.bi_churn_risk order by md5(customer_id) limit ?",
            [count],
        ).fetchall()
    return [get(f"/v1/{DOMAIN}/customers/{quote(row[0])}", key) for row in ids]


def _quiet(home: Home, rounds: int) -> Load:
    with serving(home, "api", "--port", "0", "--rate-limit", "10000000/minute") as port:
        return _best(port, look_ups(home), rounds)


def _bare(home: Home, rounds: int) -> Load:
    with serving(home, module="benchmarks.bare_route") as port:
        return _best(port, [get("/bare/a%2Fb")], rounds)


def _best(port: int, requests: list[bytes], rounds: int) -> Load:
    """Return the best of several loads, after one to warm up."""

    def load(seconds: float) -> Load:
        return run_load(
            port, requests, connections=CONNECTIONS, until=lambda gone, _: gone > seconds
        )

    load(1)
    return max((load(QUIET_SECONDS) for _ in range(rounds)), key=lambda each: each.per_second)


def mixed(answer: dict[str, Any]) -> str | None:
    """Return the parts of an answer from other generations than the rest.

    Every table of the generated data records its publish.
    """
    told = {
        answer["model_version"],
        answer["risk"]["run_id"],
        answer["recommendation"]["message_hint"],
        *(reason["sentence"] for reason in answer["reasons"]),
        *(score["run_id"] for score in answer["history"]),
    }
    return f"{answer['generation']}: {sorted(told)}" if len(told) != 1 else None


def publish_often(home: Home, publishes: int) -> None:
    """Change all tables and publish them, repeatedly."""
    for number in range(1, publishes + 1):
        publish_next(home, number)


def publish_next(home: Home, number: int) -> None:
    """Publish a generation in which every table has its number."""
    name = f"run {number}"
    with duckdb.connect(str(home.warehouse)) as connection:
        for table, column in (
            ("bi_domains", "run_id"),
            ("bi_churn_risk", "run_id"),
            ("bi_churn_actions", "message_hint"),
            ("bi_churn_reasons", "sentence"),
            ("bi_churn_history", "run_id"),
        ):
            # a domain that is not scored has no run
            where = f"domain = '{DOMAIN}'"
            connection.execute(f"update serving.{table} set {column} = ? where {where}", [name])
    publish(home, f"{number:08x}")


def make_world(home: Home, customers: int) -> None:
    """Write a warehouse with the serving tables of the YAML, for one domain with scores.

    Another domain is set up and has no scores, as in most homes. Values derive from the
    customer's number; ids contain `/` and `+`, like real ones.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    home.warehouse.unlink(missing_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        connection.execute("create schema serving; create schema churn")
        for table, entry in serving_tables().items():
            columns = ", ".join(f"{c['name']} {c['data_type']}" for c in entry["columns"])
            connection.execute(f"create table serving.{table} ({columns})")
        known = {
            "domain": f"'{DOMAIN}'",
            "customer_id": "replace(to_base64(from_hex(md5('' || i))), 'a', '+')",
            "crm_key": f"'{DOMAIN}:' || i",
            "as_of_date": "date '2026-01-01'",
            "due_on": "date '2026-01-01' + cast(i % 30 as integer)",
            "churn_probability": "i / 1e7",
            "risk_rank": "i",
            "risk_band": "['critical', 'high', 'medium', 'low'][1 + i % 4]",
            "decision": "case when i % 2 = 0 then 'treat' else 'leave' end",
            "row_hash": "md5('' || i)",
            "rank": "r",
            "direction": "'raises'",
            "is_deleted": "false",
            "holdout_flag": "false",
            "is_suppressed": "false",
            "currency": "'$'",
            "model_hash": "'none'",
            "crm_fields": "null",
        }
        rows = {
            "bi_domains": "range(1) as t (i)",
            **dict.fromkeys(
                ("bi_churn_risk", "bi_churn_actions", "bi_churn_history", "crm_churn_actions"),
                f"range({customers}) as t (i)",
            ),
            "bi_churn_reasons": f"range({customers}) as t (i), range(1, {REASONS + 1}) as s (r)",
        }
        for table, relation in rows.items():
            values = ", ".join(
                f"cast({known.get(c['name'], _value(c['data_type']))} as {c['data_type']})"
                for c in serving_tables()[table]["columns"]
            )
            connection.execute(f"insert into serving.{table} select {values} from {relation}")
        connection.execute(
            "insert into serving.bi_domains by name select ? as domain, 'text' as title", [UNSCORED]
        )


def _value(kind: str) -> str:
    return {
        "varchar": "'text of some length'",
        "double": "i / 7",
        "boolean": "true",
        "timestamp": "timestamp '2026-01-01 01:02:03.000004'",
        "date": "date '2026-01-01'",
    }.get(kind, "1")
