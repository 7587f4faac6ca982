"""Learns whom to treat from files of a trial, and applies what was learned to other customers."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa

from ml.contract import Floats
from ml.policy.kept import FORMAT, KeptPolicy, from_document, to_document
from ml.policy.learn import LearnedPolicy, learn_policy
from ml.policy.trial import RandomisedTrial
from ml.policy.worth import ContactPrices
from pipeline.experiments.files import (
    check_features_cover,
    read_assignments,
    read_features,
    read_outcomes,
)
from pipeline.experiments.lift import totals_sql
from pipeline.experiments.ratio import check_ratio
from pipeline.project.checked import read_checked
from pipeline.project.duck import name_sql, quoted
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.files import replaced, write_json

# Of each arm, so that a fold has some of both kinds.
_FEWEST_OUTCOMES = 20


def learn_from_files(
    assignments: Path,
    outcomes: Path,
    features: Path,
    control: str,
    prices: ContactPrices,
    kept_in: Path,
    shares: dict[str, float] | None = None,
) -> LearnedPolicy:
    """Learn a policy and write it.

    Args:
        assignments: CSV or Parquet of customer_id and arm.
        outcomes: CSV or Parquet of customer_id and outcome.
        features: CSV or Parquet of customer_id and numbers known before the draw.
        control: Name of the control arm.
        prices: Money.
        kept_in: File that the policy is written to.
        shares: Arm → share that was to be drawn; equal without it.

    Raises:
        ChurnError: A file is wrong, the arms are not of the drawn sizes, or there are too few
            outcomes.
    """
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        read_assignments(connection, assignments, control)
        read_outcomes(connection, outcomes, assignments)
        names = read_features(connection, features)
        check_features_cover(connection, features, assignments)
        connection.execute(f"create table totals as {totals_sql('assignments', 'outcomes')}")
        doubts = [one for one in check_ratio(connection, "totals", shares) if not one.fits]
        if doubts:
            raise ChurnError(
                "Nothing can be learned from these assignments: arms are not of the drawn sizes.",
                where=f"{assignments}: {doubts[0]}",
                hint="Look for customers who were dropped after the draw. Arms that were to be of "
                "different sizes need --share.",
                exit_code=REFUSED,
            )
        trial = _trial(connection, names, control)
    for arm, name in enumerate(trial.arms):
        had = Counter(trial.outcome[trial.arm == arm].tolist())
        if min(had[0.0], had[1.0]) < _FEWEST_OUTCOMES:
            raise ChurnError(
                f"The arm {name!r} has too few outcomes to learn from.",
                where=f"{outcomes}: {had[1.0]:,} of its {had.total():,} customers have the outcome",
                hint=f"Each arm needs at least {_FEWEST_OUTCOMES} customers with it and as many "
                "without; `churn campaign measure` still compares the arms.",
            )
    policy = learn_policy(trial, prices)
    write_json(kept_in, to_document(policy))
    return policy


def choose_for_file(kept_in: Path, features: Path, out: Path) -> dict[str, int]:
    """Write customer_id and arm of everybody in a file; return how many get each arm.

    Args:
        kept_in: File of a policy.
        features: CSV or Parquet of customer_id and the features that the policy reads; others are
            left alone.
        out: CSV, or Parquet by its ending. The control's name stands for no contact.

    Raises:
        ChurnError: A file is wrong.
    """
    policy = load_policy(kept_in)
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        read_features(connection, features, policy.features)
        customers, values = _values(connection, policy.features, "features")
        arm = policy.choose(values)
        names = np.asarray(policy.arms, dtype=object)[arm]
        # registered for the copy
        connection.register("chosen", pa.table({"customer_id": customers, "arm": names}))
        form = "parquet" if out.suffix.lower() in (".parquet", ".pq") else "csv, header"
        with replaced(out) as part:
            connection.execute(f"copy chosen to {quoted(part)} (format {form})")
    counted = np.bincount(arm, minlength=len(policy.arms))
    return {name: int(count) for name, count in zip(policy.arms, counted, strict=True)}


def load_policy(path: Path) -> LearnedPolicy:
    """Return the policy of a file.

    Raises:
        ChurnError: It is not there, or not a policy of this version.
    """
    hint = "Give the file that `churn campaign learn --policy` wrote, or learn it again."
    if not path.is_file():
        raise ChurnError("There is no such policy.", where=str(path), hint=hint)
    kept = read_checked(KeptPolicy, path)
    if kept.format != FORMAT:
        raise ChurnError("The policy is of another version.", where=str(path), hint=hint)
    return from_document(kept)


def _trial(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], control: str
) -> RandomisedTrial:
    """Return the trial of the tables, by customer_id: the order of the files does not matter."""
    connection.execute(
        "create table learned as select features.*, assignments.arm as arm__, "
        "coalesce(happened.outcome, 0) as outcome__ from features "
        "inner join assignments using (customer_id) left join (select customer_id, max(outcome) "
        "as outcome from outcomes group by customer_id) as happened using (customer_id)"
    )
    _, values = _values(connection, names, "learned")
    rows = connection.execute(
        "select arm__, outcome__ from learned order by customer_id"
    ).fetchnumpy()
    arms = (control, *sorted(set(rows["arm__"]) - {control}))
    position = {arm: number for number, arm in enumerate(arms)}
    return RandomisedTrial(
        tuple(names),
        arms,
        values,
        np.asarray([position[arm] for arm in rows["arm__"]], dtype=np.int64),
        np.asarray(rows["outcome__"], dtype=np.float64),
    )


def _values(
    connection: duckdb.DuckDBPyConnection, names: Sequence[str], table: str
) -> tuple[list[str], Floats]:
    """Return the ids in order and n x features, NaN for unknown."""
    columns = ", ".join(map(name_sql, names))
    rows = connection.execute(
        f"select customer_id, {columns} from {table} order by customer_id"
    ).fetchnumpy()
    values: list[Floats] = [
        np.ma.filled(np.ma.asarray(rows[name], dtype=float), np.nan) for name in names
    ]
    return [*rows["customer_id"]], np.column_stack(values)
