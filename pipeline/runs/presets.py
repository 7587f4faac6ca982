"""Finds the preset of a domain that fits data too short for its default settings."""

import duckdb
import numpy as np

from ml.cohorts import Cohort, RefusedError, choose_fits, is_on_grid
from pipeline.project.domain_settings import DomainSettings

# Stands for "enough": the number of rows a preset gives is known only after a build.
_ENOUGH = 1 << 40
_LONGEST = 1500


def suggest_preset(
    connection: duckdb.DuckDBPyConnection, domain: str, settings: DomainSettings
) -> str:
    """Return a hint with the preset that would allow training, and its command; empty without one.

    Args:
        connection: The warehouse after a build.
        domain: Domain.
        settings: The domain's, as the refused run had them.
    """
    row = connection.execute(
        "select min(event_days.day), max(knowledge.known_before) "
        "from control.control__event_days as event_days "
        "inner join control.control__knowledge as knowledge using (domain) where domain = ?",
        [domain],
    ).fetchone()
    if not settings.presets or row is None or row[0] is None or row[1] is None:
        return ""
    first, days = np.datetime64(row[0], "D"), (row[1] - row[0]).days
    for name, preset in settings.presets.items():
        if cohorts := _training_cohorts(first, days, settings.with_preset(name)):
            plain = {key: value for key, value in preset.items() if not isinstance(value, dict)}
            words = ", ".join(f"{key} {value}" for key, value in plain.items())
            return (
                f"The files hold {days} days. The preset {name!r} fits them ({words}; cohorts"
                f" for the first fit: {cohorts}): churn run --domain {domain} --set preset={name}"
            )
    needed = min(_days_needed(first, settings.with_preset(name)) for name in settings.presets)
    return f"The files hold {days} day{'s' * (days != 1)}; the shortest preset needs {needed}."


def _days_needed(first: np.datetime64, settings: DomainSettings) -> int:
    return next(n for n in range(1, _LONGEST) if _training_cohorts(first, n, settings))


def _training_cohorts(first: np.datetime64, days: int, settings: DomainSettings) -> int:
    """Cohorts the first fit would have if all were large enough; 0 if training would be refused.

    Args:
        first: First day with an event.
        days: Days from there to the knowledge cut-off.
        settings: The domain's.
    """
    known_before = first + days
    cut_offs = [first + n for n in range(settings.warm_up_days, days + 1)]
    cohorts = [
        Cohort(day, _ENOUGH, _ENOUGH, known_on, is_closed=bool(known_on <= known_before))
        for day in cut_offs
        if is_on_grid(day, settings)
        for known_on in [day + (settings.horizon_days or 0)]
    ]
    try:
        return len(choose_fits(cohorts, known_before, settings).fit)
    except RefusedError:
        return 0
