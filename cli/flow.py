"""The way of the data, one command a step, and all of it at once."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import AsOf, Domain, Raw, Set, app, console, for_each_domain, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home, home
from pipeline.runs.context import REFUSED, RunContext
from pipeline.runs.registry import live_run


@app.command()
def ingest(domain: Annotated[str, typer.Option()], raw: Annotated[Path, typer.Option()]) -> None:
    """Read raw files into the typed Parquet lake; bad values go to quarantine."""
    where = home()
    check_domain(domain, domain_entries())
    with writing(where):
        _ingest(where, domain, raw)


@app.command()
def build(domain: Domain = None, as_of: AsOf = None, set_: Set = None) -> None:
    """Build labels, features, examples and their tests; freeze the cohorts that closed."""
    from pipeline import steps

    context = make_context(domain, as_of, set_)
    with writing(context.home):
        steps.build(context)


@app.command()
def train(domain: Domain = None, set_: Set = None) -> None:
    """Train on the built examples: three fits, baselines, calibration, figures."""
    from pipeline import steps

    context = make_context(domain, None, set_)
    with writing(context.home):
        steps.build(context)
        if for_each_domain(context, lambda name: steps.train(context, name)):
            raise typer.Exit(REFUSED)


@app.command()
def score(domain: Domain = None, as_of: AsOf = None) -> None:
    """Score and explain the cut-off with the live run's model and settings."""
    from pipeline import steps

    context = make_context(domain, as_of, live=True)
    with writing(context.home):
        steps.build(context)
        if for_each_domain(context, lambda name: steps.score(context, name)):
            raise typer.Exit(REFUSED)


@app.command()
def publish() -> None:
    """Build the serving tables from the scores and publish them atomically."""
    from pipeline import steps

    context = make_context(None, live=True)
    with writing(context.home):
        if not context.domains:
            raise ChurnError("There is nothing to publish yet.", hint="Run `churn run` first.")
        steps.build(context)
        steps.finish(context)


@app.command()
def run(domain: Domain = None, raw: Raw = None, as_of: AsOf = None, set_: Set = None) -> None:
    """Ingest (with --raw), build, train, score and publish; does only what changed."""
    if raw is not None and domain is None:
        raise ChurnError("--raw belongs to one domain.", hint="Name it: --domain D.")
    where = home()
    with writing(where):
        if raw is not None and domain is not None:
            check_domain(domain, domain_entries())
            _ingest(where, domain, raw)
        run_all(make_context(domain, as_of, set_))


@app.command()
def demo(
    scale: Annotated[float, typer.Option(help="Share of the full size.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the generator.")] = 20170401,
) -> None:
    """Make demo data, run everything on it, and show what to look at next."""
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
    """Build, train, score and publish, and show what came out."""
    from pipeline import steps
    from pipeline.report import run as report
    from pipeline.report.info_sheet import write_info_sheet

    if not context.domains:
        raise ChurnError(
            "There is no data yet.",
            hint="`churn demo` makes some; `churn run --domain D --raw DIR` reads yours.",
        )
    steps.build(context)
    for domain in context.domains:
        report.show_label_audit(context.home, domain, console)

    def learn_and_score(name: str) -> None:
        steps.score(context, name, steps.decide(context, name, steps.train(context, name)))

    refused = for_each_domain(context, learn_and_score)
    scored = [domain for domain in context.domains if domain not in refused]
    if not scored:
        raise typer.Exit(REFUSED)
    generation = steps.finish(context)
    for domain in scored:
        write_info_sheet(context, domain, live_run(context.home, domain))
    for domain in scored:
        report.show_riskiest(generation, domain, console)
        cancelled = context.entries[domain].segments.get("already_cancelled")
        report.show_quality(generation, domain, console, cancelled.no if cancelled else None)
    if refused:
        raise typer.Exit(REFUSED)


def _ingest(where: Home, domain: str, raw: Path) -> None:
    from pipeline.ingest import ingest as ingest_files
    from pipeline.ingest import render

    render(ingest_files(domain, raw, where, console=console), console)
