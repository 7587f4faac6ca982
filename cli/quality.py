"""How good the model is, making it better, and why a customer has a score."""

from typing import Annotated

import typer

from cli.common import Domain, app, console, for_each_domain, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import home
from pipeline.runs.context import REFUSED


@app.command()
def evaluate(
    domain: Domain = None,
    origins: Annotated[int, typer.Option(min=1, help="Newest closed cohorts to judge on.")] = 6,
) -> None:
    """Judge the live recipe on many cohorts, by history and by earliness; publish the figures."""
    from pipeline import steps
    from pipeline.report.evaluation import show_evaluation
    from pipeline.runs.evaluate import evaluate as judge

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context)
        folders = {}

        def each(name: str) -> None:
            folders[name] = judge(context, name, origins)

        refused = for_each_domain(context, each)
        steps.finish(context)
    for name, folder in folders.items():
        show_evaluation(context, name, folder)
    if refused:
        raise typer.Exit(REFUSED)


@app.command()
def tune(
    domain: Domain = None,
    trials: Annotated[int, typer.Option(min=2, help="Trials of the search.")] = 30,
) -> None:
    """Search LightGBM's parameters inside the training window; the next run uses what was found."""
    from pipeline import steps
    from pipeline.runs.tune import tune as search

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context)

        def each(name: str) -> None:
            found = search(context, name, trials)
            gain = found.default_log_loss - found.log_loss
            context.say(
                f"{name}: {len(found.trials)} trials on the cohorts {', '.join(found.judged_on)}, "
                f"log loss {found.default_log_loss:.4f} by default, {found.log_loss:.4f} at best, "
                f"a gain of {gain:.4f} ± {found.gain_se:.4f}"
            )
            if found.parameters:
                rounded = {k: round(v, 4) for k, v in found.parameters.items()}
                context.say(f"{name}: kept for the next run: {rounded}")
            else:
                context.say(f"{name}: within noise; the default parameters stay")

        if for_each_domain(context, each):
            raise typer.Exit(REFUSED)


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="Customer id as the files spell it.")],
    domain: Annotated[str, typer.Option(help="Domain.")],
) -> None:
    """Show a customer's score, its reasons, its features and everything it was made from."""
    from pipeline.report.customer import explain as show

    where = home()
    check_domain(domain, domain_entries())
    if not where.warehouse.exists():
        raise ChurnError("Nothing has been built yet.", hint="Run `churn run` first.")
    show(where, domain, customer, console)
