"""`churn dev`: builds the models on a sample of customers, apart from the real warehouse."""

import json
import re
import shutil
from pathlib import Path

from rich.console import Console

from pipeline.project.domains import domain_entries
from pipeline.project.files import replaced
from pipeline.project.home import Home
from pipeline.project.terminal import show_warning
from pipeline.warehouse.dbt import BEFORE_ML, DbtOutcome, dbt
from pipeline.warehouse.static_checks import check_words


def build_sample(home: Home, arguments: list[str], console: Console) -> Path:
    """Build on the sample and return a copy to query.

    The build writes `dev.duckdb`. The copy is committed by a rename, so a SQL client that has it
    open neither blocks the next build nor sees half of one.

    Args:
        home: CHURN_HOME with a lake.
        arguments: Further arguments for `dbt build`, such as `--select`.
        console: Console for progress.

    Raises:
        ChurnError: A model or a test failed, or a feature has no words.
    """
    target = home.dbt_target.with_name("target_dev")

    def build(*arguments: str) -> DbtOutcome:
        return dbt(
            home,
            "build",
            *BEFORE_ML,
            "--exclude-resource-type=unit_test",  # the sample does not have their customers
            "--target=dev",
            *arguments,
            console=console,
            title="models on a sample",
            target_path=target,
        )

    if arguments and not home.dev_copy.exists():
        console.print("The first time all models are built, for a selection to read.")
        build()
    outcome = build(*arguments)
    manifest = json.loads((target / "manifest.json").read_text())
    for domain, entry in domain_entries().items():
        featured = {
            node["name"]: node.get("compiled_code") or ""
            for node in manifest["nodes"].values()
            if re.fullmatch(rf"int_({domain}|{entry.kind})__\w+_featured", node["name"])
        }
        check_words(manifest, domain, featured)
    console.print(f"{outcome.passed} models and tests passed", highlight=False)
    for warning in outcome.warnings:
        show_warning(console, warning)
    with replaced(home.dev_copy) as part:
        shutil.copyfile(home.dev_warehouse, part)
    return home.dev_copy
