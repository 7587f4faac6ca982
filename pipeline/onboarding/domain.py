"""Makes a domain from a folder of raw files: profile, proposal, files."""

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import duckdb
import yaml

from pipeline.ingest.plain_text import UTF_8, known_encoding
from pipeline.onboarding.definitions import (
    HORIZONS,
    LOOKBACKS,
    Definition,
    Recommendation,
    compare,
    recommend,
)
from pipeline.onboarding.files import FoundTable, find_tables
from pipeline.onboarding.lapses import KIND_GAP, Lapse, compare_lapses
from pipeline.onboarding.mapping import Assumptions, DomainTexts, map_orders
from pipeline.onboarding.orders import (
    OrderProfile,
    OrderTable,
    find_orders,
    load_orders,
    profile_orders,
    with_words,
)
from pipeline.onboarding.period_mapping import map_periods
from pipeline.onboarding.periods import (
    PeriodProfile,
    PeriodTable,
    UsageTable,
    find_periods,
    find_usage,
    load_periods,
    profile_periods,
)
from pipeline.onboarding.roles import Roles
from pipeline.onboarding.subscription_shapes import TRIAL_DAYS, RowWords
from pipeline.project.checked import checked, dotted
from pipeline.project.domain_settings import DomainSettings
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT
from pipeline.project.scaffold import check_free, write_domain


@dataclass(frozen=True)
class Wishes:
    """What is said beside the files; what is not said is proposed.

    Attributes:
        columns: Role → header, or `none`.
        table: Name of the table with the orders or the billing periods.
        usage: Name of the table with the usage of a subscription, or `none`.
        orders: Values of the column `type` that are orders.
        refunds: Values of it that give money back.
        payments: Of a subscription, values that pay for a period or begin one.
        trials: Values that begin a trial.
        cancels: Values that cancel.
        changes: Values that change the end or the plan.
        title: The domain's name for a reader.
        currency: Sign or name of the currency.
        gross_margin: Share of an amount that is profit.
        timezone: Where days are counted.
        horizon_days: Days without an order that are leaving.
        lookback_days: Days before a cut-off in which a customer of the cohort ordered.
        min_orders: Orders that a customer of the cohort has at least; 1 if it is not said.
        encoding: Of the CSV files.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    table: str | None = None
    usage: str | None = None
    orders: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ()
    payments: tuple[str, ...] = ()
    trials: tuple[str, ...] = ()
    cancels: tuple[str, ...] = ()
    changes: tuple[str, ...] = ()
    title: str | None = None
    currency: str | None = None
    gross_margin: float | None = None
    timezone: str | None = None
    horizon_days: int | None = None
    lookback_days: int | None = None
    min_orders: int | None = None
    encoding: str = UTF_8


@dataclass(frozen=True)
class Proposal:
    """What was found in the files, and the domain that follows from it.

    Attributes:
        name: The domain.
        kind: Its kind.
        tables: All tables of the folder.
        unread: Names of files that were left out.
        words: What the files cannot say, as said or assumed.
        assumed: What was assumed, each with the option that says otherwise.
        texts: What will be written; None without a definition.
    """

    name: str
    kind: str
    tables: list[FoundTable]
    unread: tuple[str, ...]
    words: Assumptions
    assumed: tuple[str, ...]
    texts: DomainTexts | None

    @property
    def refusals(self) -> set[str]:
        """Why no definition can be learned from."""
        return set()


@dataclass(frozen=True)
class OrderProposal(Proposal):
    """A business without a contract.

    Attributes:
        found: The table of orders.
        profile: What the orders are like.
        definitions: The definitions that were compared.
        recommendation: The one that is taken, and why; None if no cohort closes.
    """

    found: OrderTable
    profile: OrderProfile
    definitions: list[Definition]
    recommendation: Recommendation | None

    @property
    def refusals(self) -> set[str]:
        """Why no definition can be learned from."""
        return {definition.refusal for definition in self.definitions if definition.refusal}


@dataclass(frozen=True)
class PeriodProposal(Proposal):
    """A subscription.

    Attributes:
        found: The table of billing periods.
        usage: The table of usage, if there is one.
        profile: What the periods are like.
        lapses: What days after the end of a period make of them.
    """

    found: PeriodTable
    usage: UsageTable | None
    profile: PeriodProfile
    lapses: list[Lapse]

    @property
    def refusals(self) -> set[str]:
        """Why no definition can be learned from."""
        return {lapse.refusal for lapse in self.lapses if lapse.refusal}


def propose(name: str, kind: str, folder: Path, wishes: Wishes) -> OrderProposal | PeriodProposal:
    """Profile a folder of raw files and propose a domain of a kind.

    Raises:
        ChurnError: The files hold no orders or periods that can be recognised, or a wish does not
            fit them.
    """
    _check_wishes(kind, wishes)
    encoding = known_encoding(wishes.encoding)
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"set temp_directory = '{scratch}/spill'")
        tables, unread = find_tables(folder, Path(scratch) / "files", con, encoding)
        if kind == "subscription":
            return _propose_periods(name, tables, unread, wishes, con)
        return _propose_orders(name, tables, unread, wishes, con)


def _check_wishes(kind: str, wishes: Wishes) -> None:
    """Refuse what only the other kind of business can be told."""
    of_orders = {
        "--orders": wishes.orders,
        "--horizon-days": wishes.horizon_days,
        "--lookback-days": wishes.lookback_days,
        "--min-orders": wishes.min_orders,
    }
    of_periods = {
        "--usage": wishes.usage,
        "--payments": wishes.payments,
        "--trials": wishes.trials,
        "--cancels": wishes.cancels,
        "--changes": wishes.changes,
    }
    others = of_orders if kind == "subscription" else of_periods
    if wrong := [option for option, said in others.items() if said]:
        raise ChurnError(
            f"{', '.join(wrong)} says nothing to a domain of kind {kind}.",
            hint=f"Leave it out. {', '.join(of_periods if others is of_orders else of_orders)} are "
            "the options of this kind alone.",
        )


def _propose_orders(
    name: str,
    tables: list[FoundTable],
    unread: tuple[str, ...],
    wishes: Wishes,
    con: duckdb.DuckDBPyConnection,
) -> OrderProposal:
    found = find_orders(tables, wishes.columns, wishes.table, con)
    if wishes.orders or wishes.refunds:
        found = with_words(found, wishes.orders, wishes.refunds)
    load_orders(found, con)
    profile = profile_orders(con)
    definitions = _compared(con, wishes)
    recommendation = recommend(definitions, profile.gaps)
    if definitions and wishes.horizon_days and wishes.lookback_days:
        # it is written even if it is too much for the data: the run says what they lack
        recommendation = Recommendation(definitions[0], "As you asked.", is_asked_for=True)
    has_money = found.roles["amount"] is not None or found.roles["price"] is not None
    words, assumed = _words(name, found.roles, wishes, has_money)
    texts = (
        map_orders(name, found, profile, recommendation.definition, words)
        if recommendation
        else None
    )
    return OrderProposal(
        name,
        "no_contract",
        tables,
        unread,
        words,
        assumed,
        texts,
        found,
        profile,
        definitions,
        recommendation,
    )


def _propose_periods(
    name: str,
    tables: list[FoundTable],
    unread: tuple[str, ...],
    wishes: Wishes,
    con: duckdb.DuckDBPyConnection,
) -> PeriodProposal:
    said = RowWords(wishes.payments, wishes.trials, wishes.cancels, wishes.refunds, wishes.changes)
    found = load_periods(find_periods(tables, wishes.columns, wishes.table, said, con), con)
    usage = find_usage(tables, found, wishes.columns, wishes.usage, con)
    profile = profile_periods(con)
    lapses = compare_lapses(con)
    own = next((lapse for lapse in lapses if lapse.gap_days == KIND_GAP), None)
    words, assumed = _words(name, found.roles, wishes, found.roles["amount"] is not None)
    return PeriodProposal(
        name,
        "subscription",
        tables,
        unread,
        words,
        (*assumed, *_assumed_of_periods(found, profile)),
        map_periods(name, found, usage, profile, own, words) if own and own.closed else None,
        found,
        usage,
        profile,
        lapses,
    )


def _assumed_of_periods(found: PeriodTable, profile: PeriodProfile) -> list[str]:
    assumed = []
    sql_of_trials = found.words.trials or found.roles["trial"]
    if not sql_of_trials and profile.trials:
        assumed.append(
            f"A period of up to {TRIAL_DAYS} days for nothing is a trial: --trials VALUE or "
            "--column trial=NAME"
        )
    if not found.can_cancel:
        assumed.append("No row cancels: --cancels VALUE or --column cancel=NAME")
    if found.ends_on_last_day:
        assumed.append(
            "The end of a period is its last paid day, since most renew on the day after it"
        )
    if profile.price is not None and profile.price < 5:
        assumed.append(
            "Prices of periods are kept in whole units of the currency, which is coarse for yours: "
            "a smaller unit, such as cents, keeps them apart"
        )
    return assumed


def write_proposal(proposal: Proposal, project: Path = PROJECT) -> list[Path]:
    """Write the domain that is proposed.

    Returns:
        Paths of the written files, relative to the project.

    Raises:
        ChurnError: The name cannot be used, or no definition fits the data.
    """
    check_free(proposal.name, project)
    if proposal.texts is None:
        raise ChurnError(
            "No definition of leaving can be learned from these files; nothing was written.",
            where="; ".join(sorted(proposal.refusals)[:3]),
            hint="Give more of the history."
            if proposal.kind == "subscription"
            else "Give more of the history, or say what leaving is: --horizon-days N "
            "--lookback-days N.",
        )
    texts = proposal.texts
    # a wrong time zone or currency is told before anything is written
    checked(
        DomainSettings,
        yaml.safe_load(texts.entry)[proposal.name],
        lambda keys: f"the entry of {proposal.name}: {dotted(keys)}",
    )
    written = write_domain(proposal.name, proposal.kind, texts.files, texts.entry, project)
    catalogue = project / "seeds" / "retention_actions.csv"
    catalogue.write_text(catalogue.read_text(encoding="utf-8") + texts.actions, encoding="utf-8")
    return [*written, catalogue.relative_to(project)]


def _compared(con: duckdb.DuckDBPyConnection, wishes: Wishes) -> list[Definition]:
    horizons = (wishes.horizon_days,) if wishes.horizon_days else HORIZONS
    lookbacks = (wishes.lookback_days,) if wishes.lookback_days else LOOKBACKS
    return compare(con, horizons=horizons, lookbacks=lookbacks, min_orders=wishes.min_orders or 1)


def _words(
    name: str, roles: Roles, wishes: Wishes, has_money: bool
) -> tuple[Assumptions, tuple[str, ...]]:
    """What the files cannot say, and which of it was assumed."""
    assumed = []
    currency_column, time = roles["currency"], roles["time"]
    currency = wishes.currency
    if currency is None and currency_column and currency_column.values:
        currency = currency_column.values[0][0]
    if currency is None:
        currency = "$"
        assumed.append("Amounts are in $: --currency € (or another sign or name)")
    if wishes.gross_margin is None:
        assumed.append("A quarter of an amount is profit: --gross-margin 0.25")
    if wishes.timezone is None:
        zone = "say their zone" if time and time.is_zoned else "are of the clocks of UTC"
        assumed.append(f"Days and moments {zone}; days are counted in UTC: --timezone Europe/Paris")
    if time and time.also:
        assumed.append(
            f"{time.header} is read as {time.format}; {time.also} would fit as well: if that is "
            "right, save the days as YYYY-MM-DD"
        )
    if not has_money:
        assumed.append("No column is an amount, so no action can pay: --column amount=NAME")
    words = Assumptions(
        title=wishes.title or name.capitalize(),
        currency=currency,
        gross_margin=0.25 if wishes.gross_margin is None else wishes.gross_margin,
        timezone=wishes.timezone or "UTC",
    )
    return words, tuple(assumed)
