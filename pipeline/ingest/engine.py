"""A DuckDB session for ingest: settings, and queries that can be watched and interrupted."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import duckdb
import numpy as np
import numpy.typing as npt

from pipeline.project.memory import duckdb_limit

# Rows buffered per session before partitions are flushed: enough for full row groups in about
# thirty months, at about a gigabyte.
_BUFFERED_ROWS = 8_000_000

Result = TypeVar("Result")


def connect(spill: Path, memory: int | None = None) -> duckdb.DuckDBPyConnection:
    """Open an in-memory session that spills to a folder.

    Args:
        spill: The folder.
        memory: Bytes that it may use where CHURN_MEMORY allows more; None for no such bound.

    Raises:
        ChurnError: CHURN_MEMORY cannot be used.
    """
    limit = duckdb_limit(most=memory)
    con = duckdb.connect(config={"temp_directory": str(spill), "memory_limit": limit})
    row = con.execute("select current_setting('threads')").fetchone()
    threads = int(row[0]) if row else 1
    con.execute(
        f"set partitioned_write_flush_threshold = {max(500_000, _BUFFERED_ROWS // threads)}"
    )
    # If the check were pushed below the typed values, each value would be computed twice.
    con.execute("set disabled_optimizers = 'filter_pushdown'")
    con.execute("set timezone = 'UTC'")
    return con


def execute(
    con: duckdb.DuckDBPyConnection, sql: str, watch: Callable[[float], None]
) -> list[tuple[object, ...]]:
    """Run one statement and return its rows; `watch` is called with the percentage done."""
    return _watched(con, lambda: con.execute(sql).fetchall(), watch)


def numbers(
    con: duckdb.DuckDBPyConnection, sql: str, watch: Callable[[float], None]
) -> npt.NDArray[np.uint64]:
    """Run a query of one ubigint column without nulls; return it as an array, shape (rows,)."""
    return _watched(con, lambda: np.asarray(con.execute(sql).fetchnumpy().popitem()[1]), watch)


def _watched(
    con: duckdb.DuckDBPyConnection, run: Callable[[], Result], watch: Callable[[float], None]
) -> Result:
    with ThreadPoolExecutor(1) as pool:
        future = pool.submit(run)
        pause = 0.002
        try:
            while not future.done():
                time.sleep(pause)
                pause = min(pause * 1.5, 0.2)
                watch(max(con.query_progress(), 0.0))
        except BaseException:
            con.interrupt()
            raise
        return future.result()
