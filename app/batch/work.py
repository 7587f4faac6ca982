"""Runs one job: scores raw files or a cut-off and writes one row per customer."""

import io
import re
import shutil
from collections.abc import Callable
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from app.batch.jobs import Job
from app.batch.uploads import ATTEMPTS, RAW, check_parquet, folder_of
from pipeline.ingest import ingest
from pipeline.project.duck import files_sql, quoted, to_read
from pipeline.project.errors import ChurnError
from pipeline.project.forgotten import merge_forgotten, read_forgotten
from pipeline.project.home import Home
from pipeline.publish.generation import GenerationInfo, current
from pipeline.realtime.cohort import score_lake
from pipeline.realtime.errors import NotReadyError

# Called with the stage, the progress, and other fields of the job to store.
Tell = Callable[..., None]

RESULTS, REFUSED = "results.parquet", "refused.parquet"
INGEST_MEMORY = 10**9
# A place in a file, and what ingest adds from the table's description.
_PLACE = re.compile(r"(?P<file>[^:,\n]+)(?:, line \d+)?")
_DESCRIBED = re.compile(r"\n +(?:header expected|wrong in its first rows): [^\n]*\Z")

# Advice that names an option of the command line.
_OPTION = re.compile(r", or [^.]*--\w[^.]*(?=\.)")


def work(home: Home, job: Job, tell: Tell) -> dict[str, Any]:
    """Run a job from its beginning, whatever an earlier attempt left; return its counts.

    Each attempt has its own folder, since an earlier one may not know yet that it lost its lease.

    Raises:
        ChurnError: The job failed; the message is for the caller.
    """
    folder = folder_of(home, job.job_id)
    private = Home(folder / ATTEMPTS / str(job.attempts))
    shutil.rmtree(private.root, ignore_errors=True)
    try:
        generation, run_id, scored = _live(home, job.domain)
        cut_off = job.as_of_date or scored
        known = {"generation": generation.name, "model_version": run_id, "as_of_date": cut_off}
        tell("reading", 0.0, **known)
        ingested: dict[str, Any] = {}
        lake, is_sent = home.lake, job.source == "upload"
        if is_sent:
            ingested = _ingest(job, folder / RAW, home, private)
            lake = private.lake
        spill = private.root / "spill"
        spill.mkdir(parents=True, exist_ok=True)
        counts = score_lake(
            home,
            job.domain,
            generation.path,
            run_id,
            lake=lake,
            cut_off=cut_off,
            is_sent=is_sent,
            target=private.root / RESULTS,
            spill=spill,
            progress=lambda share: tell("scoring", 0.2 + 0.8 * share),
        )
        # an attempt that has lost the lease ends here and commits nothing
        tell("scoring", 1.0)
        for name in (REFUSED, RESULTS):
            if (private.root / name).exists():
                (private.root / name).replace(folder / name)
        return {**ingested, **asdict(counts)}
    finally:
        shutil.rmtree(private.root, ignore_errors=True)


def _live(home: Home, domain: str) -> tuple[GenerationInfo, str, date]:
    """Return the current generation, the run of its scores for a domain, and their cut-off."""
    generation = current(home)
    if generation is None:
        raise NotReadyError("Nothing has been published yet.", hint="Run `churn run` to publish.")
    copy = generation.path.with_suffix("") / "bi_domains.parquet"
    row = duckdb.execute(
        "select run_id, as_of_date from read_parquet(?) where domain = ?", [to_read(copy), domain]
    ).fetchone()
    if row is None or row[0] is None:
        raise NotReadyError(
            f"{domain} has no published model.", hint="Run `churn run` to publish one."
        )
    return generation, row[0], row[1]


def _ingest(job: Job, raw: Path, home: Home, private: Home) -> dict[str, Any]:
    """Ingest the uploaded files into a separate lake, with all checks of an ingest."""
    for path in sorted(raw.glob("*.parquet")):
        check_parquet(path)
    private.root.mkdir(parents=True)
    # whoever was forgotten is not scored from an upload either
    merge_forgotten(private, read_forgotten(home))
    try:
        summary = ingest(
            job.domain,
            raw,
            private,
            console=Console(file=io.StringIO(), markup=False, emoji=False),
            memory=INGEST_MEMORY,
            # nothing is replaced, and the job returns every refused row with its reason
            accept="refused rows are returned with the job",
        )
    except ChurnError as error:
        raise _for_uploaders(error, raw) from error
    refused = sorted(str(path) for path in private.quarantine.rglob("rejected.parquet"))
    if refused:
        target = private.root / REFUSED
        duckdb.execute(
            "copy (select file, line, column_name, value, reason"
            f" from read_parquet([{files_sql(refused)}])"
            f" order by file, line, column_name) to {quoted(target)} (format parquet)"
        )
    return {
        "refused_rows": sum(file.quarantined for file in summary.files),
        "files": [
            {
                "file": file.file,
                "table": file.table,
                "rows_read": file.rows_read,
                "rows": file.rows,
                "refused_rows": file.quarantined,
                "duplicates": file.duplicates or 0,
                "reasons": [str(reason) for reason in file.reasons][:20],
                "ignored_columns": list(file.ignored_columns)[:50],
            }
            for file in summary.files
        ],
    }


def _for_uploaders(error: ChurnError, raw: Path) -> ChurnError:
    """Return an error of ingest without details that the caller must not see.

    The place keeps only file, line and what comes from the table's description: a header may be a
    customer's row, and other text may contain local paths. An error without a file gets no hint,
    because another upload would not help.
    """
    where = error.where or ""
    place = _PLACE.match(where)
    if place is None or not (raw / place["file"]).is_file():
        return ChurnError(error.what)
    described = _DESCRIBED.search(where)
    return ChurnError(
        error.what,
        where=place[0] + (described[0] if described else ""),
        hint=error.hint and _OPTION.sub("", error.hint).replace("the directory", "the upload"),
    )
