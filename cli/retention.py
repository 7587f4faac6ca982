"""`churn plan`, `suppress` and `contacts`: plan actions and record who must not be contacted."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import app, console, exit_with, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.home import home


@app.command()
def plan(
    domain: Annotated[str, typer.Option(help="Domain to plan for.")],
    budget: Annotated[
        float | None,
        typer.Option(
            min=0, help="Limit on expected spend of the period, in the domain's currency."
        ),
    ] = None,
    holdout: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=0.5,
            help="Share held out of those drawn from now on; by default what power requires.",
        ),
    ] = None,
    save: Annotated[
        bool, typer.Option("--save", help="Save budget and hold-out, and publish the plan.")
    ] = False,
) -> None:
    """Show which customers to treat with which action within a budget; saves only with --save."""
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
            context = make_context(None, live=True)
            steps.finish(context)
        exit_with(context)
    else:
        console.print("Nothing was saved. Add --save to save and publish this plan.")


@app.command()
def suppress(
    domain: Annotated[str, typer.Option(help="Domain of the customers.")],
    file: Annotated[Path, typer.Option(help="CSV with customer_id and reason.")],
    lift: Annotated[
        bool, typer.Option("--lift", help="Remove the suppression of these customers.")
    ] = False,
) -> None:
    """Record customers who must not be contacted; applies from the next publish."""
    from pipeline.retention import decisions
    from pipeline.retention.imports import read_customers, read_suppressions

    where = home()
    check_domain(domain, domain_entries())
    if lift:
        customers = read_customers(file)
        with writing(where):
            count = decisions.lift(where, domain, customers)
        words = f"lifted {count:,} suppressions; the file has {len(customers):,} customers"
    else:
        rows = read_suppressions(file)
        with writing(where):
            count = decisions.suppress(where, domain, rows)
        words = f"suppressed {len(rows):,} customers, {count:,} of them new"
    console.print(f"{domain}: {words}. Run `churn publish` to apply it.", highlight=False)


@app.command()
def contacts(
    domain: Annotated[str, typer.Option(help="Domain of the customers.")],
    file: Annotated[Path, typer.Option(help="CSV with customer_id, contacted_on, action_id.")],
) -> None:
    """Record contacts; customers are not contacted again until the cool-down ends."""
    from pipeline.retention import decisions
    from pipeline.retention.imports import read_contacts

    where = home()
    check_domain(domain, domain_entries())
    rows = read_contacts(file, domain)
    with writing(where):
        count = decisions.note_contacts(where, domain, rows)
    console.print(
        f"{domain}: recorded {len(rows):,} contacts, {count:,} of them new. Run `churn publish` "
        "to apply it.",
        highlight=False,
    )
