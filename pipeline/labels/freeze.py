"""Freezes closed cohorts: their labels are written once, and all later builds read that file."""

import json
import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb
from pydantic import BaseModel, ConfigDict

from pipeline.project.checked import read_checked
from pipeline.project.duck import file_sql, files_sql, quoted
from pipeline.project.files import empty_folder, move_durably, replaced
from pipeline.project.home import Home
from pipeline.project.sources import source_tables
from pipeline.project.sums import add_sums, drop_sums


class FrozenCohort(BaseModel):
    """The registry's entry of a frozen cohort, beside its Parquet file.

    Attributes:
        domain: Domain.
        label_definition: Definition of the label.
        as_of_date: Cut-off, YYYY-MM-DD.
        rule_version: Version of the rule that made the labels.
        label_version: 1, and one more each time the cohort is frozen again.
        rows: Labels.
        churners: Those who churned.
        checksum: Sum over the labels.
        raw_files: Files that the labels rest on.
        missing_raw_files: Named files that were not there.
        frozen_at: When, UTC.
        reason: Why an older version was replaced, or the labels were withdrawn.
        withdrawn_at: When they were taken out of use, UTC; the cohort is open again.
        pruned_at: When the labels of a version that was not in use any more were deleted, UTC.
        is_written: Whether the Parquet file is in place; false only after a freeze that was killed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    domain: str
    label_definition: str
    as_of_date: str
    rule_version: int
    label_version: int
    rows: int
    churners: int
    checksum: str
    raw_files: list[str]
    missing_raw_files: list[str]
    frozen_at: str
    reason: str | None = None
    withdrawn_at: str | None = None
    pruned_at: str | None = None
    is_written: bool = True


def freeze_closed(
    connection: duckdb.DuckDBPyConnection, home: Home, domain: str, rule_version: int
) -> list[FrozenCohort]:
    """Freeze every closed cohort that is not frozen yet, as Parquet with a registry entry.

    A cohort settles first: rows that come late may still change its outcomes. Labels that came with
    the files do not wait, because no row of ours changes them.

    Args:
        connection: The warehouse, after a build whose tests passed.
        home: CHURN_HOME.
        domain: Domain.
        rule_version: Version of the label rules, from the domain's entry.

    Returns:
        The registry's entries written.
    """
    cohorts = connection.execute(
        "select label_definition, cast(as_of_date as varchar) "
        f"from {domain}.{domain}__label_cohorts as cohorts "
        "inner join control.control__knowledge as knowledge on knowledge.domain = ? "
        "inner join control.control__grids as grids on grids.domain = knowledge.domain "
        "where is_closed and label_version = 0 and (label_definition = 'supplied' "
        "or closes_on + grids.settle_days <= knowledge.known_before) order by all",
        [domain],
    ).fetchall()
    return freeze(
        connection, home, domain, rule_version, source=f"{domain}.{domain}__labels", cohorts=cohorts
    )


def freeze(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    domain: str,
    rule_version: int,
    *,
    source: str,
    cohorts: list[tuple[str, str]],
    reason: str | None = None,
) -> list[FrozenCohort]:
    """Write cohorts as the next version of their labels.

    Args:
        connection: The warehouse, after a build whose tests passed.
        home: CHURN_HOME.
        domain: Domain.
        rule_version: Version of the label rules, from the domain's entry.
        source: Relation with the labels.
        cohorts: Label definition and cut-off of each.
        reason: Why an older version is replaced, if one is.

    Returns:
        The registry's entries written.
    """
    if not cohorts:
        return []
    scratch = empty_folder(home.work / f"labels_{domain}")
    chosen = ", ".join(f"('{definition}', date '{day}')" for definition, day in cohorts)
    versions = {cohort: _next_version(home, domain, *cohort) for cohort in cohorts}
    connection.execute(
        f"""
        copy (
            select labels.*, {rule_version} as rule_version
            from {source} as labels
            where (label_definition, as_of_date) in ({chosen}) and is_churned is not null
            order by label_definition, as_of_date, customer_id
        ) to {quoted(scratch)} (
            format parquet, partition_by (label_definition, as_of_date),
            write_partition_columns true, filename_pattern 'labels'
        )
        """
    )
    files, missing = _required_files(home, domain)
    written = []
    for definition, day in cohorts:
        folder = scratch / f"label_definition={definition}" / f"as_of_date={day}"
        version, part = versions[definition, day], folder / "version.parquet"
        labels = files_sql(sorted(folder.glob("labels*.parquet")))
        rows, churners, checksum = connection.execute(
            f"""
            copy (
                select *, cast({version} as integer) as label_version
                from read_parquet([{labels}], hive_partitioning = false)
            ) to {quoted(part)} (format parquet);
            select count(*), count(*) filter (where is_churned), {CHECKSUM} from {file_sql(part)}
            """
        ).fetchall()[0]
        cohort = FrozenCohort(
            domain=domain,
            label_definition=definition,
            as_of_date=day,
            rule_version=rule_version,
            label_version=version,
            rows=rows,
            churners=churners,
            checksum=str(checksum),
            raw_files=files,
            missing_raw_files=missing,
            frozen_at=datetime.now(UTC).isoformat(timespec="seconds"),
            reason=reason or None,
        )
        _commit(part, home.labels / domain / definition / f"{day}.v{version}.parquet", cohort)
        written.append(cohort)
    # a freeze that is killed before this leaves labels that the next check hashes
    add_sums(
        path
        for entry in written
        for stem in [_stem(home, entry)]
        for path in (stem.with_name(f"{stem.name}.json"), stem.with_name(f"{stem.name}.parquet"))
    )
    shutil.rmtree(scratch)
    return written


def _stem(home: Home, entry: FrozenCohort) -> Path:
    """The path of a cohort's files without their ending."""
    name = f"{entry.as_of_date}.v{entry.label_version}"
    return home.labels / entry.domain / entry.label_definition / name


# Follows the name of a Parquet file of labels that were taken out of use.
WITHDRAWN = ".withdrawn"

# The checksum in <domain>__label_cohorts: macro row_checksum over the same four values.
CHECKSUM = """
coalesce(sum(cast(md5_number_lower(
    customer_id || '|' || cast(as_of_date as varchar) || '|' || label_definition || '|'
    || cast(is_churned as varchar)
) >> 4 as decimal(38, 0))), 0)
"""


def withdraw(home: Home, domain: str, definition: str, day: str, reason: str) -> FrozenCohort:
    """Take a cohort's frozen labels out of use; it is open again until it closes.

    The files stay beside their entries, under a name that no build reads.

    Returns:
        The newest version's entry.
    """
    folder = home.labels / domain / definition
    entries = []
    for path in sorted(folder.glob(f"{day}.v*.parquet")):
        record = path.with_suffix(".json")
        entry = read_checked(FrozenCohort, record).model_copy(
            update={
                "withdrawn_at": datetime.now(UTC).isoformat(timespec="seconds"),
                "reason": reason,
            }
        )
        # first: a file that is gone without this is a lost one
        drop_sums([record, path])
        _write_entry(record, entry)
        withdrawn = path.with_name(path.name + WITHDRAWN)
        path.replace(withdrawn)
        add_sums([record, withdrawn])
        entries.append(entry)
    return max(entries, key=lambda entry: entry.label_version)


def prune(home: Home, entry: FrozenCohort) -> None:
    """Delete the labels of a version that is not in use any more; its entry stays and says so."""
    stem = _stem(home, entry)
    record, labels = stem.with_name(f"{stem.name}.json"), stored_labels(home, entry)
    # first: a file that is gone without this is a lost one
    drop_sums([record, labels])
    moment = datetime.now(UTC).isoformat(timespec="seconds")
    _write_entry(record, entry.model_copy(update={"pruned_at": moment}))
    labels.unlink(missing_ok=True)
    add_sums([record])


def stored_labels(home: Home, entry: FrozenCohort) -> Path:
    """Return the file with the labels of an entry, in use or withdrawn."""
    stem = _stem(home, entry)
    ending = f".parquet{WITHDRAWN}" if entry.withdrawn_at else ".parquet"
    return stem.with_name(stem.name + ending)


def _next_version(home: Home, domain: str, definition: str, day: str) -> int:
    """The next number: no entry and no file of labels is ever written over.

    But for what a killed freeze left: an entry whose labels never came into place.
    """
    folder = home.labels / domain / definition
    numbers = []
    for path in folder.glob(f"{day}.v*"):
        is_left = path.suffix == ".json" and not (
            path.with_suffix(".parquet").exists() or read_checked(FrozenCohort, path).is_written
        )
        if not is_left:
            numbers.append(int(path.name.removeprefix(f"{day}.v").partition(".")[0]))
    return 1 + max(numbers, default=0)


def _commit(part: Path, target: Path, cohort: FrozenCohort) -> None:
    """Move the entry first: a Parquet file must never exist without the entry that describes it.

    It says that the labels are in place only once they are: one that says so without is a lost one.
    """
    record = target.with_suffix(".json")
    _write_entry(record, cohort.model_copy(update={"is_written": False}))
    move_durably(part, target)
    _write_entry(record, cohort)


def _write_entry(record: Path, cohort: FrozenCohort) -> None:
    with replaced(record) as part:
        part.write_text(
            cohort.model_dump_json(indent=1, exclude_none=True) + "\n", encoding="utf-8"
        )


def _required_files(home: Home, domain: str) -> tuple[list[str], list[str]]:
    """Raw files of the required tables in the lake, and optional files that are missing."""
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
