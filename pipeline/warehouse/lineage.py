"""What was made from what, told as OpenLineage events (https://openlineage.io).

Where the events go is OpenLineage's own configuration, in its environment variables or its file: a
file of JSON lines, or a lineage server. Without one nothing is told. A lineage server that is down
stops no run. Events name relations, rows and tests, and no customer.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

import pyarrow.parquet as pq
from rich.console import Console

from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT, Home
from pipeline.project.terminal import show_warning

if TYPE_CHECKING:
    from openlineage.client import OpenLineageClient

NAMESPACE = "churn"
PRODUCER = "urn:churn-platform"
# A server that did not answer is not asked again by this process: each event would wait for it.
_is_silent = Event()
_HINT = "Install the extra: pip install 'churn-platform[lineage]', or take the settings away."


@dataclass(frozen=True)
class Relation:
    """A relation of a database file.

    Attributes:
        name: Its name with database and schema, as dbt's events give it.
        rows: Rows that were written; None if it was only read.
        file: The database; None for the warehouse.
    """

    name: str
    rows: int | None = None
    file: Path | None = None


def is_asked() -> bool:
    """Whether OpenLineage is configured, not switched off, and answered so far."""
    if _is_silent.is_set() or os.environ.get("OPENLINEAGE_DISABLED", "").strip().lower() == "true":
        return False
    return any(
        name.startswith(("OPENLINEAGE_URL", "OPENLINEAGE_CONFIG", "OPENLINEAGE__"))
        for name in os.environ
    )


def check_installed() -> None:
    """Check that what is configured can be told.

    Raises:
        ChurnError: OpenLineage is configured, and its client is not installed.
    """
    if is_asked() and find_spec("openlineage") is None:
        raise ChurnError(
            "OpenLineage is configured, and its client is not installed.",
            where="environment variables OPENLINEAGE_…",
            hint=_HINT,
        )


def written_tables(folder: Path) -> list[Relation]:
    """Return the relations of the schema `ml` that a folder of Parquet files adds rows to."""
    return [
        Relation(f"warehouse.ml.{path.stem}", pq.read_metadata(path).num_rows)
        for path in sorted(folder.glob("*.parquet"))
    ]


def tell_build(home: Home, artefacts: Path, console: Console) -> None:
    """Tell what a dbt command that has ended read, wrote and tested, node by node.

    Args:
        home: CHURN_HOME.
        artefacts: dbt's target folder, with the manifest and the results of the run.
        console: Where a lineage server that does not answer is told of.
    """
    if not is_asked() or not (artefacts / "run_results.json").exists():
        return
    from jinja2 import Environment
    from openlineage.common.provider.dbt.local import DbtLocalArtifactProcessor

    class Artefacts(DbtLocalArtifactProcessor):  # type: ignore[misc]
        """dbt's artefacts of this home, whatever CHURN_HOME is in this process."""

        @staticmethod
        def setup_jinja() -> Environment:
            """Profiles read CHURN_HOME from the environment."""
            environment: Environment = DbtLocalArtifactProcessor.setup_jinja()
            given = {**os.environ, "CHURN_HOME": str(home.root.resolve())}
            environment.globals["env_var"] = lambda name, default="": given.get(name, default)
            return environment

    with _unheard(console):
        client = _client()
        processor = Artefacts(
            producer=PRODUCER,
            job_namespace=NAMESPACE,
            project_dir=str(PROJECT),
            target_path=str(artefacts.resolve()),
        )
        for event in processor.parse().events():
            client.emit(event)


@contextmanager
def told(home: Home, job: str, reads: Iterable[str], console: Console) -> Iterator[list[Relation]]:
    """Tell that a step began, and how it ended.

    Args:
        home: CHURN_HOME.
        job: Name of the step, with its domain.
        reads: Relations of the warehouse that it reads.
        console: Where a lineage server that does not answer is told of.

    Yields:
        A list; the block adds what it wrote.
    """
    wrote: list[Relation] = []
    if not is_asked():
        yield wrote
        return
    check_installed()
    from openlineage.client.event_v2 import (
        InputDataset,
        Job,
        OutputDataset,
        Run,
        RunEvent,
        RunState,
    )
    from openlineage.client.facet_v2 import (
        RunFacet,
        error_message_run,
        output_statistics_output_dataset,
    )
    from openlineage.client.uuid import generate_new_uuid

    statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet
    run_id = str(generate_new_uuid())

    def emit(state: RunState, error: BaseException | None = None) -> None:
        # what was wrong, and not where: a file's name may be a customer's
        message = getattr(error, "what", type(error).__name__)
        facets: dict[str, RunFacet] = {}
        if error is not None:
            facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(message, "python")
        with _unheard(console):
            _client().emit(
                RunEvent(
                    eventType=state,
                    eventTime=datetime.now(UTC).isoformat(),
                    run=Run(run_id, facets=facets),
                    job=Job(NAMESPACE, job),
                    inputs=[InputDataset(_database(home.warehouse), name) for name in reads],
                    outputs=[
                        OutputDataset(
                            _database(relation.file or home.warehouse),
                            relation.name,
                            outputFacets={"outputStatistics": statistics(rowCount=relation.rows)},
                        )
                        for relation in wrote
                    ],
                    producer=PRODUCER,
                )
            )

    emit(RunState.START)
    try:
        yield wrote
    except BaseException as error:
        emit(RunState.FAIL, error)
        raise
    emit(RunState.COMPLETE)


def _database(file: Path) -> str:
    """Return the namespace of a DuckDB file, as dbt's events give it."""
    return f"duckdb://{file.resolve()}"


def _client() -> "OpenLineageClient":
    from openlineage.client import OpenLineageClient

    return OpenLineageClient()


@contextmanager
def _unheard(console: Console) -> Iterator[None]:
    """Go on when a lineage server does not answer, or its configuration is wrong; say it once."""
    try:
        yield
    except Exception as error:
        if not _is_silent.is_set():
            _is_silent.set()
            show_warning(
                console, f"OpenLineage events are not sent: {type(error).__name__}: {error}"
            )
