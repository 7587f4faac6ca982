"""Tables of `churn dataset list`."""

from rich.console import Console
from rich.table import Table

from pipeline.project.home import Home
from pipeline.runs.datasets import full_name, list_datasets


def show_datasets(home: Home, console: Console) -> None:
    """Print all datasets."""
    table = Table(title="Frozen datasets", title_justify="left")
    for title in ("dataset", "cut-offs", "label", "features", "frozen"):
        table.add_column(title, no_wrap=True)
    for title in ("rows", "churners"):
        table.add_column(title, justify="right")
    for dataset in list_datasets(home):
        m = dataset.manifest
        table.add_row(
            full_name(dataset),
            f"{m.cohorts}, {m.first_cut_off} to {m.last_cut_off}",
            m.label_definition,
            m.feature_sql_hash[:12],
            m.frozen_at[:16],
            f"{m.rows:,}",
            f"{m.churners:,}",
        )
    console.print(table)
