"""Scores a cut-off with a run's live model: log-odds, probability, band, exact drivers."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np
import pandas as pd
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ml import artifacts
from ml.bands import assign_bands
from ml.cohorts import RefusedError
from ml.contract import Examples, Floats, read_examples
from ml.evaluation.drift import Reference, drift
from ml.explain.drivers import drivers, grouped, largest
from ml.explain.pictures import draw
from ml.level.forecast import Level
from ml.level.read import read_levels
from ml.recipe import Recipe, TrainedRun
from ml.train import margin

NAMED_DRIVERS = 10
NAMED_REASONS = 8
# Customers whose drivers are rows at the same time: ten for each, and as many names.
AT_ONCE = 50_000
TOLERANCE = 1e-5
LEVELS = "levels"
# What stands in place of a feature and a group: all smaller drivers, and the cohort's level.
_REST = ("other", "cohort_level")


def unobserved(booster: lgb.Booster, rows: Examples) -> list[str]:
    """Return the features that a model splits on and nobody in the rows has."""
    splits = dict(zip(booster.feature_name(), booster.feature_importance("split"), strict=True))
    return [name for name in rows.unobserved() if splits.get(name, 0) > 0]


def score_cut_off(
    connection: duckdb.DuckDBPyConnection, run: TrainedRun, cut_off: np.datetime64, scratch: Path
) -> int:
    """Score every customer of a cut-off and write scores, drivers and global importances.

    Args:
        connection: The warehouse after the build.
        run: The run.
        cut_off: Cut-off in the mart.
        scratch: Empty folder for the tables.

    Returns:
        Customers scored.

    Raises:
        RefusedError: The cohort of the cut-off is empty, or the model learned from outcomes that
            were not known then.
        ArithmeticError: The drivers do not add up to the log-odds; nothing is published.
    """
    recipe, domain = run.recipe, run.recipe.domain
    if cut_off < np.datetime64(recipe.outcomes_known_on):
        raise RefusedError(
            f"the model {recipe.run_id} learned from outcomes that were not known before "
            f"{recipe.outcomes_known_on}, so it could not have been used on {cut_off}"
        )
    cohort = read_examples(connection, domain, since=cut_off, until=cut_off)
    if len(cohort) == 0:
        raise RefusedError(f"the cohort of {cut_off} is empty, so there is nothing to score")
    if gone := sorted(set(recipe.features) - set(cohort.features)):
        raise RefusedError(
            f"the model {recipe.run_id} reads features that are no longer built: {', '.join(gone)}"
        )
    used, reference = cohort.keep(recipe.features), _reference(connection, recipe)

    booster, calibration = artifacts.load_model(run)
    if missing := unobserved(booster, used):
        raise RefusedError(
            f"nobody has a value of {', '.join(missing[:3])}"
            + (f" and {len(missing) - 3} more features" if len(missing) > 3 else "")
            + f" on {cut_off}, because days of their windows are missing, and the model "
            f"{recipe.run_id} would take that for silence"
        )
    margins = margin(booster, used)
    contributions, base = drivers(booster, used.values)
    levels = read_levels(connection, domain, recipe.level)
    level = levels.at(cut_off) if levels else None
    offset = level.offset(margins, calibration) if level else None
    worst = float(np.abs(margins - base - contributions.sum(axis=1)).max())
    if worst > TOLERANCE:
        raise ArithmeticError(
            f"the drivers differ from the log-odds by up to {worst:.2g}, more than {TOLERANCE:.0e}"
        )
    own = calibration.apply(margins)
    margins = margins + (offset or 0.0)
    probability = calibration.apply(margins)

    lineage = {"run_id": recipe.run_id, "domain": domain}
    if level is not None:
        artifacts.write_table(
            connection,
            scratch,
            LEVELS,
            {**lineage, **level_row(level, float(own.mean()), float(offset or 0.0))},
        )
    artifacts.write_table(
        connection,
        scratch,
        "scores",
        {
            **lineage,
            "customer_id": cohort.customer_id,
            "as_of_date": str(cut_off),
            "margin": margins,
            "churn_probability": probability,
            "risk_band": assign_bands(probability, recipe.bands),
            "model_hash": recipe.model_hash,
            "label_checksum": recipe.label_checksum,
            "feature_sql_hash": recipe.feature_sql_hash,
            "feature_checksum": _feature_checksum(connection, domain, cut_off),
            "written_at": datetime.now(UTC).replace(tzinfo=None),
        },
    )
    parts = [slice(start, start + AT_ONCE) for start in range(0, len(used), AT_ONCE)]
    artifacts.write_parts(
        connection,
        scratch,
        "drivers",
        (
            lineage | _driver_rows(used.where(part), contributions[part], recipe, offset)
            for part in parts
        ),
    )
    groups = _groups_of(connection, domain, used.features)
    artifacts.write_parts(
        connection,
        scratch,
        "reasons",
        (
            lineage | reason_rows(used.where(part), contributions[part], groups, recipe, offset)
            for part in parts
        ),
    )
    artifacts.write_table(
        connection,
        scratch,
        "feature_importances",
        {
            **lineage,
            "as_of_date": str(cut_off),
            **_importance_rows(cohort.features, contributions, recipe),
        },
    )
    moved = drift(booster, reference, used, contributions)
    artifacts.write_table(
        connection,
        scratch,
        "drift",
        {
            **lineage,
            "as_of_date": str(cut_off),
            "reference_as_of_date": str(recipe.live_cohorts[-1]),
            **{column: moved[column] for column in moved},
        },
    )
    draw(scratch, used, contributions, base, _descriptions(connection, domain))
    return len(cohort)


def level_row(level: Level, own: float, offset: float) -> dict[str, Any]:
    """Return the columns of `ml.levels` without the lineage.

    Args:
        level: The level of a cohort.
        own: Mean risk by the model alone.
        offset: What was added to everybody's log-odds.
    """
    windows = [
        {"multiplier": float(np.exp(mean)), "log_deviation": None if sd != sd else sd}
        for mean, sd in zip(level.multipliers, level.deviations, strict=True)
    ]
    row = {
        "as_of_date": str(level.cut_off),
        "is_forecast": level.level is not None,
        "level": level.level,
        "own_level": own,
        "level_without_season": level.structure_level,
        "offset_log_odds": offset,
        "ended_windows": level.windows,
        "windows": json.dumps(windows),
        "bg_nbd": json.dumps(asdict(level.model)),
    }
    return {name: [value] for name, value in row.items()}


def _reference(connection: duckdb.DuckDBPyConnection, recipe: Recipe) -> Reference:
    """Return the newest training cohort, and the churn rate over all training cohorts."""
    if recipe.train_rate is None or not recipe.live_cohorts:
        raise RefusedError(
            f"the recipe of {recipe.run_id} is older than drift: it does not name the cohorts that "
            "the model learned from"
        )
    day = np.datetime64(recipe.live_cohorts[-1])
    newest = read_examples(connection, recipe.domain, since=day, until=day)
    return Reference(newest.cohorts([day]).keep(recipe.features), recipe.train_rate)


def _descriptions(connection: duckdb.DuckDBPyConnection, domain: str) -> dict[str, str]:
    return dict(
        connection.execute(
            "select feature, description from churn.int_churn__features_described where domain = ?",
            [domain],
        ).fetchall()
    )


def _groups_of(
    connection: duckdb.DuckDBPyConnection, domain: str, features: tuple[str, ...]
) -> list[str]:
    """Return the driver group of each feature, from the YAML of the domain's examples."""
    groups = dict(
        connection.execute(
            "select feature, driver_group from churn.int_churn__features_described "
            "where domain = ?",
            [domain],
        ).fetchall()
    )
    return [groups[name] for name in features]


def reason_rows(
    used: Examples,
    contributions: Floats,
    groups: list[str],
    recipe: Recipe,
    offset: float | None = None,
) -> dict[str, Any]:
    """Return long rows: the eight largest groups of each customer, then all others as one row.

    Args:
        used: n rows of one cut-off with the model's k features.
        contributions: n × k matrix in log-odds.
        groups: Group of each of the k features.
        recipe: The run's recipe.
        offset: What the level of the cohort adds to everybody's log-odds, as a last row each; None
            where levels are not forecast.

    Returns:
        Column of `ml.reasons` → values.
    """
    together = grouped(contributions, groups)
    order, rest = largest(together.contributions, NAMED_REASONS)
    leading = np.take_along_axis(together.leading, order, axis=1)
    largest_ones = np.take_along_axis(together.contributions, order, axis=1)
    index, values, amounts = _with_the_rest(used, leading, largest_ones, rest, offset)
    group, _, _ = _with_the_rest(used, order, largest_ones, rest, offset, len(together.names))
    features = np.array([*used.features, *_REST], dtype=object)
    reference = _reference_values(used.features, recipe)
    names = np.array([*together.names, *_REST], dtype=object)
    customers, rows = amounts.shape
    return {
        "customer_id": np.repeat(used.customer_id, rows),
        "as_of_date": str(used.as_of_date[0]),
        "rank": np.tile(np.arange(1, rows + 1), customers),
        "driver_group": names[group.ravel()],
        "feature": features[index.ravel()],
        "contribution_log_odds": amounts.ravel(),
        "value": pd.array(values.ravel(), dtype="Float64"),
        "usual_value": pd.array(reference[index.ravel()], dtype="Float64"),
    }


def _driver_rows(
    used: Examples, contributions: Floats, recipe: Recipe, offset: float | None
) -> dict[str, Any]:
    """Return long rows: the ten largest drivers of each customer, then all others as one row."""
    order, rest = largest(contributions, NAMED_DRIVERS)
    largest_ones = np.take_along_axis(contributions, order, axis=1)
    index, values, amounts = _with_the_rest(used, order, largest_ones, rest, offset)
    names = np.array([*used.features, *_REST], dtype=object)
    reference = _reference_values(used.features, recipe)
    customers, rows = amounts.shape
    return {
        "customer_id": np.repeat(used.customer_id, rows),
        "as_of_date": str(used.as_of_date[0]),
        "rank": np.tile(np.arange(1, rows + 1), customers),
        "feature": names[index.ravel()],
        "contribution_log_odds": amounts.ravel(),
        "value": pd.array(values.ravel(), dtype="Float64"),
        "usual_value": pd.array(reference[index.ravel()], dtype="Float64"),
    }


def _with_the_rest(
    used: Examples,
    order: NDArray[np.int_],
    amounts: Floats,
    rest: Floats,
    offset: float | None,
    names: int | None = None,
) -> tuple[NDArray[np.int_], Floats, Floats]:
    """Add what is left, and the level of the cohort where there is one, to the largest drivers.

    Returns:
        n × rows: places of the names, values of the customer, contributions.
    """
    customers, known = len(amounts), len(used.features) if names is None else names
    added = [rest] if offset is None else [rest, np.full(customers, offset)]
    places = [np.full(customers, known + place) for place in range(len(added))]
    nothing = np.full((customers, len(added)), np.nan)
    values = nothing if names is not None else np.take_along_axis(used.values, order, axis=1)
    return (
        np.column_stack([order, *places]),
        np.column_stack([values, nothing]),
        np.column_stack([amounts, *added]),
    )


def _reference_values(features: tuple[str, ...], recipe: Recipe) -> Floats:
    """The reference value of each feature, and NaN for the rest."""
    known = [recipe.reference_values[name] for name in features]
    return np.array([*known, *[None] * len(_REST)], dtype=float)


def _importance_rows(
    features: tuple[str, ...],
    contributions: Floats,
    recipe: Recipe,
) -> dict[str, Any]:
    strength = dict(zip(recipe.features, np.abs(contributions).mean(axis=0).tolist(), strict=True))
    mean = dict(zip(recipe.features, contributions.mean(axis=0).tolist(), strict=True))
    return {
        "feature": list(features),
        "is_used": [name in strength for name in features],
        "excluded_because": [recipe.excluded.get(name) for name in features],
        "mean_abs_contribution": [strength.get(name) for name in features],
        "mean_contribution": [mean.get(name) for name in features],
        "usual_value": [recipe.reference_values.get(name) for name in features],
    }


def is_scored(
    connection: duckdb.DuckDBPyConnection, folder: Path, domain: str, cut_off: np.datetime64
) -> bool:
    """Whether a folder has the scores of exactly the mart's rows of a cut-off."""
    path = folder / "scores.parquet"
    if not path.exists():
        return False
    # not through DuckDB, which takes a bracket in the path for a pattern
    kept = pq.read_table(path, columns=["feature_checksum"])["feature_checksum"].unique()
    return bool(kept.to_pylist() == [_feature_checksum(connection, domain, cut_off)])


def _feature_checksum(
    connection: duckdb.DuckDBPyConnection, domain: str, cut_off: np.datetime64
) -> str:
    row = connection.execute(
        "select feature_checksum from churn.int_churn__examples_checksummed "
        "where domain = ? and as_of_date = cast(? as date)",
        [domain, str(cut_off)],
    ).fetchone()
    return str(row[0] if row else None)
