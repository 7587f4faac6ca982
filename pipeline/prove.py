"""`churn prove`: that no feature of any cut-off knows what came after it, on the data at hand."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import get_args

import duckdb
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from ml.cohorts import RefusedError, plan_fits, read_cohorts
from ml.contract import Examples
from ml.guards import ignores_the_test
from ml.run import digest_of_learned, read_scoring_cut_off, read_usable
from ml.train import PARAMETERS
from pipeline import fingerprint
from pipeline.errors import ChurnError
from pipeline.feature_sql import load_stack, stack_hash
from pipeline.models import tuned_parameters
from pipeline.steps import Plan
from pipeline.time_travel import SENSITIVE, Comparison, Lake, compare

# Trees are enough to show what a fit depends on; quality is not looked at.
_PROVEN_ROUNDS = 60
LAKES: tuple[Lake, ...] = get_args(Lake)


def prove(plan: Plan, cut_offs: int) -> list[Comparison]:
    """Compare rebuilt features with the mart at several cut-offs of each domain; keep the proof.

    Hidden and garbage futures are tried at every chosen cut-off, the instants around a cut-off at
    the newest one of them.

    Args:
        plan: What to work on; its warehouse is built.
        cut_offs: How many cut-offs of each domain, from the first to the scored one.

    Raises:
        ChurnError: The warehouse is not built from what is there now.
    """
    home = plan.home
    if fingerprint.done(home.warehouse, "build") is None:
        raise ChurnError("Nothing has been built yet.", hint="Run `churn build` first.")
    chosen = {domain: _spread(_cut_offs(plan, domain), cut_offs) for domain in plan.domains}
    work = [
        (domain, day, lake)
        for domain, days in chosen.items()
        for day in days
        for lake in LAKES
        if lake in ("hidden", "garbage") or day == days[-1]
    ]
    found = []
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=plan.console, transient=True) as progress:
        task = progress.add_task("", total=len(work))
        for domain, day, lake in work:
            progress.update(task, description=f"{domain} {day}: events {lake}")
            found.append(compare(home, domain, load_stack(home, domain), day, lake))
            progress.advance(task)
    for domain in plan.domains:
        with plan.console.status(f"{domain}: training with a test cohort of garbage"):
            training = prove_training(plan, domain)
        _keep(plan, domain, [c for c in found if c.domain == domain], training)
        plan.say(f"{domain}: {training}")
    return found


def prove_training(plan: Plan, domain: str) -> str:
    """Show that nothing learned before the test depends on the test cohort; say what was shown.

    Raises:
        ChurnError: It does.
    """
    settings = plan.entries[domain]
    with duckdb.connect(str(plan.home.warehouse), read_only=True) as connection:
        try:
            cohorts = read_cohorts(connection, domain)
            fits = plan_fits(cohorts, read_scoring_cut_off(connection, domain), settings)
        except RefusedError as refusal:
            return f"no training to prove: {refusal}"
        everything, usable, _ = read_usable(connection, domain, fits, settings)

    def learn(examples: Examples) -> str:
        parameters = {**PARAMETERS, **tuned_parameters(plan.home, domain)}
        return digest_of_learned(examples, fits, settings, parameters, _PROVEN_ROUNDS)

    check = ignores_the_test(learn, everything.keep(usable), fits)
    if check.is_broken:
        raise ChurnError(
            f"Training {domain} breaks the guard {check.guard}: {check.words}.",
            hint="Fit scalers, choose features and parameters on training cohorts alone.",
        )
    return check.words


def show_proof(plan: Plan, found: list[Comparison]) -> None:
    """Print what was compared and what rests on sources that are no history.

    Raises:
        ChurnError: A feature changed with the future, or did not change with the past.
    """
    table = Table(title="Features rebuilt, compared with the mart", title_justify="left")
    table.add_column("domain")
    table.add_column("events from the cut-off on")
    for title in ("cut-offs", "rows", "columns", "values compared", "differences"):
        table.add_column(title, justify="right")
    for domain in plan.domains:
        for lake in LAKES:
            of = [c for c in found if (c.domain, c.lake) == (domain, lake)]
            words = {
                "hidden": "hidden",
                "garbage": "garbage, twice as many",
                SENSITIVE: "rows added just before it: must differ",
            }.get(lake, f"rows added {lake}")
            counts = (
                len(of),
                sum(c.rows for c in of),
                max((c.columns for c in of), default=0),
                sum(c.rows * c.columns for c in of),
                sum(c.differences for c in of),
            )
            table.add_row(domain, words, *(f"{count:,}" for count in counts))
    plan.console.print(table)
    for domain in plan.domains:
        for feature, source in _unproven(plan, domain):
            plan.console.print(
                f"  {domain}: {feature} rests on {source}, which is no history: not proven",
                highlight=False,
            )
    if broken := [c for c in found if not c.holds]:
        first = broken[0]
        raise ChurnError(
            f"{len(broken)} of {len(found)} comparisons fail: a feature "
            + (
                "does not see what happened just before the cut-off."
                if first.lake == SENSITIVE
                else "knows what came after its cut-off."
            ),
            where=f"{first.domain} {first.as_of_date}, events {first.lake}: "
            + ("; ".join(first.examples) or "nothing changed"),
            hint="Look for a window that is closed on the wrong side in the model that makes it.",
        )


def kept_proof(plan: Plan, domain: str) -> dict[str, object] | None:
    """Return the kept proof of the feature SQL that the last build compiled; None without one."""
    path = plan.home.proofs / f"{domain}.json"
    if not path.exists():
        return None
    document: dict[str, object] = json.loads(path.read_text())
    current = document["feature_sql_hash"] == stack_hash(load_stack(plan.home, domain))
    return document if current else None


def _keep(plan: Plan, domain: str, found: list[Comparison], training: str) -> None:
    document = {
        "domain": domain,
        "proven_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "feature_sql_hash": stack_hash(load_stack(plan.home, domain)),
        "lake": fingerprint.lake_fingerprint(plan.home, domain),
        "comparisons": [
            asdict(c) | {"as_of_date": str(c.as_of_date), "holds": c.holds} for c in found
        ],
        "training": training,
        "rest_on_no_history": dict(_unproven(plan, domain)),
    }
    plan.home.proofs.mkdir(parents=True, exist_ok=True)
    part = plan.home.proofs / f"{domain}.part"
    part.write_text(json.dumps(document, indent=1) + "\n")
    part.replace(part.with_suffix(".json"))


def _cut_offs(plan: Plan, domain: str) -> list[date]:
    with duckdb.connect(str(plan.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            f"select distinct as_of_date from {domain}.{domain}__churn_examples order by all"
        ).fetchall()
    if not rows:
        raise ChurnError(f"{domain} has no cohort to prove anything on.")
    return [row[0] for row in rows]


def _spread(days: list[date], count: int) -> list[date]:
    """Return so many days evenly from the first to the last."""
    count = min(count, len(days))
    if count == 1:
        return days[-1:]
    return [days[round(n * (len(days) - 1) / (count - 1))] for n in range(count)]


def _unproven(plan: Plan, domain: str) -> list[tuple[str, str]]:
    """Features on a snapshot or mutable source, and the source."""
    with duckdb.connect(str(plan.home.warehouse), read_only=True) as connection:
        return connection.execute(
            "select feature, source_table from churn.int_churn__features_described "
            "where domain = ? and source_history <> 'append_only' order by feature",
            [domain],
        ).fetchall()
