"""One training run: three fits, baselines, calibration, figures, and the model that scores."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np
import pandas as pd

from ml import artifacts, evaluate
from ml.bands import assign_bands, cut_bands
from ml.baselines import Baseline, BaseRate, HandRule, Logistic
from ml.calibrate import Calibration, Choice, choose, fit_map
from ml.cohorts import Fits, RefusedError, plan_fits, read_cohorts
from ml.contract import Examples, Floats, read_examples, usable_features
from ml.explain import base_value
from ml.train import choose_rounds, fit, margin

Progress = Callable[[str], None]


@dataclass(frozen=True)
class RunInputs:
    """What a run is made from, beside the warehouse.

    Attributes:
        run_id: Name of the run, derived from its inputs.
        domain: Domain.
        scoring: Cut-off that is scored; the embargo is counted from it.
        settings: The domain's entry with this run's overrides.
        feature_sql_hash: SHA-256 of the compiled feature SQL.
    """

    run_id: str
    domain: str
    scoring: np.datetime64
    settings: Mapping[str, Any]
    feature_sql_hash: str


def train_run(
    connection: duckdb.DuckDBPyConnection, inputs: RunInputs, scratch: Path, progress: Progress
) -> None:
    """Train, evaluate and write a run's folder (without scores).

    Args:
        connection: The warehouse after the build.
        inputs: What the run is made from.
        scratch: Empty folder that becomes the run's folder.
        progress: Called with a few words before each step.

    Raises:
        RefusedError: The data cannot carry an honest figure.
    """
    domain, settings = inputs.domain, inputs.settings
    fits = plan_fits(read_cohorts(connection, domain), inputs.scoring, settings)

    progress("reading the mart")
    everything = read_examples(connection, domain, since=fits.live[0], until=fits.live[-1])
    snapshot = dict(
        connection.execute(
            "select feature, source_table from churn.int_churn__features_described "
            "where domain = ? and source_history <> 'append_only'",
            [domain],
        ).fetchall()
    )
    usable, excluded = usable_features(everything.features, snapshot, settings["assumed_static"])
    examples = everything.keep(usable)

    progress(f"fit 1 of 3: choosing rounds on {fits.validation}")
    first = choose_rounds(examples.cohorts(fits.fit), examples.cohorts([fits.validation]))
    rounds = first.num_trees()
    validation = examples.cohorts([fits.validation])
    validation_margin = margin(first, validation)
    calibration, choices = _calibrate(examples, fits, rounds, validation, validation_margin)

    progress(f"fit 2 of 3: testing on {fits.test}")
    second = fit(examples.cohorts(fits.refit), rounds)
    test = examples.cohorts([fits.test])

    progress(f"fit 3 of 3: the model that scores {fits.scoring}")
    train = examples.cohorts(fits.live)
    live = fit(train, rounds)

    progress("figures beside the baselines")
    splits = {
        "validation": (validation, calibration.apply(validation_margin), fits.fit),
        "test": (test, calibration.apply(margin(second, test)), fits.refit),
    }
    cuts = cut_bands(splits["validation"][1], settings)
    _write_figures(connection, inputs, scratch, examples, splits, cuts)
    _write_choices(connection, inputs, scratch, fits, choices)
    _write_run(
        connection, inputs, scratch, fits, train, live, calibration, cuts, excluded, everything
    )


def read_scoring_cut_off(connection: duckdb.DuckDBPyConnection, domain: str) -> np.datetime64:
    """Return the cut-off to score.

    Raises:
        RefusedError: The lake is empty.
    """
    row = connection.execute(f"select as_of_date from lake.{domain}_scoring_cut_off").fetchone()
    if row is None:
        raise RefusedError(f"{domain} has no events in the lake: nothing to score")
    return np.datetime64(row[0], "D")


def _calibrate(
    examples: Examples, fits: Fits, rounds: int, validation: Examples, validation_margin: Floats
) -> tuple[Calibration, list[Choice]]:
    """Choose the map on the validation cohort from maps of an earlier one; fit it on validation."""
    if fits.earlier is None:
        return Calibration("none"), []
    earlier = examples.cohorts([fits.earlier])
    earlier_model = fit(examples.cohorts(fits.before), rounds)
    method, choices = choose(
        (margin(earlier_model, earlier), earlier.is_churned),
        (validation_margin, validation.is_churned),
    )
    return fit_map(method, validation_margin, validation.is_churned), choices


def _baselines(settings: Mapping[str, Any]) -> dict[str, Baseline]:
    return {
        "logistic": Logistic(settings["logistic_cap_quantile"]),
        "hand_rule": HandRule(tuple(settings["hand_rule"])),
        "base_rate": BaseRate(),
    }


def _write_figures(
    connection: duckdb.DuckDBPyConnection,
    inputs: RunInputs,
    folder: Path,
    examples: Examples,
    splits: Mapping[str, tuple[Examples, Floats, list[np.datetime64]]],
    cuts: tuple[float, float, float],
) -> None:
    tables: dict[str, list[pd.DataFrame]] = {
        "metrics": [],
        "segment_metrics": [],
        "calibration_bins": [],
        "gains": [],
    }
    for split, (cohort, probability, trained_on) in splits.items():
        train = examples.cohorts(trained_on)
        predictions: dict[str, Floats] = {"lightgbm": probability}
        for name, baseline in _baselines(inputs.settings).items():
            predictions[name] = baseline.fit(train).predict(cohort)
        made = {
            "metrics": evaluate.quality(cohort, predictions),
            "calibration_bins": evaluate.reliability_curve(cohort, probability),
            "gains": evaluate.gains(cohort, predictions),
        }
        if split == "test":
            segments = evaluate.read_segments(connection, inputs.domain, cohort)
            bands = pd.DataFrame(
                {
                    "customer_id": cohort.customer_id,
                    "segment": "risk_band",
                    "segment_value": assign_bands(probability, cuts),
                }
            )
            made["segment_metrics"] = evaluate.quality_by_segment(
                cohort, predictions, pd.concat([segments, bands])
            )
        for table, frame in made.items():
            tables[table].append(frame.assign(split=split, as_of_date=str(cohort.as_of_date[0])))
    for table, frames in tables.items():
        frame = pd.concat(frames, ignore_index=True)
        if table.endswith("metrics"):
            frame["label_definition"] = inputs.settings["label_definition"]
        lineage = {"run_id": inputs.run_id, "domain": inputs.domain}
        artifacts.write_table(
            connection, folder, table, {**lineage, **{c: frame[c] for c in frame}}
        )


def _write_choices(
    connection: duckdb.DuckDBPyConnection,
    inputs: RunInputs,
    folder: Path,
    fits: Fits,
    choices: list[Choice],
) -> None:
    columns: dict[str, Any] = {
        "run_id": [inputs.run_id] * len(choices),
        "domain": inputs.domain,
        "method": [c.method for c in choices],
        "fitted_on": str(fits.earlier),
        "judged_on": str(fits.validation),
        "log_loss": [c.log_loss for c in choices],
        "gain_over_none": [c.gain for c in choices],
        "gain_se": [c.gain_se for c in choices],
        "is_chosen": [c.is_chosen for c in choices],
    }
    artifacts.write_table(connection, folder, "calibration_choices", columns)


def _write_run(
    connection: duckdb.DuckDBPyConnection,
    inputs: RunInputs,
    folder: Path,
    fits: Fits,
    train: Examples,
    live: lgb.Booster,
    calibration: Calibration,
    cuts: tuple[float, float, float],
    excluded: Mapping[str, str],
    everything: Examples,
) -> None:
    model_hash = hashlib.sha256(live.model_to_string().encode()).hexdigest()
    usual = _usual_values(everything.cohorts(fits.live))
    run = {
        "run_id": inputs.run_id,
        "domain": inputs.domain,
        "label_definition": inputs.settings["label_definition"],
        "validation_as_of_date": str(fits.validation),
        "test_as_of_date": str(fits.test),
        "scoring_as_of_date": str(fits.scoring),
        "trained_until": str(fits.live[-1]),
        "outcomes_known_on": str(fits.known_on),
        "train_rows": len(train),
        "train_churners": int(train.is_churned.sum()),
        "train_cohorts": len(fits.live),
        "features": len(train.features),
        "rounds": live.num_trees(),
        "calibration": calibration.method,
        "base_log_odds": base_value(live),
        "band_critical": cuts[0],
        "band_high": cuts[1],
        "band_medium": cuts[2],
        "model_hash": model_hash,
        "label_checksum": _label_checksum(connection, inputs, fits),
        "feature_sql_hash": inputs.feature_sql_hash,
        "settings": json.dumps(inputs.settings, sort_keys=True),
        "written_at": datetime.now(UTC).replace(tzinfo=None),
    }
    artifacts.write_table(connection, folder, "runs", {key: [run[key]] for key in run})
    recipe = {
        key: run[key]
        for key in ("run_id", "domain", "model_hash", "label_checksum", "feature_sql_hash")
    } | {
        "features": list(train.features),
        "excluded": dict(excluded),
        "usual": usual,
        "bands": list(cuts),
        "settings": dict(inputs.settings),
        "outcomes_known_on": str(fits.known_on),
    }
    artifacts.save_model(folder, live, calibration, recipe)


def _usual_values(train: Examples) -> dict[str, float | None]:
    """Median of each feature over the training rows; for a boolean the share of true."""
    usual: dict[str, float | None] = {}
    for index, name in enumerate(train.features):
        column = train.values[:, index]
        seen = column[~np.isnan(column)]
        if len(seen) == 0:
            usual[name] = None
        else:
            usual[name] = float(seen.mean() if train.is_boolean[index] else np.median(seen))
    return usual


def _label_checksum(connection: duckdb.DuckDBPyConnection, inputs: RunInputs, fits: Fits) -> str:
    """Sum of the cohorts' checksums; additive, so it says which labels were learned from."""
    row = connection.execute(
        f"select sum(label_checksum) from {inputs.domain}.{inputs.domain}__label_cohorts "
        "where label_definition = ? and list_contains(?, cast(as_of_date as varchar))",
        [inputs.settings["label_definition"], [str(day) for day in fits.live]],
    ).fetchone()
    return str(row[0] if row else None)
