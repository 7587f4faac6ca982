"""`churn export tableau`: exports the current generation."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from pipeline.project.duck import open_large
from pipeline.project.errors import ChurnError
from pipeline.project.files import remove
from pipeline.project.home import Home
from pipeline.project.serving_tables import Table, published_tables
from pipeline.publish.generation import SCHEMA, GenerationInfo, current
from pipeline.tableau.data_source import data_source, fields_of, pack
from pipeline.tableau.extract import GENERATION, columns_of, write_extract

PREFIX = "bi_"


@dataclass(frozen=True)
class Export:
    """The files of an export.

    Attributes:
        extract: `published/current.hyper`.
        sources: The data source files, one per table.
        packages: The packed data sources asked for.
        generation: Name of the published generation.
        rows: Table → rows.
    """

    extract: Path
    sources: tuple[Path, ...]
    packages: tuple[Path, ...]
    generation: str
    rows: dict[str, int]


def export(home: Home, seen_as: str | None = None, packed: Sequence[str] = ()) -> Export:
    """Write every bi_ table of the current generation into one extract, with a data source each.

    The extract is a file, not a link to a generation's file: Tableau remembers the target of a
    link, and that generation is deleted three publishes later. It is committed by a rename, so
    readers of the old one can finish. Its table `generation` records what it holds.

    Args:
        home: CHURN_HOME with a published generation.
        seen_as: Path of current.hyper as Tableau sees it, such as on a share; its local path by
            default.
        packed: Tables to pack with an extract of their own, for a server.

    Raises:
        ChurnError: Nothing is published, there is no such table, or the API is not installed.
    """
    live = current(home)
    if live is None:
        raise ChurnError("Nothing is published yet.", hint="Run `churn run` first.")
    tables = [name for name in live.tables if name.startswith(PREFIX)]
    for name in packed:
        if name not in tables:
            raise ChurnError(
                f"There is no table {name!r}.", hint=f"Choose one of: {', '.join(tables)}."
            )
    target = home.published / "current.hyper"
    home.work.mkdir(parents=True, exist_ok=True)
    with (
        TemporaryDirectory(dir=home.work, prefix="tableau-") as folder,
        open_large(home, "tableau", live.path) as connection,
    ):
        scratch = Path(folder)
        connection.execute(_generation_view(live))
        relations = {name: f"{SCHEMA}.{name}" for name in tables}
        made = scratch / target.name
        rows = write_extract(
            connection,
            relations | {GENERATION: GENERATION},
            made,
            scratch / "work",
            live.path.with_suffix(""),
        )
        described = _describe(connection, tables)
        sources = {
            f"{name}.tds": data_source(
                table,
                fields_of(table, columns_of(connection, relations[name])),
                seen_as or str(target),
            )
            for name, table in described.items()
        }
        for name in packed:
            _pack(connection, described[name], relations[name], scratch)
        # Hyper creates files for their owner only; readers of the generation may read the extract
        made.chmod(live.path.stat().st_mode)
        made.replace(target)
        places = [_place(scratch, home, name, text) for name, text in sources.items()]
        packages = [_place(scratch, home, f"{name}.tdsx", None) for name in packed]
        _forget_dropped(home, {*places, *packages})
    del rows[GENERATION]
    return Export(target, tuple(places), tuple(packages), live.name, rows)


def folder_of(home: Home) -> Path:
    """Return the folder of the data source files."""
    return home.published / "tableau"


def _generation_view(live: GenerationInfo) -> str:
    now = datetime.now(UTC).replace(tzinfo=None)
    return (
        f"create temp view {GENERATION} as select '{live.name}' as generation, "
        f"'{live.fingerprint}' as fingerprint, timestamp '{now:%Y-%m-%d %H:%M:%S}' as exported_at"
    )


def _describe(connection: duckdb.DuckDBPyConnection, names: list[str]) -> dict[str, Table]:
    """The tables from the YAML; a table that is not in the YAML is described by its comment."""
    known = {table.name: table for table in published_tables()}
    comments = dict(
        connection.execute("select table_name, comment from duckdb_tables()").fetchall()
    )
    return {
        name: known.get(name) or Table(name, comments.get(name) or "", None, (), ())
        for name in names
    }


def _pack(
    connection: duckdb.DuckDBPyConnection, table: Table, relation: str, scratch: Path
) -> None:
    alone = scratch / f"{table.name}.hyper"
    write_extract(
        connection, {table.name: relation, GENERATION: GENERATION}, alone, scratch / "alone"
    )
    inside = f"Data/{table.name}.hyper"
    source = data_source(table, fields_of(table, columns_of(connection, relation)), inside)
    pack(scratch / f"{table.name}.tdsx", table.name, source, alone, inside)
    alone.unlink()


def _place(scratch: Path, home: Home, name: str, content: bytes | None) -> Path:
    """Commit a file by a rename."""
    made, target = scratch / name, folder_of(home) / name
    if content is not None:
        made.write_bytes(content)
    target.parent.mkdir(parents=True, exist_ok=True)
    return made.replace(target)


def _forget_dropped(home: Home, kept: set[Path]) -> None:
    """Remove files of earlier exports: a package left behind would hold outdated rows."""
    for path in folder_of(home).iterdir():
        if path not in kept:
            remove(path)
