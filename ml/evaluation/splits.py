"""Metrics of one split: quality per model and segment, reliability, and gains."""

from collections.abc import Iterator, Mapping
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from ml.contract import Examples, Floats
from ml.metrics import captured_at, figures, reliability

DEPTHS = np.arange(1, 101) / 100
SMALLEST_SEGMENT = 50
SEGMENT_RESAMPLES = 50


def quality(cohort: Examples, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return one row per model and metric: model, metric, value, ci_low, ci_high, rows."""
    return pd.DataFrame(
        {"model": model, **vars(figure), "rows": len(cohort)}
        for model, p in predictions.items()
        for figure in figures(cohort.is_churned, p)
    )


def read_segments(
    connection: duckdb.DuckDBPyConnection, domain: str, cohort: Examples
) -> pd.DataFrame:
    """Read the segments of one cohort: customer_id, segment, segment_value."""
    return connection.execute(
        """
        select customer_id, segment, segment_value
        from churn.int_churn__segments_assigned
        where domain = ? and as_of_date = cast(? as date)
        order by segment, customer_id
        """,
        [domain, str(cohort.as_of_date[0])],
    ).df()


def quality_by_segment(
    cohort: Examples, predictions: Mapping[str, Floats], segments: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per model, segment, value and metric, for segments of at least 50 customers.

    Args:
        cohort: One labelled cohort, n rows.
        predictions: Model → n probabilities.
        segments: customer_id, segment, segment_value.
    """
    position = pd.Series(np.arange(len(cohort)), index=cohort.customer_id)

    def rows() -> Iterator[dict[str, Any]]:
        for (segment, value), part in segments.groupby(["segment", "segment_value"], sort=True):
            index = position.reindex(part["customer_id"]).dropna().astype(int).to_numpy()
            if len(index) < SMALLEST_SEGMENT:
                continue
            for model, p in predictions.items():
                found = figures(cohort.is_churned[index], p[index], resamples=SEGMENT_RESAMPLES)
                for figure in found:
                    yield {
                        "model": model,
                        "segment": segment,
                        "segment_value": value,
                        **vars(figure),
                        "rows": len(index),
                    }

    return pd.DataFrame(rows())


def reliability_curve(cohort: Examples, probability: Floats) -> pd.DataFrame:
    """Return one row per bin: bin, rows, mean_probability, observed_rate."""
    return pd.DataFrame(vars(b) for b in reliability(cohort.is_churned, probability))


def gains(cohort: Examples, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return one row per model and depth: model, depth, rows, churners, captured, lift."""
    frames = []
    churners = max(float(cohort.is_churned.sum()), 1.0)
    for model, p in predictions.items():
        order = np.argsort(-p, kind="stable")
        found = captured_at(cohort.is_churned[order], p[order], np.ones(len(p)), DEPTHS)
        frames.append(
            pd.DataFrame(
                {
                    "model": model,
                    "depth": DEPTHS,
                    "rows": np.round(DEPTHS * len(p)).astype(int),
                    "churners": found,
                    "captured": found / churners,
                    "lift": found / churners / DEPTHS,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
