"""`churn models`: list trained models, see why one is live, and change it."""

from dataclasses import replace
from typing import Annotated

import typer
from rich.table import Table

from cli.common import Domain, app, console, exit_with, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home, home
from pipeline.runs.context import RunContext
from pipeline.runs.registry import (
    decisions,
    find_run,
    live_name,
    recipe_of,
    runs,
    settings_of,
    test_figure,
)

commands = typer.Typer(help="List trained models and choose the live one.", no_args_is_help=True)
app.add_typer(commands, name="models")

Named = Annotated[
    str, typer.Argument(help="Model hash or run id; the first characters are enough.")
]
OneDomain = Annotated[str, typer.Option(help="Domain of the model.")]


@commands.command("list")
def list_models(domain: Domain = None) -> None:
    """List trained models, newest last, with their log loss and the last decision on each."""
    where = home()
    names = [check_domain(domain, domain_entries())] if domain else list(domain_entries())
    for name in names:
        table = Table(title=f"{name}: models", title_justify="left")
        for title in ("model", "run", "label", "tested on", "log loss", "live", "decision"):
            table.add_column(title, no_wrap=title in ("model", "tested on"))
        live = live_name(where, name)
        why = {row.decision.challenger_run_id: row.decision.words for row in decisions(where, name)}
        for run in runs(where, name):
            recipe = recipe_of(run)
            table.add_row(
                recipe.model_hash[:12],
                run.name,
                recipe.label_definition,
                str(recipe.test_as_of_date or "–"),
                f"{test_figure(run, 'log_loss'):.4f}",
                "✓" if run.name == live else "",
                why.get(run.name, "no decision yet"),
            )
        console.print(table)
        _show_publishes(where, name)


@commands.command()
def show(model: Named, domain: OneDomain) -> None:
    """Show how a model was trained, what it was tested on, and every decision about it."""
    where = home()
    check_domain(domain, domain_entries())
    run = find_run(where, domain, model)
    recipe = recipe_of(run)
    cohorts, tests = recipe.live_cohorts, recipe.tests
    tested_on = (
        " to ".join(str(day) for day in dict.fromkeys((tests[0], tests[-1]))) if tests else "–"
    )
    for title, value in (
        ("run", run.name),
        ("model hash", recipe.model_hash),
        ("file", run / "model.txt"),
        ("live", "yes" if live_name(where, domain) == run.name else "no"),
        ("label", f"{recipe.label_definition}, checksum {recipe.label_checksum}"),
        ("feature SQL", recipe.feature_sql_hash),
        ("learned from", f"cohorts {cohorts[0]} to {cohorts[-1]}" if cohorts else "–"),
        ("features", f"{len(recipe.features)} read, {len(recipe.excluded)} off"),
        ("calibration", recipe.calibration.method),
        ("tuned", recipe.tuned or "default parameters"),
        ("tested on", f"{tested_on}, log loss {test_figure(run, 'log_loss'):.4f}"),
    ):
        console.print(f"{title:>13}  {value}", highlight=False, soft_wrap=True)
    for row in decisions(where, domain):
        decision = row.decision
        if run.name in (decision.run_id, decision.challenger_run_id):
            console.print(f"{row.decided_at:%Y-%m-%d %H:%M}  {decision.rule}: {decision.words}")
    _show_publishes(where, domain)


def _show_publishes(where: Home, domain: str) -> None:
    """Print what guards refused of a domain, and what was accepted beyond them."""
    from pipeline.publish.record import publish_notes

    for note in publish_notes(where, domain):
        why = f"; accepted: {note.reason}" if note.reason else ""
        console.print(
            f"{note.at[:16].replace('T', ' ')}  publish {note.outcome}: {note.words}{why}",
            highlight=False,
            markup=False,
        )


@commands.command()
def promote(model: Named, domain: OneDomain) -> None:
    """Make a model live, score with it and publish."""
    where = home()
    check_domain(domain, domain_entries())
    _take(domain, find_run(where, domain, model).name, "promoted", "promoted by hand")


@commands.command()
def rollback(domain: OneDomain) -> None:
    """Return to the previous live model, score with it and publish."""
    where = home()
    check_domain(domain, domain_entries())
    live = live_name(where, domain)
    were_live = [row.decision.run_id for row in decisions(where, domain)]
    before = [run_id for run_id in were_live if run_id != live]
    if not before:
        raise ChurnError(
            f"No other model of {domain} was live before.",
            hint=f"List the models: churn models list --domain {domain}",
        )
    _take(domain, before[-1], "rolled_back", f"rolled back from {live}")


def context_of(domain: str, run_id: str) -> RunContext:
    """Return the context with a run's settings; those it does not record stay unchanged."""
    context = make_context(domain, live=True)
    recorded = settings_of(context.home.models / domain / run_id)
    changed = context.entries[domain].with_changes(recorded.given())
    return replace(context, entries={**context.entries, domain: changed})


def _take(domain: str, run_id: str, rule: str, words: str) -> None:
    from ml.decision import Decision
    from pipeline import steps

    where = home()
    with writing(where):
        live = live_name(where, domain)
        if live == run_id:
            console.print(f"{run_id} is already live.", highlight=False)
            return
        # a choice by hand is a reason: the list may jump, and the jump is on record
        context = replace(context_of(domain, run_id), accept=words)
        steps.build(context)
        # the decision names the replaced run, so that the next run does not bring it back
        steps.score(context, domain, Decision(run_id, str(live), rule, words))
        steps.finish(context)
    console.print(f"{domain}: {run_id} is live, {words}.", highlight=False)
    exit_with(context)
