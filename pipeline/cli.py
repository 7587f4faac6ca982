"""The command line `churn`."""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

# Threads that wait for each other must not burn the cores that others need.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

import typer
from filelock import FileLock, Timeout
from rich.console import Console

from pipeline.domains import check_domain, domain_entries, parse_overrides, resolve
from pipeline.errors import ChurnError
from pipeline.models import live_name, live_run, live_settings
from pipeline.settings import Home, home
from pipeline.steps import REFUSED, Plan

app = typer.Typer(
    help="Churn prediction and retention in a warehouse. State lives under CHURN_HOME.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
domain_commands = typer.Typer(help="Domains of one's own.", no_args_is_help=True)
app.add_typer(domain_commands, name="domain")
label_commands = typer.Typer(help="Frozen labels.", no_args_is_help=True)
app.add_typer(label_commands, name="labels")
dataset_commands = typer.Typer(help="Frozen modelling data.", no_args_is_help=True)
app.add_typer(dataset_commands, name="dataset")
# a pipe has no width of its own; tables should not be squeezed into 80 columns there
console = Console(width=None if sys.stdout.isatty() else 120)
errors = Console(stderr=True, width=None if sys.stderr.isatty() else 120)

Domain = Annotated[str | None, typer.Option(help="One domain; all with data by default.")]
Raw = Annotated[Path | None, typer.Option(help="Folder with raw files.")]
AsOf = Annotated[str | None, typer.Option(help="Cut-off to score, YYYY-MM-DD.")]
Set = Annotated[
    list[str] | None, typer.Option("--set", help="key=value of the domain's entry; recorded.")
]


@contextmanager
def writing(where: Home) -> Iterator[None]:
    """Hold the one writer's lock of a CHURN_HOME.

    Raises:
        ChurnError: CHURN_HOME is not writable, or another command is writing.
    """
    lock = FileLock(where.root / ".lock", timeout=0)
    try:
        where.root.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as held:
        raise ChurnError(
            "Another churn command is writing to this CHURN_HOME.",
            where=str(where.root),
            hint="Wait for it, or give this one a CHURN_HOME of its own.",
        ) from held
    except OSError as problem:
        raise ChurnError(
            "CHURN_HOME cannot be written.",
            where=f"{problem.filename or where.root}: {problem.strerror or problem}",
            hint="Free the disk, mend the permissions, or set CHURN_HOME to another folder.",
        ) from problem
    try:
        yield
    finally:
        lock.release()


@contextmanager
def scratch_folder(where: Home) -> Iterator[Path]:
    """Give an empty folder on the file system of CHURN_HOME, removed at the end."""
    where.work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=where.work) as folder:
        yield Path(folder)


def make_plan(
    domain: str | None,
    as_of: str | None = None,
    overrides: list[str] | None = None,
    *,
    live: bool = False,
) -> Plan:
    """Settle what a command works on.

    Args:
        domain: The named domain, or None for every one with data in the lake.
        as_of: Cut-off to score, for the named domain.
        overrides: `key=value` pairs for the named domain.
        live: Use the settings that the live runs recorded.
    """
    where, entries = home(), domain_entries()
    if as_of is not None and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", as_of):
        raise ChurnError(f"--as-of {as_of} is not a day.", hint="Write it as YYYY-MM-DD.")
    if domain is not None:
        check_domain(domain, entries)
    elif as_of or overrides:
        if len(entries) > 1:
            raise ChurnError("--as-of and --set belong to one domain.", hint="Name it: --domain D.")
        domain = next(iter(entries))
    for name in entries:
        # what this command does not name keeps the settings its published scores were made with
        if live or (domain is not None and name != domain):
            entries[name] = entries[name] | (live_settings(where, name) or {})
    if domain is not None:
        entries[domain] = entries[domain] | parse_overrides(overrides or [], entries[domain])
        chosen: tuple[str, ...] = (domain,)
    else:
        chosen = tuple(name for name in entries if any((where.lake / name).glob("*/*")))
    entries = {name: resolve(entry) for name, entry in entries.items()}
    return Plan(where, chosen, entries, {domain: as_of} if domain and as_of else {}, console)


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
        if _each(plan, lambda name: steps.train(plan, name)):
            raise typer.Exit(REFUSED)


@app.command()
def score(domain: Domain = None, as_of: AsOf = None) -> None:
    """Score and explain the cut-off with the live run's model and settings."""
    from pipeline import steps

    plan = make_plan(domain, as_of, live=True)
    with writing(plan.home):
        steps.build(plan)
        if _each(plan, lambda name: steps.score(plan, name)):
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


@app.command()
def prove(
    domain: Domain = None,
    cut_offs: Annotated[int, typer.Option(min=1, help="Cut-offs of each domain.")] = 5,
) -> None:
    """Prove that no feature knows what came after its cut-off."""
    from pipeline import prove as proof
    from pipeline import steps
    from pipeline.info_sheet import write_info_sheet

    plan = make_plan(domain, live=True)
    with writing(plan.home):
        steps.build(plan)
        found = proof.prove(plan, cut_offs)
        for name in plan.domains:
            if live_name(plan.home, name):
                write_info_sheet(plan, name, live_run(plan.home, name))
    proof.show_proof(plan, found)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dev(context: typer.Context) -> None:
    """Build models and tests on a sample of the customers; takes `dbt build`'s arguments."""
    from pipeline.dev import build_sample

    path = build_sample(home(), context.args, console)
    console.print(f"Look at it in {path}", highlight=False, soft_wrap=True)


@label_commands.command("show")
def labels_show(domain: Domain = None) -> None:
    """Show what is frozen: every cohort, version, size and checksum."""
    from pipeline import label_registry

    where = home()
    for name in [check_domain(domain, domain_entries())] if domain else domain_entries():
        label_registry.show(where, name, console)


@label_commands.command("audit")
def labels_audit(domain: Domain = None) -> None:
    """Fail where raw data, or files that were changed, contradict frozen labels."""
    from pipeline import label_registry, steps

    plan = make_plan(domain, live=True)
    with writing(plan.home):
        steps.build(plan)
    found = []
    for name in plan.domains:
        frozen = label_registry.entries(plan.home, name)
        found += label_registry.audit(plan.home, name, plan.entries[name]["label_rule_version"])
        plan.say(f"{name}: {len(frozen)} frozen cohorts audited")
    if found:
        raise ChurnError(
            f"{len(found)} frozen cohorts are contradicted.",
            where="\n".join(map(str, found)),
            hint="The frozen labels stay in use. If the raw data are right: "
            "churn labels refreeze --domain D --reason WHY.",
        )


@label_commands.command("refreeze")
def labels_refreeze(
    domain: Annotated[str, typer.Option()],
    reason: Annotated[str, typer.Option(help="Why; kept with the labels.")],
    cut_off: Annotated[str | None, typer.Option(help="Only this cohort.")] = None,
    definition: Annotated[str | None, typer.Option(help="Only this definition.")] = None,
) -> None:
    """Freeze contradicted cohorts anew as the raw data have them today, as a new version."""
    from pipeline import label_registry, steps

    plan = make_plan(domain, live=True)
    with writing(plan.home):
        steps.build(plan)
        written = label_registry.refreeze(
            plan.home,
            domain,
            cut_off=cut_off,
            definition=definition,
            reason=reason,
            rule_version=plan.entries[domain]["label_rule_version"],
        )
        for entry in written:
            plan.say(
                f"{domain} {entry['as_of_date']}, {entry['label_definition']}: version "
                f"{entry['label_version']}, {entry['rows']:,} labels, {entry['churners']:,} churned"
            )
        steps.build(plan)


@dataset_commands.command("freeze")
def dataset_freeze(
    name: Annotated[str, typer.Argument(help="Name to cite it by, v1 for one.")],
    domain: Annotated[str, typer.Option()],
) -> None:
    """Freeze the built examples under a name; they never change again."""
    from pipeline import datasets, steps

    plan = make_plan(domain, live=True)
    with writing(plan.home):
        steps.build(plan)
        dataset = datasets.freeze_dataset(plan, domain, name)
    manifest = dataset.manifest
    plan.say(
        f"{domain}/{name}: {manifest['rows']:,} examples of {manifest['cohorts']} cut-offs, "
        f"checksum {manifest['feature_checksum']}"
    )
    console.print(str(dataset.folder), highlight=False, soft_wrap=True)


@dataset_commands.command("list")
def dataset_list() -> None:
    """List the frozen datasets."""
    from pipeline import datasets

    datasets.show_datasets(home(), console)


@dataset_commands.command("export")
def dataset_export(
    name: Annotated[str, typer.Argument(help="name, or domain/name")],
    to: Annotated[Path, typer.Option(help="Empty or new folder.")],
    csv: Annotated[bool, typer.Option("--csv", help="csv instead of Parquet.")] = False,
) -> None:
    """Copy a dataset, checked against its manifest, into a folder."""
    from pipeline import datasets

    dataset = datasets.find_dataset(home(), name)
    for path in datasets.export_dataset(dataset, to, "csv" if csv else "parquet"):
        console.print(str(path), highlight=False, soft_wrap=True)


@dataset_commands.command("train")
def dataset_train(name: Annotated[str, typer.Argument(help="name, or domain/name")]) -> None:
    """Train on a dataset again and show the figures; nothing becomes live."""
    from pipeline import datasets, report

    where = home()
    dataset = datasets.find_dataset(where, name)
    with writing(where), scratch_folder(where) as folder:
        model_hash = datasets.train_dataset(dataset, where.warehouse, folder, console)
        report.show_run_quality(folder, console)
    console.print(f"model {model_hash}", highlight=False, soft_wrap=True)


@domain_commands.command("new")
def domain_new(
    name: Annotated[str, typer.Argument(help="Lower-case letters and digits.")],
    like: Annotated[str, typer.Option(help="Domain to start from.")],
) -> None:
    """Write a domain's folder under models/ and its entry in dbt_project.yml, to be edited."""
    from pipeline.new_domain import new_domain

    for path in new_domain(name, like):
        console.print(str(path), highlight=False, markup=False, soft_wrap=True)
    console.print(
        f"Next: name your files and columns in models/{name}/_{name}__sources.yml, map them in "
        f"models/{name}/staging/, then churn run --domain {name} --raw DIR. "
        "docs/your-own-domain.md has it step by step.",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def docs() -> None:
    """Write dbt's documentation as one static page."""
    from pipeline.docs import write_docs

    where = home()
    with writing(where):
        path = write_docs(where, console)
    console.print(f"Open {path}", highlight=False)


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
    refused = _each(plan, lambda name: steps.score(plan, name, steps.train(plan, name)))
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


def _each(plan: Plan, step: Callable[[str], object]) -> list[str]:
    """Run a step for every domain and return those refused; one does not stop the others."""
    refused = []
    for domain in plan.domains:
        try:
            step(domain)
        except ChurnError as refusal:
            if refusal.exit_code != REFUSED:
                raise
            refused.append(domain)
            show_error(refusal)
    return refused


def _ingest(where: Home, domain: str, raw: Path) -> None:
    from pipeline.ingest import ingest as ingest_files
    from pipeline.ingest import render

    render(ingest_files(domain, raw, where, console=console), console)


def show_error(error: ChurnError) -> None:
    """Print what was wrong, where, and what to do."""
    errors.print(f"[bold red]{error.what}[/]", highlight=False)
    if error.where:
        errors.print(error.where, highlight=False, markup=False)
    if error.hint:
        errors.print(f"→ {error.hint}", highlight=False, markup=False)


def main() -> None:
    """Run the command line; a ChurnError becomes words and an exit code."""
    try:
        app()
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
