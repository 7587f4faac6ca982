"""What the serving tables were built from, source by source, so that only what changed is built."""

import json

from pipeline.project.sums import hash_of
from pipeline.retention.fingerprint import settings_fingerprint
from pipeline.runs.context import RunContext
from pipeline.runs.registry import current_scores, live_name
from pipeline.warehouse import fingerprint

# Name of the inputs beside the fingerprints of the steps, in the warehouse that they describe.
STEP = "marts_read"
_REST = "rest"


def rest_fingerprint(context: RunContext) -> str:
    """Return the hash of what serving tables are built from, but for the state and the history."""
    home = context.home
    return fingerprint.digest(
        fingerprint.done(home.warehouse, "build"),
        fingerprint.listing_fingerprint(home.models, "**/*.parquet"),
        [live_name(home, domain) for domain in context.entries],
        [str(current_scores(home, domain)) for domain in context.entries],
        settings_fingerprint(context.entries),
        context.left_out,
    )


def read_by_marts(context: RunContext) -> dict[str, str]:
    """Return the hash of each dbt source that people's decisions or a publish change.

    The hash of everything else that the serving tables are built from stands beside them. The
    files are those that were exported last.
    """
    home = context.home
    exported = sorted(home.state_export.glob("*.parquet"))
    return {
        _REST: rest_fingerprint(context),
        "history.published_customers": fingerprint.listing_fingerprint(home.history, "*/*.parquet"),
        **{f"state.{path.stem}": hash_of(path) for path in exported},
    }


def changed_sources(before: str | None, now: dict[str, str]) -> list[str] | None:
    """Return the sources that have changed since a build that is complete.

    Args:
        before: What that build has read, as it was marked in the warehouse; None without one.
        now: What this build would read.

    Returns:
        Names of sources as dbt selects them; None if more than sources has changed.
    """
    known: dict[str, str] = json.loads(before) if before else {}
    if known.get(_REST) != now[_REST]:
        return None
    return sorted(name for name in known.keys() | now.keys() if known.get(name) != now.get(name))
