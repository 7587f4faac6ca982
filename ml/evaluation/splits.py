"""Metrics of one split: quality per model and segment, reliability, and gains."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from ml.compare import customers_of
from ml.contract import Examples, Floats
from ml.metrics import captured_at, figures, reliability

DEPTHS = np.arange(1, 101) / 100
SMALLEST_SEGMENT = 50


def cohorts_named(cut_offs: Iterable[Any]) -> dict[str, Any]:
    """Return the columns by which a table of quality names the cohorts behind its rows.

    Args:
        cut_offs: All cut-offs behind a row.
    """
    days = sorted({str(cut_off) for cut_off in cut_offs})
    return {"as_of_date": days[0], "last_as_of_date": days[-1], "cut_offs": len(days)}


def quality(cohort: Examples, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return one row per model and metric: model, metric, value, ci_low, ci_high, rows.

    Args:
        cohort: Labelled rows of one cohort or of several; intervals resample customers.
        predictions: Model → n probabilities.
    """
    whose = customers_of(cohort.customer_id)
    return pd.DataFrame(
        {"model": model, **vars(figure), "rows": len(cohort)}
        for model, p in predictions.items()
        for figure in figures(cohort.is_churned, p, whose)
    )


def quality_by_cut_off(cohort: Examples, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return one row per cut-off, model and metric, as `quality` does, with as_of_date."""

    def rows() -> Iterator[dict[str, Any]]:
        for day in np.unique(cohort.as_of_date):
            at = cohort.as_of_date == day
            for model, p in predictions.items():
                for figure in figures(cohort.is_churned[at], p[at]):
                    yield {
                        "as_of_date": str(day),
                        "model": model,
                        **vars(figure),
                        "rows": int(at.sum()),
                    }

    return pd.DataFrame(rows())


def read_segments(
    connection: duckdb.DuckDBPyConnection, domain: str, cohort: Examples
) -> pd.DataFrame:
    """Read the segments of a cohort or several: customer_id, as_of_date, segment, segment_value."""
    return connection.execute(
        """
        select customer_id, as_of_date, segment, segment_value
        from churn.int_churn__segments_assigned
        where domain = ? and list_contains(cast(? as date[]), as_of_date)
        order by segment, customer_id, as_of_date
        """,
        [domain, [str(day) for day in np.unique(cohort.as_of_date)]],
    ).df()


def quality_by_segment(
    cohort: Examples, predictions: Mapping[str, Floats], segments: pd.DataFrame
) -> pd.DataFrame:
    """Return one row per model, segment, value and metric, for segments of at least 50 customers.

    Args:
        cohort: One labelled cohort or several, n rows.
        predictions: Model → n probabilities.
        segments: customer_id, as_of_date, segment, segment_value.
    """
    place = pd.DataFrame(
        {
            "customer_id": cohort.customer_id,
            "as_of_date": pd.to_datetime(cohort.as_of_date).astype("datetime64[us]"),
            "place": np.arange(len(cohort)),
        }
    )
    segments = segments.assign(
        as_of_date=pd.to_datetime(segments["as_of_date"]).astype("datetime64[us]")
    ).merge(place, on=["customer_id", "as_of_date"])

    def rows() -> Iterator[dict[str, Any]]:
        for (segment, value), part in segments.groupby(["segment", "segment_value"], sort=True):
            index = part["place"].to_numpy()
            if len(index) < SMALLEST_SEGMENT:
                continue
            whose = customers_of(cohort.customer_id[index])
            for model, p in predictions.items():
                for figure in figures(cohort.is_churned[index], p[index], whose):
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
