"""A/A: draws arms again and again among customers who were treated alike, and counts false alarms.

Every difference that is found between such arms is a false one. The draws hash a salt and the id,
as plans draw their arms, and the differences are measured by the SQL of `lift`, so that a fault in
either shows.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import binom, chi2

from pipeline.experiments.files import read_assignments, read_outcomes
from pipeline.experiments.lift import ALPHA, experiments_sql, lifts_sql
from pipeline.experiments.ratio import RATIO_ALPHA
from pipeline.project.errors import ChurnError

# More customers are sampled down: a thousand draws of them would take minutes and say the same.
MOST_CUSTOMERS = 50_000
# More days than that are grouped: somebody who looks every day for half a year has stopped before.
MOST_LOOKS = 100
WAVES = 10
# Without so many outcomes no difference could be found at all, true or false.
_FEWEST_OUTCOMES = 20

Looks = Literal["days", "waves"]


@dataclass(frozen=True)
class SelfTest:
    """How often arms that do not differ seemed to.

    Attributes:
        population: Who the customers are, in words.
        customers: Customers among whom arms were drawn.
        converted: How many of them had the outcome.
        draws: How often arms were drawn.
        looks: Looks at each draw.
        looked: What a look waits for: `days`, or equal `waves` of customers.
        one_look: Share of draws with a false alarm at the end, by the fixed interval.
        running: Share with a false alarm at any look, by the running interval.
        naive: Share with a false alarm at any look, by the fixed interval.
        ratio: Share of draws that the sample-ratio check refused.
    """

    population: str
    customers: int
    converted: int
    draws: int
    looks: int
    looked: Looks
    one_look: float
    running: float
    naive: float
    ratio: float

    @property
    def tolerated(self) -> tuple[float, float]:
        """Limits that a rate of 5 % keeps to in 99 of 100 self-tests of so many draws."""
        low, high = binom.ppf([0.005, 0.995], self.draws, ALPHA) / self.draws
        return float(low), float(high)

    @property
    def passes(self) -> bool:
        """Whether intervals and draws kept their promises, chance allowed for."""
        high = self.tolerated[1]
        refused = float(binom.ppf(0.999, self.draws, RATIO_ALPHA)) / self.draws
        return self.one_look <= high and self.running <= high and self.ratio <= refused


def shuffle_outcomes(
    outcomes: Path, assignments: Path | None, control: str | None, draws: int, looks: int | None
) -> SelfTest:
    """Test on a file of outcomes.

    Args:
        outcomes: CSV or Parquet of customer_id, outcome and perhaps occurred_on: of customers who
            were all treated alike, each with a row.
        assignments: CSV or Parquet of customer_id and arm; only customers of the control are taken.
        control: Name of the control arm in it.
        draws: How often arms are drawn.
        looks: Looks at each draw; by default each day, or ten waves without days.

    Raises:
        ChurnError: A file is wrong or has too few outcomes.
    """
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        if assignments is not None and control is not None:
            read_assignments(connection, assignments, control)
        read_outcomes(connection, outcomes, assignments)
        happened = (
            "select customer_id, max(outcome) as converted, min(occurred_on) filter "
            "(where outcome = 1) as converted_on from outcomes group by customer_id"
        )
        if assignments is not None and control is not None:
            connection.execute(
                "create table people as select customer_id, stratum, "
                f"coalesce(converted, 0) as converted, converted_on from ({happened}) "
                "right join assignments using (customer_id) where arm = ?",
                [control],
            )
            population = f"customers of {control}"
        else:
            connection.execute(f"create table people as select *, '' as stratum from ({happened})")
            population = "customers of the file"
        has_days = connection.execute(
            "select count(converted_on) = count_if(converted = 1) and count(converted_on) > 0 "
            "from people"
        ).fetchone() == (True,)
        if has_days:
            # everybody is in from the first day on; outcomes come in day by day
            connection.execute(
                "create table subjects as select customer_id, stratum, converted, "
                "cast(null as integer) as enters, "
                "date_diff('day', min(converted_on) over (), converted_on) as converts from people"
            )
        else:
            connection.execute(
                "create table subjects as select customer_id, stratum, converted, "
                "cast(null as integer) as enters, cast(null as bigint) as converts from people"
            )
        return shuffle(connection, population, draws=draws, looks=looks, has_days=has_days)


def shuffle(
    connection: duckdb.DuckDBPyConnection,
    population: str,
    *,
    draws: int,
    looks: int | None,
    has_days: bool,
) -> SelfTest:
    """Draw arms of equal size and measure each draw at every look.

    Args:
        connection: Has the table `subjects` of customer_id, stratum, converted (0 or 1), enters and
            converts (days from the start on which the customer is in and the outcome is known;
            null: from the start on).
        population: Who they are, in words.
        draws: How often.
        looks: Looks at each draw; None for every day, or for ten waves without days.
        has_days: Whether the days are known; otherwise customers come in waves.

    Raises:
        ChurnError: There are too few outcomes to find any difference.
    """
    _prepare(connection, looks, has_days)
    counted = connection.execute(
        "select count(*), coalesce(sum(converted), 0), "
        "coalesce(max(greatest(enters, converts)), 1) from shuffled"
    ).fetchone()
    customers, converted, last = (int(one) for one in counted or (0, 0, 1))
    if min(converted, customers - converted) < _FEWEST_OUTCOMES:
        raise ChurnError(
            "There are too few outcomes to test the measurement on.",
            where=f"{population}: {converted:,} of {customers:,} have the outcome",
            hint=f"Take more customers; at least {_FEWEST_OUTCOMES} must have it and as many not.",
        )
    totals = _totals(connection, draws, last)
    connection.register("totals", totals)
    found: dict[str, NDArray[np.bool_]] = {}
    for name, expected in (("fixed", None), ("running", converted)):
        experiment = experiments_sql("a", expected=expected, has_revenue=False)
        connection.execute(
            "create or replace table experiments as "
            f"select distinct experiment, {experiment} from totals"
        )
        rows = connection.execute(
            f"select experiment from ({lifts_sql('totals', 'experiments')}) "
            "where ci_low > 0 or ci_high < 0"
        ).fetchnumpy()
        alarms = np.zeros(draws * last, dtype=bool)
        alarms[np.asarray(rows["experiment"], dtype=int)] = True
        found[name] = alarms.reshape(draws, last)
    at_end = connection.execute(
        "select sum(customers) filter (where arm = 'a') as a, sum(customers) as both from totals "
        f"where experiment % {last} = {last - 1} group by experiment"
    ).fetchnumpy()
    a, both = (np.asarray(at_end[name], dtype=float) for name in ("a", "both"))
    refused = chi2.sf((2 * a - both) ** 2 / both, 1) < RATIO_ALPHA
    return SelfTest(
        population=population,
        customers=customers,
        converted=converted,
        draws=draws,
        looks=last,
        looked="days" if has_days else "waves",
        one_look=float(found["fixed"][:, -1].mean()),
        running=float(found["running"].any(axis=1).mean()),
        naive=float(found["fixed"].any(axis=1).mean()),
        ratio=float(refused.mean()),
    )


def _prepare(connection: duckdb.DuckDBPyConnection, looks: int | None, has_days: bool) -> None:
    """Make the table `shuffled`: not too many customers, and days as numbers of looks from 1."""
    connection.execute(
        "create table chosen as select * from subjects "
        f"order by md5_number_lower('chosen|' || customer_id), customer_id limit {MOST_CUSTOMERS}"
    )
    if not has_days:
        waves = looks or WAVES
        connection.execute(
            "create table shuffled as select customer_id, stratum, converted, wave as enters, "
            f"wave as converts from (select *, ntile({waves}) over (order by "
            "md5_number_lower('wave|' || customer_id), customer_id) as wave from chosen)"
        )
        return
    days = connection.execute(
        "select 1 + coalesce(max(greatest(enters, converts)), 0) from chosen"
    ).fetchone()
    span = int(days[0]) if days else 1
    number = min(span, looks or MOST_LOOKS)
    look = f"1 + cast(floor({{}} * {number} / {span}) as integer)"
    connection.execute(
        "create table shuffled as select customer_id, stratum, converted, "
        f"coalesce({look.format('enters')}, 1) as enters, "
        f"coalesce({look.format('converts')}, {number}) as converts from chosen"
    )


def _totals(connection: duckdb.DuckDBPyConnection, draws: int, looks: int) -> pa.Table:
    """Draw arms and return the totals of each draw up to each look.

    An experiment is a number: draw x looks + look, both from 0.
    """
    rows = connection.execute(
        "select customer_id, stratum, enters - 1 as enters, converts - 1 as converts, converted "
        "from shuffled order by stratum, enters, converts, converted, customer_id"
    ).fetchnumpy()
    enters, converts, converted = (
        np.asarray(rows[name], dtype=int) for name in ("enters", "converts", "converted")
    )
    strata, stratum = np.unique(np.asarray(rows["stratum"], dtype=str), return_inverse=True)
    # customers who are counted at the same looks are one cell
    cells = np.column_stack([stratum, enters, converts, converted])
    starts = np.flatnonzero(np.append(True, (cells[1:] != cells[:-1]).any(axis=1)))
    sizes = np.diff(np.append(starts, len(cells)))
    cells = cells[starts]
    in_a = np.add.reduceat(_bits([*rows["customer_id"]], draws), starts, axis=0, dtype=np.int64)
    parts: dict[str, list[NDArray[Any]]] = {name: [] for name in _COLUMNS}
    experiments = np.arange(draws)[:, None] * looks + np.arange(looks)
    for arm, counts in (("a", in_a), ("b", sizes[:, None] - in_a)):
        for number, name in enumerate(strata):
            here = cells[:, 0] == number
            entered = np.zeros((looks, draws), dtype=np.int64)
            happened = np.zeros((looks, draws), dtype=np.int64)
            np.add.at(entered, cells[here, 1], counts[here])
            had = here & (cells[:, 3] == 1)
            np.add.at(happened, cells[had, 2], counts[had])
            entered, happened = entered.cumsum(axis=0).T, happened.cumsum(axis=0).T
            known = entered > 0
            parts["experiment"].append(experiments[known])
            parts["stratum"].append(np.full(known.sum(), name))
            parts["arm"].append(np.full(known.sum(), arm))
            parts["customers"].append(entered[known])
            parts["converted"].append(happened[known])
    zeros = np.zeros(sum(map(len, parts["experiment"])), dtype=np.int64)
    return pa.table(
        {name: np.concatenate(arrays) for name, arrays in parts.items()}
        | {"revenue_units": zeros, "revenue_squares": zeros}
    )


def _bits(customers: Sequence[str], draws: int) -> NDArray[np.uint8]:
    """Return customers x draws of 0 or 1, each with one half, from hashes of salts and ids."""
    salts = range(-(-draws // _BITS))
    hashed = b"".join(
        hashlib.md5(f"{salt}|{customer}".encode(), usedforsecurity=False).digest()
        for customer in customers
        for salt in salts
    )
    bits = np.unpackbits(np.frombuffer(hashed, dtype=np.uint8).reshape(len(customers), -1), axis=1)
    return bits[:, :draws]


_BITS = 128
_COLUMNS = ("experiment", "stratum", "arm", "customers", "converted")
