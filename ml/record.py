"""Writes a run's folder: metrics, calibration choices, the run's row, its model and recipe."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from ml import artifacts
from ml.bands import assign_bands
from ml.baselines import baseline_predictions
from ml.calibrate import Calibration, Choice
from ml.cohorts import Fits
from ml.contacted import Contacted, counted
from ml.contract import Examples, Floats, weighted_mean, weighted_median
from ml.evaluation.splits import (
    cohorts_named,
    gains,
    quality,
    quality_by_cut_off,
    quality_by_segment,
    read_segments,
    reliability_curve,
)
from ml.explain.drivers import base_value
from ml.learn import model_predictions
from ml.level.forecast import Levels
from ml.level.read import rule_of
from ml.recipe import RECIPE_VERSION, CalibrationMap, Recipe
from ml.settings import LearningSettings
from ml.stayers import StayerSample
from ml.train import PARAMETERS, Parameters, fit, margin


@dataclass(frozen=True)
class RunInputs:
    """The inputs of a run, besides the warehouse.

    Attributes:
        run_id: Name of the run, derived from its inputs.
        domain: Domain.
        scoring: Cut-off that is scored; the embargo is counted from it.
        settings: The domain's with this run's overrides; whatever was given is recorded.
        feature_sql_hash: SHA-256 of the compiled feature SQL.
        recipe_hash: Hash of how the model is learned, whatever the data.
        tuned: LightGBM parameters that differ from the defaults.
        sample: Which stayers are learned from; None for all.
    """

    run_id: str
    domain: str
    scoring: np.datetime64
    settings: LearningSettings
    feature_sql_hash: str
    recipe_hash: str = ""
    tuned: Parameters = field(default_factory=dict)
    sample: StayerSample | None = None

    @property
    def parameters(self) -> Parameters:
        """LightGBM parameters of every fit."""
        return {**PARAMETERS, **self.tuned}


@dataclass(frozen=True)
class TrainedModel:
    """The model that scores, and its training data.

    Attributes:
        live: The trees.
        calibration: Map from margin to probability.
        cuts: Lowest probabilities of the bands critical, high and medium.
        fits: Cohorts of the three fits.
        train: Examples it learned from, with the features it reads.
        reference_values: Feature of the mart → what is usual among them.
        excluded: Feature → why it is excluded.
        seeds: Seeds that the trees are the mean of.
    """

    live: lgb.Booster
    calibration: Calibration
    cuts: tuple[float, float, float]
    fits: Fits
    train: Examples
    reference_values: Mapping[str, float | None]
    excluded: Mapping[str, str]
    seeds: int


@dataclass(frozen=True)
class Split:
    """Cohorts that are judged, and the margins of a model that did not see them.

    Attributes:
        cohort: Labelled rows, n.
        margin: n log-odds, before level and calibration.
        trained_on: Cut-offs that the model learned from.
    """

    cohort: Examples
    margin: Floats
    trained_on: list[np.datetime64]


@dataclass(frozen=True)
class Judged:
    """What turns margins into what is judged.

    Attributes:
        calibration: Map from margin to probability.
        levels: Forecasts of cohorts' levels; None where models keep their own.
        cuts: Lowest probabilities of the bands.
        rounds: Trees of every fit.
        contacts_kept: The run's cohorts with the contacted customers whom no plan drew, for a fit
            that is shown beside; None where there are none.
    """

    calibration: Calibration
    levels: Levels | None
    cuts: tuple[float, float, float]
    rounds: int
    contacts_kept: Examples | None = None


def write_metrics(
    connection: duckdb.DuckDBPyConnection,
    inputs: RunInputs,
    folder: Path,
    examples: Examples,
    splits: Mapping[str, Split],
    judged: Judged,
) -> None:
    """Write the metrics of each split beside its baselines, with curves, gains and segments.

    Args:
        connection: The warehouse, whose `ml.*` relations define the tables' shapes.
        inputs: The inputs of the run.
        folder: The run's folder.
        examples: All cohorts of the run.
        splits: Split → its cohorts, with the margins of its model.
        judged: What turns them into probabilities.
    """
    tables: dict[str, list[pd.DataFrame]] = {
        "metrics": [],
        "segment_metrics": [],
        "calibration_bins": [],
        "gains": [],
        "day_metrics": [],
    }
    for split, of in splits.items():
        cohort, train = of.cohort, examples.cohorts(of.trained_on)
        predictions = model_predictions(cohort, of.margin, judged.calibration, judged.levels)
        probability = predictions["lightgbm"]
        history = tuple(f for f in examples.features if f not in inputs.settings.assumed_static)
        if history != examples.features:
            # a model of features with history only, beside the one that assumes more
            alone = fit(train.keep(history), judged.rounds, inputs.parameters)
            predictions["lightgbm_history_only"] = expit(margin(alone, cohort.keep(history)))
        if judged.contacts_kept is not None:
            # nothing can undo such a contact: neither fit is right, and both are shown
            of_all = judged.contacts_kept.cohorts(of.trained_on).as_observed_in(cohort)
            beside = margin(fit(of_all, judged.rounds, inputs.parameters), cohort)
            predictions["lightgbm_contacts_kept"] = model_predictions(
                cohort, beside, judged.calibration, judged.levels
            )["lightgbm"]
        predictions |= baseline_predictions(inputs.settings.baselines, train, cohort, judged.levels)
        made = {
            "metrics": quality(cohort, predictions),
            "calibration_bins": reliability_curve(cohort, probability),
            "gains": gains(cohort, predictions),
        }
        if split == "test":
            segments = read_segments(connection, inputs.domain, cohort)
            bands = pd.DataFrame(
                {
                    "customer_id": cohort.customer_id,
                    "as_of_date": cohort.as_of_date,
                    "segment": "risk_band",
                    "segment_value": assign_bands(probability, judged.cuts),
                }
            )
            made["segment_metrics"] = quality_by_segment(
                cohort, predictions, pd.concat([segments, bands])
            )
            tables["day_metrics"].append(quality_by_cut_off(cohort, predictions))
        named = cohorts_named(np.unique(cohort.as_of_date))
        for table, frame in made.items():
            tables[table].append(frame.assign(split=split, **named))
    for table, frames in tables.items():
        frame = pd.concat(frames, ignore_index=True)
        if table.endswith("metrics"):
            frame["label_definition"] = inputs.settings.label_definition
        lineage = {"run_id": inputs.run_id, "domain": inputs.domain}
        artifacts.write_table(
            connection, folder, table, {**lineage, **{c: frame[c] for c in frame}}
        )


def write_contacted(
    connection: duckdb.DuckDBPyConnection,
    inputs: RunInputs,
    folder: Path,
    parts: Mapping[str, Examples],
    contacted: Contacted,
) -> None:
    """Write how many examples of each part contacts concern, by reason.

    Args:
        connection: The warehouse.
        inputs: The inputs of the run.
        folder: The run's folder.
        parts: training, validation or test → its rows, before any is left out.
        contacted: What contacts may have changed.
    """
    frames = [
        counted(examples, contacted).assign(split=split, examples=len(examples))
        for split, examples in parts.items()
    ]
    frame = pd.concat(frames, ignore_index=True)
    lineage = {"run_id": inputs.run_id, "domain": inputs.domain}
    artifacts.write_table(
        connection, folder, "contacted_examples", {**lineage, **{c: frame[c] for c in frame}}
    )


def write_choices(
    connection: duckdb.DuckDBPyConnection,
    inputs: RunInputs,
    folder: Path,
    choices: list[Choice],
) -> None:
    """Write how each calibration map did on the past cohorts, and which was chosen."""
    columns: dict[str, Any] = {
        "run_id": [inputs.run_id] * len(choices),
        "domain": inputs.domain,
        "method": [c.method for c in choices],
        "fitted_on": [str(c.fitted_on) for c in choices],
        "judged_on": [str(c.judged_on) for c in choices],
        "log_loss": [c.log_loss for c in choices],
        "gain_over_none": [c.gain for c in choices],
        "gain_se": [c.gain_se for c in choices],
        "is_chosen": [c.is_chosen for c in choices],
    }
    artifacts.write_table(connection, folder, "calibration_choices", columns)


def write_run(
    connection: duckdb.DuckDBPyConnection,
    inputs: RunInputs,
    folder: Path,
    model: TrainedModel,
) -> None:
    """Write the run's row, its model and its recipe."""
    live, train, fits, cuts = model.live, model.train, model.fits, model.cuts
    label_checksum = _label_checksum(connection, inputs, fits)
    model_hash = hashlib.sha256(live.model_to_string().encode()).hexdigest()
    run = {
        "run_id": inputs.run_id,
        "domain": inputs.domain,
        "label_definition": inputs.settings.label_definition,
        "validation_as_of_date": str(fits.validation),
        "test_as_of_date": str(fits.test),
        "last_test_as_of_date": str(fits.tests[-1]),
        "test_cut_offs": len(fits.tests),
        "scoring_as_of_date": str(fits.scoring),
        "trained_until": str(fits.live[-1]),
        "outcomes_known_on": str(fits.known_on),
        "train_rows": len(train),
        "train_churners": int(train.is_churned.sum()),
        "train_cohorts": len(fits.live),
        "features": len(train.features),
        "rounds": live.num_trees(),
        "calibration": model.calibration.method,
        "base_log_odds": base_value(live),
        "band_critical": cuts[0],
        "band_high": cuts[1],
        "band_medium": cuts[2],
        "model_hash": model_hash,
        "label_checksum": label_checksum,
        "feature_sql_hash": inputs.feature_sql_hash,
        "settings": json.dumps(inputs.settings.given(), sort_keys=True),
        "written_at": datetime.now(UTC).replace(tzinfo=None),
    }
    artifacts.write_table(connection, folder, "runs", {key: [run[key]] for key in run})
    recipe = Recipe(
        recipe_version=RECIPE_VERSION,
        run_id=inputs.run_id,
        domain=inputs.domain,
        model_hash=model_hash,
        label_checksum=label_checksum,
        feature_sql_hash=inputs.feature_sql_hash,
        features=train.features,
        excluded=dict(model.excluded),
        reference_values=dict(model.reference_values),
        bands=cuts,
        calibration=CalibrationMap(**asdict(model.calibration)),
        settings=inputs.settings.given(),
        outcomes_known_on=_day(fits.known_on),
        label_definition=inputs.settings.label_definition,
        recipe_hash=inputs.recipe_hash,
        tuned=dict(inputs.tuned),
        seeds=model.seeds,
        stayers=None if inputs.sample is None else inputs.sample.recorded(),
        level=rule_of(inputs.settings),
        test_as_of_date=_day(fits.test),
        tested_on=tuple(_day(cut_off) for cut_off in fits.tests),
        train_rate=train.churn_rate(),
        live_cohorts=tuple(_day(cut_off) for cut_off in fits.live),
        test_cohorts=tuple(_day(cut_off) for cut_off in fits.refit),
    )
    artifacts.save_model(folder, live, recipe)


def _day(cut_off: np.datetime64) -> date:
    day: date = cut_off.astype("datetime64[D]").item()
    return day


def reference_values_of(
    examples: Examples, cut_offs: list[np.datetime64]
) -> dict[str, float | None]:
    """Return the median of each feature over labelled rows; for a boolean the share of true.

    Args:
        examples: Rows of these cut-offs and others.
        cut_offs: Cut-offs that count.
    """
    # a column at a time: the rows of the cut-offs would be most of the matrix once more
    counts = np.isin(examples.as_of_date, np.array(cut_offs, dtype="datetime64[D]"))
    counts &= ~np.isnan(examples.is_churned)
    values: dict[str, float | None] = {}
    for index, name in enumerate(examples.features):
        column = examples.values[counts, index]
        is_seen = ~np.isnan(column)
        seen = column[is_seen]
        weight = None if examples.weight is None else examples.weight[counts][is_seen]
        if len(seen) == 0:
            values[name] = None
        elif examples.is_boolean[index]:
            values[name] = weighted_mean(seen, weight)
        else:
            values[name] = weighted_median(seen, weight)
    return values


def _label_checksum(connection: duckdb.DuckDBPyConnection, inputs: RunInputs, fits: Fits) -> str:
    """Return the sum of the cohorts' checksums, which identifies the labels learned from."""
    row = connection.execute(
        f"select sum(label_checksum) from {inputs.domain}.{inputs.domain}__label_cohorts "
        "where label_definition = ? and list_contains(?, cast(as_of_date as varchar))",
        [inputs.settings.label_definition, [str(day) for day in fits.live]],
    ).fetchone()
    return str(row[0] if row else None)
