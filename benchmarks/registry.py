"""The benchmarks by name, in the order they run."""

from collections.abc import Callable

from benchmarks import (
    api,
    browser,
    drivers,
    ecommerce_ingest,
    features,
    full,
    kkbox_ingest,
    predictions,
    retention,
    tableau,
    viewer,
)
from benchmarks.figures import Figure
from benchmarks.workbench import Bench
from pipeline.project.errors import ChurnError

Benchmark = Callable[[Bench], list[Figure]]

BENCHMARKS: dict[str, Benchmark] = {
    "ingest": kkbox_ingest.measure,
    "features": features.measure_kkbox,
    "ecommerce_ingest": ecommerce_ingest.measure,
    "ecommerce_features": features.measure_ecommerce,
    "drivers": drivers.measure,
    "retention": retention.measure,
    "api": api.measure,
    "predictions": predictions.measure,
    "viewer": viewer.measure,
    "browser": browser.measure,
    "tableau": tableau.measure,
}
# Takes much time and disk, so it runs only when it is named.
BY_NAME: dict[str, Benchmark] = {"full": full.measure}


def chosen(names: list[str]) -> dict[str, Benchmark]:
    """Return the benchmarks with these names in the order they run; by default those of BENCHMARKS.

    Raises:
        ChurnError: There is no such benchmark.
    """
    known = BENCHMARKS | BY_NAME
    for name in names:
        if name not in known:
            raise ChurnError(
                f"There is no benchmark {name!r}.",
                hint=f"Choose one of {', '.join(known)}.",
            )
    return {name: known[name] for name in known if name in (names or BENCHMARKS)}
