"""The last night as Prometheus metrics, read from its record when they are asked for."""

from collections import Counter
from collections.abc import Iterator

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home
from pipeline.runs.nights import Night, nights

# A night may be running, and some before it may have been killed.
_LOOKED_AT = 10


class NightMetrics(Collector):
    """Metrics of the last night of a CHURN_HOME that has ended.

    Args:
        home: CHURN_HOME.
    """

    def __init__(self, home: Home) -> None:
        self._home = home

    def describe(self) -> list[Metric]:
        """Return nothing: names are fixed, and the record need not be read to register them."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics; only whether the record could be read if it could not."""
        readable = GaugeMetricFamily(
            "churn_night_record_readable", "Whether the records of the nights can be read."
        )
        try:
            ended = [night for night in nights(self._home, _LOOKED_AT) if night.ended_at]
        except (ChurnError, OSError):
            readable.add_metric([], 0)
            yield readable
            return
        readable.add_metric([], 1)
        yield readable
        if ended:
            yield from _metrics(ended[0])


def _metrics(night: Night) -> Iterator[Metric]:
    ended = GaugeMetricFamily(
        "churn_night_ended_seconds", "When the last night ended, in Unix time.", labels=["command"]
    )
    if night.ended_at:
        ended.add_metric([night.command], night.ended_at.timestamp())
    outcome = GaugeMetricFamily(
        "churn_night_outcome",
        "How it ended: published, warned, refused or failed.",
        labels=["outcome"],
    )
    outcome.add_metric([night.outcome], 1)
    seconds = GaugeMetricFamily(
        "churn_night_step_seconds", "How long a step took.", labels=["step", "domain"]
    )
    rows = GaugeMetricFamily(
        "churn_night_step_rows", "Rows that a step worked on.", labels=["step", "domain"]
    )
    for step in night.steps:
        seconds.add_metric([step.name, step.domain], step.seconds)
        if step.rows is not None:
            rows.add_metric([step.name, step.domain], step.rows)
    read = GaugeMetricFamily(
        "churn_night_rows_read",
        "Rows of files that were new or replaced.",
        labels=["domain", "table", "quarantined"],
    )
    for table in night.rows:
        kept = table.read - table.quarantined
        read.add_metric([table.domain, table.table, "no"], kept)
        read.add_metric([table.domain, table.table, "yes"], table.quarantined)
    notes = GaugeMetricFamily(
        "churn_night_notes", "Warnings, refusals and failures.", labels=["kind", "domain"]
    )
    counts = Counter((note.kind, note.domain) for note in night.notes)
    for (kind, domain), count in sorted(counts.items()):
        notes.add_metric([kind, domain], count)
    yield from (ended, outcome, seconds, rows, read, notes)
