"""`churn demo`: raw files for every domain that has a generator, and what the run on them shows."""

from importlib import import_module
from importlib.util import find_spec

from rich.console import Console

from pipeline.demo.ceiling import demo_ceiling
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.publish.generation import current
from pipeline.runs.context import RunContext


def generate(domain: str, home: Home, *, scale: float, seed: int, console: Console) -> bool:
    """Write a domain's demo raw files; False where the domain has no generator.

    A generator is a package `pipeline.demo.<domain>` with a function `generate_<domain>`. Scale
    1 is the size each domain's documentation speaks of.
    """
    name = f"pipeline.demo.{domain}"
    if find_spec(name) is None:
        return False
    getattr(import_module(name), f"generate_{domain}")(
        home.raw / domain,
        home.demo_truth / f"{domain}.parquet",
        scale=scale,
        seed=seed,
        console=console,
    )
    return True


def show_ceiling(context: RunContext) -> None:
    """Print how much of the known possible the models reached.

    Raises:
        ChurnError: Nothing is published.
    """
    generation = current(context.home)
    if generation is None:
        raise ChurnError("Nothing is published yet.", hint="Run `churn run` first.")
    for domain in context.domains:
        ceiling = demo_ceiling(context.home, generation, domain)
        if ceiling is None:
            continue
        context.console.print(
            f"{domain}: the probabilities that made this demo reach a log loss of "
            f"[bold]{ceiling.known:.4f}[/], the ceiling. From the base rate's "
            f"{ceiling.base_rate:.4f} LightGBM comes to {ceiling.model:.4f}: "
            f"[bold]{ceiling.recovered:.0%}[/] of the way.",
            highlight=False,
        )


def show_next(context: RunContext) -> None:
    """Print where to look next."""
    current = context.home.published / "current.duckdb"
    context.console.print(
        f"""
Where to look next
  the tables      .venv/bin/python -c "import duckdb; duckdb.connect('{current}',
                      read_only=True).sql('from serving.bi_churn_risk order by risk_rank').show()"
                  or the Parquet and CSV copies beside it
  one customer    from serving.bi_churn_drivers where customer_id = '…' order by rank
  the SQL         models/, in the order of the folders; `make docs` draws its lineage
  your own files  CHURN_HOME=~/churn .venv/bin/churn run --domain {context.domains[0]} --raw DIR""",
        highlight=False,
        soft_wrap=True,
    )
