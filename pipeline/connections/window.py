"""Which rows a pull reads: from the cursor of the last one on, less the overlap."""

from datetime import UTC, date, datetime, time, timedelta

from pipeline.connections.landing import PulledUpTo
from pipeline.connections.reader import DatabaseColumn, RowWindow
from pipeline.connections.schema import event_column
from pipeline.project.connection_settings import ConnectedTable
from pipeline.project.sources import SourceTable

# Of a cursor that is a whole number, where the entry does not say.
_OVERLAP = 1_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# A clock may be a little ahead; a moment without a zone may be one of Kiribati.
_AHEAD = timedelta(minutes=5)
_FURTHEST_ZONE = timedelta(hours=14)


def next_window(
    settings: ConnectedTable,
    source: SourceTable,
    cursor: DatabaseColumn | None,
    before: PulledUpTo | None,
    today: date,
) -> RowWindow:
    """Return the rows to read.

    Args:
        settings: The table's settings.
        source: The table of the sources YAML.
        cursor: The column of the cursor.
        before: How far the last pull came; None at the first.
        today: The day it is, UTC.
    """
    is_whole = settings.history is not None or settings.snapshot
    event = None if is_whole else event_column(source)
    # history that is declared later is read as if nothing had been
    is_first = before is None or before.cursor is None or (is_whole and not before.is_whole)
    return RowWindow(
        cursor=settings.cursor,
        since=None
        if is_first or before is None or before.cursor is None or cursor is None
        else _since(settings, cursor, before.cursor),
        event=event,
        events_since=(before.connected_on if before else today) if event else None,
    )


def _since(settings: ConnectedTable, cursor: DatabaseColumn, last: int) -> datetime | date | int:
    number, _ = settings.overlap_units
    if cursor.sort == "whole":
        return last - (number if "overlap" in settings.model_fields_set else _OVERLAP)
    moment = _EPOCH + timedelta(microseconds=last) - timedelta(seconds=number)
    if cursor.sort == "day":
        return moment.date()
    return moment if cursor.is_zoned else moment.replace(tzinfo=None)


def position_sql(name: str, cursor: DatabaseColumn) -> str:
    """Return SQL of a cursor's value as a number."""
    # a number that is part of the key lies as text
    return f"{name}::bigint" if cursor.sort == "whole" else f"epoch_us({name}::timestamp)"


def furthest(cursor: DatabaseColumn, now: datetime) -> int:
    """Return the position beyond which a cursor lies in the future.

    A row dated there must not move the cursor: all rows until then would be passed over.
    """
    if cursor.sort == "whole":
        return 2**63 - 1
    if cursor.sort == "day":
        now = datetime.combine(now.date() + timedelta(days=1), time(), UTC)
    limit = now + (_AHEAD if cursor.is_zoned else _FURTHEST_ZONE)
    return int((limit - _EPOCH) / timedelta(microseconds=1))
