"""Table and verdict of `churn prove`."""

from rich.table import Table

from pipeline.project.errors import ChurnError
from pipeline.proofs.prove import LAKES, unproven
from pipeline.proofs.time_travel import SENSITIVE, Comparison
from pipeline.runs.context import RunContext


def show_proof(context: RunContext, found: list[Comparison]) -> None:
    """Print the comparisons, and the features that depend on sources without history.

    Raises:
        ChurnError: A feature changed with the future, or did not change with the past.
    """
    table = Table(title="Rebuilt features compared with the mart", title_justify="left")
    table.add_column("domain")
    table.add_column("events from the cut-off on")
    for title in ("cut-offs", "rows", "columns", "values compared", "differences"):
        table.add_column(title, justify="right")
    for domain in context.domains:
        for lake in LAKES:
            of = [c for c in found if (c.domain, c.lake) == (domain, lake)]
            words = {
                "hidden": "hidden",
                "garbage": "garbage, twice as many",
                SENSITIVE: "rows added just before it (must differ)",
            }.get(lake, f"rows added {lake}")
            counts = (
                len(of),
                sum(c.rows for c in of),
                max((c.columns for c in of), default=0),
                sum(c.rows * c.columns for c in of),
                sum(c.differences for c in of),
            )
            table.add_row(domain, words, *(f"{count:,}" for count in counts))
    context.console.print(table)
    for domain in context.domains:
        for feature, source in unproven(context, domain):
            context.console.print(
                f"  {domain}: {feature} reads {source}, which has no history: not proven",
                highlight=False,
            )
    if broken := [c for c in found if not c.holds]:
        first = broken[0]
        raise ChurnError(
            f"{len(broken)} of {len(found)} comparisons failed: a feature "
            + (
                "does not see what happened just before the cut-off."
                if first.lake == SENSITIVE
                else "sees what happened after its cut-off."
            ),
            where=f"{first.domain} {first.as_of_date}, events {first.lake}: "
            + ("; ".join(first.examples) or "nothing changed"),
            hint="Look in the feature's model for a window with the wrong bound.",
        )
