"""Runs dbt as a subprocess, so that this process does not keep the warehouse open."""

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import Any

from rich.console import Console

from pipeline.project.home import PROJECT, Home
from pipeline.project.memory import duckdb_limit
from pipeline.project.terminal import progress_bar
from pipeline.warehouse.blame import DbtError, FailedNode
from pipeline.warehouse.lineage import check_installed, tell_build

# Models downstream of ML outputs, people's decisions or the catalogue of actions are built after
# the ML step; all others before. Of what follows from decisions, the ML step reads who was
# contacted (models/churn/contacts), so that is built before as well.
_STATE = "source:state+"
_AFTER = ("source:ml+", _STATE, "source:history+", "retention_actions+")
_READ_BY_ML = ("staging", "contacts")
BEFORE_ML = (
    "--exclude",
    *(one for one in _AFTER if one != _STATE),
    f"{_STATE},path:tests",
    f"{_STATE},path:models/serving",
    *(
        f"{_STATE},path:models/churn/{folder.name}"
        for folder in sorted((PROJECT / "models/churn").iterdir())
        if folder.is_dir() and folder.name not in _READ_BY_ML
    ),
)
AFTER_ML = ("--select", *_AFTER)
_FAILED = ("error", "fail", "runtime error")


def after(sources: Iterable[str]) -> tuple[str, ...]:
    """Return the selection of what is built from sources, by their names in dbt."""
    return ("--select", *(f"source:{name}+" for name in sources))


def without(selected: tuple[str, ...], domains: Iterable[str]) -> tuple[str, ...]:
    """Return a selection without what single domains have of their own."""
    paths = [f"path:models/{domain}" for domain in domains]
    if not paths:
        return selected
    return (*selected, *paths) if selected[0] == "--exclude" else (*selected, "--exclude", *paths)


@dataclass
class DbtOutcome:
    """The result of a dbt command."""

    passed: int = 0
    warnings: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def dbt(
    home: Home,
    command: str,
    *arguments: str,
    variables: Mapping[str, Any] | None = None,
    console: Console,
    title: str,
    target_path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    program: Path | None = None,
    needs: subprocess.Popen[bytes] | None = None,
) -> DbtOutcome:
    """Run one dbt command with a progress bar.

    Args:
        home: CHURN_HOME.
        command: build, run, test, compile, docs …
        arguments: Further arguments.
        variables: dbt vars.
        console: Console for progress.
        title: Title of the progress bar.
        target_path: Folder for dbt's artefacts instead of CHURN_HOME's default.
        environment: Environment variables that macros read.
        program: Another dbt than the project's own.
        needs: The server that it works on: dbt is ended with it, and does not wait for its return.

    Raises:
        DbtError: A model or a test failed; with dbt's message and the path of the log.
        ChurnError: OpenLineage is configured, and its client is not installed; or CHURN_MEMORY
            cannot be used.
    """
    check_installed()
    home.root.mkdir(parents=True, exist_ok=True)
    (home.work / "duckdb").mkdir(parents=True, exist_ok=True)
    call = [
        str(program or Path(sys.executable).with_name("dbt")),
        "--log-format=json",
        "--log-level=info",
        # every statement in the log file costs a twelfth of a build; those that failed are told
        "--log-level-file=info",
        command,
        *arguments,
        f"--project-dir={PROJECT}",
        f"--profiles-dir={PROJECT}",
        f"--target-path={target_path or home.dbt_target}",
        f"--log-path={home.dbt_logs}",
    ]
    if variables:
        call += ["--vars", json.dumps(variables)]
    results = (target_path or home.dbt_target) / "run_results.json"
    results.unlink(missing_ok=True)
    own = {
        "CHURN_HOME": str(home.root),
        "CHURN_DUCKDB_MEMORY": duckdb_limit(),
        "DO_NOT_TRACK": "1",
    }
    surroundings = {**os.environ, **own, **(environment or {})}
    outcome, stray = DbtOutcome(), ""
    with (
        progress_bar(console) as progress,
        subprocess.Popen(  # noqa: S603 - the project's own dbt
            call,
            env=surroundings,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        task = progress.add_task(title, total=None)
        if needs is not None:
            Thread(target=_end_with, args=(needs, process), daemon=True).start()
        for line in process.stdout or ():
            try:
                event = json.loads(line)
            except json.JSONDecodeError:
                stray += line
                continue
            data = event.get("data", {})
            if "index" in data and "total" in data and event["info"]["name"].endswith("Result"):
                progress.update(task, total=data["total"], completed=data["index"])
            _note(event, outcome)
        code = process.wait()
    if command == "build" and target_path is None:
        tell_build(home, results.parent, console)
    if code != 0:
        words = "\n".join(dict.fromkeys(outcome.failures)) or stray or f"dbt exited with {code}"
        error = DbtError(
            f"dbt {command} failed; nothing was published.",
            where=words[-4000:],
            hint=f"See the full log: {home.dbt_logs / 'dbt.log'}",
        )
        error.failed = _failed(results)
        raise error
    return outcome


def _end_with(server: subprocess.Popen[bytes], process: subprocess.Popen[str]) -> None:
    server.wait()
    process.terminate()


def _failed(results: Path) -> tuple[FailedNode, ...]:
    """Read which models and tests failed, from dbt's artefacts; none if it ran none."""
    manifest = results.with_name("manifest.json")
    if not results.exists() or not manifest.exists():
        return ()
    nodes = json.loads(manifest.read_text())["nodes"]
    found = []
    for result in json.loads(results.read_text())["results"]:
        node = nodes.get(result["unique_id"])
        if result["status"] in _FAILED and node is not None:
            # a test is where its model is, wherever the YAML of the model is
            tested = nodes.get(node.get("attached_node"), node)
            found.append(
                FailedNode(
                    node["name"],
                    tested["original_file_path"],
                    node["resource_type"] == "test",
                    result.get("compiled_code") or "",
                    " ".join(str(result.get("message") or result["status"]).split()),
                )
            )
    return tuple(found)


def _note(event: Mapping[str, Any], outcome: DbtOutcome) -> None:
    name, level = event["info"]["name"], event["info"]["level"]
    data = event.get("data", {})
    if name in {"LogTestResult", "LogModelResult", "LogSeedResult"}:
        status = str(data.get("status", "")).lower()
        if status in {"pass", "success", "ok"} or "OK" in str(data.get("status", "")):
            outcome.passed += 1
        elif status == "warn":
            outcome.warnings.append(f"{data.get('name')}: {data.get('num_failures')} rows")
    if level == "error":
        outcome.failures.append(str(event["info"]["msg"]).strip())
