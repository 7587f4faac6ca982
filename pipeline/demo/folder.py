"""The folder of demo raw files: its stamp, when it is kept, and how it is replaced.

A demo is identified by its stamp: domain, version, size and seed. The stamp is in the folder as
`churn_demo.json` and in the metadata of the truth, which shows that the two belong together.
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
    """The identity of a demo.

    Attributes:
        domain: Domain.
        version: Version of its generator.
        unit: Unit of its size: members or customers.
        size: Number of members or customers.
        seed: Fixes every draw.
        is_planted: Whether errors of known truth and markers that look like errors are planted.
    """

    domain: str
    version: int
    unit: str
    size: int
    seed: int
    is_planted: bool = False

    def __bytes__(self) -> bytes:
        words = {"demo": self.domain, "version": self.version}
        size = {self.unit: self.size, "seed": self.seed}
        planted = {"planted": True} if self.is_planted else {}
        return (json.dumps(words | size | planted, indent=2) + "\n").encode()


@dataclass(frozen=True)
class DemoSummary:
    """The result of writing a demo.

    Attributes:
        raw_dir: The folder.
        truth_path: The hidden probabilities.
        stamp: Identity of the demo.
        is_new: False if the same demo already existed.
        seconds: Duration.
        rows: Rows of each file; empty if nothing was written.
    """

    raw_dir: Path
    truth_path: Path
    stamp: Stamp
    is_new: bool
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)


def size_of(scale: float, *, full: int, least: int, unit: str) -> int:
    """Return the number of people in a demo.

    Args:
        scale: Share of the full size; more than 1 is allowed.
        full: People at scale 1.
        least: Minimum number of people.
        unit: Name of the people, such as members.

    Raises:
        ChurnError: The scale is too small or not a number.
    """
    size = round(scale * full) if math.isfinite(scale) else 0
    if size < least:
        raise ChurnError(
            f"A demo of scale {scale:g} has too few {unit}: {size:,}.",
            hint=f"Use --scale {math.ceil(1000 * least / full) / 1000:g} or more; scale 1 has "
            f"{full:,} {unit}, as in the documentation.",
        )
    return size


def make(
    raw_dir: Path,
    truth_path: Path,
    stamp: Stamp,
    write: Callable[[Path], dict[str, int]],
    console: Console | None,
) -> DemoSummary:
    """Write a demo into its folder, unless it already exists.

    Args:
        raw_dir: Folder for the raw files; created, or replaced if it holds another demo.
        truth_path: File of the hidden probabilities, outside the raw folder.
        stamp: Identity of the demo.
        write: Writes the raw files into the given folder, and the truth; returns the rows of
            each file.
        console: Console for the message that nothing had to be done.

    Raises:
        ChurnError: The raw folder has files that are not a demo, or would contain the truth.
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
    """Return whether the same demo already exists, including its truth."""
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
        customer_id: Customer of each row, as spelt in the raw files.
        as_of: Cut-off of each row.
        probability: Probability of the outcome, given what happened before the cut-off.
        outcome: The outcome, as the beginning of a label definition's name.
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
            "The folder has files that are not a demo; they were not changed.",
            where=str(raw_dir),
            hint="Choose another folder, or set CHURN_HOME to a new one.",
        )
    if truth_path.resolve().is_relative_to(raw_dir.resolve()):
        raise ChurnError(
            "The truth must not be among the raw files.",
            where=str(truth_path),
            hint="Choose a path outside the raw folder.",
        )


def _swap(part: Path, raw_dir: Path) -> None:
    """Replace the old folder by the new one."""
    old = raw_dir.with_name(f".{raw_dir.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if raw_dir.exists():
        raw_dir.rename(old)
    part.rename(raw_dir)
    shutil.rmtree(old, ignore_errors=True)
