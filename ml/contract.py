"""Reads the contract mart as arrays, in one fixed order."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import duckdb
import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Days = NDArray[np.int64]  # days since 1970-01-01

# Rows that are read at once into the matrix of examples; one cut-off may have more.
_ROWS_AT_ONCE = 50_000

SPINE = (
    "domain",
    "customer_id",
    "as_of_date",
    "due_on",
    "label_known_on",
    "is_churned",
    "customer_value",
)


def day_of(cut_off: np.datetime64) -> int:
    """Return a date as days since 1970-01-01."""
    return int(cut_off.astype("datetime64[D]").astype(np.int64))


def weighted_mean(values: Floats, weight: Floats | None) -> float:
    """Return the mean of n values, each counted `weight` times; None counts each once."""
    return float(values.mean()) if weight is None else float(np.average(values, weights=weight))


def weighted_median(values: Floats, weight: Floats | None) -> float:
    """Return the median of n values, each counted `weight` times; None counts each once."""
    if weight is None:
        return float(np.median(values))
    order = np.argsort(values, kind="stable")
    reached = np.cumsum(weight[order])
    half = reached[-1] / 2
    low, high = np.searchsorted(reached, half, "left"), np.searchsorted(reached, half, "right")
    # where half of all customers end between two values, it lies between them, as without weights
    return float((values[order[low]] + values[order[min(high, len(values) - 1)]]) / 2)


class Weighted(Protocol):
    """Rows that may stand for several customers each."""

    @property
    def is_churned(self) -> Floats:
        """Outcomes of the n rows."""
        ...

    @property
    def weight(self) -> Floats | None:
        """How many customers each row stands for; None for one."""
        ...


def weights_of(parts: Sequence[Weighted]) -> Floats | None:
    """Return the weights of the rows of several parts; None where each row stands for one."""
    if all(part.weight is None for part in parts):
        return None
    return np.concatenate(
        [np.ones(len(p.is_churned)) if p.weight is None else p.weight for p in parts]
    )


@dataclass(frozen=True)
class Examples:
    """Rows of `<domain>__churn_examples`, ordered by customer and cut-off.

    Attributes:
        domain: Domain.
        customer_id: Object array of n ids.
        as_of_date: `datetime64[D]` array of n cut-offs.
        is_churned: n outcomes, 0 or 1; NaN until the cohort is closed.
        features: Names of the k feature columns.
        values: n × k matrix; booleans are 0 and 1, NaN means not observed.
        is_boolean: Whether each of the k features is boolean.
        weight: How many customers each of the n rows stands for; None where each stands for one.
    """

    domain: str
    customer_id: NDArray[np.object_]
    as_of_date: NDArray[np.datetime64]
    is_churned: Floats
    features: tuple[str, ...]
    values: Floats
    is_boolean: NDArray[np.bool_]
    weight: Floats | None = None

    def __len__(self) -> int:
        return len(self.customer_id)

    def where(self, mask: NDArray[np.bool_] | slice) -> "Examples":
        """Return the rows of a boolean mask of length n; those of a slice are not copied."""
        return replace(
            self,
            customer_id=self.customer_id[mask],
            as_of_date=self.as_of_date[mask],
            is_churned=self.is_churned[mask],
            values=self.values[mask],
            weight=None if self.weight is None else self.weight[mask],
        )

    def weighing(self, weight: Floats) -> "Examples":
        """Return the same rows, each counted `weight` times."""
        return replace(self, weight=weight)

    def cohorts(self, cut_offs: list[np.datetime64]) -> "Examples":
        """Return the labelled rows of the named cut-offs; the same object where they are all."""
        wanted = np.isin(self.as_of_date, np.array(cut_offs, dtype="datetime64[D]"))
        wanted &= ~np.isnan(self.is_churned)
        return self if wanted.all() else self.where(wanted)

    def churn_rate(self) -> float:
        """Return the share of churners among the customers that the labelled rows stand for."""
        return weighted_mean(self.is_churned, self.weight)

    def column(self, feature: str) -> Floats:
        """Return the n values of one feature.

        Raises:
            KeyError: The mart has no such feature.
        """
        if feature not in self.features:
            raise KeyError(f"{self.domain}__churn_examples has no feature {feature}")
        return self.values[:, self.features.index(feature)]

    def unobserved(self) -> tuple[str, ...]:
        """Return the features that nobody has at one of the cut-offs: their windows lack days."""
        return tuple(
            name for name, is_it in zip(self.features, self._unobserved(), strict=True) if is_it
        )

    def _unobserved(self) -> np.ndarray[Any, np.dtype[np.bool_]]:
        found = np.zeros(len(self.features), dtype=bool)
        for cut_off in np.unique(self.as_of_date):
            found |= np.isnan(self.values[self.as_of_date == cut_off]).all(axis=0)
        return found

    def as_observed_in(self, judged: "Examples") -> "Examples":
        """Return the rows without the values of features that nobody has where a model will judge.

        Trees that learned from a window and then meet it without a value for anybody take that for
        silence. A feature without any value is never split on.

        Args:
            judged: Rows with the same features.
        """
        unobserved = judged._unobserved()
        if not unobserved.any():
            return self
        values = self.values.copy()
        values[:, unobserved] = np.nan
        return replace(self, values=values)

    def keep(self, features: tuple[str, ...]) -> "Examples":
        """Return the same rows with fewer features; the same object where they are all."""
        if features == self.features:
            return self
        index = [self.features.index(name) for name in features]
        return replace(
            self,
            features=features,
            values=np.ascontiguousarray(self.values[:, index]),
            is_boolean=self.is_boolean[index],
        )


class Sample(Protocol):
    """Rows that are read instead of all, and what they stand for; `ml.stayers` draws them."""

    @property
    def condition(self) -> str:
        """The rows, as SQL on the columns of the examples."""
        ...

    @property
    def weights(self) -> Mapping[np.datetime64, float]:
        """Cut-off → customers that a stayer of it stands for; 1 at others, and for a churner."""
        ...


def read_examples(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    *,
    since: np.datetime64,
    until: np.datetime64,
    only: Sequence[np.datetime64] | None = None,
    sample: Sample | None = None,
    with_values: bool = True,
) -> Examples:
    """Read the mart in the fixed order.

    Args:
        connection: The warehouse.
        domain: Domain, which is also the schema.
        since: Oldest cut-off to read.
        until: Newest cut-off to read.
        only: Cut-offs to read; None for all between the two.
        sample: Which of their rows to read; None for all.
        with_values: Whether features are read; without, there are none.

    Raises:
        ValueError: The mart's first columns are not the contract's spine.
    """
    table = f"{domain}.{domain}__churn_examples"
    described = connection.execute(f"describe {table}").fetchall()
    names = tuple(row[0] for row in described)
    if names[: len(SPINE)] != SPINE:
        raise ValueError(f"The first columns of {table} are not the spine {', '.join(SPINE)}")
    features = names[len(SPINE) :] if with_values else ()
    types = {row[0]: row[1] for row in described}

    wanted = "as_of_date between cast(? as date) and cast(? as date)"
    if only is not None:
        days = ", ".join(f"date '{day}'" for day in only)
        wanted += f" and as_of_date in ({days})"
    if sample is not None:
        wanted += f" and {sample.condition}"
    keys = connection.execute(
        f"select customer_id, as_of_date, cast(is_churned as double) as is_churned from {table} "
        f"where {wanted} order by customer_id, as_of_date",
        [str(since), str(until)],
    ).to_arrow_table()
    as_of_date = keys["as_of_date"].to_numpy().astype("datetime64[D]")
    is_churned = np.array(keys["is_churned"].to_numpy())
    values = np.empty((len(as_of_date), len(features)))
    casts = ", ".join(f"cast({name} as double) as {name}" for name in features)
    # Some cut-offs at a time, straight into the one matrix: all at once, the rows would be there
    # three times more, sorted, handed over and cast.
    for first, last in _spans(as_of_date) if features else ():
        rows = np.flatnonzero((as_of_date >= first) & (as_of_date <= last))
        found = connection.execute(
            f"select {casts} from {table} where {wanted} order by customer_id, as_of_date",
            [str(first), str(last)],
        ).to_arrow_table()
        part = np.empty((len(rows), len(features)))
        for index, name in enumerate(features):
            part[:, index] = found[name].to_numpy()
        values[rows] = part
    return Examples(
        domain=domain,
        customer_id=keys["customer_id"].to_numpy(),
        as_of_date=as_of_date,
        is_churned=is_churned,
        features=features,
        values=values,
        is_boolean=np.array([types[name] == "BOOLEAN" for name in features], dtype=bool),
        weight=None if sample is None else _weight_of(as_of_date, is_churned, sample),
    )


def _weight_of(as_of_date: NDArray[np.datetime64], is_churned: Floats, sample: Sample) -> Floats:
    weight = np.ones(len(as_of_date))
    for day, each in sample.weights.items():
        weight[(as_of_date == day) & (is_churned == 0)] = each
    return weight


def _spans(as_of_date: NDArray[np.datetime64]) -> Iterator[tuple[np.datetime64, np.datetime64]]:
    """Yield the first and last of cut-offs in a row, about `_ROWS_AT_ONCE` rows at a time."""
    days, counts = np.unique(as_of_date, return_counts=True)
    parts = np.cumsum(counts) // _ROWS_AT_ONCE
    for part in np.unique(parts):
        within = days[parts == part]
        yield within[0], within[-1]


def usable_features(
    features: tuple[str, ...], snapshot: Mapping[str, str], assumed_static: Mapping[str, str]
) -> tuple[tuple[str, ...], dict[str, str]]:
    """Split features into those a model may read and those that are excluded.

    Args:
        features: All features of the mart.
        snapshot: Feature → the snapshot or mutable source it reads.
        assumed_static: Feature → reason to use it nevertheless.

    Returns:
        The usable features in the mart's order, and feature → why it is excluded.
    """
    excluded = {
        name: f"reads {snapshot[name]}, which has no history"
        for name in features
        if name in snapshot and name not in assumed_static
    }
    return tuple(name for name in features if name not in excluded), excluded


SEASONS_NEED = np.timedelta64(548, "D")  # a year and a half: some months occur twice


def season_only(examples: Examples) -> dict[str, str]:
    """Return the features that only identify the cohort, with the reason.

    A calendar month is the same for a whole cohort. If the cohorts span less than a year and a
    half, no month occurs twice, and a model would read any difference between cohorts as season.

    Args:
        examples: Labelled rows of the cohorts a model learns from.
    """
    cut_offs = np.unique(examples.as_of_date)
    if len(cut_offs) == 0 or cut_offs[-1] - cut_offs[0] >= SEASONS_NEED:
        return {}
    constant = np.ones(len(examples.features), dtype=bool)
    levels = []
    for cut_off in cut_offs:
        values = examples.values[examples.as_of_date == cut_off]
        constant &= (values == values[0]).all(axis=0)
        levels.append(values[0])
    constant &= (np.array(levels) != levels[0]).any(axis=0)  # a constant is harmless
    reason = (
        f"the same for a whole cohort, and no value occurs twice in the cohorts from {cut_offs[0]} "
        f"to {cut_offs[-1]}"
    )
    names = np.array(examples.features, dtype=object)[constant]
    return {str(name): reason for name in names}
