"""What learning reads of a domain's settings; `pipeline.project.domain_settings` has the rest."""

from datetime import date
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from pydantic_core import PydanticCustomError

Text = Annotated[str, Field(min_length=1)]
Count = Annotated[int, Field(ge=1, le=1_000_000_000)]
Days = Annotated[int, Field(ge=0, le=3650)]
# a whole number stays one: SQL is given what the file says
Number = int | float


def wrong(*keys: str | int, says: str, hint: str = "") -> PydanticCustomError:
    """Return what a check of several keys raises.

    Args:
        keys: Way to the wrong key, from the model whose check it is.
        says: What is wrong, one sentence.
        hint: What to do about it.
    """
    return PydanticCustomError("wrong", "{says}", {"keys": keys, "says": says, "hint": hint})


class Settings(BaseModel):
    """A domain's settings or a part of them: no other keys, and a key that is given has a value."""

    # built when the first settings are read: `churn --help` reads none
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, allow_inf_nan=False, defer_build=True
    )

    def given(self) -> dict[str, JsonValue]:
        """Return the keys that were given, as JSON has them; those left to a default are not."""
        document: dict[str, JsonValue] = self.model_dump(mode="json", exclude_unset=True)
        return document

    @model_validator(mode="after")
    def _has_no_empty_key(self) -> Self:
        for name in sorted(self.model_fields_set):
            if getattr(self, name) is None:
                raise wrong(name, says=f"{name} is empty.", hint="Give it a value or remove it.")
        return self


class Minimum(Settings):
    """What a fit needs; training is refused below it."""

    rows: Count = Field(description="Customers in all cohorts of a fit")
    churners: Count = Field(description="Churners among them")
    stayers: Count | None = Field(
        default=None, description="Customers who stay among them; by default as many as churners"
    )
    cohorts: Count = Field(description="Cohorts of the first fit")


class Alarms(Settings):
    """What stops a run as too good to be true."""

    single_feature_auc: Annotated[Number, Field(ge=0.5, le=1)] = Field(
        description="A feature that alone reaches this AUC stops the run: 0.5 to 1"
    )
    allowed: dict[str, Text] = Field(
        default={}, description="Features that may reach it, each with a reason"
    )


class TakeoverLimits(Settings):
    """How far a new model's scores may be from those of the live one that it replaces.

    Both score the cut-off that is scored next; a new model beyond a limit does not take over.
    """

    mean_risk: Annotated[Number, Field(gt=0, le=10)] = Field(
        default=0.3, description="Change of the mean risk, as a share of the live model's: to 10"
    )
    rank_correlation: Annotated[Number, Field(ge=-1, lt=1)] = Field(
        default=0.6, description="Lowest rank correlation of the two, from -1 to 1"
    )
    moved_by: Annotated[Number, Field(gt=0, lt=1)] = Field(
        default=0.2, description="A customer has moved when the risk differs by more than this"
    )
    moved: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=0.2, description="Share of customers that may have moved, to 1"
    )


class OwnRate(Settings):
    """Features that say how often something happened to a customer, and out of how much."""

    events: Text = Field(description="Feature: how often")
    of: Text = Field(description="Feature: out of how many times, or in how many days")


class BaselineSettings(Settings):
    """A model to measure against; with no key the base rate."""

    features: Literal["all"] | tuple[Text, ...] | None = Field(
        default=None, description="What logistic regression reads: all, or a list of features"
    )
    cap_quantile: Annotated[Number, Field(ge=0, lt=0.5)] = Field(
        default=0.01, description="Values beyond this quantile are drawn to it: 0 to 0.5"
    )
    groups: tuple[Text, ...] | None = Field(
        default=None, description="Features whose values form groups, each with its churn rate"
    )

    share: OwnRate | None = Field(
        default=None,
        description="How often the customer left so far, out of how many times it was possible: "
        "its own past rate",
    )
    orders: OwnRate | None = Field(
        default=None,
        description="The customer's orders, in how many days: what its own past rate says of none",
    )
    bg_nbd: Literal[True] | None = Field(
        default=None, description="BG/NBD's probability of no order; needs the entry's level"
    )

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        kinds = ("features", "groups", "share", "orders", "bg_nbd")
        if sum(getattr(self, kind) is not None for kind in kinds) > 1:
            raise wrong(says=f"A baseline has one of {', '.join(kinds)}.")
        if self.features == () or self.groups == ():
            raise wrong(says="The list of features is empty.", hint="{} is the base rate.")
        if self.features is None and "cap_quantile" in self.model_fields_set:
            raise wrong("cap_quantile", says="cap_quantile belongs to a baseline with features.")
        return self


class RiskBands(Settings):
    """Lowest probabilities of the bands, absolute: a band means the same in every month."""

    critical: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="Lowest probability of the band critical"
    )
    high: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="Lowest probability of the band high"
    )
    medium: Annotated[Number, Field(gt=0, lt=1)] = Field(
        description="Lowest probability of the band medium"
    )
    because: Text = Field(description="Why these probabilities")

    @property
    def cuts(self) -> tuple[float, float, float]:
        """The three probabilities, highest first."""
        return float(self.critical), float(self.high), float(self.medium)

    @model_validator(mode="after")
    def _descend(self) -> Self:
        if not self.critical > self.high > self.medium:
            raise wrong(
                says="The risk bands are not three falling probabilities.",
                hint="Give critical, high and medium, critical the highest.",
            )
        return self


class ProtocolSettings(Settings):
    """A split that others used, judged to compare with their figures only."""

    label_definition: Text = Field(description="Label that both cohorts have")
    train: date = Field(description="Cut-off of the cohort to learn from, YYYY-MM-DD")
    test: date = Field(description="Cut-off of the cohort to test on, YYYY-MM-DD")
    because: Text = Field(description="Why it is not how this platform judges")

    @model_validator(mode="after")
    def _tests_later(self) -> Self:
        if self.test <= self.train:
            raise wrong("test", says=f"test is {self.test}, not after train, {self.train}.")
        return self


class LevelSettings(Settings):
    """How the level of a cohort, its mean risk, is forecast where there is no contract."""

    orders: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$")] = Field(
        description="Schema and model with a row an order: domain, customer_id, ordered_on, "
        "returned_on"
    )


class LearningSettings(Settings):
    """The part of a domain's settings that decides what is learned, and how it is judged."""

    label_definition: Text = Field(description="Name of the label in use")
    grid: Literal["month", "week"] = Field(
        description="Calendar rule of the cut-offs: month or week (days of grid_days, or Mondays)"
    )
    grid_days: Annotated[
        tuple[Annotated[int, Field(ge=1, le=28)], ...], Field(min_length=1, max_length=4)
    ] = Field(
        default=(1,),
        description="Days of the month with a cut-off, 1 to 4 rising days from 1 to 28",
    )
    least_history_days: Days = Field(
        default=0, description="Cohorts with less history before them are not learned from"
    )
    minimum: Minimum = Field(description="rows, churners and cohorts that training needs")
    assumed_static: dict[str, Text] = Field(
        default={},
        description="Features on a snapshot or mutable source that are used, each with a reason",
    )
    alarms: Alarms = Field(description="single_feature_auc, and the features allowed to reach it")
    baselines: dict[str, BaselineSettings] = Field(
        description="What the model is measured against, by name"
    )
    risk_bands: RiskBands = Field(
        description="Lowest probabilities of critical, high and medium, and why these"
    )

    horizon_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Days after the cut-off without an order that make a churner"
    )
    lookback_days: Annotated[int, Field(ge=1, le=3650)] | None = Field(
        default=None, description="Days before the cut-off in which a customer ordered"
    )
    min_orders: Count | None = Field(
        default=None, description="Orders that a customer of the cohort has at least"
    )
    level: LevelSettings | None = Field(
        default=None,
        description="How the level of a cohort is forecast; without it models keep their own",
    )
    training_memory_gb: Annotated[Number, Field(gt=0, le=100_000)] | None = Field(
        default=None,
        description="GB of memory that training may take at its peak; where its examples need "
        "more, some stayers are left out and others count for them; by default 60 % of "
        "CHURN_MEMORY",
    )

    @model_validator(mode="after")
    def _baselines_have_what_they_need(self) -> Self:
        for name, how in self.baselines.items():
            if how.orders is not None and self.horizon_days is None:
                raise wrong("baselines", name, says="orders needs horizon_days of the entry.")
            if how.bg_nbd and self.level is None:
                raise wrong("baselines", name, says="bg_nbd needs level of the entry.")
        return self

    @model_validator(mode="after")
    def _level_has_a_cohort(self) -> Self:
        for name in ("horizon_days", "lookback_days", "min_orders"):
            if self.level is not None and getattr(self, name) is None:
                raise wrong(
                    "level",
                    says=f"level needs {name}, which is not given.",
                    hint="Give it, or remove level.",
                )
        return self

    @model_validator(mode="after")
    def _grid_days_rise(self) -> Self:
        if list(self.grid_days) != sorted(set(self.grid_days)):
            raise wrong(
                "grid_days",
                says=f"grid_days is {', '.join(map(str, self.grid_days))}, not rising.",
                hint="Give each day once, the smallest first.",
            )
        return self
