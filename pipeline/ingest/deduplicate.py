"""Removes rows of a file that are equal in every column, except one.

Hashes are sorted first, at a tenth of the cost of writing. Only rows whose hash occurs twice are
compared, and only Parquet files with a duplicate are rewritten.
"""

from collections.abc import Callable, Iterable
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from pipeline.ingest.convert import PARQUET
from pipeline.ingest.engine import execute, numbers
from pipeline.project.duck import files_sql, quoted
from pipeline.project.files import replaced
from pipeline.project.sources import SourceTable

Watch = Callable[[float], None]


def deduplicate(
    table: SourceTable, folder: Path, con: duckdb.DuckDBPyConnection, watch: Watch
) -> int:
    """Remove duplicates from the Parquet files below a folder; return how many rows were removed.

    Two nulls are equal. The first row stays in its place. Takes 20 bytes of memory per row.

    Args:
        table: The table the rows belong to.
        folder: Output of `convert` for one raw file, not yet committed.
        con: The session.
        watch: Called with the percentage done of each step.
    """
    rows = _scan(folder.rglob("*.parquet"))
    # Nullable columns distinguish fewer rows and cost as much to read.
    telling = [c.name for c in table.raw_columns if c.not_null] or [c.name for c in table.columns]
    row_hash = f"hash({_listed(telling)})"
    hashes = numbers(con, f"select {row_hash} from {rows}", watch)
    hashes.sort()
    repeated = np.unique(hashes[1:][hashes[1:] == hashes[:-1]])
    if repeated.size == 0:
        return 0
    con.register("repeated", pa.table({"row_hash": repeated}))
    equal = f"partition by {_listed(c.name for c in table.columns)}"
    execute(
        con,
        "create or replace temp table duplicates as select filename, file_row_number from (select"
        f" *, row_number() over ({equal} order by filename, file_row_number) as place from {rows}"
        f" where {row_hash} in (select row_hash from repeated)) where place > 1",
        watch,
    )
    found = con.execute("select filename, count(*) from duplicates group by all").fetchall()
    con.execute("set preserve_insertion_order = true")
    for name, _ in found:
        _write_without_duplicates(Path(name), con, watch)
    return sum(count for _, count in found)


def _write_without_duplicates(file: Path, con: duckdb.DuckDBPyConnection, watch: Watch) -> None:
    kept = (
        f"select * exclude (filename, file_row_number) from {_scan([file])}"
        " where (filename, file_row_number) not in (from duplicates)"
    )
    with replaced(file) as part:
        execute(con, f"copy ({kept}) to {quoted(part)} ({PARQUET})", watch)


def _scan(files: Iterable[Path]) -> str:
    options = "hive_partitioning = false, filename = true, file_row_number = true"
    return f"read_parquet([{files_sql(sorted(files))}], {options})"


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)
