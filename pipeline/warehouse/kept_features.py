"""The features of a cut-off, written once: one Parquet file per domain and cut-off.

A file is named after its cut-off and its key, a hash of what the features are made from: the
compiled SQL of the stack, the rows of the lake before the cut-off, and what the control relations
say at it (models/control/control__feature_keys.sql). A build reads the files whose keys hold and
makes the other cut-offs; what it made is kept once its tests have passed. CHURN_HOME/features/ may
be deleted at any time.
"""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom

import duckdb

from pipeline.project.domain_settings import DomainSettings
from pipeline.project.duck import files_sql, open_large, parquet_select, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.files import write_json
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, source_tables
from pipeline.project.sums import SUMS, damages, drop_sums, replaced_with_sum
from pipeline.warehouse.compiled_sql import load_stack, stack_hash
from pipeline.warehouse.fingerprint import digest, engine_versions, feature_sql_fingerprint
from pipeline.warehouse.row_comparison import columns_of, compare_rows

# Raised when what a file holds changes.
_FORMAT = 1
# The day of rows that have none: they are before every cut-off.
_ALWAYS = "date '0001-01-01'"


@dataclass(frozen=True)
class Difference:
    """A kept cut-off that was made again and is not what its file holds.

    Attributes:
        domain: Domain.
        as_of_date: The cut-off.
        rows: Rows that differ, or are on one side only.
    """

    domain: str
    as_of_date: str
    rows: int

    def __str__(self) -> str:
        return (
            f"{self.domain}: the kept features of {self.as_of_date} differ in {self.rows:,} rows "
            "from what they are made from, so all of the domain's are made again"
        )


# before a build


def discard_damaged(home: Home, domain: str) -> int:
    """Delete kept files that are not what was written, so that they are made again; how many."""
    folder = home.features / domain
    count = 0
    for one in [folder, *sorted((folder / "lake_days").glob("*/"))]:
        for damage in damages(one) if one.is_dir() else ():
            count += 1
            if damage.path.name == SUMS:
                # nothing says any more which files are whole
                forget_kept(home, domain)
                return count
            drop_sums([damage.path])
            damage.path.unlink(missing_ok=True)
    return count


def note_lake_days(home: Home, domains: Iterable[str]) -> None:
    """Note the rows of each day of every file in the lake, and their hash, unless they are noted.

    It reads the files that are new since the last time, and no others.

    Raises:
        ChurnError: A file of the lake cannot be read.
    """
    for domain in domains:
        folder = home.features / domain / "lake_days"
        noted = set(folder.glob("*/*.parquet"))
        for table in source_tables(domain):
            for loaded in sorted((home.lake / domain / table.name).glob("*/")):
                files = sorted(loaded.rglob("*.parquet"))
                stats = [
                    (str(f.relative_to(loaded)), f.stat().st_size, f.stat().st_mtime_ns)
                    for f in files
                ]
                mark = digest(table.identifier, stats, _FORMAT)[:16]
                target = folder / table.name / f"{loaded.name}.{mark}.parquet"
                if target in noted:
                    noted.remove(target)
                elif files:
                    try:
                        _note_days(home, table, files, target)
                    except duckdb.Error as problem:
                        raise ChurnError(
                            f"{domain} could not be built: a file of the lake cannot be read.",
                            where=f"{', '.join(map(str, files))}: {problem}",
                            hint="Restore it from a backup, or load the raw file again.",
                        ) from problem
        drop_sums(noted)
        for path in noted:  # their files are not in the lake any more
            path.unlink()


def _note_days(home: Home, table: SourceTable, files: list[Path], target: Path) -> None:
    rows = f"read_parquet([{files_sql(files)}], union_by_name = true, hive_partitioning = false)"
    with (
        open_large(home, "lake_days", config={"threads": "2"}) as connection,
        replaced_with_sum(target) as part,
    ):
        existing = {name for name, *_ in connection.execute(f"describe from {rows}").fetchall()}
        # without the day on which a row was first seen, which no feature reads
        names = [column.name for column in table.columns if column.name in existing]
        moments = (table.event_day, table.event_time, table.known_from)
        day = next((name for name in moments if name in names), None)
        on = f"coalesce(cast({day} as date), {_ALWAYS})" if day else _ALWAYS
        connection.execute(
            f"""
            copy (
                select
                    {quoted(table.domain)} as domain,
                    {quoted(table.name)} as table_name,
                    {on} as day,
                    count(*) as day_rows,
                    sum(cast(hash({quoted(",".join(names))}, {", ".join(names)})
                        as decimal(38, 0))) as day_checksum
                from {rows}
                group by all
                order by day
            ) to {quoted(part)} (format parquet)
            """
        )


def macro_environment(home: Home, entries: Mapping[str, DomainSettings]) -> dict[str, str]:
    """Return what the macros of models/control read: the hashes of the feature SQL.

    A domain has one only if nothing that its SQL is compiled from has changed since the last build
    compiled it; all cut-offs of the others are made.

    Args:
        home: CHURN_HOME.
        entries: The settings of the domains that are built.
    """
    hashes = {}
    for domain, settings in entries.items():
        path = _record(home, domain)
        if path.exists():
            record = json.loads(path.read_text())
            if record["inputs"] == feature_sql_fingerprint(domain, settings):
                hashes[domain] = record["sql_hash"]
    # which of the kept cut-offs is made again and compared
    place = SystemRandom().random()
    return {"CHURN_FEATURE_SQL": json.dumps(hashes), "CHURN_COMPARED_AT": f"{place:.6f}"}


# after a build


def is_of_other_sql(home: Home, domain: str, environment: Mapping[str, str]) -> bool:
    """Whether a build read features that other SQL had made than the one it compiled.

    Args:
        home: CHURN_HOME after a build, with the compiled SQL kept.
        domain: Domain.
        environment: What the build's macros read.
    """
    given = json.loads(environment["CHURN_FEATURE_SQL"]).get(domain)
    return given is not None and given != _sql_hash(home, domain)


def compare_kept(home: Home, domain: str) -> Difference | None:
    """Compare the kept cut-off that the build made again with its file; None if they are equal."""
    with open_large(home, "kept_features", home.warehouse) as connection:
        for day, path in connection.execute(
            "select cast(as_of_date as varchar), file_path from control.control__feature_files "
            "where domain = ? and is_compared",
            [domain],
        ).fetchall():
            columns = columns_of(connection, _made(domain))
            now = f"(select * from {_made(domain)} where as_of_date = date '{day}')"
            # another engine may have made it, which rounds a quotient otherwise
            then = f"({parquet_select(connection, [path], columns)})"
            found = compare_rows(connection, domain, now, then, columns, ("customer_id",))
            if found.differing:
                return Difference(domain, day, found.differing)
    return None


def keep_made(home: Home, domain: str, settings: DomainSettings) -> int:
    """Write the features that the build made, a file a cut-off; return how many.

    Files that no cut-off has the key of any more are deleted.

    Args:
        home: CHURN_HOME after a build whose tests passed, with the compiled SQL kept.
        domain: Domain.
        settings: Its settings.
    """
    folder = home.features / domain
    folder.mkdir(parents=True, exist_ok=True)
    with open_large(home, "kept_features", home.warehouse) as connection:
        made = {
            str(day)
            for (day,) in connection.execute(
                "select as_of_date from control.control__feature_cut_offs where domain = ?",
                [domain],
            ).fetchall()
        }
        targets = feature_files(connection, home, domain)
        missing = {day: path for day, path in targets.items() if day in made and not path.exists()}
        for day, target in missing.items():
            write_features(connection, _made(domain), day, target)
    # of another key, or of a day that is not a cut-off any more
    unused = sorted(set(folder.glob("*.parquet")) - set(targets.values()))
    drop_sums(unused)
    for path in unused:
        path.unlink()
    note_sql(home, domain, settings)
    return len(missing)


def feature_files(
    connection: duckdb.DuckDBPyConnection, home: Home, domain: str
) -> dict[str, Path]:
    """Return the file in which the features of each cut-off are kept, whether it is there or not.

    Args:
        connection: The warehouse, with the keys of models/control/control__feature_keys.sql.
        home: CHURN_HOME, with the compiled SQL kept.
        domain: Domain.
    """
    keys = connection.execute(
        "select cast(as_of_date as varchar), md5(? || content_hash) "
        "from control.control__feature_keys where domain = ? order by as_of_date",
        [_sql_hash(home, domain), domain],
    ).fetchall()
    return {day: home.features / domain / f"{day}.{key}.parquet" for day, key in keys}


def write_features(
    connection: duckdb.DuckDBPyConnection, rows: str, day: str, target: Path
) -> None:
    """Write the features of a cut-off from a relation that has those of several."""
    with replaced_with_sum(target) as part:
        connection.execute(
            f"copy (select * from {rows} where as_of_date = date '{day}' "
            f"order by customer_id) to {quoted(part)} (format parquet)"
        )


def note_sql(home: Home, domain: str, settings: DomainSettings) -> None:
    """Note the compiled SQL that kept features are made by, and what it is compiled from."""
    with replaced_with_sum(_record(home, domain)) as part:
        write_json(
            part,
            {
                "inputs": feature_sql_fingerprint(domain, settings),
                "sql_hash": _sql_hash(home, domain),
            },
        )


def forget_kept(home: Home, domain: str) -> None:
    """Delete the kept features of a domain."""
    shutil.rmtree(home.features / domain, ignore_errors=True)


def _sql_hash(home: Home, domain: str) -> str:
    return digest(stack_hash(load_stack(home, domain)), engine_versions(), _FORMAT)


def _made(domain: str) -> str:
    return f"{domain}.int_{domain}__features_joined"


def _record(home: Home, domain: str) -> Path:
    return home.features / domain / "feature_sql.json"
