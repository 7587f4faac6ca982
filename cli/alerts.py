"""`churn alerts`: what nights found and somebody should know."""

import json
from typing import Annotated

import typer
from rich.table import Table

from cli.common import app, console
from pipeline.project.domains import domain_entries
from pipeline.project.exit_codes import FAILED
from pipeline.project.home import home


@app.command(epilog="Exit codes: 0; with --test, 1 if a target was not reached.")
def alerts(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    test: Annotated[
        bool, typer.Option("--test", help="Send a message to every target, and list nothing.")
    ] = False,
) -> None:
    """List the alerts that are open: what, since when, and where it is shown."""
    from pipeline.alerts.book import read_alerts
    from pipeline.alerts.settings import read_targets
    from pipeline.alerts.tell import try_targets
    from pipeline.alerts.wording import alert_data, link_of

    where = home()
    if test:
        reached = try_targets(where)
        for name, problem in reached.items():
            console.print(f"{name}: {problem or 'reached'}", highlight=False)
        if any(reached.values()):
            raise typer.Exit(FAILED)
        return
    titles = {name: entry.title for name, entry in domain_entries().items()}
    targets = read_targets(where)
    found = [(one, link_of(one, targets, titles)) for one in read_alerts(where)]
    if as_json:
        text = json.dumps([alert_data(one, link) for one, link in found], ensure_ascii=False)
        console.print(text, highlight=False, soft_wrap=True)
        return
    if not found:
        console.print("No alert is open.")
        return
    table = Table()
    for title in ("domain", "what", "since, UTC", "look at"):
        table.add_column(title, no_wrap=title in ("domain", "since, UTC"), overflow="fold")
    for one, link in found:
        table.add_row(
            one.domain or "all",
            one.words,
            f"{one.since:%Y-%m-%d %H:%M}",
            f"{link}\n{one.command}",
        )
    console.print(table)
