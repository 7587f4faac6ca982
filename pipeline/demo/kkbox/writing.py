"""Raw files under Kaggle's names, and the truth beside them."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.demo import folder
from pipeline.demo.arrays import Flags, Rows, Whole, day
from pipeline.demo.csv_files import CsvFiles
from pipeline.demo.kkbox.days import LAST_DAY, as_yyyymmdd
from pipeline.demo.kkbox.listening import LogRows
from pipeline.demo.kkbox.membership import MemberCohort
from pipeline.demo.kkbox.population import Population
from pipeline.project.files import replaced

_SECOND_HALF_FROM = day("2017-03-01")  # transactions.csv ends before, transactions_v2.csv begins
LOG_COLUMNS = ("num_25", "num_50", "num_75", "num_985", "num_100", "num_unq")
_DUPLICATES = 3_339 / 21_547_746  # exact copies among the transactions of v1


class RawFiles(CsvFiles):
    """KKBox's raw files in one folder."""

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


def write_truth(
    path: Path, people: Population, cohorts: list[MemberCohort], stamp: folder.Stamp
) -> None:
    """Write the hidden probabilities, one row a member and cut-off."""
    member = np.concatenate([cohort.member for cohort in cohorts])
    folder.write_truth(
        path,
        stamp,
        customer_id=pa.array(people.msno).cast(pa.string()).take(pa.array(member)),
        as_of=np.concatenate([np.full(len(c.member), c.starts_on) for c in cohorts]),
        probability=np.concatenate([cohort.probability for cohort in cohorts]),
        outcome="lapse",
    )


def write_errors(truth_path: Path, people: Population, errors: dict[str, Whole]) -> None:
    """Write the planted errors beside the hidden probabilities.

    Args:
        truth_path: File of the probabilities; that of the errors is named after it.
        people: Members.
        errors: member, transacted_on, expires_on, true_expires_on.
    """
    days = {
        name: pa.array(errors[name]).cast(pa.date32())
        for name in ("transacted_on", "expires_on", "true_expires_on")
    }
    table = pa.table({"customer_id": _msno(people, errors["member"]).cast(pa.string()), **days})
    with replaced(truth_path.with_name(f"{truth_path.stem}_errors.parquet")) as part:
        pq.write_table(table, part)


def lapsed_last(people: Population, cohorts: list[MemberCohort]) -> Flags:
    """Return whether each member's last decision was a lapse."""
    lapsed = np.zeros(len(people), dtype=np.bool_)
    for cohort in cohorts:
        lapsed[cohort.member] = cohort.lapsed
    return lapsed


def _msno(people: Population, member: Whole | Rows) -> pa.Array:
    """Return the ids of members given by index."""
    ids = pa.array(people.msno).cast(pa.string())
    return pa.DictionaryArray.from_arrays(pa.array(member.astype(np.int32)), ids)
