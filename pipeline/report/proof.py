"""Table and verdict of `churn prove`."""

import duckdb
from rich.table import Table

from pipeline.project.errors import ChurnError
from pipeline.proofs.prove import LAKES, unproven
from pipeline.proofs.time_travel import SENSITIVE, Comparison
from pipeline.runs.context import RunContext


def late_words(context: RunContext, domain: str) -> str:
    """Say how much of the cohorts' data arrived after their cut-off: time travel cannot see that.

    Features of a past cut-off are rebuilt with every row dated before it, also with those that had
    not arrived when it was scored.
    """
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        told, rows, late, worst, share = connection.execute(
            """
            select
                count(distinct as_of_date), coalesce(sum(event_rows), 0),
                coalesce(sum(late_rows), 0),
                arg_max(as_of_date, (late_rows / event_rows, as_of_date)),
                max(late_rows / event_rows)
            from control.control__late_rows
            where domain = ? and late_rows is not null
            """,
            [domain],
        ).fetchall()[0]
    if told == 0:
        return (
            "the files came at once, so how much of each cohort's data arrived late cannot be told"
        )
    if late == 0:
        return f"no row of {told:,} cut-offs' last 90 days arrived after its cut-off"
    return (
        f"{late:,} of {rows:,} rows in the 90 days before {told:,} cut-offs arrived after their "
        f"cut-off; {worst} has most, {share:.2%}"
    )


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
        context.console.print(f"  {domain}: {late_words(context, domain)}", highlight=False)
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
            hint="Look in the model of the feature, or of the correction that is named, for a "
            "window with the wrong bound.",
        )
