"""Quality by lead time: the same outcomes, predicted some days before the cut-off."""

from collections.abc import Mapping

import duckdb
import numpy as np
import pandas as pd

from ml.baselines import baseline_predictions
from ml.calibrate import Calibration
from ml.cohorts import known_by, read_cohorts
from ml.contact_spans import ContactSpans, without_moved
from ml.contract import Examples, Floats, read_examples
from ml.evaluation.splits import quality
from ml.settings import LearningSettings
from ml.stayers import sample_stayers
from ml.train import Parameters, fit, margin


def predict_early(
    connection: duckdb.DuckDBPyConnection,
    domain: str,
    features: tuple[str, ...],
    settings: LearningSettings,
    parameters: Parameters,
    rounds: int,
    budget: int | None = None,
    contacts: ContactSpans | None = None,
) -> tuple[Examples, dict[str, Floats]]:
    """Train on past cohorts at a lead time, and predict the newest one at the same lead time.

    Args:
        connection: A mart in which every cohort has the same number of days before its first due
            date; the newest closed one is tested.
        domain: Domain.
        features: Features that the model may read.
        settings: The domain's.
        parameters: LightGBM parameters.
        rounds: Trees, as in the live run, so that only the lead time differs.
        budget: Bytes that a training may take at its peak; None for no such bound.
        contacts: Whom contacts may have moved; None where nobody was contacted.

    Returns:
        The tested cohort, and model → probabilities.
    """
    cohorts = [cohort for cohort in read_cohorts(connection, domain) if cohort.is_closed]
    judged = cohorts[-1]
    known = [cohort.as_of_date for cohort in known_by(cohorts, judged.as_of_date)]
    days = [*known, judged.as_of_date]
    sample = sample_stayers(connection, domain, days, days[-1:], budget)
    everything = read_examples(
        connection, domain, since=days[0], until=days[-1], only=days, sample=sample
    )
    known_on = {cohort.as_of_date: cohort.known_on for cohort in cohorts}
    examples = without_moved(everything.keep(features), known_on, contacts)
    train, cohort = examples.cohorts(known), examples.cohorts([judged.as_of_date])
    booster = fit(train, rounds, parameters)
    return cohort, {
        "lightgbm": Calibration("none").apply(margin(booster, cohort)),
        **baseline_predictions(settings.baselines, train, cohort),
    }


def quality_by_lead(found: Mapping[int, tuple[Examples, dict[str, Floats]]]) -> pd.DataFrame:
    """Return metrics by lead time, for each cohort and for the customers who are in all of them.

    Args:
        found: Lead time in days → tested cohort and predictions.

    Returns:
        lead_days, known_at, population, model, metric, value, ci_low, ci_high, rows.
    """
    everywhere = set.intersection(*(set(cohort.customer_id) for cohort, _ in found.values()))
    frames = []
    for lead, (cohort, predictions) in found.items():
        shared = np.array([customer in everywhere for customer in cohort.customer_id])
        for population, mask in (
            ("as known then", np.ones(len(cohort), dtype=bool)),
            ("known at every lead", shared),
        ):
            figures = quality(
                cohort.where(mask), {name: p[mask] for name, p in predictions.items()}
            )
            frames.append(
                figures.assign(
                    lead_days=lead, known_at=str(cohort.as_of_date[0]), population=population
                )
            )
    return pd.concat(frames, ignore_index=True)
