"""`python -m benchmarks.shuffles DOMAIN`: the bytes that Spark sends between its tasks, by model.

What a model reads again by another key is what a cluster pays for. Spark's event log counts it
while `churn engines compare --with spark` builds the models of CHURN_HOME's lake.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import typer
from rich.table import Table

from cli.common import console
from pipeline.project.home import home

# The folder that a statement writes is named after its model.
_MODEL = re.compile(r"/tables/(\w+)")


def shuffled(events: Iterable[dict[str, Any]]) -> Counter[str]:
    """Return the bytes that each model's statements wrote for a shuffle.

    Args:
        events: Those of a Spark event log, in its order.
    """
    model_of: dict[int, str] = {}
    execution_of: dict[int, int] = {}
    found: Counter[str] = Counter()
    for event in events:
        kind = event["Event"].rpartition(".")[2]
        if kind == "SparkListenerSQLExecutionStart":
            if named := _MODEL.search(event["physicalPlanDescription"]):
                model_of[event["executionId"]] = named[1]
        elif kind == "SparkListenerJobStart":
            execution = event["Properties"].get("spark.sql.execution.id")
            for stage in event["Stage IDs"] if execution else ():
                execution_of[stage] = int(execution)
        elif kind == "SparkListenerTaskEnd":
            model = model_of.get(execution_of.get(event["Stage ID"], -1))
            metrics = event.get("Task Metrics")
            if model and metrics:
                written = metrics["Shuffle Write Metrics"]
                found[model] += written["Shuffle Bytes Written"]
    return found


def measure(domain: str) -> None:
    """Build a domain's models on Spark and print what each shuffles."""
    home().work.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=home().work) as name:
        folder = Path(name)
        (folder / "spark-defaults.conf").write_text(
            f"spark.eventLog.enabled true\nspark.eventLog.dir file://{folder}\n"
            "spark.eventLog.rolling.enabled false\nspark.eventLog.compress false\n",
            encoding="utf-8",
        )
        subprocess.run(  # noqa: S603 - our own command
            [
                str(Path(sys.executable).with_name("churn")),
                *("engines", "compare", "--with", "spark", "--domain", domain),
            ],
            env=os.environ | {"SPARK_CONF_DIR": str(folder)},
            check=True,
        )
        found: Counter[str] = Counter()
        for log in folder.glob("*local-*"):
            with log.open(encoding="utf-8") as lines:
                found += shuffled(map(json.loads, lines))
    table = Table("model", "shuffled", title=f"{domain}: bytes that Spark sent between its tasks")
    for model, size in found.most_common():
        table.add_row(model, f"{size / 1e6:,.1f} MB")
    table.add_row("all", f"{found.total() / 1e6:,.1f} MB")
    console.print(table)


if __name__ == "__main__":
    typer.run(measure)
