"""Raw files under Kaggle's names, the marker of demo data, and the truth beside them."""

import json
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.csv as csv
import pyarrow.parquet as pq

from pipeline.demo.kkbox.days import LAST_DAY, Flags, Rows, Whole, as_yyyymmdd, day
from pipeline.demo.kkbox.listening import LogRows
from pipeline.demo.kkbox.membership import Cohort
from pipeline.demo.kkbox.population import Population

MARKER = "churn_demo.json"
_SECOND_HALF_FROM = day("2017-03-01")  # transactions.csv ends before, transactions_v2.csv begins
LOG_COLUMNS = ("num_25", "num_50", "num_75", "num_985", "num_100", "num_unq")
_DUPLICATES = 3_339 / 21_547_746  # exact copies among the transactions of v1


class RawFiles:
    """Writes csv files into one folder and counts their rows."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.rows: dict[str, int] = {}
        self._closing = ExitStack()
        self._writers: dict[str, csv.CSVWriter] = {}

    def close(self) -> None:
        """Finish every file."""
        self._closing.close()

    def write(self, name: str, table: pa.Table) -> None:
        """Write a csv file, or append to the one begun before."""
        if name not in self._writers:
            # Nothing that is written holds a comma or a quote.
            options = csv.WriteOptions(
                include_header=False, quoting_style="none", batch_size=100_000
            )
            file = self._closing.enter_context((self.folder / name).open("wb"))
            file.write((",".join(table.schema.names) + "\n").encode())
            writer = csv.CSVWriter(file, table.schema, write_options=options)
            self._writers[name] = self._closing.enter_context(writer)
        self._writers[name].write(table)
        self.rows[name] = self.rows.get(name, 0) + table.num_rows

    def write_transactions(
        self, people: Population, rows: dict[str, Whole], rng: np.random.Generator
    ) -> None:
        """Write the two halves of the transactions, in no order."""
        written = np.flatnonzero(rows["transacted_on"] <= LAST_DAY)
        copies = max(8, round(_DUPLICATES * len(written)))
        written = np.concatenate((written, rng.choice(written, copies, replace=False)))
        written = rng.permutation(written)
        on, expires = rows["transacted_on"][written], rows["expires_on"][written]
        first_half = (expires <= LAST_DAY) & (on < _SECOND_HALF_FROM)
        columns = {
            "msno": _msno(people, rows["member"][written]),
            **{name: pa.array(rows[name][written]) for name in list(rows)[1:6]},
            "transaction_date": pa.array(as_yyyymmdd(on)),
            "membership_expire_date": pa.array(as_yyyymmdd(expires)),
            "is_cancel": pa.array(rows["is_cancel"][written]),
        }
        table = pa.table(columns)
        self.write("transactions.csv", table.filter(pa.array(first_half)))
        self.write("transactions_v2.csv", table.filter(pa.array(~first_half)))

    def write_logs(self, name: str, people: Population, logs: LogRows) -> None:
        """Append a month of log rows."""
        columns = {"msno": _msno(people, logs.member), "date": pa.array(as_yyyymmdd(logs.on))}
        for position, column in enumerate(LOG_COLUMNS):
            columns[column] = pa.array(np.ascontiguousarray(logs.counts[:, position]))
        columns["total_secs"] = pa.array(logs.seconds)
        self.write(name, pa.table(columns))


def write_truth(path: Path, people: Population, cohorts: list[Cohort], stamp: bytes) -> None:
    """Write the hidden probabilities, one row a member and cut-off."""
    member = np.concatenate([cohort.member for cohort in cohorts])
    starts = np.concatenate([np.full(len(c.member), c.starts_on) for c in cohorts])
    table = pa.table(
        {
            "customer_id": pa.array(people.msno[member]).cast(pa.string()),
            "as_of_date": pa.array(starts.astype(np.int32)).cast(pa.date32()),
            "churn_probability": pa.array(np.concatenate([c.probability for c in cohorts])),
        },
        metadata={MARKER: stamp},
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    pq.write_table(table, part)
    part.replace(path)


def stamp_of(members: int, seed: int, version: int) -> bytes:
    """Return what marks a folder as demo data of a kind."""
    return (
        json.dumps(
            {"demo": "kkbox", "version": version, "members": members, "seed": seed}, indent=2
        )
        + "\n"
    ).encode()


def is_written(raw_dir: Path, truth_path: Path, stamp: bytes) -> bool:
    """Say whether the same demo lies there already, truth included."""
    marker = raw_dir / MARKER
    if not (marker.is_file() and truth_path.is_file() and marker.read_bytes() == stamp):
        return False
    metadata = pq.read_schema(truth_path).metadata or {}
    return bool(metadata.get(MARKER.encode()) == stamp)


def lapsed_last(people: Population, cohorts: list[Cohort]) -> Flags:
    """Return whether each member's last decision was a lapse."""
    lapsed = np.zeros(len(people), dtype=np.bool_)
    for cohort in cohorts:
        lapsed[cohort.member] = cohort.lapsed
    return lapsed


def _msno(people: Population, member: Whole | Rows) -> pa.Array:
    """Return the ids of members given by index."""
    ids = pa.array(people.msno).cast(pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(member.astype(np.int32)), ids)
