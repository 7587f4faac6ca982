"""What to do about churn: the plan of actions, and whom to leave alone."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import app, console, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.home import home


@app.command()
def plan(
    domain: Annotated[str, typer.Option()],
    budget: Annotated[
        float | None, typer.Option(min=0, help="Expected spend, in the domain's currency.")
    ] = None,
    holdout: Annotated[
        float | None, typer.Option(min=0, max=0.5, help="Share held out; by power if not given.")
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Keep budget and hold-out, and publish the plan.")
    ] = False,
) -> None:
    """Show whom to treat with what within a budget; writes nothing without --save."""
    from pipeline import steps
    from pipeline.report.plan import show_plan
    from pipeline.retention.decisions import save_plan
    from pipeline.retention.plan import make_retention_plan, saved_settings

    where = home()
    check_domain(domain, domain_entries())
    found = make_retention_plan(where, domain, budget=budget, holdout=holdout)
    show_plan(found, console)
    if save:
        with writing(where):
            save_plan(where, domain, *saved_settings(found))
            steps.finish(make_context(None, live=True))
    else:
        console.print("Nothing was written; --save keeps this plan and publishes it.")


@app.command()
def suppress(
    domain: Annotated[str, typer.Option()],
    file: Annotated[Path, typer.Option(help="CSV with customer_id and reason.")],
    lift: Annotated[
        bool, typer.Option("--lift", help="Forget the suppression of these customers.")
    ] = False,
) -> None:
    """Keep customers that must not be contacted; the next publish leaves them alone."""
    from pipeline.retention import decisions
    from pipeline.retention.imports import read_customers, read_suppressions

    where = home()
    check_domain(domain, domain_entries())
    if lift:
        customers = read_customers(file)
        with writing(where):
            count = decisions.lift(where, domain, customers)
        words = f"{count:,} suppressions lifted, of {len(customers):,} customers in the file"
    else:
        rows = read_suppressions(file)
        with writing(where):
            count = decisions.suppress(where, domain, rows)
        words = f"{len(rows):,} customers suppressed, {count:,} of them new"
    console.print(f"{domain}: {words}. `churn publish` brings it to readers.", highlight=False)


@app.command()
def contacts(
    domain: Annotated[str, typer.Option()],
    file: Annotated[Path, typer.Option(help="CSV with customer_id, contacted_on, action_id.")],
) -> None:
    """Keep whom somebody contacted; until the cool-down ends no plan contacts them again."""
    from pipeline.retention import decisions
    from pipeline.retention.imports import read_contacts

    where = home()
    check_domain(domain, domain_entries())
    rows = read_contacts(file, domain)
    with writing(where):
        count = decisions.note_contacts(where, domain, rows)
    console.print(
        f"{domain}: {len(rows):,} contacts, {count:,} of them new. `churn publish` brings it to "
        "readers.",
        highlight=False,
    )
