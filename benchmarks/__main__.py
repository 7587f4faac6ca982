"""`python -m benchmarks [names…]`: measures, prints the results and saves them in bench.json."""

import sys
from typing import Annotated

import typer

from benchmarks.figures import render, save
from benchmarks.registry import BENCHMARKS, BY_NAME, chosen
from benchmarks.workbench import DEFAULT_ROUNDS, DEFAULT_ROWS, Bench
from cli.common import console, show_error, writing
from pipeline.project.errors import ChurnError
from pipeline.project.home import home

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False)

Names = Annotated[
    list[str] | None,
    typer.Argument(
        help=f"Names from {', '.join(BENCHMARKS)}; all of them by default. Only when named: "
        f"{', '.join(BY_NAME)}."
    ),
]
Rows = Annotated[int, typer.Option(min=1, help="Minimum number of generated log rows.")]
Rounds = Annotated[int, typer.Option(min=1, help="Number of timings of each measurement.")]
Shares = Annotated[
    list[float] | None,
    typer.Option("--share", min=0.0, help="Share of KKBox's size, of `full`; repeatable."),
]


@app.command()
def bench(
    names: Names = None,
    rows: Rows = DEFAULT_ROWS,
    rounds: Rounds = DEFAULT_ROUNDS,
    shares: Shares = None,
) -> None:
    """Measure ratios on generated files; your own lake and warehouse are not touched."""
    benchmarks = chosen(names or [])
    where = home()
    workbench = Bench(where.root / "bench", rows, rounds, console, shares or (1.0,))
    figures = []
    with writing(workbench.home):
        for measure in benchmarks.values():
            measured = measure(workbench)
            save(where.root / "bench.json", measured)
            figures += measured
    render(figures, console)
    console.print(f"Saved in {where.root / 'bench.json'}", highlight=False, soft_wrap=True)


def main() -> None:
    """Run the command; a ChurnError becomes a message and an exit code."""
    try:
        app()
    except ChurnError as error:
        show_error(error)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
