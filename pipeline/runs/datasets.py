"""Frozen modelling data: named, immutable copies of the examples to cite and to train on.

A dataset is a folder `datasets/<domain>/<name>/` of Parquet files with a manifest: contents,
checksums, label definition, hash and text of the feature SQL, and settings.
"""

import re
import shutil
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
from pydantic import BaseModel, ConfigDict, JsonValue
from rich.console import Console

from ml.settings import LearningSettings
from pipeline.project.checked import read_checked
from pipeline.project.domains import recorded_settings
from pipeline.project.duck import file_sql, open_large, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.files import empty_folder, move_durably
from pipeline.project.home import Home
from pipeline.project.sums import SUMS, Damage, damages, damages_of, hash_of, write_sums
from pipeline.runs.context import RunContext
from pipeline.runs.registry import recipe_of, tuned_parameters
from pipeline.warehouse import fingerprint
from pipeline.warehouse.compiled_sql import load_stack, stack_hash, stack_script

_MANIFEST = "manifest.json"


class DatasetManifest(BaseModel):
    """What is known of a frozen dataset.

    Attributes:
        name: Name within the domain.
        domain: Domain.
        rows: Examples.
        churners: Those who churned.
        cohorts: Cut-offs.
        first_cut_off: The oldest, YYYY-MM-DD.
        last_cut_off: The newest.
        scoring_cut_off: The one that was scored.
        label_definition: Label in use.
        feature_checksum: Sum over the examples' features.
        feature_sql_hash: SHA-256 of the compiled feature SQL.
        lake: Hash of the raw files.
        settings: The domain's settings, as recorded.
        tuned: LightGBM parameters that differ from the default ones.
        files: File → SHA-256.
        frozen_at: When, UTC.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    domain: str
    rows: int
    churners: int
    cohorts: int
    first_cut_off: str
    last_cut_off: str
    scoring_cut_off: str
    label_definition: str
    feature_checksum: str
    feature_sql_hash: str
    lake: str
    settings: dict[str, JsonValue]
    tuned: dict[str, int | float] = {}
    files: dict[str, str]
    frozen_at: str


@dataclass(frozen=True)
class Dataset:
    """A frozen dataset.

    Attributes:
        folder: Its folder.
        manifest: Its manifest.
    """

    folder: Path
    manifest: DatasetManifest


def _relations(domain: str, settings: LearningSettings) -> dict[str, str]:
    """Relations that training reads, by the name of their file."""
    levels = {
        "orders": settings.level.orders if settings.level else "",
        "identities": "control.control__identities",
        "holes": "control.control__holes",
        "grids": "control.control__grids",
    }
    return {
        **(levels if settings.level else {}),
        "examples": f"{domain}.{domain}__churn_examples",
        "labels": f"{domain}.{domain}__labels",
        "label_cohorts": f"{domain}.{domain}__label_cohorts",
        "segments": "churn.int_churn__segments_assigned",
        "features": "churn.int_churn__features_described",
    }


def freeze_dataset(context: RunContext, domain: str, name: str) -> Dataset:
    """Copy the built examples, and everything else that training reads, under a name.

    Raises:
        ChurnError: The name is taken or not valid, or there are no examples.
    """
    if not re.fullmatch(r"[\w.-]{1,64}", name):
        raise ChurnError(
            f"{name!r} is not a valid name for a dataset.",
            hint="Use letters, digits, dots, - and _.",
        )
    home = context.home
    folder = home.datasets / domain / name
    if folder.exists():
        raise ChurnError(
            f"The dataset {name!r} of {domain} already exists; datasets never change.",
            where=str(folder),
            hint="Choose another name.",
        )
    part = empty_folder(home.work / f"dataset_{domain}")
    with open_large(home, "dataset", home.warehouse) as connection:
        for file, relation in _relations(domain, context.entries[domain]).items():
            own = f"where domain = '{domain}'" if not relation.startswith(f"{domain}.") else ""
            connection.execute(
                f"copy (select * from {relation} {own} order by all) "
                f"to {quoted(part / f'{file}.parquet')} (format parquet, compression zstd)"
            )
        rows, churners, cohorts, first, last = connection.execute(
            "select count(*), count(*) filter (where is_churned), count(distinct as_of_date), "
            f"min(as_of_date), max(as_of_date) from {domain}.{domain}__churn_examples"
        ).fetchall()[0]
        checksum, scoring = connection.execute(
            "select (select sum(feature_checksum) from churn.int_churn__examples_checksummed "
            "where domain = $1), (select as_of_date from control.control__scoring_cut_offs "
            "where domain = $1)",
            [domain],
        ).fetchall()[0]
    if not rows:
        raise ChurnError(f"{domain} has no examples to freeze.", hint="Run `churn build` first.")
    stack = load_stack(home, domain)
    (part / "features.sql").write_text(stack_script(stack) + "\n")
    settings = context.entries[domain]
    manifest = DatasetManifest(
        name=name,
        domain=domain,
        rows=rows,
        churners=churners,
        cohorts=cohorts,
        first_cut_off=str(first),
        last_cut_off=str(last),
        scoring_cut_off=str(scoring),
        label_definition=settings.label_definition,
        feature_checksum=str(checksum),
        feature_sql_hash=stack_hash(stack),
        lake=fingerprint.lake_fingerprint(home, domain),
        settings=settings.given(),
        tuned=tuned_parameters(home, domain),
        files={path.name: hash_of(path) for path in sorted(part.iterdir())},
        frozen_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    (part / _MANIFEST).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
    write_sums(part)
    for path in part.iterdir():
        path.chmod(0o444)
    move_durably(part, folder)
    return Dataset(folder, manifest)


def list_datasets(home: Home) -> list[Dataset]:
    """Return all datasets, sorted by domain and name."""
    return [
        Dataset(path.parent, read_checked(DatasetManifest, path))
        for path in sorted(home.datasets.glob(f"*/*/{_MANIFEST}"))
    ]


def find_dataset(home: Home, name: str) -> Dataset:
    """Return a dataset after checking its files against the manifest.

    Raises:
        ChurnError: No dataset or several have that name, or a file was changed.
    """
    found = [d for d in list_datasets(home) if name in (d.manifest.name, full_name(d))]
    if len(found) != 1:
        known = ", ".join(full_name(d) for d in list_datasets(home)) or "none"
        raise ChurnError(
            f"{name!r} does not name one dataset.",
            hint=f"Choose one of these, as domain/name: {known}.",
        )
    (dataset,) = found
    for damage in dataset_damages(dataset):
        raise ChurnError(
            f"The dataset {name!r} is damaged: {damage.path.name} was changed or deleted.",
            where=str(damage.path),
            hint="Restore the file from a backup; changed data are not used for training.",
        )
    return dataset


def dataset_damages(dataset: Dataset) -> list[Damage]:
    """Return the files of a dataset that are not those of its manifest."""
    wanted = {name: {content} for name, content in dataset.manifest.files.items()}
    # the manifest itself; datasets of older versions have no other hashes
    return damages_of(dataset.folder, wanted) or damages(dataset.folder)


def export_dataset(dataset: Dataset, target: Path, form: str) -> list[Path]:
    """Copy a dataset's tables and manifest into a folder, as Parquet or CSV.

    Raises:
        ChurnError: The folder is not empty.
    """
    if target.exists() and any(target.iterdir()):
        raise ChurnError(
            "The folder to export to is not empty.",
            where=str(target),
            hint="Choose a new or empty folder.",
        )
    target.mkdir(parents=True, exist_ok=True)
    written = []
    for path in sorted(dataset.folder.iterdir()):
        if path.name == SUMS:
            continue
        out = target / path.name
        if path.suffix == ".parquet" and form == "csv":
            out = out.with_suffix(".csv")
            with duckdb.connect() as connection:
                connection.execute(
                    f"copy (from {file_sql(path)}) to {quoted(out)} (format csv, header)"
                )
        else:
            shutil.copyfile(path, out)
        written.append(out)
    return written


def train_dataset(dataset: Dataset, warehouse: Path, scratch: Path, console: Console) -> str:
    """Train on a dataset into a folder, and return the hash of the model.

    The same data, recipe and engines give the hash of the run that the dataset was frozen with.

    Args:
        dataset: The data.
        warehouse: Any built warehouse; it defines the shapes of the written tables.
        scratch: Empty folder for the run.
        console: Console for progress.

    Raises:
        ChurnError: Training is refused.
    """
    from ml.cohorts import RefusedError
    from ml.record import RunInputs
    from ml.run import train_run

    manifest = dataset.manifest
    domain = manifest.domain
    with duckdb.connect() as connection:
        connection.execute(f"attach {quoted(warehouse)} as shapes (read_only)")
        tables = connection.execute(
            "select view_name from duckdb_views() "
            "where database_name = 'shapes' and schema_name = 'ml'"
        ).fetchall()
        connection.execute("create schema ml")
        for (table,) in tables:
            connection.execute(f"create table ml.{table} as from shapes.ml.{table} limit 0")
        settings = recorded_settings(manifest.settings, dataset.folder / _MANIFEST, domain)
        for file, relation in _relations(domain, settings).items():
            connection.execute(f"create schema if not exists {relation.partition('.')[0]}")
            path = dataset.folder / f"{file}.parquet"
            connection.execute(f"create view {relation} as from read_parquet({file_sql(path)})")
        name = f"{domain}-dataset-{manifest.name}"
        inputs = RunInputs(
            run_id=name,
            domain=domain,
            scoring=np.datetime64(manifest.scoring_cut_off, "D"),
            settings=settings,
            feature_sql_hash=manifest.feature_sql_hash,
            tuned=manifest.tuned,
        )
        try:
            with console.status(name) as status:
                train_run(connection, inputs, scratch, lambda w: status.update(f"{name}: {w}"))
        except RefusedError as refusal:
            raise ChurnError(
                f"Training on {name} is refused: {refusal}.", exit_code=REFUSED
            ) from refusal
    return recipe_of(scratch).model_hash


def full_name(dataset: Dataset) -> str:
    """Return the name to cite a dataset by, domain/name."""
    return f"{dataset.manifest.domain}/{dataset.manifest.name}"
