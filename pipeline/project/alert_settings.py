"""What a night tells people of: the key `alerts` of a domain's entry."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from ml.settings import Number, Settings, Text, wrong

QualityMetric = Literal["auc", "log_loss", "observed_to_expected"]


class AlertRules(Settings):
    """What a night tells people of. No model learns from it."""

    freshness_days: Annotated[int, Field(ge=1, le=3650)] = Field(
        default=2,
        description="Days that the newest rows of a table may be old, where 1 is yesterday: "
        "1 to 3650",
    )
    volume_share: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=0.5,
        description="A day, or a file that replaces another one, with fewer than this share of its "
        "usual rows is reported: above 0, at most 1",
    )
    volume_days: Annotated[int, Field(ge=1, le=28)] = Field(
        default=7, description="Newest days of a table that are looked at for that: 1 to 28"
    )
    vanishing: dict[Text, Annotated[tuple[Text, ...], Field(min_length=1)]] = Field(
        default={},
        description="Table → columns whose usual values are missed when they stop coming, such as "
        "brands or payment methods",
    )
    vanishing_days: Annotated[int, Field(ge=1, le=28)] = Field(
        default=3, description="Newest days in which such a value must come: 1 to 28"
    )
    new_columns: bool = Field(
        default=True, description="Whether a column that no earlier file had is reported"
    )
    quality: tuple[QualityMetric, ...] = Field(
        default=("auc",),
        description="Metrics of published scores that are compared with the interval of the "
        "back-test once the outcomes are known: auc, log_loss, observed_to_expected",
    )
    quality_customers: Annotated[int, Field(ge=1, le=1_000_000_000)] = Field(
        default=200, description="Customers from which on their outcomes are compared"
    )
    drift_log_odds: Annotated[Number, Field(gt=0, le=10)] = Field(
        default=0.5,
        description="A change of the mean score by so many log-odds since the training is "
        "reported: above 0, at most 10; 0.7 doubles the odds",
    )
    dead_letters: Annotated[int, Field(ge=0, le=1_000_000_000)] = Field(
        default=0, description="Messages that may have been given up before it is reported"
    )

    @model_validator(mode="after")
    def _columns_are_named_once(self) -> Self:
        for table, columns in self.vanishing.items():
            if len(set(columns)) < len(columns):
                raise wrong("vanishing", table, says=f"A column of {table} is named twice.")
        return self
