"""Table of `churn labels show`."""

from rich.console import Console
from rich.table import Table

from pipeline.labels.registry import entries
from pipeline.project.home import Home


def show_labels(home: Home, domain: str, console: Console) -> None:
    """Print a domain's label registry."""
    table = Table(title=f"{domain}: frozen labels", title_justify="left")
    for name in ("definition", "cut-off"):
        table.add_column(name, no_wrap=True)
    for name in ("version", "rule", "rows", "churners"):
        table.add_column(name, justify="right")
    table.add_column("checksum", max_width=16, no_wrap=True)
    table.add_column("frozen", no_wrap=True)
    table.add_column("reason or missing files")
    for e in entries(home, domain):
        without = ", ".join(e.missing_raw_files)
        table.add_row(
            e.label_definition,
            e.as_of_date,
            str(e.label_version),
            str(e.rule_version),
            f"{e.rows:,}",
            f"{e.churners:,}",
            e.checksum,
            e.frozen_at[:16],
            " ".join(
                word
                for word in (
                    f"withdrawn {e.withdrawn_at[:16]}:" if e.withdrawn_at else "",
                    f"pruned {e.pruned_at[:16]}:" if e.pruned_at else "",
                    e.reason or (f"without {without}" if without else ""),
                )
                if word
            ),
        )
    console.print(table)
