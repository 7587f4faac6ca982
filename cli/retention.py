"""`churn plan`, `suppress` and `contacts`: plan actions and record who must not be contacted."""

from pathlib import Path
from typing import Annotated

import typer

from cli.common import app, console, exit_with, make_context, user, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
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
    approve: Annotated[
        str | None,
        typer.Option(help="Name of a saved draft: make it the plan, and publish it."),
    ] = None,
) -> None:
    """Show which customers to treat with which action within a budget.

    Nothing is saved without --save or --approve.
    """
    from pipeline import steps
    from pipeline.report.plan import show_plan, show_published_plan
    from pipeline.retention.decisions import save_plan
    from pipeline.retention.drafts import approve_draft, find_draft
    from pipeline.retention.plan import make_retention_plan, saved_settings

    where = home()
    check_domain(domain, domain_entries())
    draft = None
    if approve is not None:
        if save or budget is not None or holdout is not None:
            raise typer.BadParameter("a draft has its own settings", param_hint="--approve")
        draft = find_draft(where, domain, approve)
        if draft is None:
            raise ChurnError(
                f"{domain} has no draft {approve!r}.",
                hint="Save one on the page Plan of the viewer, or by the API.",
            )
        budget, choice = draft.budget_cents / 100, draft.choice
        holdout = None if draft.holdout_per_mille is None else draft.holdout_per_mille / 1000
    else:
        choice = None
    found = make_retention_plan(where, domain, budget=budget, holdout=holdout, choice=choice)
    show_plan(found, console)
    if save or draft is not None:
        with writing(where):
            if draft is not None:
                approve_draft(where, draft, user())
            else:
                save_plan(where, domain, *saved_settings(found), by=user())
            context = make_context(None, live=True)
            generation = steps.finish(context)
        if generation is not None:
            show_published_plan(generation, found, console)
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
    """Record customers who must not be contacted; the API knows it at once, lists after a publish.

    Ids are read by the rules for ids, and an apostrophe of a download is taken off. Ids without a
    row in the domain's files are kept and named.
    """
    from pipeline.retention import decisions
    from pipeline.retention.imports import read_customers, read_suppressions

    where = home()
    check_domain(domain, domain_entries())
    if lift:
        customers = read_customers(file, where, domain)
        with writing(where):
            spellings = {text for both in customers.rows for text in both}
            count = decisions.lift(where, domain, sorted(spellings), by=user())
        words = f"lifted {count:,} suppressions; the file has {len(customers.rows):,} customers"
        note = customers.note(domain)
    else:
        listed = read_suppressions(file, where, domain)
        with writing(where):
            count = decisions.suppress(where, domain, listed.rows, by=user())
        words = f"suppressed {len(listed.rows):,} customers, {count:,} of them new"
        note = listed.note(domain)
    _tell(domain, words, note)


@app.command()
def contacts(
    domain: Annotated[str, typer.Option(help="Domain of the customers.")],
    file: Annotated[Path, typer.Option(help="CSV with customer_id, contacted_on, action_id.")],
    lift: Annotated[
        bool, typer.Option("--lift", help="Take back these contacts, which were not made.")
    ] = False,
) -> None:
    """Record contacts; customers are not contacted again until the cool-down ends.

    Ids are read as by `churn suppress`. A day in the future is refused. With --lift a line takes
    back the contact of the same customer, day and action.
    """
    from pipeline.retention import decisions
    from pipeline.retention.imports import read_contacts

    where = home()
    check_domain(domain, domain_entries())
    listed = read_contacts(file, where, domain)
    with writing(where):
        if lift:
            count = decisions.lift_contacts(where, domain, listed.rows, by=user())
            words = f"took back {count:,} contacts; the file has {len(listed.rows):,}"
        else:
            count = decisions.note_contacts(where, domain, listed.rows, by=user())
            words = f"recorded {len(listed.rows):,} contacts, {count:,} of them new"
    _tell(domain, words, listed.note(domain))


def _tell(domain: str, words: str, note: str | None) -> None:
    console.print(f"{domain}: {words}. Run `churn publish` to apply it.", highlight=False)
    if note:
        console.print(note, markup=False, highlight=False, soft_wrap=True)
