"""`churn corrections test`: learns features with a correction and without, and compares them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
from numpy.typing import NDArray

from ml.cohorts import Fits, read_cohorts
from ml.contacted import read_contacted, without_contacted
from ml.contract import Examples, season_only, usable_features
from ml.evaluation.corrections import (
    CorrectionGains,
    Gain,
    OriginPredictions,
    Recipe,
    judge,
    learn_origins,
    paired,
    rounds_of,
    training_error,
    whole_weight,
    with_flag,
    with_shuffled_flag,
)
from ml.evaluation.rolling import origins
from ml.mart import read_snapshot_features
from ml.metrics import losses
from ml.train import PARAMETERS, Parameters
from pipeline.corrections import variants
from pipeline.corrections.catalogue import Correction
from pipeline.corrections.placebo import placebo_of
from pipeline.corrections.variants import CompiledCorrections, compile_corrections
from pipeline.project.errors import ChurnError
from pipeline.project.terminal import progress_bar
from pipeline.runs.context import RunContext
from pipeline.runs.registry import tuned_parameters

ORIGINS = 3


@dataclass(frozen=True)
class TestedCorrection:
    """The result of testing a correction.

    Attributes:
        correction: The correction.
        rows_touched: Rows that it makes or changes.
        customers_touched: Customers with such rows.
        judged: What it does to the recipe; None where there is nothing to judge it by.
        origins: How many origins it was judged at.
    """

    correction: Correction
    rows_touched: int
    customers_touched: int
    judged: CorrectionGains | None
    origins: int


class TrialData:
    """One domain's data on which corrections are tried: origins, raw features, their quality."""

    def __init__(self, context: RunContext, domain: str, count: int) -> None:
        self.context, self.domain = context, domain
        self.settings = context.entries[domain]
        self.adopted = tuple(self.settings.corrections)
        self.parameters: Parameters = {**PARAMETERS, **tuned_parameters(context.home, domain)}
        with duckdb.connect(str(context.home.warehouse), read_only=True) as connection:
            cohorts = read_cohorts(connection, domain)
            self.fits: Sequence[Fits] = origins(cohorts, self.settings, count)
            self.snapshot = read_snapshot_features(connection, domain)
            self.contacted = read_contacted(connection, domain)
        self.since = cohorts[0].as_of_date if cohorts else np.datetime64("1970-01-01", "D")
        self.compiled: CompiledCorrections = compile_corrections(context, domain)
        self._raw: dict[tuple[str, ...], Examples] = {}
        self._rounds = 0
        self._usable: tuple[str, ...] = ()

    def examples(
        self,
        connection: duckdb.DuckDBPyConnection,
        chain: Sequence[str],
        instead: Mapping[str, str] | None = None,
    ) -> Examples:
        """Build a variant's features and return its examples."""
        models = variants.arranged(self.compiled, chain, instead)
        variants.create(connection, self.compiled, models)
        until = self.fits[-1].tests[-1]
        everything = without_contacted(
            variants.read_variant(connection, self.compiled, self.since, until), self.contacted
        )
        if not self._usable:
            usable, _ = usable_features(
                everything.features, self.snapshot, self.settings.assumed_static
            )
            season = season_only(everything.keep(usable).cohorts(self.fits[0].fit))
            self._usable = tuple(name for name in usable if name not in season)
        return everything.keep(self._usable)

    def learn(self, examples: Examples) -> OriginPredictions:
        """Learn a recipe at every origin."""
        if not self._rounds:
            self._rounds = rounds_of(examples, self.fits[0], self.parameters)
        return learn_origins(examples, self.fits, self._rounds, self.parameters)

    def raw(self, connection: duckdb.DuckDBPyConnection, chain: tuple[str, ...]) -> Examples:
        """Return the features that a correction is compared with."""
        if chain not in self._raw:
            self._raw[chain] = self.examples(connection, chain)
        return self._raw[chain]

    def judged_rows(self, examples: Examples) -> list[Examples]:
        """Return the rows of each origin."""
        return [examples.cohorts(fits.tests) for fits in self.fits]


def test_corrections(
    context: RunContext,
    domain: str,
    corrections: Mapping[str, Correction],
    count: int = ORIGINS,
    seed: int = 1,
) -> list[TestedCorrection]:
    """Test corrections of a domain, each alone on top of those that are adopted.

    Args:
        context: The context of the command; its warehouse is built with its settings.
        domain: Domain.
        corrections: What to test.
        count: Origins at most.
        seed: Seed of the placebo.

    Raises:
        ChurnError: A correction drops rows.
    """
    bench = TrialData(context, domain, count)
    found = []
    with variants.opened(context.home) as connection, progress_bar(context.console) as progress:
        task = progress.add_task("", total=len(corrections))
        for name, correction in corrections.items():
            progress.update(task, description=f"{domain}: {name}")
            found.append(_test(bench, connection, correction, seed))
            progress.advance(task)
    return found


def _test(
    bench: TrialData, connection: duckdb.DuckDBPyConnection, correction: Correction, seed: int
) -> TestedCorrection:
    name = correction.name
    chain = tuple(other for other in bench.adopted if other != name)
    with_it = (*chain, name)
    if not bench.fits:
        rows, customers = variants.counts(connection, f"warehouse.{correction.relation}", name)
        return TestedCorrection(correction, rows, customers, None, 0)
    examples = bench.raw(connection, chain)
    corrected = bench.examples(connection, with_it)
    rows, customers = variants.counts(connection, f"memory.{correction.relation}", name)
    if len(corrected) != len(examples) or (corrected.customer_id != examples.customer_id).any():
        raise ChurnError(
            f"{name} drops customers: {len(examples):,} examples without it, {len(corrected):,} "
            "with it.",
            where=f"models/{correction.domain}/corrections/{correction.model}.sql",
            hint="A correction returns every row that it reads, changed or not.",
        )
    if not rows:
        return TestedCorrection(correction, 0, 0, None, len(bench.fits))
    is_touched = variants.touched(connection, correction, corrected)
    recipes: dict[Recipe, OriginPredictions] = {
        "raw": bench.learn(with_shuffled_flag(examples, is_touched)),
        "corrected": bench.learn(with_shuffled_flag(corrected, is_touched)),
        "raw_flagged": bench.learn(with_flag(examples, is_touched)),
        "corrected_flagged": bench.learn(with_flag(corrected, is_touched)),
        "placebo": _placebo(bench, connection, correction, with_it, seed, is_touched),
    }
    judged = judge(bench.judged_rows(examples), _by_origin(bench, examples, is_touched), recipes)
    return TestedCorrection(correction, rows, customers, judged, len(bench.fits))


def placebos(
    context: RunContext, domain: str, correction: Correction, seeds: Sequence[int], count: int
) -> list[Gain]:
    """Return the gain of the placebo of a correction with each of several seeds.

    Args:
        context: The context of the command; its warehouse is built.
        domain: Domain.
        correction: The correction whose share of rows is changed at random.
        seeds: Seeds.
        count: Origins at most.
    """
    bench = TrialData(context, domain, count)
    chain = tuple(other for other in bench.adopted if other != correction.name)
    found = []
    with variants.opened(context.home) as connection:
        examples = bench.raw(connection, chain)
        is_touched = np.zeros(len(examples), dtype=bool)
        raw = bench.learn(with_shuffled_flag(examples, is_touched))
        rows = bench.judged_rows(examples)
        outcome = np.concatenate([some.is_churned for some in rows])
        customer = np.concatenate([some.customer_id for some in rows])
        before = losses(outcome, raw.all)
        for seed in seeds:
            predicted = _placebo(
                bench, connection, correction, (*chain, correction.name), seed, is_touched
            )
            error = training_error(
                [some.is_churned for some in rows],
                raw,
                predicted,
                weights=[some.weight for some in rows],
            )
            after = losses(outcome, predicted.all)
            found.append(paired(before, after, customer, training=error, weight=whole_weight(rows)))
    return found


def _placebo(
    bench: TrialData,
    connection: duckdb.DuckDBPyConnection,
    correction: Correction,
    chain: tuple[str, ...],
    seed: int,
    is_touched: NDArray[np.bool_],
) -> OriginPredictions:
    read = variants.read_by(bench.compiled, chain, correction.name)
    sql = placebo_of(connection, correction, read, seed)
    examples = bench.examples(connection, chain, {correction.name: sql})
    return bench.learn(with_shuffled_flag(examples, is_touched))


def _by_origin(
    bench: TrialData, examples: Examples, is_touched: NDArray[np.bool_]
) -> list[NDArray[np.bool_]]:
    known = ~np.isnan(examples.is_churned)
    return [
        is_touched[known & np.isin(examples.as_of_date, np.array(fits.tests))]
        for fits in bench.fits
    ]
