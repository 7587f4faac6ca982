"""The steps of the flow, a command each, and `churn run` and `churn demo`, which run them all."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import (
    Accept,
    AsOf,
    Domain,
    Raw,
    Set,
    app,
    console,
    exit_with,
    for_each_domain,
    make_context,
    writing,
)
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import EXPLAINED
from pipeline.project.home import Home, home
from pipeline.runs.context import RunContext
from pipeline.runs.registry import live_name, live_run


@app.command()
def ingest(
    domain: Annotated[str, typer.Option(help="Domain of the raw files.")],
    raw: Annotated[Path, typer.Option(help="Folder of the raw files.")],
) -> None:
    """Load raw files into the typed Parquet lake; rows with bad values go to quarantine."""
    where = home()
    check_domain(domain, domain_entries())
    with writing(where):
        _ingest(where, domain, raw)


@app.command()
def build(domain: Domain = None, as_of: AsOf = None, set_: Set = None) -> None:
    """Build and test labels, features and examples; freeze the cohorts that have closed."""
    from pipeline import steps

    context = make_context(domain, as_of, set_)
    with writing(context.home):
        steps.build(context, isolate=True)
        for_each_domain(context, lambda name: steps.is_past(context, name))
    exit_with(context)


@app.command()
def train(domain: Domain = None, set_: Set = None) -> None:
    """Train a model: three fits, baselines, calibration and metrics."""
    from pipeline import steps

    context = make_context(domain, None, set_)
    with writing(context.home):
        steps.build(context, isolate=True)
        for_each_domain(context, lambda name: steps.train(context, name))
    exit_with(context)


@app.command()
def score(domain: Domain = None, as_of: AsOf = None) -> None:
    """Score and explain a cut-off with the live model and its settings."""
    from pipeline import steps

    context = make_context(domain, as_of, live=True)
    with writing(context.home):
        steps.build(context, isolate=True)
        for_each_domain(context, lambda name: steps.score(context, name))
    exit_with(context)


@app.command(epilog=EXPLAINED)
def publish(accept: Accept = None) -> None:
    """Build the serving tables and publish them atomically."""
    from pipeline import steps

    context = make_context(None, live=True, accept=accept)
    with writing(context.home):
        if not context.domains:
            raise ChurnError("Nothing to publish yet.", hint="Run `churn run` first.")
        steps.build(context, isolate=True)
        steps.finish(context)
    exit_with(context)


@app.command(epilog=EXPLAINED)
def run(
    domain: Domain = None,
    raw: Raw = None,
    as_of: AsOf = None,
    set_: Set = None,
    accept: Accept = None,
) -> None:
    """Ingest (with --raw), build, train, score and publish; unchanged steps are skipped."""
    if raw is not None and domain is None:
        raise ChurnError("--raw needs a domain.", hint="Add --domain DOMAIN.")
    where = home()
    with writing(where):
        if raw is not None and domain is not None:
            check_domain(domain, domain_entries())
            _ingest(where, domain, raw)
        run_all(make_context(domain, as_of, set_, accept=accept))


@app.command()
def demo(
    scale: Annotated[float, typer.Option(help="Size as a share of the full demo.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the random generator.")] = 20170401,
) -> None:
    """Generate demo data, run every step on it, and suggest what to look at next."""
    from pipeline.demo import generate, show_ceiling, show_next

    where = home()
    with writing(where):
        for domain in domain_entries():
            if generate(domain, where, scale=scale, seed=seed, console=console):
                _ingest(where, domain, where.raw / domain)
        context = make_context(None)
        run_all(context)
        show_ceiling(context)
        show_next(context)


def run_all(context: RunContext) -> None:
    """Build, train, score and publish, and print the results.

    Raises:
        typer.Exit: A domain was not published as it should be; with the exit code.
    """
    from pipeline import steps
    from pipeline.report import run as report
    from pipeline.report.info_sheet import write_info_sheet

    if not context.domains:
        raise ChurnError(
            "There is no data yet.",
            hint="Generate demo data with `churn demo`, or load your own with "
            "`churn run --domain DOMAIN --raw DIR`.",
        )
    steps.build(context, isolate=True)
    for domain in context.remaining:
        report.show_label_audit(context.home, domain, console)
    for_each_domain(context, lambda name: steps.learn_and_score(context, name))
    if not context.remaining:
        exit_with(context)
    generation = steps.finish(context)
    # of a domain whose first scores are of a past day nothing is published
    shown = [name for name in context.remaining if live_name(context.home, name)]
    for domain in shown:
        write_info_sheet(context, domain, live_run(context.home, domain))
    if generation is not None:
        for domain in shown:
            report.show_riskiest(generation, domain, console)
            cancelled = context.entries[domain].segments.get("already_cancelled")
            report.show_quality(generation, domain, console, cancelled.no if cancelled else None)
    exit_with(context)


def _ingest(where: Home, domain: str, raw: Path) -> None:
    from pipeline.ingest import ingest as ingest_files
    from pipeline.ingest import render

    render(ingest_files(domain, raw, where, console=console), console)
