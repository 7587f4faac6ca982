"""A folder of demo raw files: how it is marked, what is left alone, how it is replaced.

A demo is named by its stamp: domain, version, size and seed. The stamp lies in the folder as
`churn_demo.json` and in the metadata of the truth, so that the two are known to belong together.
"""

import json
import math
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console

from pipeline.demo.arrays import Days, Real
from pipeline.project.errors import ChurnError
from pipeline.project.files import empty_folder, replaced

MARKER = "churn_demo.json"
TRUTH_COLUMNS = ["customer_id", "as_of_date", "churn_probability", "outcome"]


@dataclass(frozen=True)
class Stamp:
    """What names a demo.

    Attributes:
        domain: Domain.
        version: Version of its generator.
        unit: What its size counts: members, customers.
        size: How many of them.
        seed: Fixes every draw.
    """

    domain: str
    version: int
    unit: str
    size: int
    seed: int

    def __bytes__(self) -> bytes:
        words = {"demo": self.domain, "version": self.version}
        return (
            json.dumps(words | {self.unit: self.size, "seed": self.seed}, indent=2) + "\n"
        ).encode()


@dataclass(frozen=True)
class DemoSummary:
    """What lies in the raw folder now.

    Attributes:
        raw_dir: The folder.
        truth_path: The hidden probabilities.
        stamp: What names the demo.
        is_new: False where the same demo was there already.
        seconds: Time taken.
        rows: Rows of each file; empty where nothing was written.
    """

    raw_dir: Path
    truth_path: Path
    stamp: Stamp
    is_new: bool
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)


def size_of(scale: float, *, full: int, least: int, unit: str) -> int:
    """Return how many people a demo has.

    Args:
        scale: Share of the full size; more than 1 is allowed.
        full: People at scale 1.
        least: People below which there is nothing to see.
        unit: What the people are called.

    Raises:
        ChurnError: Too few, or no number.
    """
    size = round(scale * full) if math.isfinite(scale) else 0
    if size < least:
        raise ChurnError(
            f"A demo of scale {scale:g} has too few {unit}: {size:,}.",
            hint=f"Ask for scale {math.ceil(1000 * least / full) / 1000:g} or more; scale 1 has "
            f"{full:,} {unit} and is the size the documentation speaks of.",
        )
    return size


def make(
    raw_dir: Path,
    truth_path: Path,
    stamp: Stamp,
    write: Callable[[Path], dict[str, int]],
    console: Console | None,
) -> DemoSummary:
    """Put a demo where it belongs, unless it is there already.

    Args:
        raw_dir: Folder for the raw files; created, or replaced if it holds another demo.
        truth_path: File of the hidden probabilities, outside the raw folder.
        stamp: What names the demo.
        write: Writes the raw files into the folder it is given, and the truth; returns the rows
            of each file.
        console: Where it is said that nothing had to be done.

    Raises:
        ChurnError: The raw folder holds files that are no demo, or would hold the truth.
    """
    began = time.monotonic()
    if is_written(raw_dir, truth_path, stamp):
        if console is not None:
            console.print(f"Demo files are already in {raw_dir}.")
        return DemoSummary(raw_dir, truth_path, stamp, False, time.monotonic() - began)
    _refuse(raw_dir, truth_path)

    raw_dir.parent.mkdir(parents=True, exist_ok=True)
    part = empty_folder(raw_dir.with_name(f".{raw_dir.name}.part"))
    try:
        rows = write(part)
        (part / MARKER).write_bytes(bytes(stamp))
        _swap(part, raw_dir)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return DemoSummary(raw_dir, truth_path, stamp, True, time.monotonic() - began, rows)


def is_written(raw_dir: Path, truth_path: Path, stamp: Stamp) -> bool:
    """Say whether the same demo lies there already, truth included."""
    marker = raw_dir / MARKER
    if not (marker.is_file() and truth_path.is_file() and marker.read_bytes() == bytes(stamp)):
        return False
    schema = pq.read_schema(truth_path)
    stamped = (schema.metadata or {}).get(MARKER.encode()) == bytes(stamp)
    return bool(stamped and schema.names == TRUTH_COLUMNS)


def write_truth(
    path: Path,
    stamp: Stamp,
    *,
    customer_id: pa.Array,
    as_of: Days,
    probability: Real,
    outcome: str,
) -> None:
    """Write the hidden probabilities.

    Args:
        path: Parquet file.
        stamp: The demo they belong to.
        customer_id: Customer a row, text, as the raw files spell it.
        as_of: Cut-off a row.
        probability: Of the outcome, known from what happened before the cut-off.
        outcome: What is probable, the name of a label definition without its parameters for
            whom it is asked.
    """
    values = [
        customer_id,
        pa.array(as_of.astype(np.int32)).cast(pa.date32()),
        pa.array(probability),
        pa.repeat(outcome, len(as_of)),
    ]
    table = pa.Table.from_arrays(values, names=TRUTH_COLUMNS)
    table = table.replace_schema_metadata({MARKER: bytes(stamp)})
    with replaced(path) as part:
        pq.write_table(table, part)


def _refuse(raw_dir: Path, truth_path: Path) -> None:
    if raw_dir.is_dir() and any(raw_dir.iterdir()) and not (raw_dir / MARKER).is_file():
        raise ChurnError(
            "The folder holds files that are no demo; they are left alone.",
            where=str(raw_dir),
            hint="Name another folder, or set CHURN_HOME to a new one.",
        )
    if truth_path.resolve().is_relative_to(raw_dir.resolve()):
        raise ChurnError(
            "The truth must not lie among the raw files.",
            where=str(truth_path),
            hint="Name a path outside the raw folder.",
        )


def _swap(part: Path, raw_dir: Path) -> None:
    """Put the new folder where the old one was."""
    old = raw_dir.with_name(f".{raw_dir.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if raw_dir.exists():
        raw_dir.rename(old)
    part.rename(raw_dir)
    shutil.rmtree(old, ignore_errors=True)
