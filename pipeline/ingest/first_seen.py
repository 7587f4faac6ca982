"""Keeps the day on which a row was first seen when its file is loaded again with more rows.

Rows are compared whole, as often as they are there. What is equal is looked for in the partition of
the lake that the row lies in; a partition that is as it was keeps its Parquet files.
"""

import os
import shutil
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from pipeline.ingest.convert import PARQUET
from pipeline.ingest.engine import execute
from pipeline.project.duck import files_sql, quoted
from pipeline.project.files import replaced
from pipeline.project.sources import FIRST_SEEN, SourceTable

Watch = Callable[[float], None]
# Of a row in a lake that did not keep the day.
_UNKNOWN = -1_000_000_000


@dataclass
class _Part:
    """A partition's Parquet files, its number of rows, and the sum of their hashes."""

    files: list[Path] = field(default_factory=list)
    rows: int = 0
    hashes: int = 0

    def is_as(self, other: "_Part") -> bool:
        return (self.rows, self.hashes) == (other.rows, other.hashes)


def keep_first_seen(
    table: SourceTable, before: Path, folder: Path, con: duckdb.DuckDBPyConnection, watch: Watch
) -> None:
    """Give the rows of a new folder the day of their equals in the folder that it replaces.

    Args:
        table: The table.
        before: The lake's folder of the same raw file.
        folder: Output of `convert` and `deduplicate`, not yet committed.
        con: The session.
        watch: Called with the percentage done of each step.
    """
    old_files, new_files = (sorted(path.rglob("*.parquet")) for path in (before, folder))
    if not old_files:
        return
    old_types, new_types = _types(old_files, con), _types(new_files, con)
    # After a change of the YAML, rows are the same if their columns of before and now are.
    names = [c.name for c in table.columns if old_types.get(c.name) == new_types[c.name]]
    if not names:
        return
    row_hash = "hash(" + ", ".join(f'"{name}"' for name in names) + ")"
    con.execute("set preserve_insertion_order = true")
    is_same_shape = len(names) == len(table.columns) == len(old_types.keys() - {FIRST_SEEN})
    old = _parts(before, old_files, row_hash, con, watch)
    for name, part in _parts(folder, new_files, row_hash, con, watch).items():
        if name not in old:
            continue
        if is_same_shape and part.is_as(old[name]):
            _reuse(old[name].files, part.files)
        else:
            _date(old[name].files, part.files, row_hash, con, watch)


def _types(files: Sequence[Path], con: duckdb.DuckDBPyConnection) -> dict[str, str]:
    rows = con.execute(f"describe from {_rows(files)}").fetchall()
    return {name: kind for name, kind, *_ in rows}


def _parts(
    folder: Path,
    files: Sequence[Path],
    row_hash: str,
    con: duckdb.DuckDBPyConnection,
    watch: Watch,
) -> dict[Path, _Part]:
    """Return the partitions of a folder by their place below it."""
    sums = {
        Path(str(name)): (int(str(rows)), int(str(hashes)))
        for name, rows, hashes in execute(
            con,
            f"select filename, count(*), sum({row_hash}::hugeint)"
            f" from {_rows(files, 'filename = true')} group by filename",
            watch,
        )
    }
    parts: dict[Path, _Part] = defaultdict(_Part)
    for file in files:
        part = parts[file.parent.relative_to(folder)]
        rows, hashes = sums.get(file, (0, 0))
        part.files.append(file)
        part.rows += rows
        part.hashes += hashes
    return parts


def _reuse(old: list[Path], new: list[Path]) -> None:
    """Put the lake's files in the place of new ones with the same rows."""
    folder = new[0].parent
    for file in new:
        file.unlink()
    for file in old:
        try:
            os.link(file, folder / file.name)
        except OSError:  # not every file system has links
            shutil.copyfile(file, folder / file.name)


def _date(
    old: list[Path],
    new: list[Path],
    row_hash: str,
    con: duckdb.DuckDBPyConnection,
    watch: Watch,
) -> None:
    """Write new files again with the days of the rows that old ones have."""
    was = _hashes_and_days(old, row_hash, con)
    found = [_hashes_and_days([file], row_hash, con) for file in new]
    hashes = np.concatenate([of_file[0] for of_file in found])
    kept = _days_of(hashes, np.concatenate([of_file[1] for of_file in found]), *was)
    stops = np.cumsum([of_file[0].size for of_file in found])
    for file, (_, before), days in zip(new, found, np.split(kept, stops[:-1]), strict=True):
        if np.array_equal(days, before):
            continue
        column = pa.array(days, pa.int32(), mask=days == _UNKNOWN).cast(pa.date32())
        con.register("first_seen", pa.table({FIRST_SEEN: column}))
        rows = f"select * exclude ({FIRST_SEEN}) from {_rows([file])}"
        dated = f"select * from ({rows}) positional join first_seen"
        with replaced(file) as part:
            execute(con, f"copy ({dated}) to {quoted(part)} ({PARQUET})", watch)
        con.unregister("first_seen")


def _days_of(
    hashes: npt.NDArray[np.uint64],
    days: npt.NDArray[np.int32],
    old_hashes: npt.NDArray[np.uint64],
    old_days: npt.NDArray[np.int32],
) -> npt.NDArray[np.int32]:
    """Return the day of each row: that of an equal old row, the earliest first, or its own."""
    old_order = np.lexsort((old_days, old_hashes))
    old_hashes, old_days = old_hashes[old_order], old_days[old_order]
    order = np.argsort(hashes, kind="stable")
    ordered = hashes[order]
    place = np.arange(ordered.size) - np.searchsorted(ordered, ordered)
    at = np.searchsorted(old_hashes, ordered) + place
    is_there = at < old_hashes.size
    is_there[is_there] = old_hashes[at[is_there]] == ordered[is_there]
    kept = days.copy()
    kept[order[is_there]] = old_days[at[is_there]]
    return kept


def _hashes_and_days(
    files: list[Path], row_hash: str, con: duckdb.DuckDBPyConnection
) -> tuple[npt.NDArray[np.uint64], npt.NDArray[np.int32]]:
    is_kept = FIRST_SEEN in _types(files, con)
    day = f"coalesce({FIRST_SEEN} - date '1970-01-01', {_UNKNOWN})" if is_kept else _UNKNOWN
    found = con.execute(
        f"select {row_hash} as row_hash, {day}::integer as day from {_rows(files)}"
    ).fetchnumpy()
    return np.asarray(found["row_hash"]), np.asarray(found["day"])


def _rows(files: Sequence[Path], options: str = "filename = false") -> str:
    return (
        f"read_parquet([{files_sql(files)}], union_by_name = true, hive_partitioning = false,"
        f" {options})"
    )
