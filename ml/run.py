"""One training run: three fits, baselines, calibration, metrics, and the model that scores."""

from collections.abc import Callable
from pathlib import Path

import duckdb

from ml import artifacts, leakage_checks
from ml.bands import assign_bands
from ml.cohorts import choose_fits, read_cohorts
from ml.contacted import read_contacted, without_contacted
from ml.contract import read_examples
from ml.learn import learn_live, learn_until_test, on_level, seeds_for
from ml.level.read import read_levels, rule_of
from ml.mart import read_live, read_usable
from ml.record import (
    Judged,
    RunInputs,
    Split,
    TrainedModel,
    reference_values_of,
    write_choices,
    write_contacted,
    write_metrics,
    write_run,
)
from ml.train import margin

Progress = Callable[[str], None]


def train_run(
    connection: duckdb.DuckDBPyConnection, inputs: RunInputs, scratch: Path, progress: Progress
) -> None:
    """Train, evaluate and write a run's folder (without scores).

    Args:
        connection: The warehouse after the build.
        inputs: The inputs of the run.
        scratch: Empty folder that becomes the run's folder.
        progress: Called with the name of each step.

    Raises:
        RefusedError: The data do not allow an honest test, or a leakage check fails.
    """
    domain, settings = inputs.domain, inputs.settings
    cohorts = read_cohorts(connection, domain)
    fits = choose_fits(cohorts, inputs.scoring, settings)

    progress("reading the mart")
    everything, usable, excluded = read_usable(connection, domain, fits, settings, inputs.sample)
    reference_values = reference_values_of(everything, fits.live)
    examples = everything.keep(usable)
    # what no model reads is in memory no longer
    del everything

    contacted = read_contacted(connection, domain)
    contacts_kept = None
    if contacted is not None:
        # all of them, since they are counted; without their values
        of_all = read_live(connection, domain, fits, with_values=False)
        write_contacted(
            connection,
            inputs,
            scratch,
            {
                "training": of_all.cohorts(fits.live),
                "validation": of_all.cohorts(fits.validations),
                "test": of_all.cohorts(fits.tests),
            },
            contacted,
        )
        kept = [
            len(without_contacted(of_all, contacted, keep_outside=outside))
            for outside in (False, True)
        ]
        if kept[1] > kept[0]:
            of_all = read_live(connection, domain, fits, inputs.sample).keep(usable)
            contacts_kept = without_contacted(of_all, contacted, keep_outside=True)
        del of_all

    progress("leakage checks")
    checks = [
        *leakage_checks.held_out(fits, cohorts),
        leakage_checks.unique_rows(examples),
        leakage_checks.same_population(connection, domain, settings.label_definition, fits),
        *leakage_checks.single_features(
            examples.cohorts(fits.tests),
            settings.alarms.single_feature_auc,
            settings.alarms.allowed,
        ),
        leakage_checks.shuffled_labels(examples, fits, inputs.parameters),
    ]
    leakage_checks.stop_if_broken(checks)

    progress(f"fits 1 and 2 of 3: validating on {fits.validation}, testing on {fits.test}")
    levels = read_levels(connection, domain, rule_of(settings))
    learned = learn_until_test(examples, fits, inputs.parameters, levels=levels)
    calibration, rounds = learned.calibration, learned.rounds
    validation, test = examples.cohorts(fits.validations), examples.cohorts(fits.tests)

    progress(f"fit 3 of 3: the model that scores {fits.scoring}")
    train = examples.cohorts(fits.live)
    scored = read_examples(connection, domain, since=fits.scoring, until=fits.scoring)
    live = learn_live(examples, fits, rounds, inputs.parameters, scored.keep(examples.features))

    progress("metrics and baselines")
    splits = {
        "validation": Split(validation, margin(learned.first, validation), fits.fit),
        "test": Split(test, margin(learned.second, test), fits.refit),
    }
    tested = calibration.apply(on_level(levels, test, splits["test"].margin, calibration))
    cuts = settings.risk_bands.cuts
    write_metrics(
        connection,
        inputs,
        scratch,
        examples,
        splits,
        Judged(calibration, levels, cuts, rounds, contacts_kept),
    )
    write_choices(connection, inputs, scratch, learned.choices)
    artifacts.write_table(
        connection,
        scratch,
        "backtest_scores",
        {
            "run_id": inputs.run_id,
            "domain": domain,
            "customer_id": test.customer_id,
            "as_of_date": test.as_of_date.astype(str),
            "churn_probability": tested,
            "risk_band": assign_bands(tested, cuts),
            "is_churned": test.is_churned.astype(bool),
        },
    )
    checks += leakage_checks.train_against_scoring(train, scored.keep(train.features))
    artifacts.write_table(
        connection,
        scratch,
        "checks",
        {"run_id": inputs.run_id, "domain": domain, **leakage_checks.as_table(checks)},
    )
    write_run(
        connection,
        inputs,
        scratch,
        TrainedModel(
            live, calibration, cuts, fits, train, reference_values, excluded, seeds_for(train)
        ),
    )
    # compares this run with later ones: the model that did not see the test cohort
    (scratch / "test_model.txt").write_text(learned.second.model_to_string())
