"""Reads a run's inputs from the warehouse: cohorts, usable features, the cut-off to score."""

import duckdb
import numpy as np

from ml.cohorts import Fits, RefusedError
from ml.contacted import read_contacted, without_contacted
from ml.contract import Examples, read_examples, season_only, usable_features
from ml.settings import LearningSettings
from ml.stayers import StayerSample, sample_stayers


def read_usable(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    fits: Fits,
    settings: LearningSettings,
    sample: StayerSample | None = None,
) -> tuple[Examples, tuple[str, ...], dict[str, str]]:
    """Return the cohorts of a run, the features a model may read, and why others are excluded.

    Customers who were contacted are not among them, and those who were held out stand for them.

    Exclusions follow only from declarations and from the cohorts of the first fit.

    Args:
        connection: The warehouse after the build.
        domain: Domain.
        fits: The run's fits.
        settings: The domain's.
        sample: Which stayers are read; None for all.
    """
    everything = without_contacted(
        read_live(connection, domain, fits, sample), read_contacted(connection, domain)
    )
    snapshot = read_snapshot_features(connection, domain)
    usable, excluded = usable_features(everything.features, snapshot, settings.assumed_static)
    season = season_only(everything.keep(usable).cohorts(fits.fit))
    return everything, tuple(n for n in usable if n not in season), excluded | season


def read_live(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    fits: Fits,
    sample: StayerSample | None = None,
    *,
    with_values: bool = True,
) -> Examples:
    """Read the cohorts of a run, and none that was only scored.

    Args:
        connection: The warehouse after the build.
        domain: Domain.
        fits: The run's fits.
        sample: Which stayers are read; None for all.
        with_values: Whether features are read.
    """
    return read_examples(
        connection,
        domain,
        since=fits.live[0],
        until=fits.live[-1],
        only=fits.live,
        sample=sample,
        with_values=with_values,
    )


def sample_of(
    connection: duckdb.DuckDBPyConnection, domain: str, fits: Fits, budget: int | None
) -> StayerSample | None:
    """Return which stayers a run reads; None for all.

    Args:
        connection: The warehouse after the build.
        domain: Domain.
        fits: The run's fits; its test is never sampled.
        budget: Bytes that a training may take at its peak; None for no such bound.

    Raises:
        RefusedError: Not even as many stayers as churners fit.
    """
    return sample_stayers(connection, domain, fits.live, fits.tests, budget)


def read_snapshot_features(connection: duckdb.DuckDBPyConnection, domain: str) -> dict[str, str]:
    """Return the features that read a source without history, with the source."""
    return dict(
        connection.execute(
            "select feature, source_table from churn.int_churn__features_described "
            "where domain = ? and source_history <> 'append_only'",
            [domain],
        ).fetchall()
    )


def read_scoring_cut_off(connection: duckdb.DuckDBPyConnection, domain: str) -> np.datetime64:
    """Return the cut-off to score.

    Raises:
        RefusedError: The lake is empty.
    """
    row = connection.execute(
        "select as_of_date from control.control__scoring_cut_offs where domain = ?", [domain]
    ).fetchone()
    if row is None:
        raise RefusedError(f"{domain} has no events in the lake, so there is nothing to score")
    return np.datetime64(row[0], "D")
