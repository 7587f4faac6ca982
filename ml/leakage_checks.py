"""Leakage checks of every training; a failed check stops the run and is named.

The kinds of leakage are those of S. Kapoor, A. Narayanan: Leakage and the reproducibility crisis in
machine-learning-based science. Patterns 4(9), 2023.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import duckdb
import lightgbm as lgb
import numpy as np

from ml.cohorts import Cohort, Fits, RefusedError
from ml.contract import Examples, Floats
from ml.evaluation.drift import stability
from ml.metrics import rank_auc
from ml.train import PARAMETERS, Parameters, fit, margin

SHUFFLED_ROUNDS = 40
SHUFFLED_TOLERANCE = 0.03
POPULATION_TOLERANCE = 0.02
DRIFT_NOTABLE = 0.25


@dataclass(frozen=True)
class LeakageCheck:
    """The result of a leakage check.

    Attributes:
        guard: Name of the check, as the table `ml.checks` has it.
        subject: Feature, fit or cut-off it is about; empty for all of them.
        value: Measured value.
        threshold: Value from which the check fails.
        is_broken: Whether it fails and stops the run.
        words: The result in words, for the info sheet.
    """

    guard: str
    subject: str
    value: float
    threshold: float
    is_broken: bool
    words: str


def stop_if_broken(checks: list[LeakageCheck]) -> None:
    """Refuse the run when a check fails.

    Raises:
        RefusedError: Some checks fail; with their names and results.
    """
    if broken := [check for check in checks if check.is_broken]:
        raise RefusedError(
            "; ".join(f"the leakage check {check.guard} fails: {check.words}" for check in broken)
        )


def held_out(fits: Fits, cohorts: list[Cohort]) -> list[LeakageCheck]:
    """Check that no fit learns from its test cohort or from outcomes not known when it is used."""
    known_on = {cohort.as_of_date: cohort.known_on for cohort in cohorts}
    checks = []
    for name, learned, used_on in (
        ("validation", fits.fit, fits.validation),
        ("test", fits.refit, fits.test),
        ("scoring", fits.live, fits.scoring),
    ):
        late = [day for day in learned if known_on[day] > used_on or day >= used_on]
        checks.append(
            LeakageCheck(
                "held_out",
                name,
                len(late),
                1,
                bool(late),
                f"cohorts {', '.join(map(str, late))} were not known by {used_on}"
                if late
                else f"{len(learned)} cohorts, all known by {used_on}",
            )
        )
    return checks


def unique_rows(examples: Examples) -> LeakageCheck:
    """Check that no customer occurs twice in a cohort, and so on both sides of a split."""
    order = np.lexsort((examples.customer_id.astype(str), examples.as_of_date))
    ids, days = examples.customer_id[order], examples.as_of_date[order]
    twice = int(np.sum((ids[1:] == ids[:-1]) & (days[1:] == days[:-1])))
    words = f"{twice} rows of {len(examples)} repeat a customer and cut-off"
    return LeakageCheck("unique_rows", "", twice, 1, twice > 0, words)


def same_population(
    connection: duckdb.DuckDBPyConnection, domain: str, definition: str, fits: Fits
) -> LeakageCheck:
    """Check that the tested cohorts have the same share of the population as the scored one.

    Both shares are examples with a label over label rows; a cohort filtered only for testing
    would show here.
    """
    rows = dict(
        connection.execute(
            f"""
            select labels.as_of_date, count(examples.customer_id) / count(*)
            from {domain}.{domain}__labels as labels
            left join {domain}.{domain}__churn_examples as examples using (customer_id, as_of_date)
            where labels.label_definition = ?
                and list_contains(cast(? as date[]), labels.as_of_date)
            group by all
            """,
            [definition, [str(day) for day in (*fits.tests, fits.scoring)]],
        ).fetchall()
    )
    shares = {str(day): float(share) for day, share in rows.items()}
    scored = shares.get(str(fits.scoring))
    of_tests = [shares.get(str(day), 1.0) for day in fits.tests]
    # the test cohort that differs most
    tested = max(of_tests, key=lambda share: abs(share - (scored or 1.0)))
    scored = tested if scored is None else scored
    return LeakageCheck(
        "same_population",
        str(fits.test),
        abs(tested - scored),
        POPULATION_TOLERANCE,
        abs(tested - scored) > POPULATION_TOLERANCE,
        f"the mart has {tested:.1%} of the tested cohort and {scored:.1%} of the scored one",
    )


def single_features(
    cohort: Examples, threshold: float, allowed: Mapping[str, str]
) -> list[LeakageCheck]:
    """Check that no single feature predicts the outcome implausibly well.

    Args:
        cohort: A labelled cohort.
        threshold: Area under the curve from which a feature is implausible.
        allowed: Feature → the reason why it is allowed.
    """
    checks = []
    for index, name in enumerate(cohort.features):
        value = _best_auc(cohort.values[:, index], cohort.is_churned)
        broken = value >= threshold and name not in allowed
        words = f"{name} alone reaches an AUC of {value:.3f} on {cohort.as_of_date[0]}"
        if value >= threshold and name in allowed:
            words += f", allowed: {allowed[name]}"
        elif broken:
            words += (
                f", where {threshold:g} or more is implausible: it may leak the outcome. If it "
                "does not, add it to alarms.allowed with the reason"
            )
        checks.append(LeakageCheck("single_features", name, value, threshold, broken, words))
    return checks


def shuffled_labels(
    examples: Examples, fits: Fits, parameters: Parameters = PARAMETERS, seed: int = 11
) -> LeakageCheck:
    """Check that a model trained on shuffled outcomes does not predict shuffled outcomes.

    Outcomes are permuted within each cohort. A model of the earlier ones can only help on the
    validation cohort if rows or outcomes are on both sides.
    """
    generator = np.random.default_rng(seed)
    known = examples.cohorts([*fits.fit, *fits.validations])
    outcome = known.is_churned.copy()
    for cut_off in np.unique(known.as_of_date):
        at = np.flatnonzero(known.as_of_date == cut_off)
        outcome[at] = outcome[generator.permutation(at)]
    shuffled = replace(known, is_churned=outcome)
    model: lgb.Booster = fit(shuffled.cohorts(fits.fit), SHUFFLED_ROUNDS, parameters)
    judged = shuffled.cohorts(fits.validations)
    value = rank_auc(margin(model, judged), judged.is_churned == 1)
    churners = float(judged.is_churned.sum())
    others = len(judged) - churners
    # standard error of the area under the curve without any skill (Mann-Whitney)
    error = float(np.sqrt((len(judged) + 1) / (12 * churners * others)))
    threshold = max(SHUFFLED_TOLERANCE, 3 * error)
    return LeakageCheck(
        "shuffled_labels",
        str(fits.validation),
        abs(value - 0.5),
        threshold,
        abs(value - 0.5) > threshold,
        f"with shuffled outcomes the AUC is {value:.3f}; within {threshold:.3f} of 0.5 is chance",
    )


def ignores_the_test(
    learn: Callable[[Examples], str], examples: Examples, fits: Fits
) -> LeakageCheck:
    """Check that training does not change if the test cohort is garbage.

    Catches scalers and choices of features or parameters that use test rows. Which features nobody
    has at a cut-off is known on that day, and stays as it is.

    Args:
        learn: Learns from examples and returns a hash of everything learned before the test.
        examples: Rows of every cohort of the run.
        fits: The run's cut-offs.
    """
    generator = np.random.default_rng(3)
    values, outcome = examples.values.copy(), examples.is_churned.copy()
    tested = examples.as_of_date >= fits.test
    values[tested] = generator.normal(0, 1e6, (int(tested.sum()), values.shape[1]))
    for cut_off in np.unique(examples.as_of_date[tested]):
        rows = examples.as_of_date == cut_off
        values[np.ix_(rows, np.isnan(examples.values[rows]).all(axis=0))] = np.nan
    outcome[tested] = generator.integers(0, 2, int(tested.sum()))
    garbage = replace(examples, values=values, is_churned=outcome)
    same = learn(examples) == learn(garbage)
    return LeakageCheck(
        "ignores_the_test",
        str(fits.test),
        float(not same),
        1,
        not same,
        f"training gives the same result with {int(tested.sum())} rows of garbage in place of "
        "the test cohort"
        if same
        else "the result of training depends on the test cohort's rows",
    )


def train_against_scoring(train: Examples, scored: Examples) -> list[LeakageCheck]:
    """Report each feature's drift between training and scored rows; never fails.

    It is the population stability index; `ml.evaluation.drift` measures the effect on the model.
    """
    checks = []
    for index, name in enumerate(train.features):
        value = stability(train.values[:, index], scored.values[:, index], train.weight)
        checks.append(
            LeakageCheck(
                "train_against_scoring",
                name,
                value,
                DRIFT_NOTABLE,
                False,
                f"population stability index {value:.2f}"
                + ("; the scored customers differ" if value > DRIFT_NOTABLE else ""),
            )
        )
    return checks


def _best_auc(values: Floats, outcome: Floats) -> float:
    """The AUC of a feature in its better direction, with missing values at either end."""
    missing = np.isnan(values)
    best = 0.5
    for end in (-np.inf, np.inf) if missing.any() else (0.0,):
        value = rank_auc(np.where(missing, end, values), outcome == 1)
        best = max(best, value, 1 - value)
    return best


def as_table(checks: list[LeakageCheck]) -> dict[str, Any]:
    """Return the columns of `ml.checks` without the lineage."""
    names = ("guard", "subject", "value", "threshold", "is_broken", "words")
    return {name: [getattr(check, name) for check in checks] for name in names}
