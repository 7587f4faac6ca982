"""Compares a new model with the live one on the customers who are scored next."""

from dataclasses import dataclass

import duckdb
import lightgbm as lgb
import numpy as np
from scipy.stats import rankdata

from ml.artifacts import load_model
from ml.calibrate import Calibration
from ml.contract import Examples, Floats, read_examples
from ml.learn import on_level
from ml.level.forecast import Levels
from ml.level.read import LevelReader
from ml.recipe import TrainedRun
from ml.settings import TakeoverLimits
from ml.train import margin


@dataclass(frozen=True)
class Shift:
    """How the scores of a cut-off move from one model to another.

    Attributes:
        cut_off: The cut-off.
        customers: Customers scored by both.
        mean_before: Mean risk by the live model.
        mean_after: Mean risk by the new one.
        rank_correlation: Spearman's; 1 where a model gives everybody the same risk.
        moved_by: A customer has moved when the risk differs by more than this.
        moved: Share of customers that have.
    """

    cut_off: str
    customers: int
    mean_before: float
    mean_after: float
    rank_correlation: float
    moved_by: float
    moved: float

    @classmethod
    def of(cls, cut_off: np.datetime64, before: Floats, after: Floats, moved_by: float) -> "Shift":
        """Compare the probabilities of the same customers, each of shape (customers,)."""
        return cls(
            str(cut_off),
            len(before),
            float(before.mean()),
            float(after.mean()),
            _rank_correlation(before, after),
            moved_by,
            float(np.mean(np.abs(after - before) > moved_by)),
        )

    def beyond(self, limits: TakeoverLimits) -> list[str]:
        """Return which limits the shift is beyond, each with its figures; empty within them."""
        change = self.mean_after / max(self.mean_before, 1e-12) - 1
        found = []
        if abs(change) > limits.mean_risk:
            found.append(
                f"the mean risk goes from {self.mean_before:.4f} to {self.mean_after:.4f} "
                f"({change:+.1%}, limit {limits.mean_risk:.0%})"
            )
        if self.rank_correlation < limits.rank_correlation:
            found.append(
                f"the rank correlation is {self.rank_correlation:.2f} "
                f"(limit {limits.rank_correlation:.2f})"
            )
        if self.moved > limits.moved:
            found.append(
                f"{self.moved:.1%} of customers move by more than {self.moved_by:.2f} "
                f"(limit {limits.moved:.0%})"
            )
        return found

    def __str__(self) -> str:
        return (
            f"on the {self.customers:,} customers scored at {self.cut_off} the mean risk goes from "
            f"{self.mean_before:.4f} to {self.mean_after:.4f}, rank correlation "
            f"{self.rank_correlation:.2f}, {self.moved:.1%} move by more than {self.moved_by:.2f}"
        )


def shift(
    connection: duckdb.DuckDBPyConnection,
    old: TrainedRun,
    new: TrainedRun,
    cut_off: np.datetime64,
    limits: TakeoverLimits,
    levels: LevelReader,
) -> Shift | None:
    """Score a cut-off with the models that would go live; None if they cannot both score it."""
    cohort = read_examples(connection, new.recipe.domain, since=cut_off, until=cut_off)
    if len(cohort) == 0 or set(old.recipe.features) - set(cohort.features):
        return None
    before, after = (
        risk_by(load_model(run)[0], run, cohort, levels.of(run.recipe.level)) for run in (old, new)
    )
    return Shift.of(cut_off, before, after, float(limits.moved_by))


def risk_by(
    booster: lgb.Booster, run: TrainedRun, cohort: Examples, levels: Levels | None
) -> Floats:
    """Return n probabilities by a model of a run, with the run's map and level.

    Args:
        booster: One of the run's models.
        run: The run.
        cohort: Rows of one cohort or several, n.
        levels: Levels by the run's rule.
    """
    calibration = Calibration.of(run.recipe.calibration)
    margins = margin(booster, cohort.keep(run.recipe.features))
    return calibration.apply(on_level(levels, cohort, margins, calibration))


def _rank_correlation(before: Floats, after: Floats) -> float:
    if np.ptp(before) == 0 or np.ptp(after) == 0:
        return 1.0
    return float(np.corrcoef(rankdata(before), rankdata(after))[0, 1])
