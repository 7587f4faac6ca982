"""Prints what was found in the files and what is proposed."""

from collections.abc import Sequence
from dataclasses import fields

from rich.console import Console
from rich.table import Table

from pipeline.onboarding.columns import FoundColumn
from pipeline.onboarding.definitions import LEAST, USUAL, Definition, Recommendation
from pipeline.onboarding.domain import OrderProposal, PeriodProposal
from pipeline.onboarding.files import FoundTable
from pipeline.onboarding.lapses import KIND_GAP, Lapse, advice
from pipeline.onboarding.orders import OrderProfile
from pipeline.onboarding.periods import PeriodProfile
from pipeline.onboarding.roles import Roles
from pipeline.onboarding.subscription_shapes import RowWords


def show_proposal(proposal: OrderProposal | PeriodProposal, console: Console) -> None:
    """Print the profile, the definitions and what was assumed."""
    found = proposal.found
    read = [found.table]
    _show_table(found.table, found.columns, found.roles, console)
    if isinstance(proposal, PeriodProposal) and proposal.usage:
        usage = proposal.usage
        read.append(usage.table)
        _show_table(usage.table, usage.columns, usage.roles, console)
    what = "orders" if isinstance(proposal, OrderProposal) else "billing periods"
    other = "" if isinstance(proposal, OrderProposal) else ", one of usage by --usage"
    for table in proposal.tables:
        if table not in read:
            _say(
                console,
                f"Not read: {', '.join(table.files[:5])} ({table.rows:,} rows). Another "
                f"table of {what} is chosen by --table{other}.",
            )
    if proposal.unread:
        _say(console, f"Not recognised: {', '.join(proposal.unread[:10])}")
    options = (
        "--orders and --refunds say"
        if what == "orders"
        else ("--payments, --trials, --cancels, --refunds and --changes say")
    )
    for value, rows in found.left_out:
        _say(
            console,
            f"{rows:,} rows with {value!r} are not {what} and are left out; {options} which are.",
        )
    if isinstance(proposal, OrderProposal):
        _show_orders(proposal.profile, proposal.words.currency, console)
        show_definitions(proposal.definitions, proposal.recommendation, console)
    else:
        _show_words(proposal.found.words, console)
        _show_periods(proposal.profile, proposal.words.currency, console)
        show_lapses(proposal.lapses, console)
    for line in proposal.assumed:
        _say(console, f"Assumed: {line}")


def show_definitions(
    definitions: Sequence[Definition], recommendation: Recommendation | None, console: Console
) -> None:
    """Print definitions side by side, the recommended one marked, and the smallest useful size."""
    table = Table(title="What leaving could be", title_justify="left")
    for title in (
        "horizon",
        "lookback",
        "orders",
        "customers",
        "leave",
        "come back",
        "closed",
        "to learn from",
        "",
    ):
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    is_asked_for = recommendation is not None and recommendation.is_asked_for
    chosen_mark = "◀ asked for" if is_asked_for else "◀ recommended"
    for one in definitions:
        is_chosen = recommendation is not None and one == recommendation.definition
        table.add_row(
            f"{one.horizon_days} days",
            f"{one.lookback_days} days",
            f"≥ {one.min_orders}",
            f"{one.customers:,}",
            _share(one.churn_rate),
            _share(one.come_back),
            f"{one.closed}",
            f"{one.fit}" if one.fit else "too little",
            chosen_mark if is_chosen else "",
        )
    console.print(table)
    _say(
        console,
        "customers: in the newest cohort that is closed; leave: no order within the horizon; "
        "come back: order in the 180 days after it; closed: cohorts whose outcomes are known; to "
        "learn from: those known before the cohorts that a model is validated and tested on.",
    )
    if recommendation is None:
        _say(console, "None of them can be learned from.")
        return
    chosen = recommendation.definition
    _say(
        console,
        f"{'Taken' if is_asked_for else 'Recommended'}: horizon {chosen.horizon_days} days, "
        f"lookback {chosen.lookback_days} days, {chosen.min_orders} or more orders, a cut-off "
        f"{'twice a month' if chosen.grid == 'month' else 'a week'}. {recommendation.because}",
    )
    _say(console, smallest_size(chosen))


def show_lapses(lapses: Sequence[Lapse], console: Console) -> None:
    """Print what days after the end of a membership make of the periods."""
    table = Table(title="After how many days without a renewal", title_justify="left")
    for title in ("days", "customers", "leave", "come back", "closed", "to learn from", ""):
        table.add_column(title, justify="right" if title else "left", no_wrap=True)
    for one in lapses:
        table.add_row(
            f"{one.gap_days}",
            f"{one.customers:,}",
            _share(one.churn_rate),
            _share(one.come_back),
            f"{one.closed}",
            f"{one.fit}" if one.fit else "too little",
            "◀ the kind's" if one.gap_days == KIND_GAP else "",
        )
    console.print(table)
    _say(
        console,
        "customers: whose membership ends in the month of the newest cohort that is closed; leave: "
        "no renewal within the days; come back: renew in the 180 days after them; closed: cohorts "
        "whose outcomes are known; to learn from: those known before validation and test.",
    )
    _say(console, advice(lapses))


def smallest_size(chosen: Definition) -> str:
    """Say what a first model needs at least, and how these data stand to it."""
    need = (
        f"A first model needs {USUAL.cohorts} closed cohorts to learn from and, in them and in "
        f"the test, {USUAL.rows} customers of whom {USUAL.churners} leave and {USUAL.churners} stay"
    )
    if chosen.refusal or not chosen.fit:
        return f"{need}. These data have less: {chosen.refusal}."
    if chosen.minimum == USUAL:
        return f"{need}. These data have {chosen.fit} cohorts to learn from: enough."
    return (
        f"{need}. These data have less; the smallest useful size is {LEAST.rows} customers, "
        f"{LEAST.churners} who leave and {LEAST.stayers} who stay, and the entry's `minimum` says "
        "so. Compare every figure with the baselines."
    )


def _show_table(
    table: FoundTable, columns: Sequence[FoundColumn], roles: Roles, console: Console
) -> None:
    by_column = {column: role for role, column in roles.items() if column}
    _show_columns(f"{table.name}: {', '.join(table.files[:5])}", columns, by_column, console)


def _show_words(words: RowWords, console: Console) -> None:
    for part in fields(words):
        if said := getattr(words, part.name):
            _say(console, f"Taken as {part.name}: {', '.join(said)}")


def _show_periods(profile: PeriodProfile, currency: str, console: Console) -> None:
    table = Table(title="Billing periods", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    table.add_row("days", f"{profile.first_day} to {profile.last_day}")
    hole = (
        f", the longest hole {profile.longest_hole} days from {profile.longest_hole_from}"
        if profile.longest_hole
        else ""
    )
    table.add_row("days without a row", f"{profile.empty_days}{hole}")
    table.add_row("customers", f"{profile.customers:,}")
    table.add_row("payments", f"{profile.payments:,}")
    lengths = (f"{days} days ({share:.0%})" for days, share in profile.lengths)
    table.add_row("for", ", ".join(lengths))
    table.add_row("trials", f"{profile.trials:,}")
    table.add_row("cancellations", f"{profile.cancels:,}")
    table.add_row("pauses, other plans", f"{profile.changes:,} that renew nothing")
    refunded = f", {profile.refunded:.1%} of the amounts" if profile.refunded else ""
    table.add_row("refunds", f"{profile.refunds:,} rows{refunded}")
    if profile.gaps:
        ten, half, eighty, most_of = profile.gaps
        table.add_row(
            "days from an end to the next payment",
            f"{ten} (10 %), {half} (median), {eighty} (80 %), {most_of} (95 %)",
        )
        table.add_row(
            "renewals",
            f"{profile.late:.1%} up to 29 days late, {profile.returns:.1%} after 30 days or more",
        )
    if profile.price is not None:
        table.add_row("typical payment", f"{currency}{profile.price:,.2f}")
    for title, rows, then in (
        ("rows without a customer", profile.nobodys, "left out"),
        ("rows without a readable day", profile.undated, "they go to quarantine"),
        ("payments without an end", profile.endless, "they end as the row before"),
    ):
        if rows:
            table.add_row(title, f"{rows:,}; {then}")
    console.print(table, markup=False)


def _show_columns(
    title: str, columns: Sequence[FoundColumn], roles: dict[FoundColumn, str], console: Console
) -> None:
    table = Table(title=title, title_justify="left")
    for name in ("column", "holds", "filled", "distinct", "from", "to", "taken as"):
        table.add_column(name, justify="right" if name in ("filled", "distinct") else "left")
    for column in columns:
        form = f" as {column.format}" if column.format else ""
        zone = ", with a zone" if column.is_zoned else ""
        table.add_row(
            column.header,
            f"{column.holds}{form}{zone}",
            _share(column.filled / max(column.rows, 1)),
            f"{column.distinct:,}",
            column.low[:20],
            column.high[:20],
            roles.get(column, "–"),
        )
    console.print(table, markup=False)


def _show_orders(profile: OrderProfile, currency: str, console: Console) -> None:
    table = Table(title="Orders", title_justify="left", show_header=False)
    table.add_column(no_wrap=True)
    table.add_column()
    median, most, top = profile.per_customer
    table.add_row("days", f"{profile.first_day} to {profile.last_day}")
    hole = (
        f", the longest hole {profile.longest_hole} days from {profile.longest_hole_from}"
        if profile.longest_hole
        else ""
    )
    table.add_row("days without an order", f"{profile.empty_days}{hole}")
    table.add_row("orders", f"{profile.orders:,} ({profile.lines:,} rows)")
    table.add_row(
        "customers", f"{profile.customers:,}, {profile.one_order:.0%} ordered on one day only"
    )
    table.add_row("order days of a customer", f"{median} (median), {most} (90 %), {top} (most)")
    if profile.gaps:
        ten, half, eighty, most_of = profile.gaps
        table.add_row(
            "days between two", f"{ten} (10 %), {half} (median), {eighty} (80 %), {most_of} (95 %)"
        )
    refunded = f", {profile.refunded:.1%} of the amounts" if profile.refunded else ""
    table.add_row("refunds", f"{profile.refunds:,} rows{refunded}")
    if profile.order_value is not None:
        table.add_row("typical order", f"{currency}{profile.order_value:,.2f}")
    if profile.nobodys:
        table.add_row("rows without a customer", f"{profile.nobodys:,}, left out")
    if profile.undated:
        table.add_row("rows without a readable day", f"{profile.undated:,}; they go to quarantine")
    console.print(table, markup=False)


def _share(share: float | None) -> str:
    return "–" if share is None else f"{share:.0%}"


def _say(console: Console, text: str) -> None:
    console.print(text, highlight=False, markup=False)
