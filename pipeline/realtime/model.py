"""Loads the live run of a generation."""

from dataclasses import dataclass

import lightgbm as lgb

from ml.artifacts import load_model
from ml.calibrate import Calibration
from ml.recipe import RECIPE, Recipe
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, source_tables
from pipeline.realtime.bundle import read_run_stack
from pipeline.runs.registry import hash_of_model, settings_of, trained_run
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
    trained = trained_run(run)
    found, wanted = hash_of_model(run), trained.recipe.model_hash
    if found != wanted:
        raise ChurnError(
            f"The model file of {run_id} does not match its recipe.",
            where=f"{run / 'model.txt'}: {(found or 'unreadable')[:12]} instead of {wanted[:12]}",
            hint=f"Restore the file from a backup, or train again: churn run --domain {domain}",
        )
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
