"""The way of the data, one command a step, and all of it at once."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.common import (
    AsOf,
    Domain,
    Raw,
    Set,
    app,
    console,
    for_each_domain,
    make_plan,
    writing,
)
from pipeline.domains import check_domain, domain_entries
from pipeline.errors import ChurnError
from pipeline.models import live_run
from pipeline.settings import Home, home
from pipeline.steps import REFUSED, Plan


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

    plan = make_plan(domain, as_of, set_)
    with writing(plan.home):
        steps.build(plan)


@app.command()
def train(domain: Domain = None, set_: Set = None) -> None:
    """Train on the built examples: three fits, baselines, calibration, figures."""
    from pipeline import steps

    plan = make_plan(domain, None, set_)
    with writing(plan.home):
        steps.build(plan)
        if for_each_domain(plan, lambda name: steps.train(plan, name)):
            raise typer.Exit(REFUSED)


@app.command()
def score(domain: Domain = None, as_of: AsOf = None) -> None:
    """Score and explain the cut-off with the live run's model and settings."""
    from pipeline import steps

    plan = make_plan(domain, as_of, live=True)
    with writing(plan.home):
        steps.build(plan)
        if for_each_domain(plan, lambda name: steps.score(plan, name)):
            raise typer.Exit(REFUSED)


@app.command()
def publish() -> None:
    """Build the serving tables from the scores and publish them atomically."""
    from pipeline import steps

    plan = make_plan(None, live=True)
    with writing(plan.home):
        if not plan.domains:
            raise ChurnError("There is nothing to publish yet.", hint="Run `churn run` first.")
        steps.build(plan)
        steps.finish(plan)


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
        run_all(make_plan(domain, as_of, set_))


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
        plan = make_plan(None)
        run_all(plan)
        show_ceiling(plan)
        show_next(plan)


def run_all(plan: Plan) -> None:
    """Build, train, score and publish, and show what came out."""
    from pipeline import report, steps
    from pipeline.info_sheet import write_info_sheet

    if not plan.domains:
        raise ChurnError(
            "There is no data yet.",
            hint="`churn demo` makes some; `churn run --domain D --raw DIR` reads yours.",
        )
    steps.build(plan)
    for domain in plan.domains:
        report.show_label_audit(plan.home, domain, console)

    def learn_and_score(name: str) -> None:
        steps.score(plan, name, steps.decide(plan, name, steps.train(plan, name)))

    refused = for_each_domain(plan, learn_and_score)
    scored = [domain for domain in plan.domains if domain not in refused]
    if not scored:
        raise typer.Exit(REFUSED)
    generation = steps.finish(plan)
    for domain in scored:
        write_info_sheet(plan, domain, live_run(plan.home, domain))
    for domain in scored:
        report.show_riskiest(generation, domain, console)
        cancelled = plan.entries[domain]["segments"].get("already_cancelled", {})
        report.show_quality(generation, domain, console, cancelled.get("no"))
    if refused:
        raise typer.Exit(REFUSED)


def _ingest(where: Home, domain: str, raw: Path) -> None:
    from pipeline.ingest import ingest as ingest_files
    from pipeline.ingest import render

    render(ingest_files(domain, raw, where, console=console), console)
