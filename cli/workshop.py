"""`churn dev`, `dictionary`, `dataset` and `docs`: commands for developers."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import app, console, make_context, scratch_folder, writing
from pipeline.project.home import PROJECT, home

dataset_commands = typer.Typer(help="Freeze modelling data and train on it.", no_args_is_help=True)
app.add_typer(dataset_commands, name="dataset")


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dev(context: typer.Context) -> None:
    """Build and test the models on a sample of customers; passes arguments on to `dbt build`."""
    from pipeline.warehouse.sample import build_sample

    path = build_sample(home(), context.args, console)
    console.print(f"Open {path}", highlight=False, markup=False, soft_wrap=True)


@app.command()
def dictionary() -> None:
    """Generate the data dictionary from the models' YAML."""
    from pipeline.docs.dictionary import write_dictionary

    changed = [str(path) for path in write_dictionary()]
    for path in changed or ["Nothing changed."]:
        console.print(path, highlight=False)


@dataset_commands.command("freeze")
def dataset_freeze(
    name: Annotated[str, typer.Argument(help="Name of the dataset, such as v1.")],
    domain: Annotated[str, typer.Option(help="Domain of the examples.")],
) -> None:
    """Freeze the built examples under a name; a dataset never changes."""
    from pipeline import steps
    from pipeline.runs import datasets

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context)
        dataset = datasets.freeze_dataset(context, domain, name)
    manifest = dataset.manifest
    context.say(
        f"{domain}/{name}: {manifest.rows:,} examples at {manifest.cohorts} cut-offs, "
        f"checksum {manifest.feature_checksum}"
    )
    console.print(str(dataset.folder), highlight=False, soft_wrap=True)


@dataset_commands.command("list")
def dataset_list() -> None:
    """List frozen datasets."""
    from pipeline.report.datasets import show_datasets

    show_datasets(home(), console)


@dataset_commands.command("export")
def dataset_export(
    name: Annotated[str, typer.Argument(help="Name of the dataset, or domain/name.")],
    to: Annotated[Path, typer.Option(help="Folder to write to; new or empty.")],
    csv: Annotated[bool, typer.Option("--csv", help="Write CSV instead of Parquet.")] = False,
) -> None:
    """Check a dataset against its manifest and copy it into a folder."""
    from pipeline.runs import datasets

    dataset = datasets.find_dataset(home(), name)
    for path in datasets.export_dataset(dataset, to, "csv" if csv else "parquet"):
        console.print(str(path), highlight=False, soft_wrap=True)


@dataset_commands.command("train")
def dataset_train(
    name: Annotated[str, typer.Argument(help="Name of the dataset, or domain/name.")],
) -> None:
    """Train on a dataset and show the metrics; the live model does not change."""
    from pipeline.report import run as report
    from pipeline.runs import datasets

    where = home()
    dataset = datasets.find_dataset(where, name)
    with writing(where), scratch_folder(where) as folder:
        model_hash = datasets.train_dataset(dataset, where.warehouse, folder, console)
        report.show_run_quality(folder, console)
    console.print(f"model {model_hash}", highlight=False, soft_wrap=True)


@app.command()
def docs(
    cli: Annotated[
        bool, typer.Option("--cli", help="Only update docs/cli.md from the commands.")
    ] = False,
) -> None:
    """Build the docs site: guides, dictionary, notebooks, info sheets and dbt docs."""
    from pipeline.docs import build_site
    from pipeline.docs.cli_reference import write_cli_reference

    if cli:
        console.print(str(write_cli_reference(app)), highlight=False, soft_wrap=True)
        return
    where = home()
    with writing(where):
        path = build_site(where, app, console, PROJECT / "target" / "docs")
    console.print(f"Open {path}", highlight=False, markup=False, soft_wrap=True)
