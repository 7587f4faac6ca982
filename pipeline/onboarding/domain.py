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
from pipeline.onboarding.mapping import Assumptions, DomainTexts, map_orders
from pipeline.onboarding.orders import (
    OrderProfile,
    OrderTable,
    find_orders,
    load_orders,
    profile_orders,
    with_words,
)
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
        table: Name of the table with the orders.
        orders: Values of the column `type` that are orders.
        refunds: Values of it that give money back.
        title: The domain's name for a reader.
        currency: Sign or name of the currency.
        gross_margin: Share of an amount that is profit.
        timezone: Where days are counted.
        horizon_days: Days without an order that are leaving.
        lookback_days: Days before a cut-off in which a customer of the cohort ordered.
        min_orders: Orders that a customer of the cohort has at least.
        encoding: Of the CSV files.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    table: str | None = None
    orders: tuple[str, ...] = ()
    refunds: tuple[str, ...] = ()
    title: str | None = None
    currency: str | None = None
    gross_margin: float | None = None
    timezone: str | None = None
    horizon_days: int | None = None
    lookback_days: int | None = None
    min_orders: int = 1
    encoding: str = UTF_8


@dataclass(frozen=True)
class Proposal:
    """What was found in the files, and the domain that follows from it.

    Attributes:
        name: The domain.
        kind: Its kind.
        tables: All tables of the folder.
        unread: Names of files that were left out.
        found: The table of orders.
        profile: What the orders are like.
        definitions: The definitions that were compared.
        recommendation: The one that is taken, and why; None if no cohort closes.
        words: What the files cannot say, as said or assumed.
        assumed: What was assumed, each with the option that says otherwise.
        texts: What will be written; None without a definition.
    """

    name: str
    kind: str
    tables: list[FoundTable]
    unread: tuple[str, ...]
    found: OrderTable
    profile: OrderProfile
    definitions: list[Definition]
    recommendation: Recommendation | None
    words: Assumptions
    assumed: tuple[str, ...]
    texts: DomainTexts | None


def propose(name: str, kind: str, folder: Path, wishes: Wishes) -> Proposal:
    """Profile a folder of raw files and propose a domain of a kind.

    Raises:
        ChurnError: The files hold no orders that can be recognised, or a wish does not fit them.
    """
    if kind != "no_contract":
        raise ChurnError(
            f"Files of kind {kind} cannot be profiled.",
            hint="Copy a domain of the kind with --like DOMAIN, and map it by hand.",
        )
    encoding = known_encoding(wishes.encoding)
    with tempfile.TemporaryDirectory() as scratch, duckdb.connect() as con:
        con.execute("set timezone = 'UTC'")
        con.execute(f"set temp_directory = '{scratch}/spill'")
        tables, unread = find_tables(folder, Path(scratch) / "files", con, encoding)
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
    words, assumed = _words(name, found, wishes)
    texts = (
        map_orders(name, found, profile, recommendation.definition, words)
        if recommendation
        else None
    )
    return Proposal(
        name,
        kind,
        tables,
        unread,
        found,
        profile,
        definitions,
        recommendation,
        words,
        assumed,
        texts,
    )


def write_proposal(proposal: Proposal, project: Path = PROJECT) -> list[Path]:
    """Write the domain that is proposed.

    Returns:
        Paths of the written files, relative to the project.

    Raises:
        ChurnError: The name cannot be used, or no definition fits the data.
    """
    check_free(proposal.name, project)
    if proposal.texts is None:
        refusals = {d.refusal for d in proposal.definitions if d.refusal}
        raise ChurnError(
            "No definition of leaving can be learned from these files; nothing was written.",
            where="; ".join(sorted(refusals)[:3]),
            hint="Give more of the history, or say what leaving is: --horizon-days N "
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
    return compare(con, horizons=horizons, lookbacks=lookbacks, min_orders=wishes.min_orders)


def _words(name: str, found: OrderTable, wishes: Wishes) -> tuple[Assumptions, tuple[str, ...]]:
    """What the files cannot say, and which of it was assumed."""
    assumed = []
    currency_column, time = found.roles["currency"], found.roles["time"]
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
    if found.roles["amount"] is None and found.roles["price"] is None:
        assumed.append("No column is an amount, so no action can pay: --column amount=NAME")
    words = Assumptions(
        title=wishes.title or name.capitalize(),
        currency=currency,
        gross_margin=0.25 if wishes.gross_margin is None else wishes.gross_margin,
        timezone=wishes.timezone or "UTC",
    )
    return words, tuple(assumed)
