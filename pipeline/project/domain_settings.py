"""A domain's entry in dbt_project.yml: every key, what it means and what it may be.

`ml.settings` has the keys that learning reads. Keys that only the SQL of a domain reads are here
too: a typo in one would otherwise be found in the middle of a build.
"""

import json
from collections.abc import Mapping
from datetime import date
from string import Formatter
from typing import Annotated, Any, Literal, Self
from zoneinfo import available_timezones

from pydantic import (
    AfterValidator,
    Discriminator,
    Field,
    JsonValue,
    Tag,
    ValidationError,
    model_validator,
)
from pydantic_core import PydanticCustomError

from ml.settings import (
    Count,
    Days,
    LearningSettings,
    Number,
    ProtocolSettings,
    Settings,
    TakeoverLimits,
    Text,
    wrong,
)
from pipeline.project.alert_settings import AlertRules
from pipeline.project.connection_settings import ConnectionSettings

# Ten years, as `Days` may have.
SomeDays = Annotated[int, Field(ge=1, le=3650)]
Money = Annotated[Number, Field(ge=0, le=1e12)]
# A kind of business: its models are in the folder of that name.
Kind = Literal["subscription", "no_contract"]
FieldName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
# What no model learns from and no run records.
NOT_LEARNED = (
    "alerts",
    "apart",
    "connection",
    "crm_fields",
    "guards",
    "history_days",
    "keep",
    "retention",
    "rhythm",
    "train_every_days",
    "training_memory_gb",
)
# A preset sets what a run learns from; these say what it may set, or are not learned from.
_NOT_IN_A_PRESET = (
    "kind",
    "staged",
    "identities",
    "extensions",
    "corrections",
    "words",
    "choices",
    "presets",
    *NOT_LEARNED,
)
# Segments that the platform adds itself.
_OWN_SEGMENTS = ("ladder", "risk_band")
# Days of the shortest window of macros/control/windows.sql.
SHORTEST_WINDOW = 7


def _known_zone(name: str) -> str:
    if name not in available_timezones():
        raise wrong(
            says=f"{name} is not a time zone.", hint="Use a name of the IANA list, as Asia/Taipei."
        )
    return name


class Activity(Settings):
    """What a customer's weeks count."""

    usage: Text = Field(description="What the column usage counts")
    transactions: Text = Field(description="What the column transactions counts")


class CoveredBy(Settings):
    """Rows of a domain's coverage that say how far back each kind of event is known."""

    orders: Text | None = Field(default=None, description="Orders: table, or table.event")
    visits: Text | None = Field(default=None, description="Visits: table, or table.event")
    carts: Text | None = Field(default=None, description="Carts: table, or table.event")
    payments: Text | None = Field(default=None, description="Payments: table, or table.event")
    usage: Text | None = Field(default=None, description="Usage: table, or table.event")


class Bounds(Settings):
    """Whole numbers that --set may choose from."""

    min: int = Field(description="Lowest number")
    max: int = Field(description="Highest number")

    @model_validator(mode="after")
    def _rise(self) -> Self:
        if self.min > self.max:
            raise wrong("max", says=f"max is {self.max}, below min, {self.min}.")
        return self


def _kind_of_choice(value: object) -> str:
    return "bounds" if isinstance(value, Mapping | Bounds) else "list"


Choice = Annotated[
    Annotated[tuple[Text, ...], Tag("list")] | Annotated[Bounds, Tag("bounds")],
    Discriminator(_kind_of_choice),
]


class LeaveAlone(Settings):
    """A rule for customers whom no plan contacts."""

    name: Text = Field(description="What the customers are called")
    when: Text = Field(description="Condition in SQL on the features")
    because: Text = Field(description="Why they are left alone, for a reader")


class Retention(Settings):
    """What the plan of actions may spend and whom it leaves alone; no model learns from it."""

    period_start: Annotated[date, Field(ge=date(1970, 1, 1), lt=date(2200, 1, 1))] = Field(
        default=date(2000, 1, 3),
        description="First day of a period; the others follow from it, before it too",
    )
    period_days: Annotated[int, Field(ge=1, le=366)] = Field(
        default=28,
        description="Days of a period, in which arms are drawn once and the budget is spent once: "
        "1 to 366",
    )
    budget: Money = Field(
        default=0, description="Expected spend of one period, 0 or more of the currency"
    )
    capacities: dict[str, Annotated[int, Field(ge=0, le=1_000_000_000)]] = Field(
        default={}, description="Whole contacts that a channel carries in one period"
    )
    holdout: Literal["auto"] | Annotated[Number, Field(ge=0, le=0.5)] = Field(
        default="auto", description="auto, or a share from 0 to 0.5"
    )
    holdout_salt: Text = Field(
        default="first", description="Any text; another one draws other control groups"
    )
    cool_down_days: Days = Field(
        default=14, description="Days after a contact by an action the catalogue does not know"
    )
    out_of_scope_days: Annotated[int, Field(ge=0, le=31)] = Field(
        default=7,
        description="Days that a customer who is not scored any more stays in the CRM table, "
        "without an action, before the row is deleted: 0 to 31",
    )
    conditions: dict[str, Text] = Field(
        default={},
        description="Conditions in SQL on the features, by name: an action of the catalogue that "
        "names one is offered only to customers who meet it",
    )
    leave_alone: tuple[LeaveAlone, ...] = Field(
        default=(), description="Rules for customers whom no plan contacts"
    )


class Guards(Settings):
    """How far a publish may be from the current generation; no model learns from it.

    Each is a share of what is published; a domain beyond one keeps its published rows.
    """

    cohort: Annotated[Number, Field(gt=0, le=100)] = Field(
        default=0.25, description="Change of the number of scored customers, to 100"
    )
    mean_risk: Annotated[Number, Field(gt=0, le=100)] = Field(
        default=0.4, description="Change of the mean risk, to 100"
    )
    crm_changes: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=0.98, description="Share of the CRM's customers whose row changes, to 1"
    )
    tombstones: Annotated[Number, Field(gt=0, le=1)] = Field(
        default=0.4, description="Share of the CRM's customers who leave the list, to 1"
    )
    takeover: TakeoverLimits = Field(
        default=TakeoverLimits(),
        description="What keeps a new model from taking over from the live one",
    )


class KeepRule(Settings):
    """How long `churn prune` keeps what no build reads any more; no model learns from it.

    Days are counted back from the cut-off that is published.
    """

    nights_days: Annotated[int, Field(ge=31, le=3650)] = Field(
        default=92,
        description="Scores of cut-offs that are not on the grid, once their outcomes are frozen",
    )
    cut_offs_days: Annotated[int, Field(ge=366, le=3650)] = Field(
        default=1096, description="Scores of cut-offs of the grid, and what was published"
    )
    runs_days: Annotated[int, Field(ge=31, le=3650)] = Field(
        default=400,
        description="Runs that score no more and have no scores left, and replaced labels",
    )


class LadderPart(Settings):
    """A part of everybody's first chart."""

    name: Text = Field(description="What the part is called")
    when: Text = Field(description="Condition in SQL on the features; the first that holds counts")


class Segment(Settings):
    """A breakdown: a number that is cut, or a yes or no."""

    feature: Text = Field(description="Column of the examples")
    cuts: tuple[Number, ...] | None = Field(default=None, description="Rising bounds of the parts")
    names: tuple[Text, ...] | None = Field(
        default=None, description="Names of the parts, one more than there are cuts"
    )
    yes: Text | None = Field(default=None, description='Name of the part that is true, as "yes"')
    no: Text | None = Field(default=None, description='Name of the part that is false, as "no"')

    @model_validator(mode="after")
    def _is_one_kind(self) -> Self:
        is_cut = self.cuts is not None or self.names is not None
        if is_cut == (self.yes is not None or self.no is not None):
            raise wrong(says='A segment has cuts and names, or "yes" and "no".')
        if not is_cut:
            if self.yes is None or self.no is None:
                missing = "no" if self.no is None else "yes"
                raise wrong(missing, says=f'The name of "{missing}" is missing.')
            return self
        cuts, names = self.cuts or (), self.names or ()
        if len(names) != len(cuts) + 1:
            raise wrong(
                "names",
                says=f"{len(cuts)} cuts make {len(cuts) + 1} parts, and {len(names)} are named.",
                hint="names has one more than cuts.",
            )
        if list(cuts) != sorted(set(cuts)):
            raise wrong("cuts", says=f"The cuts {', '.join(map(str, cuts))} do not rise.")
        return self


class Rhythm(Settings):
    """Features of a customer's own rhythm of orders; no model learns from these names."""

    days_between: Text = Field(description="Feature: mean days between the customer's order days")
    days_since_last: Text = Field(description="Feature: days since the last order")
    gaps: Text = Field(description="Feature: how many gaps between order days there are")
    least_gaps: Count = Field(default=2, description="Gaps from which on they are a rhythm")


class CrmFields(Settings):
    """Columns of a domain's own data that a CRM needs beside the row."""

    source: Text = Field(description="Staged table: stg_<domain>__<source>, such as members")
    columns: Annotated[dict[Text, FieldName], Field(min_length=1)] = Field(
        description="Column of that table → its name in the CRM"
    )

    @model_validator(mode="after")
    def _names_are_told_apart(self) -> Self:
        names = list(self.columns.values())
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise wrong(
                "columns",
                says=f"{', '.join(twice)} is the name of two columns.",
                hint="Give each column a name of its own.",
            )
        return self


class DomainSettings(LearningSettings):
    """A domain's entry. A text may name other keys of the entry in braces."""

    kind: Kind = Field(description="Whose models it is built by: a folder of models/")
    staged: dict[str, Text] = Field(
        default={}, description="Staged shape of the kind → the relation that fills it"
    )
    identities: Text | None = Field(
        default=None, description="Model that resolves the domain's map of ids; without, no map"
    )
    extensions: tuple[Text, ...] = Field(
        default=(), description="Models with features of the domain's own, by customer and cut-off"
    )
    corrections: tuple[FieldName, ...] = Field(
        default=(),
        description="Corrections of the raw rows, in the order in which they are made: models of "
        "models/<domain>/corrections, named without int_<domain>__. Features rest on them, labels "
        "never do",
    )
    words: dict[FieldName, FieldName] = Field(
        default={}, description="The kind's word in names of features → the domain's own"
    )
    title: Text = Field(description="The domain's name, for a reader")
    population: Text = Field(description="Who is scored")
    not_scored: Text = Field(description="Who is not")
    outcome: Text = Field(description="What a customer who churns does, or does not do")
    outcome_title: Text = Field(
        default="Left", description="The outcome as the head of a column: No order in 30 days"
    )
    horizon: Text = Field(description="Until when the outcome is watched")
    label_rule_version: Count = Field(description="Version of the rule that makes the labels")
    timezone: Annotated[Text, AfterValidator(_known_zone)] = Field(
        default="UTC", description="Where its days are counted: a day is read once it is over there"
    )
    coverage_grace_days: Annotated[Days, Field(lt=SHORTEST_WINDOW)] = Field(
        description="Days that a source may end before the cut-off and still count as known; fewer "
        f"than the {SHORTEST_WINDOW} of the shortest window, or an empty one would be silence"
    )
    hole_memory_days: Days = Field(
        default=90,
        description="Days of which more than a thirtieth missing, without a reason, make a cohort "
        "unsure of its customers",
    )
    settle_days: Days = Field(
        default=7, description="Days after a cohort's last outcome before its labels are frozen"
    )
    currency: Text = Field(description="Sign or name of the currency, as money is shown")
    gross_margin: Annotated[Number, Field(ge=0, le=1)] = Field(
        description="Share of a customer's value that is profit, 0 to 1"
    )
    value_definition: Text = Field(description="How a customer's value is estimated")
    activity: Activity = Field(description="What usage and transactions count")
    already_cancelled: Text | None = Field(
        default=None, description="Feature that is true for those who have cancelled"
    )
    rhythm: Rhythm | None = Field(
        default=None, description="Features that say when a customer's next order is due"
    )
    lead_days: tuple[Days, ...] = Field(
        default=(), description="Days before the due dates at which `churn evaluate` asks"
    )
    protocols: dict[str, ProtocolSettings] = Field(
        default={}, description="Named splits of others, to compare with their figures only"
    )
    choices: dict[str, Choice] = Field(
        default={}, description="What a key may be: a list of texts, or {min: …, max: …}"
    )
    presets: dict[str, dict[str, JsonValue]] = Field(
        default={}, description="Keys that `--set preset=NAME` sets together"
    )
    retention: Retention = Field(
        default=Retention(), description="What the plan may spend and whom it leaves alone"
    )
    guards: Guards = Field(
        default=Guards(), description="How far a publish may be from the current generation"
    )
    alerts: AlertRules = Field(default=AlertRules(), description="What a night tells people of")
    history_days: Days = Field(
        default=400,
        description="Days before the scored cut-off that bi_customer_history reaches back; the "
        "files of earlier ones stay until `churn prune`",
    )
    keep: KeepRule = Field(
        default=KeepRule(), description="How long `churn prune` keeps what no build reads"
    )
    train_every_days: SomeDays | None = Field(
        default=None,
        description="Days after which `churn nightly` trains again although no cohort has closed "
        "since; without it, only a closed cohort makes it train",
    )
    connection: ConnectionSettings | None = Field(
        default=None, description="The database that `churn pull` reads its rows from"
    )
    crm_fields: CrmFields | None = Field(
        default=None, description="Columns that are published beside the CRM row"
    )
    ladder: tuple[LadderPart, ...] = Field(
        min_length=1, description="Parts that add up to the cohort, the first match wins"
    )
    segments: dict[str, Segment] = Field(description="Breakdowns, each by itself")

    apart: Text | None = Field(
        default=None, description="Segment of which each part's quality is printed by itself"
    )

    # read by the SQL of one domain or the other
    value_months: Annotated[int, Field(ge=1, le=120)] | None = Field(
        default=None, description="Months that a value looks ahead"
    )
    value_days: SomeDays | None = Field(default=None, description="Days that a value looks ahead")
    warm_up_days: Days = Field(
        default=0, description="Days of purchases before which there is no cut-off"
    )
    covered_by: CoveredBy | None = Field(
        default=None, description="Rows of coverage that say how far back each event is known"
    )

    def with_changes(self, changes: Mapping[str, Any]) -> Self:
        """Return the settings with other values of some keys.

        Raises:
            ValidationError: They do not go together.
        """
        return self.model_validate_json(json.dumps(self.given() | dict(changes), default=str))

    def with_preset(self, name: str) -> Self:
        """Return the settings with a preset's keys."""
        return self.with_changes(self.presets[name])

    def learned(self) -> Self:
        """Return what labels, features and models are made from: no plan, no guards.

        A budget, a hold-out or a limit of a guard must not train anything, and a run must not
        record one: today's are in dbt_project.yml, or in the state where a plan was saved.
        """
        kept = {key: value for key, value in self.given().items() if key not in NOT_LEARNED}
        return self.model_validate_json(json.dumps(kept))

    def resolved(self) -> Self:
        """Return the settings with the keys that texts name in braces filled in."""
        given = self.given()
        texts = {key: value for key, value in given.items() if isinstance(value, str)}
        return self.with_changes({key: text.format(**given) for key, text in texts.items()})

    @model_validator(mode="after")
    def _texts_name_keys(self) -> Self:
        given = self.given()
        for key, value in given.items():
            if not isinstance(value, str):
                continue
            try:
                named = [name for _, name, _, _ in Formatter().parse(value) if name is not None]
            except ValueError as problem:
                raise wrong(key, says=f"{key} has a brace alone: {problem}.") from problem
            for name in named:
                if name not in given:
                    raise wrong(
                        key,
                        says=f"{key} names {{{name}}}, which the entry does not have.",
                        hint="Braces hold another key of the entry.",
                    )
        return self

    @model_validator(mode="after")
    def _values_are_choices(self) -> Self:
        given = self.given()
        for key, choice in self.choices.items():
            if key not in given:
                raise wrong(
                    "choices",
                    key,
                    says=f"There is no key {key!r} to choose.",
                    hint=f"Keys are: {', '.join(sorted(given))}.",
                )
            value = given[key]
            if isinstance(choice, Bounds):
                if not isinstance(value, int) or not choice.min <= value <= choice.max:
                    raise wrong(
                        key,
                        says=f"{key} is {value!r}, out of bounds.",
                        hint=f"Choose a whole number from {choice.min} to {choice.max}.",
                    )
            elif value not in choice:
                raise wrong(
                    key,
                    says=f"{key} is {value!r}, not a choice.",
                    hint=f"Choose {' or '.join(choice)}.",
                )
        return self

    @model_validator(mode="after")
    def _presets_fit(self) -> Self:
        own = {key: value for key, value in self.given().items() if key != "presets"}
        for name, preset in self.presets.items():
            for key in _NOT_IN_A_PRESET:
                if key in preset:
                    raise wrong("presets", name, key, says=f"A preset cannot set {key}.")
            document = own | preset
            try:
                self.model_validate_json(json.dumps(document))
            except ValidationError as error:
                raise PydanticCustomError(
                    "inside",
                    "a preset does not fit",
                    {
                        "keys": ("presets", name),
                        "kind": type(self),
                        "error": error,
                        "document": document,
                    },
                ) from error
        return self

    @model_validator(mode="after")
    def _segments_are_free(self) -> Self:
        for name in _OWN_SEGMENTS:
            if name in self.segments:
                raise wrong("segments", name, says=f"{name!r} is a segment of the platform's own.")
        return self
