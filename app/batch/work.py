"""Does one job: raw files or a cut-off in, one row per customer out."""

import io
import shutil
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from app.batch.jobs import Job
from app.batch.uploads import check_parquet, folder_of
from pipeline import publish
from pipeline.errors import ChurnError
from pipeline.ingest import ingest
from pipeline.realtime.cohort import score_lake
from pipeline.realtime.errors import NotReadyError
from pipeline.settings import Home

# Told the stage, how far it is, and what else is to be kept of the job.
Tell = Callable[..., None]

RESULTS, REFUSED = "results.parquet", "refused.parquet"
INGEST_MEMORY = "1GB"


def work(home: Home, job: Job, tell: Tell) -> dict[str, Any]:
    """Do a job from its beginning, whatever an earlier attempt left; return its counts.

    Raises:
        ChurnError: It cannot be done; the words are for whoever asked.
    """
    folder = folder_of(home, job.job_id)
    private = Home(folder / "home")
    shutil.rmtree(private.root, ignore_errors=True)
    try:
        generation, run_id = _live(home, job.domain)
        tell("reading", 0.0, generation=generation.name, model_version=run_id)
        told: dict[str, Any] = {}
        lake = home.lake
        if job.source == "upload":
            told = _ingest(job, folder, private)
            lake = private.lake
        spill = private.root / "spill"
        spill.mkdir(parents=True, exist_ok=True)
        counts = score_lake(
            home,
            job.domain,
            generation.path,
            run_id,
            lake=lake,
            cut_off=job.as_of_date,
            names_everybody=job.source == "upload",
            target=folder / RESULTS,
            spill=spill,
            progress=lambda share: tell("scoring", 0.2 + 0.8 * share),
        )
        return {**told, **asdict(counts)}
    finally:
        shutil.rmtree(private.root, ignore_errors=True)


def forget_upload(home: Home, job_id: str) -> None:
    """Delete the raw files of a job that has ended."""
    shutil.rmtree(folder_of(home, job_id) / "raw", ignore_errors=True)


def _live(home: Home, domain: str) -> tuple[publish.Generation, str]:
    """Return the current generation and the run behind its scores of a domain."""
    generation = publish.current(home)
    if generation is None:
        raise NotReadyError("Nothing has been published yet.", hint="churn run publishes.")
    copy = generation.path.with_suffix("") / "bi_domains.parquet"
    row = duckdb.execute(
        "select run_id from read_parquet(?) where domain = ?", [str(copy), domain]
    ).fetchone()
    if row is None or row[0] is None:
        raise NotReadyError(f"{domain} has no published model.", hint="churn run publishes one.")
    return generation, str(row[0])


def _ingest(job: Job, folder: Path, private: Home) -> dict[str, Any]:
    """Bring the uploaded files into a lake of their own, by the checks of every ingest."""
    raw = folder / "raw"
    for path in sorted(raw.glob("*.parquet")):
        check_parquet(path)
    private.root.mkdir(parents=True)
    try:
        summary = ingest(
            job.domain,
            raw,
            private,
            console=Console(file=io.StringIO()),
            memory=INGEST_MEMORY,
        )
    except ChurnError as error:
        # whoever asked knows names of files, not this machine's folders
        where = (error.where or "").replace(str(raw), "the upload").replace(str(folder), "")
        raise ChurnError(error.what, where=where or None, hint=error.hint) from error
    refused = sorted(str(path) for path in private.quarantine.rglob("rejected.parquet"))
    target = folder / REFUSED
    if refused:
        part = target.with_suffix(".part")
        listed = ", ".join("'" + name.replace("'", "''") + "'" for name in refused)
        duckdb.execute(
            f"copy (select file, line, column_name, value, reason from read_parquet([{listed}]) "
            f"order by file, line, column_name) to '{part}' (format parquet)"
        )
        part.replace(target)
    return {
        "refused_rows": sum(file.quarantined for file in summary.files),
        "files": [
            {
                "file": file.file,
                "table": file.table,
                "rows_read": file.rows_read,
                "rows": file.rows,
                "refused_rows": file.quarantined,
                "reasons": [str(reason) for reason in file.reasons][:20],
                "ignored_columns": list(file.ignored_columns)[:50],
            }
            for file in summary.files
        ],
    }
