"""The steps of the flow, a command each, and `churn run` and `churn demo`, which run them all."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import (
    Accept,
    AsOf,
    Domain,
    Encoding,
    EngineName,
    Raw,
    Set,
    app,
    console,
    exit_with,
    for_each_domain,
    make_context,
    recording,
    show_error,
    writing,
)
from pipeline.engines.environments import BuildEngine, find_engine
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import EXPLAINED
from pipeline.project.home import Home, home
from pipeline.runs.context import RunContext
from pipeline.runs.nights import NightLog
from pipeline.runs.rebuild import with_whole_warehouse
from pipeline.runs.registry import live_name, live_run


@app.command()
def ingest(
    domain: Annotated[str, typer.Option(help="Domain of the raw files.")],
    raw: Raw = None,
    encoding: Encoding = None,
    accept: Annotated[
        str | None,
        typer.Option(help="Why a file with many rows in quarantine is right; kept on record."),
    ] = None,
    remove: Annotated[
        list[str] | None,
        typer.Option(help="Raw file to take out of the lake; repeatable. Instead of --raw."),
    ] = None,
) -> None:
    """Load raw files into the typed Parquet lake; rows with bad values go to quarantine."""
    where = home()
    check_domain(domain, domain_entries())
    if (raw is None) == (not remove):
        raise ChurnError(
            "Ingest either loads the files of a folder or takes files out of the lake.",
            hint="Give --raw DIR or --remove FILE, one of the two.",
        )
    if accept is not None and not accept.strip():
        raise ChurnError("--accept gives no reason.", hint='Write one: --accept "why".')
    with writing(where):
        if raw is not None:
            _ingest(where, domain, raw, encoding, accept)
        for file in remove or ():
            _remove(where, domain, file)


@app.command()
def build(
    domain: Domain = None,
    as_of: AsOf = None,
    set_: Set = None,
    engine: EngineName = "duckdb",
) -> None:
    """Build and test labels, features and examples; freeze the cohorts that have closed."""
    from pipeline import steps

    chosen = find_engine(engine)
    context = make_context(domain, as_of, set_)

    def work() -> None:
        steps.build(context, isolate=True, engine=chosen)
        for_each_domain(context, lambda name: steps.is_past(context, name))

    with writing(context.home):
        with_whole_warehouse(context, work)
    exit_with(context)


@app.command()
def train(domain: Domain = None, set_: Set = None) -> None:
    """Train a model: three fits, baselines, calibration and metrics."""
    from pipeline import steps

    context = make_context(domain, None, set_)

    def work() -> None:
        steps.build(context, isolate=True)
        for_each_domain(context, lambda name: steps.train(context, name))

    with writing(context.home):
        with_whole_warehouse(context, work)
    exit_with(context)


@app.command()
def score(domain: Domain = None, as_of: AsOf = None) -> None:
    """Score and explain a cut-off with the live model and its settings."""
    from pipeline import steps

    context = make_context(domain, as_of, live=True)

    def work() -> None:
        steps.build(context, isolate=True)
        for_each_domain(context, lambda name: steps.score(context, name))

    with writing(context.home):
        with_whole_warehouse(context, work)
    exit_with(context)


@app.command(epilog=EXPLAINED)
def publish(
    accept: Accept = None,
    to: Annotated[
        list[str] | None,
        typer.Option(
            help="Also bring what is published to this database: env:NAME of an environment "
            "variable with its address, or postgresql://USER@HOST/DATABASE, whose password comes "
            "from PGPASSWORD or ~/.pgpass; repeatable."
        ),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="With --to: only say what would change there; publish nothing."
        ),
    ] = False,
) -> None:
    """Build the serving tables and publish them atomically."""
    from pipeline import steps
    from pipeline.destinations.postgres import check_address, sync
    from pipeline.project.databases import resolved
    from pipeline.report.sync import show_sync

    where = home()
    if dry_run and not to:
        raise ChurnError("--dry-run needs a destination.", hint="Add --to postgresql://…")
    addresses = [resolved(address) for address in to or ()]
    for address in addresses:
        check_address(address)
    if dry_run:
        for address in addresses:
            show_sync(console, sync(where, address, dry_run=True), is_dry_run=True)
        return
    with writing(where), recording(where, "publish") as log:
        context = make_context(None, live=True, accept=accept, log=log)
        if not context.domains:
            raise ChurnError("Nothing to publish yet.", hint="Run `churn run` first.")

        def work() -> None:
            with context.step("build"):
                steps.build(context, isolate=True)
            with context.step("publish"):
                steps.finish(context)

        with_whole_warehouse(context, work)
        for address in addresses:
            _bring(context, address)
        exit_with(context)


def _bring(context: RunContext, address: str) -> None:
    """Bring what is published to a database; one that fails is told and stops nothing."""
    from pipeline.destinations.postgres import sync
    from pipeline.project.databases import without_password
    from pipeline.report.sync import show_sync

    try:
        with context.step(f"bring to {without_password(address)}"), console.status("loading"):
            done = sync(context.home, address)
    except ChurnError as error:
        show_error(error)
        context.warn(f"{without_password(address)} has not been brought up to date: {error.what}")
        return
    show_sync(console, done)
    if done.rejected:
        context.warn(f"{len(done.rejected)} rows were left out of {done.address}")


@app.command(epilog=EXPLAINED)
def run(
    domain: Domain = None,
    raw: Raw = None,
    encoding: Encoding = None,
    as_of: AsOf = None,
    set_: Set = None,
    accept: Accept = None,
    engine: EngineName = "duckdb",
) -> None:
    """Ingest (with --raw), build, train, score and publish; unchanged steps are skipped."""
    chosen = find_engine(engine)
    if raw is not None and domain is None:
        raise ChurnError("--raw needs a domain.", hint="Add --domain DOMAIN.")
    where = home()
    with writing(where), recording(where, "run") as log:
        if raw is not None and domain is not None:
            check_domain(domain, domain_entries())
            _ingest(where, domain, raw, encoding, accept, log=log)
        run_all(make_context(domain, as_of, set_, accept=accept, log=log), chosen)


@app.command()
def demo(
    scale: Annotated[float, typer.Option(help="Size as a share of the full demo.")] = 1.0,
    seed: Annotated[int, typer.Option(help="Seed of the random generator.")] = 20170401,
    nights: Annotated[
        int | None,
        typer.Option(
            help="Only write files: the history, and a folder for each of the last nights."
        ),
    ] = None,
    mishap: Annotated[
        str | None,
        typer.Option(
            help="With --nights, what goes wrong: gap, late, future, refunds, double, currency, "
            "ids; several with commas."
        ),
    ] = None,
    planted: Annotated[
        bool,
        typer.Option(
            "--planted",
            help="Another world for `churn corrections test`: errors whose truth is known, and "
            "markers that look like errors.",
        ),
    ] = False,
) -> None:
    """Generate demo data, run every step on it, and suggest what to look at next."""
    from pipeline.demo import generate, show_ceiling, show_next, write_nights

    where = home()
    if mishap is not None and nights is None:
        raise ChurnError("--mishap needs nights.", hint="Add --nights N.")
    if nights is not None:
        with writing(where):
            for domain in domain_entries():
                if generate(domain, where, scale=scale, seed=seed, console=console):
                    names = tuple(part.strip() for part in (mishap or "").split(",") if part)
                    write_nights(domain, where, nights, names, seed, console)
        return
    with writing(where), recording(where, "demo") as log:
        for domain in domain_entries():
            if generate(domain, where, scale=scale, seed=seed, console=console, is_planted=planted):
                _ingest(where, domain, where.raw / domain, log=log)
        context = make_context(None, log=log)
        run_all(context)
        show_ceiling(context)
        show_next(context)


def run_all(context: RunContext, engine: BuildEngine | None = None) -> None:
    """Build, train, score and publish, and print the results.

    Args:
        context: The context of the command.
        engine: Another engine than DuckDB for labels and features.

    Raises:
        typer.Exit: A domain was not published as it should be; with the exit code.
    """
    if not context.domains:
        raise ChurnError(
            "There is no data yet.",
            hint="Generate demo data with `churn demo`, or load your own with "
            "`churn run --domain DOMAIN --raw DIR`.",
        )
    with_whole_warehouse(context, lambda: _run_steps(context, engine))
    exit_with(context)


def _run_steps(context: RunContext, engine: BuildEngine | None) -> None:
    from pipeline import steps
    from pipeline.report import run as report
    from pipeline.report.info_sheet import write_info_sheet

    with context.step("build"), steps.decisions_published(context):
        steps.build(context, isolate=True, engine=engine)
    for domain in context.remaining:
        report.show_label_audit(context.home, domain, console)

    def learn_and_score(name: str) -> None:
        with context.step("learn and score", name):
            steps.learn_and_score(context, name)

    for_each_domain(context, learn_and_score)
    if not context.remaining:
        return
    with context.step("publish"):
        generation = steps.finish(context)
    # of a domain whose first scores are of a past day nothing is published
    shown = [name for name in context.remaining if live_name(context.home, name)]
    for domain in shown:
        write_info_sheet(context, domain, live_run(context.home, domain))
    if generation is not None:
        for domain in shown:
            report.show_riskiest(generation, domain, console)
            entry = context.entries[domain]
            cancelled = entry.segments.get("already_cancelled")
            report.show_quality(
                generation,
                domain,
                console,
                cancelled.no if cancelled else None,
                entry.apart,
                entry.population,
            )


def _ingest(
    where: Home,
    domain: str,
    raw: Path,
    encoding: str | None = None,
    accept: str | None = None,
    *,
    log: NightLog | None = None,
) -> None:
    from pipeline.operations.reading import read_folder

    read_folder(where, domain, raw, console, encoding=encoding, accept=accept, log=log)


def _remove(where: Home, domain: str, file: str) -> None:
    from pipeline.ingest import remove_file

    removed = remove_file(domain, file, where)
    console.print(str(removed), markup=False, highlight=False, soft_wrap=True)
