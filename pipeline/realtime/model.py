"""Loads the live run of a generation."""

from dataclasses import dataclass
from datetime import date

import lightgbm as lgb
import pyarrow.parquet as pq

from ml.artifacts import load_model
from ml.calibrate import Calibration
from ml.recipe import RECIPE, Recipe
from ml.score import LEVELS
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, source_tables
from pipeline.realtime.bundle import read_run_stack
from pipeline.runs.registry import check_model, settings_of, trained_run
from pipeline.warehouse.compiled_sql import CompiledModel


@dataclass(frozen=True)
class LiveModel:
    """A run's model with the feature SQL it was trained on.

    Attributes:
        domain: Domain.
        run_id: The run.
        booster: The model that scores.
        calibration: Map from margin to probability.
        recipe: How the model was made.
        settings: What the run recorded.
        stack: Feature SQL, up to the view that joins the features.
        tables: Tables of the raw files that the stack reads.
    """

    domain: str
    run_id: str
    booster: lgb.Booster
    calibration: Calibration
    recipe: Recipe
    settings: DomainSettings
    stack: list[CompiledModel]
    tables: tuple[SourceTable, ...]


@dataclass(frozen=True)
class PublishedLevel:
    """The level of the published cohort, which other customers' scores are put on, too.

    Attributes:
        as_of_date: Cut-off of the cohort.
        is_forecast: Whether a level was forecast for it.
        offset: What it adds to everybody's log-odds; 0 where none was forecast.
    """

    as_of_date: date
    is_forecast: bool
    offset: float

    def notes(self, cut_off: date) -> list[str]:
        """Return what a caller should know about the level of such scores, in sentences."""
        if not self.is_forecast or cut_off == self.as_of_date:
            return []
        return [
            f"The season's part of the risk is that of the cohort of {self.as_of_date}, not of "
            f"{cut_off}."
        ]


def read_level(home: Home, model: "LiveModel", scored: date) -> PublishedLevel | None:
    """Return the level of the published cohort; None where levels are not forecast.

    Args:
        home: CHURN_HOME.
        model: The live model.
        scored: The published cut-off.

    Raises:
        ChurnError: It is not there.
    """
    if model.recipe.level is None:
        return None
    path = home.models / model.domain / model.run_id / "scores" / str(scored) / f"{LEVELS}.parquet"
    if not path.exists():
        raise ChurnError(
            f"The level of the published scores of {model.run_id} is gone.",
            where=str(path),
            hint=f"Restore it from a backup, or score again: churn run --domain {model.domain}",
        )
    row = pq.read_table(path, columns=["is_forecast", "offset_log_odds"]).to_pylist()[0]
    return PublishedLevel(scored, row["is_forecast"], row["offset_log_odds"])


def load_live_model(home: Home, domain: str, run_id: str) -> LiveModel:
    """Load a run.

    Raises:
        ChurnError: Its folder is gone, or its model or feature SQL was changed.
    """
    run = home.models / domain / run_id
    if not (run / RECIPE).exists():
        raise ChurnError(
            f"The run {run_id} of the published scores is gone.",
            where=str(run),
            hint=f"Train and publish another one: churn run --domain {domain}",
        )
    # before it is loaded: LightGBM's own words about a damaged file say nothing to anybody
    check_model(run)
    trained = trained_run(run)
    booster, calibration = load_model(trained)
    stack = read_run_stack(run)
    return LiveModel(
        domain,
        run_id,
        booster,
        calibration,
        trained.recipe,
        settings_of(run),
        stack,
        tables_of(domain, stack),
    )


def tables_of(domain: str, stack: list[CompiledModel]) -> tuple[SourceTable, ...]:
    """Return the raw tables that a stack reads."""
    return tuple(
        table
        for table in source_tables(domain)
        if any(f'"lake"."{table.identifier}"' in view.sql for view in stack)
    )
