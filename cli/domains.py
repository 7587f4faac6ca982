"""`churn domain` and `definition`: add a business of one's own, and say what leaving is."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from cli.common import Encoding, app, console, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import home

domain_commands = typer.Typer(help="Add your own domain.", no_args_is_help=True)
app.add_typer(domain_commands, name="domain")

definition_commands = typer.Typer(help="Choose what leaving is.", no_args_is_help=True)
app.add_typer(definition_commands, name="definition")

Kind = Literal["no_contract", "subscription"]


@domain_commands.command("new")
def domain_new(
    name: Annotated[str, typer.Argument(help="Name of the domain: lower-case letters and digits.")],
    kind: Annotated[
        Kind | None,
        typer.Option(help="no_contract: customers come and go; subscription: what they pay ends."),
    ] = None,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            help="Folder of raw files to profile and map; or a database or the folder of an object "
            "store: env:NAME of an environment variable with its address, or an address without a "
            "password.",
        ),
    ] = None,
    like: Annotated[
        str | None, typer.Option(help="Domain to copy from, instead of --kind and --from.")
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Which column is what, as role=NAME; role=none if there is none."),
    ] = None,
    table: Annotated[
        str | None,
        typer.Option(help="Table with the orders or billing periods, if there are several."),
    ] = None,
    usage: Annotated[
        str | None,
        typer.Option(help="Table with the usage of a subscription; none if there is none."),
    ] = None,
    orders: Annotated[
        list[str] | None, typer.Option(help="Value of the column `type` that is an order.")
    ] = None,
    refunds: Annotated[
        list[str] | None, typer.Option(help="Value of the column `type` that gives money back.")
    ] = None,
    payments: Annotated[
        list[str] | None,
        typer.Option(help="Of a subscription, value of `type` that pays for a period."),
    ] = None,
    trials: Annotated[
        list[str] | None, typer.Option(help="Value of `type` that begins a trial.")
    ] = None,
    cancels: Annotated[list[str] | None, typer.Option(help="Value of `type` that cancels.")] = None,
    changes: Annotated[
        list[str] | None,
        typer.Option(help="Value of `type` that changes end or plan, such as a pause."),
    ] = None,
    title: Annotated[str | None, typer.Option(help="The domain's name for a reader.")] = None,
    currency: Annotated[str | None, typer.Option(help="Sign or name of the currency.")] = None,
    gross_margin: Annotated[
        float | None, typer.Option(help="Share of an amount that is profit.", min=0, max=1)
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Where days are counted, as Europe/Paris.")
    ] = None,
    horizon_days: Annotated[
        int | None, typer.Option(help="Days without an order that are leaving.", min=1, max=365)
    ] = None,
    lookback_days: Annotated[
        int | None,
        typer.Option(help="Days in which a customer of the cohort ordered.", min=1, max=730),
    ] = None,
    min_orders: Annotated[
        int | None,
        typer.Option(
            help="Least orders of a customer of the cohort; 1 if not given.", min=1, max=1000
        ),
    ] = None,
    encoding: Encoding = None,
    key: Annotated[
        list[str] | None,
        typer.Option(
            help="Of a database, column that identifies a row; repeatable. The primary key if not "
            "given."
        ),
    ] = None,
    cursor: Annotated[
        str | None,
        typer.Option(
            help="Of a database, column that rises with every insert and update; none if there is "
            "none."
        ),
    ] = None,
    append_only: Annotated[
        str | None,
        typer.Option(
            help="Of a database, why rows from before today were never overwritten and count as "
            "history."
        ),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the profile and write nothing.")
    ] = False,
) -> None:
    """Make a domain: profile raw files, propose a mapping and a definition of leaving, write both.

    What the files cannot say is assumed, and printed with the option that says otherwise. With
    --like, sources and mapping of another domain are copied instead, ready to edit.
    """
    if like is not None and (kind is not None or from_ is not None):
        raise ChurnError(
            "--like goes alone.", hint="Give --kind and --from, or --like DOMAIN alone."
        )
    if like is not None:
        _copy(name, like)
        return
    if kind is None or from_ is None:
        raise ChurnError(
            "--kind and --from are needed.",
            hint="Write --kind no_contract or --kind subscription, and --from with the folder of "
            "the raw files, a database or an object store; or --like with a domain to copy from.",
        )
    from pipeline.onboarding.connect import ConnectionWishes, is_address, propose_connected
    from pipeline.onboarding.domain import Wishes, propose, write_proposal
    from pipeline.onboarding.show import show_proposal
    from pipeline.project.scaffold import check_free

    check_free(name)
    wishes = Wishes(
        columns=_pairs(column or []),
        table=table,
        usage=usage,
        orders=tuple(orders or ()),
        refunds=tuple(refunds or ()),
        payments=tuple(payments or ()),
        trials=tuple(trials or ()),
        cancels=tuple(cancels or ()),
        changes=tuple(changes or ()),
        title=title,
        currency=currency,
        gross_margin=gross_margin,
        timezone=timezone,
        horizon_days=horizon_days,
        lookback_days=lookback_days,
        min_orders=min_orders,
        encoding=encoding or "utf-8",
    )
    is_connected = is_address(from_)
    if not is_connected and (key or cursor or append_only):
        raise ChurnError(
            "--key, --cursor and --append-only are for a database.",
            hint="Leave them out; or write --from env:NAME.",
        )
    if is_connected:
        said = ConnectionWishes(tuple(key or ()), cursor, append_only)
        with console.status("reading what is there"):
            proposal = propose_connected(name, kind, from_, wishes, said)
    else:
        proposal = propose(name, kind, Path(from_), wishes)
    show_proposal(proposal, console)
    if dry_run:
        return
    for path in [*write_proposal(proposal), *_dictionary()]:
        console.print(str(path), highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"Next: churn pull --domain {name}, then churn run --domain {name}"
        if is_connected
        else f"Next: churn run --domain {name} --raw {from_}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


@definition_commands.command("preview")
def definition_preview(
    domain: Annotated[str, typer.Option(help="Domain with data in the lake.")],
) -> None:
    """Compare definitions of leaving on what is in the lake and recommend one; builds nothing.

    Horizons and lookbacks where there is no contract, days after the end of a membership where
    there is one: the cohort's size, the share that leaves, the share of those who come back later,
    and the cohorts there are to learn from.
    """
    from pipeline.onboarding.preview import preview_definitions
    from pipeline.onboarding.show import show_definitions, show_lapses

    where = home()
    check_domain(domain, domain_entries())
    with writing(where):
        preview = preview_definitions(where, domain, console)
    if preview.lapses:
        show_lapses(preview.lapses, console)
        return
    show_definitions(preview.definitions, preview.recommendation, console)
    if preview.recommendation is None:
        return
    chosen = preview.recommendation.definition
    console.print(
        f"Try it: churn run --domain {domain} --set horizon_days={chosen.horizon_days} "
        f"--set lookback_days={chosen.lookback_days} --set warm_up_days={chosen.warm_up_days}",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _copy(name: str, like: str) -> None:
    from pipeline.project.scaffold import new_domain

    for path in [*new_domain(name, like), *_dictionary()]:
        console.print(str(path), highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"Next: name your files and columns in models/{name}/_{name}__sources.yml, map them in "
        f"models/{name}/staging/, then churn run --domain {name} --raw DIR. "
        "docs/your-own-domain.md has the steps.",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )


def _dictionary() -> list[Path]:
    """The dictionary again, which has the new domain's table."""
    from pipeline.docs.dictionary import write_dictionary

    return write_dictionary()


def _pairs(said: list[str]) -> dict[str, str]:
    pairs = {}
    for text in said:
        role, sign, header = text.partition("=")
        if not sign or not role or not header:
            raise ChurnError(
                f"--column {text} is not understood.", hint="Write it as --column customer=NAME."
            )
        pairs[role.strip()] = header
    return pairs
