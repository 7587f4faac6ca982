"""Metrics of one split: quality per model and segment, reliability, and gains."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import duckdb
import numpy as np
import pandas as pd

from ml.compare import PairedGain, customers_of
from ml.contract import Examples, Floats
from ml.metrics import captured_at, figures, losses, reliability

DEPTHS = np.arange(1, 101) / 100
SMALLEST_SEGMENT = 50
OURS = "lightgbm"
# By how much our log loss is lower than another model's, on the same customers.
GAIN = "gain_of_lightgbm"


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
    return pd.DataFrame({**row, "rows": len(cohort)} for row in _rows(cohort, predictions))


def _rows(cohort: Examples, predictions: Mapping[str, Floats]) -> Iterator[dict[str, Any]]:
    """Yield model, metric, value and interval; for every other model also what ours gains."""
    is_churned, customer_id = cohort.is_churned, cohort.customer_id
    whose = customers_of(customer_id)
    ours = predictions.get(OURS)
    for model, p in predictions.items():
        for figure in figures(is_churned, p, whose, weight=cohort.weight):
            yield {"model": model, **vars(figure)}
        if ours is None or model == OURS:
            continue
        paired = PairedGain.of(
            losses(is_churned, p), losses(is_churned, ours), customer_id, cohort.weight
        )
        yield {
            "model": model,
            "metric": GAIN,
            "value": paired.gain,
            "ci_low": paired.gain - paired.noise,
            "ci_high": paired.gain + paired.noise,
        }


def quality_by_cut_off(cohort: Examples, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return one row per cut-off, model and metric, as `quality` does, with as_of_date."""

    def rows() -> Iterator[dict[str, Any]]:
        for day in np.unique(cohort.as_of_date):
            at = cohort.as_of_date == day
            there = {model: p[at] for model, p in predictions.items()}
            for row in _rows(cohort.where(at), there):
                yield {"as_of_date": str(day), **row, "rows": int(at.sum())}

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
            there = {model: p[index] for model, p in predictions.items()}
            for row in _rows(cohort.where(index), there):
                yield {**row, "segment": segment, "segment_value": value, "rows": len(index)}

    return pd.DataFrame(rows())


def reliability_curve(cohort: Examples, probability: Floats) -> pd.DataFrame:
    """Return one row per bin: bin, rows, mean_probability, observed_rate."""
    return pd.DataFrame(vars(b) for b in reliability(cohort.is_churned, probability, cohort.weight))


def gains(cohort: Examples, predictions: Mapping[str, Floats]) -> pd.DataFrame:
    """Return one row per model and depth: model, depth, rows, churners, captured, lift."""
    frames = []
    weight = np.ones(len(cohort)) if cohort.weight is None else cohort.weight
    churners = max(float((weight * cohort.is_churned).sum()), 1.0)
    for model, p in predictions.items():
        order = np.argsort(-p, kind="stable")
        found = captured_at(cohort.is_churned[order], p[order], weight[order], DEPTHS)
        frames.append(
            pd.DataFrame(
                {
                    "model": model,
                    "depth": DEPTHS,
                    "rows": np.round(DEPTHS * weight.sum()).astype(int),
                    "churners": found,
                    "captured": found / churners,
                    "lift": found / churners / DEPTHS,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)
