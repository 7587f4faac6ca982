"""Refuses a file of which far more rows are in quarantine than is usual for its table."""

from collections.abc import Iterable

from pipeline.ingest.ids import NOBODY
from pipeline.ingest.known import KnownFile
from pipeline.ingest.lake import Record
from pipeline.ingest.reject import Rejection
from pipeline.project.errors import ChurnError

# So few bad rows say nothing of a file.
_FEW = 10
# Times the usual share; but half of a file is far above whatever was usual.
_FAR_ABOVE = 3
_HALF = 0.5


def check_quarantine(
    known: KnownFile, good: int, rejection: Rejection, accept: str | None
) -> str | None:
    """Return why a share of rows in quarantine above the limit is accepted; None if it is below.

    The limit is `most_in_quarantine` of the table's YAML, or three times the usual share, up to
    half of the rows.

    Raises:
        ChurnError: It is above the limit, and not accepted.
    """
    table, rows = known.raw.table, good + rejection.rows
    # guests are ordinary customers of many shops, and say nothing against the rest
    nobody = sum(one.values for one in rejection.reasons if one.reason == NOBODY)
    bad = max(rejection.rows - nobody, 0)
    usual = usual_share(known.earlier)
    limit = max(table.most_in_quarantine, min(_FAR_ABOVE * (usual or 0), _HALF))
    share = bad / rows
    if bad < _FEW or share <= limit:
        return None
    record = known.record
    if accept is None and record and record.content_hash == known.content.sha256:
        accept = record.accepted
    if accept is not None:
        return accept
    before = "its first file" if usual is None else f"usual: {usual:.1%}"
    raise ChurnError(
        f"{bad:,} of {rows:,} rows would go to quarantine, {share:.1%}:"
        f" more than the {limit:.1%} that {table.name} may have ({before}).",
        where=f"{known.raw.name}\n  wrong: {'; '.join(map(_counted, rejection.reasons[:5]))}",
        hint="Correct or export the file again; the lake is unchanged. If the rows that are left"
        ' are right, ingest it with --accept "why".',
    )


def usual_share(earlier: Iterable[Record]) -> float | None:
    """Return the share of rows in quarantine over a table's files, accepted ones left out."""
    counted = [record for record in earlier if record.accepted is None]
    rows = sum(record.rows + record.duplicates + record.quarantined for record in counted)
    return sum(record.quarantined for record in counted) / rows if rows else None


def _counted(reason: object) -> str:
    return f"{reason} ({getattr(reason, 'values', 0):,})"
