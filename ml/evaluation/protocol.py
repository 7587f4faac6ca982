"""Reproduces a published split, to compare with its published metrics."""

from dataclasses import replace

import duckdb
import numpy as np
import pandas as pd

from ml.baselines import baseline_predictions
from ml.calibrate import Calibration
from ml.cohorts import RefusedError
from ml.contract import Examples, read_examples
from ml.evaluation.splits import quality
from ml.settings import LearningSettings, ProtocolSettings
from ml.train import Parameters, fit, margin


def judge_protocol(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    features: tuple[str, ...],
    settings: LearningSettings,
    protocol: ProtocolSettings,
    parameters: Parameters,
    rounds: int,
) -> pd.DataFrame:
    """Train on one given cohort and test on another, with the protocol's label definition.

    Args:
        connection: The warehouse after the build.
        domain: Domain.
        features: Features that the model may read.
        settings: The domain's.
        protocol: The label and the two cut-offs.
        parameters: LightGBM parameters.
        rounds: Trees.

    Returns:
        model, metric, value, ci_low, ci_high, rows.

    Raises:
        RefusedError: The files do not hold the labels of both cohorts.
    """
    parts = []
    for name, cut_off in (("train", protocol.train), ("test", protocol.test)):
        day = np.datetime64(cut_off)
        cohort = read_examples(connection, domain, since=day, until=day)
        outcome = dict(
            connection.execute(
                f"select customer_id, cast(is_churned as double) from {domain}.{domain}__labels "
                "where label_definition = ? and as_of_date = cast(? as date)",
                [protocol.label_definition, cut_off],
            ).fetchall()
        )
        relabelled = replace(
            cohort,
            is_churned=np.array([outcome.get(c, np.nan) for c in cohort.customer_id], dtype=float),
        )
        labelled: Examples = relabelled.cohorts([day]).keep(features)
        if len(labelled) < settings.minimum.rows:
            raise RefusedError(
                f"only {len(labelled)} customers of {day} in the mart have a label "
                f"{protocol.label_definition}, too few to {name}"
            )
        parts.append(labelled)
    train, test = parts
    model = fit(train, rounds, parameters)
    return quality(
        test,
        {
            "lightgbm": Calibration("none").apply(margin(model, test)),
            **baseline_predictions(settings.baselines, train, test),
        },
    )
