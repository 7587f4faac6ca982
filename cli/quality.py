"""`churn evaluate`, `tune` and `explain`: measure a model, improve it, and explain a score."""

from typing import Annotated

import typer

from cli.common import Domain, app, console, exit_with, for_each_domain, make_context, writing
from pipeline.project.domains import check_domain, domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import home


@app.command()
def evaluate(
    domain: Domain = None,
    origins: Annotated[
        int, typer.Option(min=1, help="Number of newest closed cohorts to test on.")
    ] = 6,
    challenger: Annotated[
        str | None,
        typer.Option(
            help="A model from outside to judge beside: boosted, catboost, tabpfn, or "
            "package.module:name of anything with fit and predict_proba. It never goes live."
        ),
    ] = None,
) -> None:
    """Test the live recipe on many cohorts, by history and lead time; publish the metrics."""
    from pipeline import steps
    from pipeline.report.evaluation import show_evaluation
    from pipeline.runs.evaluate import evaluate as judge

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context, isolate=True)
        folders = {}

        def each(name: str) -> None:
            folders[name] = judge(context, name, origins, challenger)

        for_each_domain(context, each)
        steps.finish(context)
    for name, folder in folders.items():
        show_evaluation(context, name, folder)
    exit_with(context)


@app.command()
def tune(
    domain: Domain = None,
    trials: Annotated[int, typer.Option(min=2, help="Trials in the search.")] = 30,
) -> None:
    """Search for LightGBM parameters inside the training window; the next run uses the result."""
    from pipeline import steps
    from pipeline.runs.tune import tune as search

    context = make_context(domain, live=True)
    with writing(context.home):
        steps.build(context, isolate=True)

        def each(name: str) -> None:
            found = search(context, name, trials)
            gain = found.default_log_loss - found.log_loss
            context.say(
                f"{name}: {len(found.trials)} trials on the cohorts {', '.join(found.judged_on)}: "
                f"log loss {found.log_loss:.4f}, default {found.default_log_loss:.4f}, "
                f"gain {gain:.4f} ± {found.gain_se:.4f}"
            )
            if found.parameters:
                rounded = {k: round(v, 4) for k, v in found.parameters.items()}
                context.say(f"{name}: saved for the next run: {rounded}")
            else:
                context.say(f"{name}: the gain is within noise; the default parameters stay")

        for_each_domain(context, each)
    exit_with(context)


@app.command()
def explain(
    customer: Annotated[str, typer.Argument(help="Customer id as spelt in the raw files.")],
    domain: Annotated[str, typer.Option(help="Domain of the customer.")],
) -> None:
    """Show a customer's score, reasons, features and the rows behind them."""
    from pipeline.report.customer import explain as show

    where = home()
    check_domain(domain, domain_entries())
    if not where.warehouse.exists():
        raise ChurnError("Nothing has been built yet.", hint="Run `churn run` first.")
    show(where, domain, customer, console)
