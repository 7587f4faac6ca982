"""Freeze closed cohorts: their labels are written once and read from there ever after."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from pipeline.settings import Home
from pipeline.sources import source_tables


def freeze_closed(
    connection: duckdb.DuckDBPyConnection, home: Home, domain: str, rule_version: int
) -> list[dict[str, Any]]:
    """Write every closed cohort that is not frozen yet, Parquet with a registry entry beside it.

    Args:
        connection: The warehouse, after a build whose tests passed.
        home: CHURN_HOME.
        domain: Domain.
        rule_version: Version of the label rules, from the domain's entry.

    Returns:
        The registry entries written: definition, cut-off, rows, churners, checksum, files.
    """
    cohorts = connection.execute(
        f"""
        select label_definition, as_of_date, label_rows, churners, label_checksum
        from {domain}.{domain}__label_cohorts
        where is_closed and label_version = 0
        order by label_definition, as_of_date
        """
    ).fetchall()
    if not cohorts:
        return []
    scratch = home.work / f"labels_{domain}"
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    connection.execute(
        f"""
        copy (
            select labels.*, {rule_version} as rule_version, 1 as label_version
            from {domain}.{domain}__labels as labels
            inner join {domain}.{domain}__label_cohorts as cohorts
                using (label_definition, as_of_date)
            where cohorts.is_closed and cohorts.label_version = 0
            order by label_definition, as_of_date, customer_id
        ) to '{scratch}' (
            format parquet, partition_by (label_definition, as_of_date),
            write_partition_columns true, filename_pattern 'labels'
        )
        """
    )
    files, missing = _spine_files(home, domain)
    written = []
    for definition, day, rows, churners, checksum in cohorts:
        entry = {
            "domain": domain,
            "label_definition": definition,
            "as_of_date": str(day),
            "rule_version": rule_version,
            "label_version": 1,
            "rows": rows,
            "churners": churners,
            "checksum": str(checksum),
            "raw_files": files,
            "missing_raw_files": missing,
            "frozen_at": datetime.now(UTC).isoformat(timespec="seconds"),
        }
        part = next((scratch / f"label_definition={definition}" / f"as_of_date={day}").iterdir())
        _commit(part, home.labels / domain / definition / f"{day}.v1.parquet", entry)
        written.append(entry)
    shutil.rmtree(scratch)
    return written


def _commit(part: Path, target: Path, entry: dict[str, Any]) -> None:
    """The entry first: a Parquet file is never there without the entry that describes it."""
    target.parent.mkdir(parents=True, exist_ok=True)
    target.with_suffix(".json").write_text(json.dumps(entry, indent=1) + "\n")
    part.replace(target)


def _spine_files(home: Home, domain: str) -> tuple[list[str], list[str]]:
    """Raw files of the required tables in the lake, and named ones that are not there."""
    present, missing = [], []
    for table in source_tables(domain):
        if not table.required:
            continue
        logical = [
            json.loads(path.read_text())["logical_name"]
            for path in sorted((home.lake / domain / table.name).glob("*/_file.json"))
        ]
        present += logical
        missing += [name for name in table.files if "*" not in name and name not in logical]
    return present, missing
