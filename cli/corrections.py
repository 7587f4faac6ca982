"""`churn corrections`: what may be wrong in the raw rows, tested before it is corrected."""

import json
from dataclasses import asdict, dataclass
from typing import Annotated

import typer
from rich.table import Table

from cli.common import app, console, exit_with, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.home import home

commands = typer.Typer(
    help="Test corrections of the raw rows, and adopt those that have proven their gain.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(commands, name="corrections")

OneDomain = Annotated[str, typer.Option(help="Domain of the correction.")]
Named = Annotated[str, typer.Argument(help="Correction, as `churn corrections list` names it.")]


@dataclass(frozen=True)
class Listed:
    """A correction as `churn corrections list` shows it."""

    domain: str
    name: str
    hypothesis: str
    adopted: bool
    verdict: str | None


@commands.command("list")
def list_corrections(
    domain: Annotated[str | None, typer.Option(help="Only this domain's.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON objects.")] = False,
) -> None:
    """List the corrections: hypothesis, whether it is adopted, and the last verdict."""
    from pipeline.corrections import ledger
    from pipeline.corrections.catalogue import corrections_of

    where, entries = home(), domain_entries()
    names = [check_domain(domain, entries)] if domain else list(entries)
    found = [
        Listed(
            domain=name,
            name=correction.name,
            hypothesis=correction.wrong,
            adopted=correction.name in entries[name].corrections,
            verdict=tests.get(correction.name, {}).get("verdict"),
        )
        for name in names
        for tests in [ledger.latest(where, name)]
        for correction in corrections_of(name).values()
    ]
    if as_json:
        typer.echo(json.dumps([asdict(row) for row in found], indent=1))
        return
    table = Table()
    for title in ("domain", "name", "hypothesis", "adopted", "verdict"):
        table.add_column(title, no_wrap=title == "name")
    for row in found:
        table.add_row(
            row.domain,
            row.name,
            row.hypothesis,
            "yes" if row.adopted else "",
            row.verdict or "not tested",
        )
    console.print(table)


@commands.command()
def test(
    domain: OneDomain,
    names: Annotated[
        list[str] | None, typer.Argument(help="Corrections; without any, all of the domain.")
    ] = None,
    origins: Annotated[
        int, typer.Option(min=1, max=24, help="Newest closed periods to judge by, at most.")
    ] = 3,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON objects.")] = False,
) -> None:
    """Learn features with each correction and without, on the same origins, and give a verdict."""
    from pipeline import steps
    from pipeline.corrections import ledger
    from pipeline.corrections.catalogue import find_corrections
    from pipeline.corrections.judge import test_corrections
    from pipeline.report.corrections import show_tests

    check_domain(domain, domain_entries())
    corrections = find_corrections(domain, names)
    context = make_context(domain)
    with writing(context.home):
        steps.build(context)
        tested = test_corrections(context, domain, corrections, origins)
        entries = ledger.keep_tests(context.home, domain, tested)
        if as_json:
            typer.echo(json.dumps([entry.row for entry in entries], indent=1, default=str))
        else:
            show_tests([entry.row for entry in entries], console)
        _publish(domain)
    exit_with(context)


def _publish(domain: str) -> None:
    """Publish the ledger with what is published, where something is."""
    from pipeline import steps
    from pipeline.publish.generation import current

    if current(home()) is None:
        return
    live = make_context(None, live=True)
    steps.build(live, isolate=True)
    steps.finish(live)


@commands.command()
def adopt(
    name: Named,
    domain: OneDomain,
    accept: Annotated[
        str | None,
        typer.Option(help="Why it is adopted without a proven gain; kept on record."),
    ] = None,
) -> None:
    """Adopt a correction whose last test has proven its gain; the next run learns with it."""
    from pipeline.corrections import entry
    from pipeline.corrections.catalogue import find_corrections
    from pipeline.project.errors import ChurnError

    entries = domain_entries()
    check_domain(domain, entries)
    if accept is not None and not accept.strip():
        raise ChurnError("--accept has no reason.", hint="Say why: it is kept on record.")
    correction = find_corrections(domain, [name])[name]
    with writing(home()):
        entry.adopt(home(), correction, entries[domain].corrections, accept)
    console.print(
        f"{domain}: {name} is adopted. The next `churn run` builds and learns with it.",
        highlight=False,
        markup=False,
    )


@commands.command()
def drop(name: Named, domain: OneDomain) -> None:
    """Drop an adopted correction; the next run learns without it."""
    from pipeline.corrections import entry
    from pipeline.corrections.catalogue import find_corrections

    entries = domain_entries()
    check_domain(domain, entries)
    correction = find_corrections(domain, [name])[name]
    with writing(home()):
        entry.drop(home(), correction, entries[domain].corrections)
    console.print(
        f"{domain}: {name} is dropped. The next `churn run` builds and learns without it.",
        highlight=False,
        markup=False,
    )
