"""The cost of ingesting event files, relative to reading them, and of adding one more month."""

from pathlib import Path

import duckdb

from benchmarks import ecommerce_data
from benchmarks.columns import sums_of_csv
from benchmarks.figures import Figure
from benchmarks.workbench import Bench, Timed, best
from pipeline.ingest.discover import DEMO_MARK
from pipeline.project.files import empty_folder
from pipeline.project.home import Home

ONE_MORE_MONTH_AIM = 1.3
NEW = next(reversed(ecommerce_data.FILES))


def measure(bench: Bench) -> list[Figure]:
    """Time reading seven months with DuckDB, ingesting them, and the seventh under two conditions.

    Ingest includes everything: hash, validation, Parquet by type and month, duplicates, commit. One
    more month is an ingest of the folder of all seven into a lake that has six; the month alone is
    an ingest of its own folder into an empty lake.
    """
    raw = ecommerce_data.raw_files(bench)
    alone, empty = _folder_of_the_new_month(raw), Home(bench.folder / "empty_home")
    query = sums_of_csv(ecommerce_data.events_table(), raw / "*.csv", ecommerce_data.LACKS)

    def read_csv() -> None:
        with duckdb.connect() as connection:
            connection.execute(query).fetchall()

    read_seconds, ingest_seconds, alone_seconds, more_seconds = best(
        bench,
        Timed("reading the CSV files", read_csv),
        Timed(
            "ingesting them",
            lambda: ecommerce_data.ingest_files(raw, bench.home),
            before=lambda: ecommerce_data.forget(bench.home, *ecommerce_data.FILES),
        ),
        Timed(
            "a month into an empty lake",
            lambda: ecommerce_data.ingest_files(alone, empty),
            before=lambda: ecommerce_data.forget(empty, NEW),
        ),
        Timed(
            "the same beside six others",
            lambda: ecommerce_data.ingest_files(raw, bench.home),
            before=lambda: ecommerce_data.forget(bench.home, NEW),
        ),
    )
    events = sum(file.rows_read for file in ecommerce_data.lake(bench).files)
    read = Figure("event_csv_read", read_seconds, "s", f"DuckDB sums every column, {bench.how}")
    ingested = Figure(
        "event_ingest", ingest_seconds, "s", f"`churn ingest` of those files, {bench.how}"
    )
    month = Figure("month_alone", alone_seconds, "s", f"{NEW} into an empty lake, {bench.how}")
    more = Figure("one_more_month", more_seconds, "s", f"{NEW} where six months are, {bench.how}")
    return [
        Figure("events", events, "rows", f"in {len(ecommerce_data.FILES)} files"),
        read,
        ingested.compared(read, name="event_ingest_per_csv_read"),
        Figure("events_per_second", round(events / ingest_seconds), "rows/s", "csv to lake"),
        month,
        more.compared(month, name="one_more_month_per_month_alone", aim=ONE_MORE_MONTH_AIM),
    ]


def _folder_of_the_new_month(raw: Path) -> Path:
    """Create a raw directory with a link to one month, because ingest loads whole directories."""
    folder = raw.with_name(f"{raw.name}_new")
    empty_folder(folder)
    for name in (NEW, DEMO_MARK):
        (folder / name).symlink_to(raw / name)
    return folder
