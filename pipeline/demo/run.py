"""`churn demo`: generates raw files for each domain with a generator, and reports the results."""

from importlib import import_module
from importlib.util import find_spec

from rich.console import Console
from rich.text import Text

from pipeline.demo.ceiling import demo_ceiling
from pipeline.demo.nights import NightOptions, make_nights
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.publish.generation import current
from pipeline.runs.context import RunContext

NIGHTS = "nights"
# Generators that can plant errors whose truth is known.
PLANTED = ("kkbox",)


def generate(
    domain: str,
    home: Home,
    *,
    scale: float,
    seed: int,
    console: Console,
    is_planted: bool = False,
) -> bool:
    """Write a domain's demo raw files; False where the domain has no generator.

    A generator is a package `pipeline.demo.<domain>` with a function `generate_<domain>`. Scale 1
    is the size used in the documentation. `is_planted` asks for errors whose truth is known and
    markers that look like errors; a generator without any makes its usual world.
    """
    name = f"pipeline.demo.{domain}"
    generator = None
    if find_spec(name) is not None:
        # a file of this package may have the name of a domain
        generator = getattr(import_module(name), f"generate_{domain}", None)
    if generator is None:
        return False
    planted = {"is_planted": True} if is_planted and domain in PLANTED else {}
    generator(
        home.raw / domain,
        home.demo_truth / f"{domain}.parquet",
        scale=scale,
        seed=seed,
        console=console,
        **planted,
    )
    return True


def write_nights(
    domain: str, home: Home, nights: int, mishaps: tuple[str, ...], seed: int, console: Console
) -> None:
    """Write a domain's demo as it arrives night after night, and say what goes wrong."""
    made = make_nights(domain, home.raw / domain, NightOptions(nights, mishaps, seed))
    folder = home.raw / NIGHTS / domain
    for _ in made.write(folder):
        pass
    console.print(
        f"{domain}: the history and {nights} nights, {made.first} to {made.last}, in {folder}",
        highlight=False,
        soft_wrap=True,
    )
    for planted in made.planted:
        console.print(
            f"  {planted.night} {planted.table}: {planted.mishap} ({planted.kind}), "
            f"{len(planted.rows):,} rows of {planted.day}"
            + (f", there on {planted.arrives}" if planted.arrives else ""),
            highlight=False,
            soft_wrap=True,
        )


def show_ceiling(context: RunContext) -> None:
    """Print how close the models come to the oracle score.

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
            Text.assemble(
                f"{domain}: the best possible log loss on this demo is ",
                (f"{ceiling.known:.4f}", "bold"),
                ", that of the probabilities that generated it. "
                f"LightGBM reaches {ceiling.model:.4f}, the base rate {ceiling.base_rate:.4f}: ",
                (f"{ceiling.recovered:.0%}", "bold"),
                " of the possible gain.",
            ),
            highlight=False,
        )


def show_next(context: RunContext) -> None:
    """Print what to look at next."""
    current = context.home.published / "current.duckdb"
    context.console.print(
        f"""
What to look at next
  the tables      .venv/bin/python -c "import duckdb; duckdb.connect('{current}',
                      read_only=True).sql('from serving.bi_churn_risk order by risk_rank').show()"
                  or the Parquet copies in current/ beside it
  one customer    from serving.bi_churn_drivers where customer_id = '…' order by rank
  the SQL         models/, in the order of the folders; `make docs` shows its lineage
  your own files  CHURN_HOME=~/churn .venv/bin/churn run --domain {context.domains[0]} --raw DIR""",
        highlight=False,
        markup=False,
        soft_wrap=True,
    )
