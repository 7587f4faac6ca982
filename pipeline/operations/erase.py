"""`churn erase`: takes customers out of every store, and says what was searched.

In order: the list of the forgotten, so that nobody comes back meanwhile; every file of the data
map; the state; what is published. Each step leaves whole files and finds nothing the second time,
so a command that was killed is run again.
"""

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterable
from contextlib import closing
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import duckdb

from pipeline.labels.freeze import CHECKSUM, FrozenCohort
from pipeline.operations.backup import lay_beside_backups
from pipeline.operations.data_map import (
    DROP,
    GENERATION,
    LINES,
    NONE,
    ROWS,
    STATE,
    WORDS,
    mapped_files,
)
from pipeline.operations.rewriting import (
    count_rows,
    in_place_of,
    pattern_of,
    take_out_lines,
    take_out_of_state,
    take_out_rows,
    take_out_words,
    theirs_sql,
)
from pipeline.project.checked import read_checked
from pipeline.project.domains import domain_entries
from pipeline.project.duck import file_sql, files_sql
from pipeline.project.errors import ChurnError
from pipeline.project.forgotten import forget, forgotten_among, read_forgotten
from pipeline.project.home import Home
from pipeline.project.sources import source_tables
from pipeline.project.stores import stores
from pipeline.project.sums import SUMS, hash_of, listed_damages, write_sums
from pipeline.publish.without import publish_without
from pipeline.runs.registry import recipe_of, runs

# Folders below which a domain has a folder of its own name.
_BY_DOMAIN = (
    "lake",
    "quarantine",
    "labels",
    "models",
    "history",
    "datasets",
    "drafts",
    "deliveries",
    "raw",
)
Say = Callable[[str], None]


@dataclass
class Erasure:
    """What an erasure did.

    Attributes:
        domain: Domain.
        ids: Every id of the customers, those that files map to one another included.
        hashes: Their hashes on the list of the forgotten.
        rows: Store → rows, lines or words taken out.
        deleted: Files deleted, which are made again when they are needed.
        models: Run that learned from one of them → the day it retires; None with the next model.
        generation: The generation that is published without them.
        files: Files searched afterwards.
        bytes: Their size.
        hits: Files in which an id was found afterwards; empty if all went well.
    """

    domain: str
    ids: list[str]
    hashes: list[str] = field(default_factory=list)
    rows: Counter[str] = field(default_factory=Counter)
    deleted: int = 0
    models: dict[str, date | None] = field(default_factory=dict)
    generation: str | None = None
    files: int = 0
    bytes: int = 0
    hits: list[str] = field(default_factory=list)


def erase(home: Home, domain: str, customers: Collection[str], say: Say) -> Erasure:
    """Take customers out of every store; call it with the writer's lock held.

    Raises:
        ChurnError: A file is damaged or of no known kind; nothing was erased. Or a service keeps
            reading the state.
    """
    for _ in mapped_files(home):
        # a file of no known kind stops this before anything is changed
        pass
    damaged = [d for one in domain_entries() for s in stores(home, one) for d in s.damages()]
    if damaged:
        # rewritten files get new hashes, which must not cover up a damage
        raise ChurnError(
            f"{len(damaged)} files are damaged; nothing was erased.",
            where=listed_damages(damaged),
            hint="churn verify says what to do about each.",
        )
    done = Erasure(domain, sorted(all_ids(home, domain, customers)))
    done.models = _models(home, domain, done.ids)
    done.hashes = forget(home, domain, done.ids)
    lay_beside_backups(home)
    say(f"{len(done.hashes):,} hashes are on the list of the forgotten")
    _files(home, done, say)
    for table, rows in take_out_of_state(home, domain, done.ids, say).items():
        done.rows[f"state: {table}"] += rows
    say("the state is without them")
    done.generation = publish_without(home, domain, done.ids)
    search(home, done)
    return done


def all_ids(home: Home, domain: str, customers: Iterable[str]) -> set[str]:
    """Return ids with every other id that files of the lake map to them, or them to."""
    pairs: list[tuple[str, str]] = []
    for table in source_tables(domain):
        if table.known_from is None:
            continue
        files = sorted((home.lake / domain / table.name).glob("*/**/*.parquet"))
        names = [column.name for column in table.columns if column.is_id][:2]
        if files and len(names) == 2:
            with duckdb.connect() as connection:
                pairs += connection.execute(
                    f"select distinct {', '.join(names)} from read_parquet([{files_sql(files)}], "
                    "union_by_name = true, hive_partitioning = false)"
                ).fetchall()
    found, size = set(customers), -1
    while size != len(found):
        size = len(found)
        for pair in pairs:
            if not found.isdisjoint(pair):
                found.update(pair)
    return found


def _is_of(home: Home, path: Path, domain: str) -> bool:
    """Whether a file can hold customers of a domain, by its folder."""
    parts = path.relative_to(home.root).parts
    if parts[0] == "demo_truth":
        return path.stem == domain
    if parts[0] in _BY_DOMAIN and len(parts) > 2 and parts[1] in domain_entries():
        return parts[1] == domain
    return True


def _files(home: Home, done: Erasure, say: Say) -> None:
    touched: set[Path] = set()
    for path, kind in list(mapped_files(home)):
        place = path.relative_to(home.root).parts[0]
        if kind.eraser in (NONE, STATE, GENERATION) or path.is_symlink():
            if kind.eraser == DROP:
                path.unlink()
            continue
        if kind.eraser == DROP:
            path.unlink(missing_ok=True)
            done.deleted += 1
            continue
        if not _is_of(home, path, done.domain):
            continue
        rows = 0
        if kind.eraser == ROWS:
            if place == "labels" and path.suffix == ".parquet":
                rows = _labels(path, done.ids)
            else:
                rows = take_out_rows(path, done.ids, deep=place in ("quarantine", "batch"))
                if rows and place == "lake":
                    touched.add(_lake_folder(home, path))
        elif kind.eraser == LINES:
            rows = take_out_lines(path, done.ids)
        elif kind.eraser == WORDS and path.name != "_file.json":
            rows = take_out_words(path, done.ids)
        if rows:
            done.rows[place] += rows
    for folder in touched:
        _count_again(folder)
    for dataset in home.datasets.glob(f"{done.domain}/*/manifest.json"):
        _dataset(dataset)
    for folder in (home.root / "scratch", home.state_export, home.root / "dbt"):
        shutil.rmtree(folder, ignore_errors=True)
    say(f"{sum(done.rows.values()):,} rows and lines are out of {len(done.rows)} kinds of file")


def _lake_folder(home: Home, path: Path) -> Path:
    return home.lake.joinpath(*path.relative_to(home.lake).parts[:3])


def _count_again(folder: Path) -> None:
    """Let the record of a raw file say how many rows of it are left."""
    record = folder / "_file.json"
    files = sorted(folder.rglob("*.parquet"))
    with duckdb.connect() as connection:
        row = connection.execute(
            f"select sum(num_rows) from parquet_file_metadata([{files_sql(files)}])"
        ).fetchone()
    document = json.loads(record.read_text(encoding="utf-8"))
    left = int(row[0]) if row else 0
    if document["rows"] != left:
        document["erased"] = document.get("erased", 0) + document["rows"] - left
        document["rows"] = left
        with in_place_of(record) as part:
            part.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _labels(path: Path, ids: Collection[str]) -> int:
    """Take customers out of frozen labels; the entry's checksum is less by theirs."""
    rows = count_rows(path, ids)
    record = path.with_suffix(".json")
    if rows == 0:
        return 0
    entry = read_checked(FrozenCohort, record)
    with duckdb.connect() as connection:
        relation = f"read_parquet({file_sql(path)}, hive_partitioning = false)"
        theirs = theirs_sql(connection, relation, ids, deep=False)
        figures = f"count(*), count(*) filter (where is_churned), {CHECKSUM}"
        everything, kept, taken = (
            connection.execute(f"select {figures} from {relation} where {which}").fetchall()[0]
            for which in ("true", f"not {theirs}", theirs)
        )
    if str(everything[2]) == entry.checksum and everything[2] - taken[2] != kept[2]:
        raise ChurnError("Checksums of labels do not add up.", where=str(path))
    # first: an entry that says more than the file has would look like a loss
    with in_place_of(record) as part:
        changed = entry.model_copy(
            update={"rows": kept[0], "churners": kept[1], "checksum": str(kept[2])}
        )
        part.write_text(
            changed.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8"
        )
    return take_out_rows(path, ids)


def _dataset(manifest: Path) -> None:
    """Let a frozen dataset's manifest fit its files; its checksum of features is of before."""
    folder = manifest.parent
    document = json.loads(manifest.read_text(encoding="utf-8"))
    files = {name: hash_of(folder / name) for name in document["files"]}
    if files == document["files"]:
        return
    with duckdb.connect() as connection:
        row = connection.execute(
            "select count(*), count(*) filter (where is_churned) "
            f"from read_parquet({file_sql(folder / 'examples.parquet')})"
        ).fetchall()[0]
    document |= {"files": files, "rows": row[0], "churners": row[1]}
    with in_place_of(manifest) as part:
        part.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if (folder / SUMS).exists():
        write_sums(folder)


def _models(home: Home, domain: str, ids: Collection[str]) -> dict[str, date | None]:
    """Return the runs that learned from a label of the customers, and when each retires."""
    files = sorted((home.labels / domain).glob("*/*.parquet"))
    if not files:
        return {}
    with duckdb.connect() as connection:
        relation = f"read_parquet([{files_sql(files)}], union_by_name = true)"
        theirs = theirs_sql(connection, relation, ids, deep=False)
        cohorts = {
            (row[0], row[1])
            for row in connection.execute(
                f"select distinct label_definition, as_of_date from {relation} where {theirs}"
            ).fetchall()
        }
    entry, found = domain_entries().get(domain), dict[str, date | None]()
    for run in runs(home, domain):
        recipe = recipe_of(run)
        learned = {(recipe.label_definition, day) for day in recipe.live_cohorts}
        if learned & cohorts:
            days = entry.train_every_days if entry else None
            trained = datetime.fromtimestamp((run / "recipe.json").stat().st_mtime, UTC).date()
            found[run.name] = trained + timedelta(days=days) if days else None
    return found


def search(home: Home, done: Erasure) -> None:
    """Look for the ids in every file: Parquet and DuckDB by their values, others by their bytes."""
    pattern = pattern_of(done.ids)
    for path, kind in mapped_files(home):
        if path.is_symlink() or path.name.endswith(("-shm", ".lock")):
            continue
        done.files += 1
        done.bytes += path.stat().st_size
        if not _is_of(home, path, done.domain) and kind.eraser != GENERATION:
            continue
        if path.suffix in (".parquet", ".withdrawn") and _is_parquet(path):
            is_hit = count_rows(path, done.ids, deep=True) > 0
        elif path.suffix == ".duckdb":
            is_hit = (
                _is_in_database(path, done.ids) or pattern.search(path.read_bytes()) is not None
            )
        else:
            is_hit = pattern.search(path.read_bytes()) is not None
        if is_hit:
            done.hits.append(str(path))


def _is_parquet(path: Path) -> bool:
    """Whether a file begins as one of Parquet does; what a kill left may not."""
    with path.open("rb") as file:
        return file.read(4) == b"PAR1"


def _is_in_database(path: Path, ids: Collection[str]) -> bool:
    with duckdb.connect(str(path), read_only=True) as connection:
        tables = connection.execute("select schema_name, table_name from duckdb_tables()")
        for schema, table in tables.fetchall():
            relation = f'"{schema}"."{table}"'
            theirs = theirs_sql(connection, relation, ids, deep=True)
            row = connection.execute(f"select count(*) from {relation} where {theirs}").fetchone()
            if row and row[0]:
                return True
    return False


def erase_forgotten(home: Home, say: Say) -> list[Erasure]:
    """Erase whoever is on the list of the forgotten and is here: a backup knew them."""
    done = []
    for domain in sorted({name for one in read_forgotten(home).lists for name in one.customers}):
        found = forgotten_among(home, domain, _ids_here(home, domain))
        if found:
            say(f"{domain}: {len(found):,} forgotten ids came back with the backup and are erased")
            done.append(erase(home, domain, found, say))
    return done


def _ids_here(home: Home, domain: str) -> set[str]:
    """Every id of a domain in lake, labels, history, scores and state."""
    found: set[str] = set()
    with duckdb.connect() as connection:
        for table in source_tables(domain):
            files = sorted((home.lake / domain / table.name).glob("*/**/*.parquet"))
            for name in (column.name for column in table.columns if column.is_id):
                if files:
                    found |= _distinct(connection, files, name)
        for pattern in (
            f"labels/{domain}/*/*.parquet",
            f"history/{domain}/*.parquet",
            f"models/{domain}/*/scores/*/scores.parquet",
        ):
            if files := sorted(home.root.glob(pattern)):
                found |= _distinct(connection, files, "customer_id")
    if home.state.exists():
        with closing(sqlite3.connect(home.state)) as state:
            for (table,) in state.execute(
                "select name from sqlite_master where type = 'table'"
            ).fetchall():
                columns = {row[1] for row in state.execute(f'pragma table_info("{table}")')}
                if {"customer_id", "domain"} <= columns:
                    found |= {
                        row[0]
                        for row in state.execute(
                            f'select distinct customer_id from "{table}" where domain = ?', [domain]
                        )
                    }
    return found


def _distinct(connection: duckdb.DuckDBPyConnection, files: list[Path], column: str) -> set[str]:
    rows = connection.execute(
        f'select distinct "{column}" from read_parquet([{files_sql(files)}], union_by_name = true, '
        "hive_partitioning = false)"
    ).fetchall()
    return {row[0] for row in rows if row[0] is not None}
