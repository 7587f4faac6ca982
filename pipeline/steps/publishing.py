"""Builds what depends on scores, and publishes the domains that pass their guards."""

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager

import duckdb
import numpy as np

from pipeline.campaigns.exports import campaigns_fingerprint, export_campaigns
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.generations import is_offered, named, offer
from pipeline.project.serving_tables import published_tables
from pipeline.project.stores import HISTORY, MODELS, SCORES
from pipeline.publish.generation import FORMAT, GenerationInfo, current, publish
from pipeline.publish.guards import lost_decisions, measure
from pipeline.publish.history import keep_history
from pipeline.publish.kept import decided_since
from pipeline.publish.record import note_publish
from pipeline.report import notices
from pipeline.retention.catalogue import check_catalogue
from pipeline.retention.decisions import state_fingerprint
from pipeline.retention.exports import export_decisions
from pipeline.retention.overlay import read_today
from pipeline.runs.context import RunContext
from pipeline.runs.registry import (
    current_scores,
)
from pipeline.steps import inputs
from pipeline.steps.building import built_domains, check_stored, dbt_build
from pipeline.steps.training import is_past
from pipeline.warehouse import fingerprint
from pipeline.warehouse.compiled_sql import (
    keep_replayed,
)
from pipeline.warehouse.dbt import AFTER_ML, after
from pipeline.warehouse.lineage import Relation, told

_BEYOND = (
    'If it is right: churn publish --accept "REASON". If files are missing or wrong, load them and '
    "run again."
)
_LOST = (
    "Restore the state from a backup, with its -wal file, or import the lists again with churn "
    "suppress and churn contacts. If they are gone for good, customers who opted out are contacted "
    'again: churn publish --accept "REASON".'
)


def finish(context: RunContext) -> GenerationInfo | None:
    """Build and test the models that depend on scores, and publish the domains that pass.

    A domain that is left out, or that its guards refuse, keeps the rows of the current generation.

    Returns:
        The current generation; None if nothing was ever published.

    Raises:
        ChurnError: A model or a test failed, or there is nothing to publish.
    """
    home = context.home
    if fingerprint.done(home.warehouse, "build") is None:
        raise ChurnError("Nothing has been built yet.", hint="Run `churn run` first.")
    check_catalogue(context.entries)
    live = current(home)
    if live is not None and named(home)[0] != live.name:
        context.warn(
            f"{named(home)[0]} was published last and is gone. The one before it, {live.name}, "
            "takes its place: a CRM sync gets what changed in between once more."
        )
    if live is not None:
        keep_history(home, live.line or (live.name,))
    # the CRM table records changes since the current generation
    compared_with = live.name if live else "nothing"
    marts = _made_from(context)
    is_compared = fingerprint.done(home.warehouse, "compared_with") == compared_with
    is_published = live is not None and live.marts == marts
    if fingerprint.done(home.warehouse, "marts") != marts or not (is_compared or is_published):
        marts = _build_marts(context, compared_with)
    if not built_domains(context):
        return _publish_decisions(context)
    notices.tell_departures(context, built_domains(context))
    kept = sorted({*context.left_out, *_guard(context, live, built_domains(context))})
    made_from = fingerprint.digest(marts, kept)
    if live is not None and live.fingerprint == made_from:
        if not is_offered(home, live.name):
            offer(home, live.name)
        context.say(f"publish: {live.name} is current")
        return live
    new = _scored_domains(context, kept)
    if kept and not new:
        return _publish_decisions(context)
    if fingerprint.done(home.warehouse, "compared_with") != compared_with:
        marts = _build_marts(context, compared_with)
    return _publish(context, made_from, marts, kept)


def _publish_decisions(context: RunContext) -> GenerationInfo | None:
    """Publish what is published, with today's do-not-contact: it waits for no domain.

    Returns:
        The current generation; None if nothing was ever published.
    """
    live = current(context.home)
    if live is not None:
        today = read_today(context.home)
        changed, domains = decided_since(live.path, today)
        if changed:
            context.say(f"publish: do-not-contact of {', '.join(changed)} is laid over")
            made_from = fingerprint.digest(live.fingerprint, today.version)
            return _publish(context, made_from, live.marts, domains)
    context.say("publish: no domain is published again")
    return live


@contextmanager
def decisions_published(context: RunContext) -> Iterator[None]:
    """Publish today's do-not-contact also where what is done inside fails."""
    try:
        yield
    except ChurnError:
        try:
            _publish_decisions(context)
        except (ChurnError, duckdb.Error) as trouble:
            context.warn(f"do-not-contact of today is not in what is published: {trouble}")
        raise


def _publish(
    context: RunContext, made_from: str, marts: str, kept: Sequence[str]
) -> GenerationInfo:
    home = context.home
    with (
        told(home, "publish", _serving(), context.console) as wrote,
        context.console.status("publishing"),
    ):
        generation = publish(home, made_from, marts=marts, kept=kept)
        wrote += [
            Relation(f"current.serving.{table}", rows, home.published / "current.duckdb")
            for table, rows in generation.tables.items()
        ]
    context.say(f"published {generation.name}, {len(generation.tables)} tables")
    if context.log:
        context.log.night.generation, context.log.night.kept = generation.name, list(kept)
    if kept:
        context.say(f"kept as they were published: {', '.join(kept)}")
    for note in generation.notes:
        context.warn(note)
    return generation


def _serving() -> list[str]:
    return [f"warehouse.serving.{table.name}" for table in published_tables()]


def _made_from(context: RunContext) -> str:
    """Hash of what the serving tables are built from."""
    home = context.home
    return fingerprint.digest(
        inputs.rest_fingerprint(context),
        state_fingerprint(home),
        campaigns_fingerprint(home),
        FORMAT,
    )


def _build_marts(context: RunContext, compared_with: str) -> str:
    """Build and test what depends on scores; return the hash of what it was built from."""
    home = context.home
    before = fingerprint.done(home.warehouse, inputs.STEP)
    fingerprint.forget(home.warehouse, "marts", "compared_with", inputs.STEP)
    for domain in built_domains(context):
        try:
            check_stored(context, domain, SCORES, MODELS, HISTORY)
            _check_features(context, domain)
        except ChurnError as error:
            context.leave_out(domain, error)
    if not built_domains(context):
        # every domain keeps what was last published of it
        return _made_from(context)
    export_decisions(home)
    export_campaigns(home)
    read = inputs.read_by_marts(context)
    changed = inputs.changed_sources(before, read)
    # without any change the tables are those of the last build
    if changed != []:
        outcome = dbt_build(
            context,
            AFTER_ML if changed is None else after(changed),
            title="scores, drivers, serving tables, tests",
            isolate=True,
        )
        of = "" if changed is None else f" of what reads {', '.join(changed)}"
        context.say(f"serving: {outcome.passed} models and tests passed{of}")
        keep_replayed(home)
    notices.tell_unknown_contacts(context)
    marts = _made_from(context)
    # a domain that was left out meanwhile has tables of before
    if inputs.read_by_marts(context) == read:
        fingerprint.mark_done(home.warehouse, inputs.STEP, json.dumps(read))
    fingerprint.mark_done(home.warehouse, "compared_with", compared_with)
    fingerprint.mark_done(home.warehouse, "marts", marts)
    return marts


def _check_features(context: RunContext, domain: str) -> None:
    """Leave out a domain whose published scores were made from other features than are built now.

    After a study with other settings that is as it should be, and no more than said.

    Raises:
        ChurnError: They were, and nobody asked for a study.
    """
    from ml.score import is_scored

    scores = current_scores(context.home, domain)
    if scores is None:
        return
    day, folder = scores.as_of_date, context.home.models / domain / scores.run_id / "scores"
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        if is_scored(connection, folder / day, domain, np.datetime64(day)):
            return
    if is_past(context, domain):
        context.dropped.add(domain)
        context.say(
            f"{domain}: the warehouse holds the features of this study, not those of the published "
            f"scores of {day}, which stay. To build those again: churn run --domain {domain}"
        )
        return
    raise ChurnError(
        f"The published scores of {domain} of {day} were made from other features.",
        where=f"{context.home.warehouse}: it was built with other settings, or late rows changed "
        "features of that day",
        hint=f"To build and score: churn run --domain {domain}",
        exit_code=REFUSED,
    )


def _guard(context: RunContext, live: GenerationInfo | None, domains: Iterable[str]) -> list[str]:
    """Return the domains that their guards refuse; those accepted beyond them are noted."""
    home, refused = context.home, []
    for domain in domains:
        jump = measure(home, live, domain)
        beyond = jump.beyond(context.entries[domain].guards) if jump else []
        lost = lost_decisions(home, live, domain)
        if not beyond and lost is None:
            continue
        words = "; ".join([*([lost] if lost else []), *beyond])
        if context.accept is not None and domain in context.domains:
            context.warn(f"{domain}: published as accepted, although {words}", domain)
            note_publish(home, domain, "accepted", words, context.accept)
            continue
        refused.append(domain)
        note_publish(home, domain, "refused", words)
        context.refuse(
            domain,
            ChurnError(
                f"Publishing {domain} is refused: {words}.",
                where=f"{home.state}; what was last published of {domain} stays"
                if lost
                else "the limits are in dbt_project.yml, "
                f"vars.churn_domains.{domain}.guards; what was last published of it stays",
                hint=_LOST if lost else _BEYOND,
                exit_code=REFUSED,
            ),
        )
    return refused


def _scored_domains(context: RunContext, kept: Iterable[str]) -> list[str]:
    """Return the domains with published scores in the warehouse, without those that are kept."""
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        rows = connection.execute(
            "select domain from churn.int_churn__live_runs_selected order by domain"
        ).fetchall()
    return [row[0] for row in rows if row[0] not in set(kept)]
