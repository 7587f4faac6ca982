"""One training run: three fits, baselines, calibration, figures, and the model that scores."""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np
import pandas as pd
from scipy.special import expit

from ml import artifacts, evaluate, guards
from ml.bands import assign_bands, cut_bands
from ml.baselines import baselines
from ml.calibrate import Calibration, Choice, Past, choose, fit_on
from ml.cohorts import Fits, RefusedError, plan_fits, read_cohorts
from ml.contract import Examples, Floats, read_examples, season_only, usable_features
from ml.explain import base_value
from ml.train import MOST_ROUNDS, PARAMETERS, Parameters, choose_rounds, fit, margin

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
        recipe_hash: Names how the model is learned, whatever the data are.
        tuned: LightGBM parameters that differ from the default ones.
    """

    run_id: str
    domain: str
    scoring: np.datetime64
    settings: Mapping[str, Any]
    feature_sql_hash: str
    recipe_hash: str = ""
    tuned: Parameters = field(default_factory=dict)

    @property
    def parameters(self) -> Parameters:
        """LightGBM parameters of every fit."""
        return {**PARAMETERS, **self.tuned}


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
    cohorts = read_cohorts(connection, domain)
    fits = plan_fits(cohorts, inputs.scoring, settings)

    progress("reading the mart")
    everything, usable, excluded = read_usable(connection, domain, fits, settings)
    examples = everything.keep(usable)

    progress("guards against leakage")
    checks = [
        *guards.held_out(fits, cohorts),
        guards.unique_rows(examples),
        guards.same_population(connection, domain, settings["label_definition"], fits),
        *guards.single_features(
            examples.cohorts([fits.test]),
            settings["alarms"]["single_feature_auc"],
            settings["alarms"].get("allowed", {}),
        ),
        guards.shuffled_labels(examples, fits, inputs.parameters),
    ]
    guards.stop_if_broken(checks)

    progress(f"fits 1 and 2 of 3: choosing on {fits.validation}, testing on {fits.test}")
    learned = learn_until_test(examples, fits, inputs.parameters)
    calibration, rounds = learned.calibration, learned.rounds
    validation, test = examples.cohorts([fits.validation]), examples.cohorts([fits.test])

    progress(f"fit 3 of 3: the model that scores {fits.scoring}")
    train = examples.cohorts(fits.live)
    live = fit(train, rounds, inputs.parameters)

    progress("figures beside the baselines")
    splits = {
        "validation": (validation, calibration.apply(margin(learned.first, validation)), fits.fit),
        "test": (test, calibration.apply(margin(learned.second, test)), fits.refit),
    }
    cuts = cut_bands(splits["validation"][1], settings)
    _write_figures(connection, inputs, scratch, examples, splits, cuts, rounds)
    _write_choices(connection, inputs, scratch, learned.choices)
    artifacts.write_table(
        connection,
        scratch,
        "backtest_scores",
        {
            "run_id": inputs.run_id,
            "domain": domain,
            "customer_id": test.customer_id,
            "as_of_date": str(fits.test),
            "churn_probability": splits["test"][1],
            "risk_band": assign_bands(splits["test"][1], cuts),
            "is_churned": test.is_churned.astype(bool),
        },
    )
    scored = read_examples(connection, domain, since=fits.scoring, until=fits.scoring)
    checks += guards.train_against_scoring(train, scored.keep(train.features))
    artifacts.write_table(
        connection,
        scratch,
        "checks",
        {"run_id": inputs.run_id, "domain": domain, **guards.as_table(checks)},
    )
    _write_run(
        connection, inputs, scratch, fits, train, live, calibration, cuts, excluded, everything
    )
    # what judges this run later: the model that did not see the test cohort
    (scratch / "test_model.txt").write_text(learned.second.model_to_string())


@dataclass(frozen=True)
class Learned:
    """What is learned before the test cohort is looked at.

    Attributes:
        first: Fitted on what was known by the validation cut-off; its trees are the rounds.
        second: The recipe refitted on what was known by the test cut-off.
        calibration: Map from margin to probability.
        choices: How the maps did on past cohorts.
        past: Those cohorts' margins.
    """

    first: lgb.Booster
    second: lgb.Booster
    calibration: Calibration
    choices: list[Choice]
    past: list[Past]

    @property
    def rounds(self) -> int:
        """Trees of every fit."""
        return int(self.first.num_trees())


def learn_until_test(
    examples: Examples,
    fits: Fits,
    parameters: Parameters = PARAMETERS,
    most_rounds: int = MOST_ROUNDS,
) -> Learned:
    """Choose rounds and calibration on the validation cohort, and refit for the test."""
    validation = examples.cohorts([fits.validation])
    first = choose_rounds(examples.cohorts(fits.fit), validation, parameters, most_rounds)
    past = _past(examples, fits, first, parameters)
    method, choices = choose(past)
    calibration = fit_on(method, past) if past else Calibration("none")
    second = fit(examples.cohorts(fits.refit), first.num_trees(), parameters)
    return Learned(first, second, calibration, choices, past)


def digest_of_learned(
    examples: Examples,
    fits: Fits,
    settings: Mapping[str, Any],
    parameters: Parameters,
    most_rounds: int,
) -> str:
    """Return a hash of everything learned before the test: models, map, bands and baselines."""
    learned = learn_until_test(examples, fits, parameters, most_rounds)
    validation = examples.cohorts([fits.validation])
    train = examples.cohorts(fits.refit)
    told = [
        learned.first.model_to_string(),
        learned.second.model_to_string(),
        json.dumps(learned.calibration.to_dict()),
        repr(cut_bands(learned.calibration.apply(margin(learned.first, validation)), settings)),
        *(
            baseline.fit(train).predict(validation).tobytes().hex()
            for baseline in baselines(settings["baselines"]).values()
        ),
    ]
    return hashlib.sha256("\n".join(told).encode()).hexdigest()


def read_usable(
    connection: duckdb.DuckDBPyConnection, domain: str, fits: Fits, settings: Mapping[str, Any]
) -> tuple[Examples, tuple[str, ...], dict[str, str]]:
    """Read the cohorts of a run; return them, the features a model may read, and why not others.

    What a model may read follows from declarations and from the cohorts of the first fit alone.
    """
    everything = read_examples(connection, domain, since=fits.live[0], until=fits.live[-1])
    snapshot = read_snapshot_features(connection, domain)
    usable, excluded = usable_features(everything.features, snapshot, settings["assumed_static"])
    season = season_only(everything.keep(usable).cohorts(fits.fit))
    return everything, tuple(n for n in usable if n not in season), excluded | season


def read_snapshot_features(connection: duckdb.DuckDBPyConnection, domain: str) -> dict[str, str]:
    """Return the features that rest on a source that is no history, and the source."""
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
    row = connection.execute(f"select as_of_date from lake.{domain}_scoring_cut_off").fetchone()
    if row is None:
        raise RefusedError(f"{domain} has no events in the lake: nothing to score")
    return np.datetime64(row[0], "D")


def _past(examples: Examples, fits: Fits, first: lgb.Booster, parameters: Parameters) -> list[Past]:
    """Margins of the past cohorts, each by a model that learned what was known by then."""
    found = []
    for cohort in fits.past:
        if cohort.as_of_date == fits.validation:
            model = first
        else:
            model = fit(examples.cohorts(list(cohort.known)), first.num_trees(), parameters)
        rows = examples.cohorts([cohort.as_of_date])
        found.append(Past(cohort.as_of_date, cohort.known_on, margin(model, rows), rows.is_churned))
    return found


def _write_figures(
    connection: duckdb.DuckDBPyConnection,
    inputs: RunInputs,
    folder: Path,
    examples: Examples,
    splits: Mapping[str, tuple[Examples, Floats, list[np.datetime64]]],
    cuts: tuple[float, float, float],
    rounds: int,
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
        history = tuple(f for f in examples.features if f not in inputs.settings["assumed_static"])
        if history != examples.features:
            # what a model of history alone would do, beside the one that assumes more
            alone = fit(train.keep(history), rounds, inputs.parameters)
            predictions["lightgbm_history_only"] = expit(margin(alone, cohort.keep(history)))
        for name, baseline in baselines(inputs.settings["baselines"]).items():
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
    choices: list[Choice],
) -> None:
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
        "label_definition": run["label_definition"],
        "recipe_hash": inputs.recipe_hash,
        "tuned": dict(inputs.tuned),
        "test_as_of_date": str(fits.test),
        "train_rate": float(train.is_churned.mean()),
        "live_cohorts": [str(day) for day in fits.live],
        "test_cohorts": [str(day) for day in fits.refit],
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
