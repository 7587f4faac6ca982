"""Predictions from raw rows over HTTP: one customer, a hundred, and a bare route."""

import json
import os
import subprocess
import sys
import time
from datetime import date, timedelta

from app.api.access.keys import create_key
from app.api.access.store import Store
from benchmarks.figures import Figure
from benchmarks.http_load import Load, get, run_load, serving
from benchmarks.workbench import Bench
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home

DOMAIN = "kkbox"
CUT_OFF = date(2017, 4, 1)
TRANSACTIONS, LOG_DAYS = 50, 90
CUSTOMERS, TOGETHER = 40, 100
ANSWERS, ANSWERS_TOGETHER = 200, 5
AIM_P50 = 60
# the smallest with enough outcomes to learn from in both domains
_SCALE = "0.2"


def measure(bench: Bench) -> list[Figure]:
    """Time requests with one customer, with a hundred, and to a bare route, with one client.

    The model is that of a demo at a fifth of its size; the timings do not depend on the number of
    customers.
    """
    home = Home(bench.folder / "predictions_home")
    make_demo(home)
    key = create_key(Store(home), f"bench {time.time_ns()}", ["predict"])
    one = [_post([customer(number)], key) for number in range(CUSTOMERS)]
    many = [_post([customer(number) for number in range(TOGETHER)], key)]
    limit = ("--write-limit", "10000000/minute")
    with bench.console.status("predictions"), serving(home, "api", "--port", "0", *limit) as port:
        _load(port, one, 20)  # the first one opens the engine
        singly = min(
            (_load(port, one, ANSWERS) for _ in range(bench.rounds)),
            key=lambda load: load.quantile(0.5),
        )
        together = _load(port, many, ANSWERS_TOGETHER * bench.rounds)
    with serving(home, module="benchmarks.bare_route") as port:
        _load(port, [get("/bare/a")], 200)
        bare = min(
            (_load(port, [get("/bare/a")], 2_000) for _ in range(bench.rounds)),
            key=lambda load: load.quantile(0.5),
        )
    if failed := [*singly.errors, *together.errors]:
        raise ChurnError(
            "A prediction failed.", where=failed[0], hint="Correct the request in this module."
        )
    what = f"{TRANSACTIONS} transactions and {LOG_DAYS} days of logs, one client"
    bare_figure = Figure(
        "bare_route_p50", bare.quantile(0.5), "ms", "FastAPI alone, the same client"
    )
    return [
        bare_figure,
        Figure(
            "prediction_p50",
            singly.quantile(0.5),
            "ms",
            f"{what}; the aim is under {AIM_P50}",
        ).compared(bare_figure, name="prediction_per_bare_route"),
        Figure("prediction_p99", singly.quantile(0.99), "ms", "the same"),
        Figure(
            "prediction_of_100_p50",
            together.quantile(0.5),
            "ms",
            f"{TOGETHER} such customers in one request",
        ).compared(bare_figure, name="prediction_of_100_per_bare_route"),
    ]


def make_demo(home: Home) -> None:
    """Create and publish a small demo; only steps whose code has changed run again.

    Raises:
        ChurnError: The demo failed.
    """
    done = subprocess.run(  # noqa: S603 - our own module
        [sys.executable, "-m", "cli", "demo", "--scale", _SCALE],
        env=os.environ | {"CHURN_HOME": str(home.root)},
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise ChurnError(
            "The demo could not be created.",
            where=done.stderr[-2_000:],
            hint="Run `churn demo` to see why.",
        )


def customer(number: int) -> dict[str, object]:
    """Return a customer who pays monthly and listens nearly every day."""
    paid = [CUT_OFF - timedelta(days=20 + 30 * month) for month in range(TRANSACTIONS)]
    transactions = [
        {
            "payment_method_id": 41 - number % 3,
            "payment_plan_days": 30,
            "plan_list_price": 149,
            "actual_amount_paid": 149 if month % 7 or number % 2 else 0,
            "is_auto_renew": int(month > number % 5),
            "transaction_date": f"{day:%Y%m%d}",
            "membership_expire_date": f"{day + timedelta(days=31):%Y%m%d}",
            "is_cancel": 0,
        }
        for month, day in enumerate(paid)
    ]
    logs = [
        {
            "date": f"{CUT_OFF - timedelta(days=day):%Y%m%d}",
            "num_25": day * number % 11,
            "num_50": day % 3,
            "num_75": day % 2,
            "num_985": 1,
            "num_100": 20 + (day + number) % 17,
            "num_unq": 18,
            "total_secs": 5000.125 + 37 * (day % 29),
        }
        for day in range(1, LOG_DAYS + 1)
    ]
    profile = {
        "city": 1,
        "bd": 30,
        "gender": None,
        "registered_via": 9,
        "registration_init_time": "20120101",
    }
    return {
        "customer_id": f"bench/{number}+",
        "transactions": transactions,
        "user_logs": logs,
        "members": [profile],
    }


def _post(customers: list[dict[str, object]], key: str) -> bytes:
    body = json.dumps({"as_of_date": str(CUT_OFF), "customers": customers}).encode()
    head = (
        f"POST /v1/{DOMAIN}/predictions HTTP/1.1\r\nHost: bench\r\nX-API-Key: {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _load(port: int, requests: list[bytes], answers: int) -> Load:
    return run_load(port, requests, connections=1, until=lambda _, done: done >= answers)
