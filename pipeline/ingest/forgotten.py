"""Leaves customers out of a new file who were forgotten: nobody comes back with a delivery."""

from pathlib import Path

import duckdb

from pipeline.ingest.convert import PARQUET
from pipeline.project.duck import file_sql, listed, quoted
from pipeline.project.files import replaced
from pipeline.project.forgotten import forgotten_among, is_anybody_forgotten
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable

# What separates the values of a bad row, as the file has it.
_BETWEEN = r"[^0-9A-Za-z+/=_.@-]+"


def leave_out_forgotten(
    home: Home,
    table: SourceTable,
    parquet: Path,
    quarantine: Path,
    connection: duckdb.DuckDBPyConnection,
) -> int:
    """Take rows of forgotten customers out of a file that was typed; return how many there were.

    Args:
        home: CHURN_HOME, with the list of the forgotten.
        table: The table of the file.
        parquet: Folder of its typed rows.
        quarantine: Folder of its bad values, which go with the customer as well.
        connection: The session.
    """
    if not is_anybody_forgotten(home, table.domain):
        return 0
    owners = [column.name for column in table.columns if column.is_id]
    gone = 0
    for path in sorted(parquet.rglob("*.parquet")):
        rows = f"read_parquet({file_sql(path)}, hive_partitioning = false)"
        ids = {
            row[0]
            for name in owners
            for row in connection.execute(f'select distinct "{name}" from {rows}').fetchall()
        }
        found = forgotten_among(home, table.domain, ids - {None})
        if found:
            theirs = " or ".join(
                f'coalesce("{name}" in ({listed(found)}), false)' for name in owners
            )
            gone += _rewrite(connection, path, rows, theirs)
    for path in sorted(quarantine.rglob("*.parquet")):
        rows = f"read_parquet({file_sql(path)}, hive_partitioning = false)"
        texts = [
            row[0]
            for row in connection.execute(f"describe from {rows}").fetchall()
            if row[1] == "VARCHAR"
        ]
        words = {
            row[0]
            for name in texts
            for row in connection.execute(
                f"select distinct unnest(regexp_split_to_array(\"{name}\", '{_BETWEEN}')) "
                f"from {rows}"
            ).fetchall()
        }
        if found := forgotten_among(home, table.domain, words - {None, ""}):
            theirs = " or ".join(
                f"coalesce(list_has_any(regexp_split_to_array(\"{name}\", '{_BETWEEN}'), "
                f"[{listed(found)}]), false)"
                for name in texts
            )
            _rewrite(connection, path, rows, theirs)
    return gone


def _rewrite(connection: duckdb.DuckDBPyConnection, path: Path, rows: str, theirs: str) -> int:
    with replaced(path) as part:
        counted = connection.execute(f"select count(*) from {rows} where {theirs}").fetchone()
        connection.execute(
            f"copy (select * from {rows} where not ({theirs})) to {quoted(part)} ({PARQUET})"
        )
    return int(counted[0]) if counted else 0
