"""`churn evaluate`: quality over many cohorts, by amount of history, and by lead time."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from ml import artifacts
from ml.challengers.slot import UnknownChallengerError, find_challenger
from ml.cohorts import RefusedError, choose_fits, is_on_grid, periods, read_cohorts
from ml.contact_spans import read_contact_spans
from ml.contacted import read_contacted, without_contacted
from ml.contract import read_examples, usable_features
from ml.evaluation.lead import predict_early, quality_by_lead
from ml.evaluation.protocol import judge_protocol
from ml.evaluation.rolling import judge_origin, learning_curve, origins
from ml.evaluation.splits import cohorts_named
from ml.level.read import read_levels, rule_of
from ml.mart import read_snapshot_features
from ml.stayers import sample_stayers
from ml.train import PARAMETERS
from pipeline.project.duck import open_beside_learning
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.files import empty_folder, move_durably
from pipeline.project.memory import learning_budget
from pipeline.project.sums import write_sums
from pipeline.runs.context import RunContext
from pipeline.runs.lead_time import examples_before
from pipeline.runs.registry import check_model, live_run, recipe_of, trained_run

ROLLING = "rolling origins"


def evaluate(context: RunContext, domain: str, count: int, challenger: str | None = None) -> Path:
    """Evaluate the live run's recipe on the newest closed cohorts and store the tables with it.

    Args:
        context: Context of the command; its warehouse is built with the live settings.
        domain: Domain.
        count: Number of cohorts.
        challenger: Name of a model from outside that is judged beside; None for none.

    Returns:
        Folder of the tables.

    Raises:
        ChurnError: There is no live run or no such challenger, or too little data.
    """
    try:
        rival = find_challenger(challenger) if challenger else None
    except UnknownChallengerError as error:
        raise ChurnError(
            f"There is nothing to judge: {error}.",
            hint="Name another one, or install what it needs.",
        ) from error
    run = live_run(context.home, domain)
    check_model(run)
    trained, settings = trained_run(run), context.entries[domain]
    recipe = trained.recipe
    rounds = artifacts.load_model(trained)[0].num_trees() // recipe.seeds
    parameters = {**PARAMETERS, **recipe.tuned}
    folder = empty_folder(context.home.work / f"evaluate_{domain}")
    now = datetime.now(UTC).replace(tzinfo=None)
    lineage = {"run_id": run.name, "domain": domain, "evaluated_at": now}

    with (
        open_beside_learning(context.home) as connection,
        context.console.status(f"{domain}: reading the mart") as status,
    ):

        def say(words: str) -> None:
            status.update(f"{domain}: {words}")

        cohorts = read_cohorts(connection, domain)
        judged = origins(cohorts, settings, count)
        if not judged:
            raise ChurnError(
                f"{domain} has no closed cohort to test on.",
                hint=f"Load more data: churn run --domain {domain} --raw DIR",
                exit_code=REFUSED,
            )
        known = [
            cohort.as_of_date
            for cohort in cohorts
            if cohort.is_closed
            and is_on_grid(cohort.as_of_date, settings)
            and cohort.as_of_date <= judged[-1].tests[-1]
        ]
        try:
            # as a training does: its test is whole, and stayers of earlier ones have weights
            sample = sample_stayers(
                connection,
                domain,
                known,
                judged[-1].tests,
                learning_budget(settings.training_memory_gb),
            )
        except RefusedError as refusal:
            raise ChurnError(
                f"Evaluating {domain} is refused: {refusal}.", exit_code=REFUSED
            ) from refusal
        if sample is not None:
            context.say(f"{domain}: {sample.recorded().words}")
        everything = read_examples(
            connection, domain, since=known[0], until=known[-1], only=known, sample=sample
        )
        usable, _ = usable_features(
            everything.features,
            read_snapshot_features(connection, domain),
            settings.assumed_static,
        )
        contacted = read_contacted(connection, domain)
        examples = without_contacted(everything.keep(usable), contacted)
        levels = read_levels(connection, domain, rule_of(settings))
        quality, calibrations = [], []
        for place, fits in enumerate(judged, 1):
            say(f"cohort {place} of {len(judged)}, {fits.test}")
            origin = judge_origin(examples, fits, settings, parameters, levels, rival)
            at = cohorts_named(fits.tests)
            quality.append(
                origin.quality.assign(**at, protocol=ROLLING, trained_cohorts=len(fits.refit))
            )
            calibrations.append(origin.calibrations.assign(**at))
        for name, protocol in settings.protocols.items():
            say(f"protocol {name}")
            try:
                figures = judge_protocol(
                    connection,
                    domain,
                    recipe.features,
                    settings,
                    protocol,
                    parameters,
                    rounds,
                )
            except RefusedError as refusal:
                context.say(f"{domain}: protocol {name} skipped: {refusal}")
                continue
            quality.append(
                figures.assign(**cohorts_named([protocol.test]), protocol=name, trained_cohorts=1)
            )
        say("learning curve")
        newest = choose_fits(
            [c for c in cohorts if c.as_of_date <= judged[-1].tests[-1]],
            judged[-1].scoring,
            settings.model_copy(update={"least_history_days": 0}),
        )
        curve = learning_curve(examples, newest, parameters)
        tables = {
            "origin_metrics": pd.concat(quality, ignore_index=True),
            "origin_calibrations": pd.concat(calibrations, ignore_index=True),
            "learning_curve": curve.assign(
                **cohorts_named(newest.tests), learned_from=str(judged[-1].refit[0])
            ),
        }
        if settings.lead_days:
            tables["lead_metrics"] = _by_lead(context, domain, rounds, judged[-1].test, say).assign(
                as_of_date=str(judged[-1].test)
            )
        for table, frame in tables.items():
            artifacts.write_table(
                connection, folder, table, {**lineage, **{c: frame[c] for c in frame}}
            )
    shutil.rmtree(run / "evaluation", ignore_errors=True)
    # named by its moment: a publish sees that it is another one, whatever its sizes
    target = run / "evaluation" / f"{now:%Y%m%dT%H%M%S%f}"
    write_sums(folder)
    move_durably(folder, target)
    return target


def _by_lead(
    context: RunContext,
    domain: str,
    rounds: int,
    test: np.datetime64,
    say: Callable[[str], None],
) -> pd.DataFrame:
    """Judge the first test cohort at several lead times, by models of first cohorts of periods."""
    recipe, settings = recipe_of(live_run(context.home, domain)), context.entries[domain]
    with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
        grid = [
            c
            for c in read_cohorts(connection, domain)
            if c.is_closed and is_on_grid(c.as_of_date, settings) and c.as_of_date <= test
        ]
        days = [str(period[0].as_of_date) for period in periods(grid, settings)]
        contacts = read_contact_spans(connection, domain)
    found = {}
    for lead in settings.lead_days:
        say(f"lead time of {lead} days")
        with examples_before(context.home, domain, lead, days) as connection:
            found[lead] = predict_early(
                connection,
                domain,
                recipe.features,
                settings,
                {**PARAMETERS, **recipe.tuned},
                rounds,
                learning_budget(settings.training_memory_gb),
                contacts,
            )
    return quality_by_lead(found)
