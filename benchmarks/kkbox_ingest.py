"""The cost of ingesting the listening logs, relative to reading their CSV once."""

import duckdb

from benchmarks import kkbox_data
from benchmarks.columns import sums_of_csv
from benchmarks.figures import Figure
from benchmarks.workbench import Bench, Timed, best

AIM = 1.6


def measure(bench: Bench) -> list[Figure]:
    """Time reading the log file with DuckDB, and ingesting the same file.

    Ingest includes everything: hash, validation, Parquet by month, commit. The other raw files
    are already in the lake, so only the log file is ingested.
    """
    raw = kkbox_data.raw_files(bench)
    kkbox_data.ingest_all_but_logs(bench, raw)
    query = sums_of_csv(kkbox_data.logs_table(), raw / kkbox_data.LOGS)

    def read_csv() -> None:
        with duckdb.connect() as connection:
            connection.execute(query).fetchall()

    read_seconds, ingest_seconds = best(
        bench,
        Timed("reading the CSV", read_csv),
        Timed(
            "ingesting it",
            lambda: kkbox_data.ingest_logs(bench, raw),
            before=lambda: kkbox_data.forget_logs(bench),
        ),
    )
    (report,) = kkbox_data.ingest_logs(bench, raw).files
    read = Figure("csv_read", read_seconds, "s", f"DuckDB sums every column, {bench.how}")
    ingested = Figure("ingest", ingest_seconds, "s", f"`churn ingest` of that file, {bench.how}")
    return [
        Figure("log_rows", report.rows_read, "rows", f"in {kkbox_data.LOGS}"),
        read,
        ingested.compared(read, name="ingest_per_csv_read", aim=AIM),
    ]
