"""A run's recipe: how its model was made, and what scoring needs beside the trees."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, JsonValue

RECIPE = "recipe.json"
# 1: everything before versions were written; 2: recipe_version is; 3: tested_on is; 4: seeds and
# level are; 5: stayers are.
RECIPE_VERSION = 5


class _Frozen(BaseModel):
    # built when the first recipe is read: commands that read none start sooner
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, populate_by_name=True, defer_build=True
    )


class CalibrationMap(_Frozen):
    """What restores the map from margin to probability; `ml.calibrate` applies it."""

    method: Literal["none", "base_rate", "platt", "isotonic"]
    slope: float = 1.0
    shift: float = 0.0
    knots: tuple[float, ...] = ()
    levels: tuple[float, ...] = ()


class LevelRule(_Frozen):
    """What the levels of cohorts are forecast from; `ml.level` does."""

    orders: str
    horizon_days: int
    lookback_days: int
    min_orders: int
    grid: Literal["month", "week"]
    grid_days: tuple[int, ...]


class SampledStayers(_Frozen):
    """What was learned from where examples need more memory than there is; `ml.stayers` draws."""

    one_of: int
    cohorts: int
    stayers: int
    kept: int

    @property
    def words(self) -> str:
        """What a reader is to know of it, one sentence."""
        return (
            f"learned from every churner and 1 of {self.one_of} stayers ({self.kept:,} of "
            f"{self.stayers:,} in {self.cohorts} cohorts), who count for those left out, because "
            "all of them need more memory than training has; its test is whole"
        )


class Recipe(_Frozen):
    """What `recipe.json` holds; keys with a default are missing from older files."""

    recipe_version: Annotated[int, Field(ge=1)] = Field(
        default=1, description="Version of this list of keys"
    )
    run_id: str = Field(description="The run")
    domain: str = Field(description="Its domain")
    model_hash: str = Field(description="SHA-256 of model.txt")
    label_checksum: str = Field(description="Sum over the cohorts learned from")
    feature_sql_hash: str = Field(description="SHA-256 of the compiled feature SQL")
    features: tuple[str, ...] = Field(description="What the model reads, in its order")
    excluded: dict[str, str] = Field(description="Feature that is off → why")
    reference_values: dict[str, float | None] = Field(
        validation_alias="usual",
        serialization_alias="usual",
        description="Feature → median of the training rows, or the share of true",
    )
    bands: tuple[float, float, float] = Field(
        description="Lowest probabilities of critical, high and medium"
    )
    calibration: CalibrationMap = Field(description="Map from margin to probability")
    settings: dict[str, JsonValue] = Field(
        description="The domain's settings, as recorded; `settings_of` reads them"
    )
    label_definition: str = Field(
        default_factory=lambda read: read["settings"]["label_definition"],
        description="Label the model learned",
    )
    outcomes_known_on: date = Field(description="Day on which all of them were known")
    live_cohorts: tuple[date, ...] = Field(
        default=(), description="Cut-offs that the model that scores learned from"
    )
    train_rate: float | None = Field(default=None, description="Churn rate of those cohorts")
    test_as_of_date: date | None = Field(
        default=None, description="Cut-off of the test cohort, the first where there are several"
    )
    tested_on: tuple[date, ...] = Field(
        default=(), description="Cut-offs of all test cohorts; empty in older files, which have one"
    )
    test_cohorts: tuple[date, ...] = Field(
        default=(), description="Cut-offs that the tested model learned from"
    )
    recipe_hash: str = Field(default="", description="How the model is learned, as a hash")
    tuned: dict[str, int | float] = Field(
        default={}, description="LightGBM parameters that differ from the default ones"
    )
    seeds: int = Field(default=1, description="Seeds that the model is the mean of")
    level: LevelRule | None = Field(
        default=None, description="How the level of a cohort is forecast; none where it is not"
    )

    stayers: SampledStayers | None = Field(
        default=None, description="The stayers it learned from; none where it learned from all"
    )

    @property
    def tests(self) -> tuple[date, ...]:
        """Cut-offs of all test cohorts."""
        if self.tested_on or self.test_as_of_date is None:
            return self.tested_on
        return (self.test_as_of_date,)


@dataclass(frozen=True)
class TrainedRun:
    """A run on disk.

    Attributes:
        folder: Where its models and tables are.
        recipe: How the model was made.
    """

    folder: Path
    recipe: Recipe
