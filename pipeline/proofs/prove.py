"""`churn prove`: shows on your own data that no feature knows anything after its cut-off."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import get_args

import duckdb

from ml.cohorts import RefusedError, choose_fits, read_cohorts
from ml.contract import Examples
from ml.leakage_checks import ignores_the_test
from ml.learn import digest_of_learned
from ml.level.read import read_levels, rule_of
from ml.mart import read_scoring_cut_off, read_usable, sample_of
from ml.train import PARAMETERS
from pipeline.project.duck import open_beside_learning
from pipeline.project.errors import ChurnError
from pipeline.project.files import write_json
from pipeline.project.memory import learning_budget
from pipeline.project.terminal import progress_bar
from pipeline.proofs.time_travel import Comparison, Lake, compare
from pipeline.runs.context import RunContext
from pipeline.runs.registry import tuned_parameters
from pipeline.warehouse import fingerprint
from pipeline.warehouse.compiled_sql import load_stack, stack_hash

# A few trees show what a fit depends on; quality does not matter here.
_PROVEN_ROUNDS = 60
LAKES: tuple[Lake, ...] = get_args(Lake)


def prove(context: RunContext, cut_offs: int) -> list[Comparison]:
    """Compare rebuilt features with the mart at several cut-offs of each domain; keep the proof.

    Hidden and garbage futures are tried at every chosen cut-off, rows at the instants around a
    cut-off only at the newest.

    Args:
        context: Context of the command; its warehouse is built.
        cut_offs: Number of cut-offs in each domain, spread from the first to the scored one.

    Raises:
        ChurnError: The warehouse is missing or out of date.
    """
    home = context.home
    if fingerprint.done(home.warehouse, "build") is None:
        raise ChurnError("Nothing has been built yet.", hint="Run `churn build` first.")
    chosen = {domain: _spread(_cut_offs(context, domain), cut_offs) for domain in context.domains}
    work = [
        (domain, day, lake)
        for domain, days in chosen.items()
        for day in days
        for lake in LAKES
        if lake in ("hidden", "garbage") or day == days[-1]
    ]
    found = []
    with progress_bar(context.console) as progress:
        task = progress.add_task("", total=len(work))
        for domain, day, lake in work:
            progress.update(task, description=f"{domain} {day}: events {lake}")
            found.append(compare(home, domain, load_stack(home, domain), day, lake))
            progress.advance(task)
    for domain in context.domains:
        with context.console.status(f"{domain}: training with a test cohort of garbage"):
            training = prove_training(context, domain)
        _keep(context, domain, [c for c in found if c.domain == domain], training)
        context.say(f"{domain}: {training}")
    return found


def prove_training(context: RunContext, domain: str) -> str:
    """Show that nothing learned before the test depends on the test cohort; return the result.

    Raises:
        ChurnError: Something does.
    """
    settings = context.entries[domain]
    with open_beside_learning(context.home) as connection:
        try:
            cohorts = read_cohorts(connection, domain)
            fits = choose_fits(cohorts, read_scoring_cut_off(connection, domain), settings)
            budget = learning_budget(settings.training_memory_gb)
            sample = sample_of(connection, domain, fits, budget)
        except RefusedError as refusal:
            return f"no training to prove: {refusal}"
        everything, usable, _ = read_usable(connection, domain, fits, settings, sample)
        levels = read_levels(connection, domain, rule_of(settings))

    def learn(examples: Examples) -> str:
        parameters = {**PARAMETERS, **tuned_parameters(context.home, domain)}
        return digest_of_learned(examples, fits, settings, parameters, _PROVEN_ROUNDS, levels)

    check = ignores_the_test(learn, everything.keep(usable), fits)
    if check.is_broken:
        raise ChurnError(
            f"Training {domain} fails the leakage check {check.guard}: {check.words}.",
            hint="Fit scalers and choose features and parameters on training cohorts only.",
        )
    return check.words


def kept_proof(context: RunContext, domain: str) -> dict[str, object] | None:
    """Return the stored proof of the feature SQL of the last build; None without one."""
    path = context.home.proofs / f"{domain}.json"
    if not path.exists():
        return None
    document: dict[str, object] = json.loads(path.read_text())
    current = document["feature_sql_hash"] == stack_hash(load_stack(context.home, domain))
    return document if current else None


def _keep(context: RunContext, domain: str, found: list[Comparison], training: str) -> None:
    document = {
        "domain": domain,
        "proven_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "feature_sql_hash": stack_hash(load_stack(context.home, domain)),
        "lake": fingerprint.lake_fingerprint(context.home, domain),
        "comparisons": [
            asdict(c) | {"as_of_date": str(c.as_of_date), "holds": c.holds} for c in found
        ],
        "training": training,
        "rest_on_no_history": dict(unproven(context, domain)),
    }
    write_json(context.home.proofs / f"{domain}.json", document)


def _cut_offs(context: RunContext, domain: str) -> list[date]:
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            f"select distinct as_of_date from {domain}.{domain}__churn_examples order by all"
        ).fetchall()
    if not rows:
        raise ChurnError(
            f"{domain} has no cohort to prove anything on.",
            hint=f"Load more data: churn run --domain {domain} --raw DIR",
        )
    return [row[0] for row in rows]


def _spread(days: list[date], count: int) -> list[date]:
    """Return that many days, spread evenly from the first to the last."""
    count = min(count, len(days))
    if count == 1:
        return days[-1:]
    return [days[round(n * (len(days) - 1) / (count - 1))] for n in range(count)]


def unproven(context: RunContext, domain: str) -> list[tuple[str, str]]:
    """Features that read a snapshot or mutable source, with the source."""
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        return connection.execute(
            "select feature, source_table from churn.int_churn__features_described "
            "where domain = ? and source_history <> 'append_only' order by feature",
            [domain],
        ).fetchall()
