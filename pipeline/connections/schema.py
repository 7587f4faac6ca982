"""Compares a table's columns with what the domain needs and with those of the last pull."""

from collections.abc import Mapping

from pipeline.connections.landing import PulledUpTo, file_name
from pipeline.connections.reader import DatabaseColumn, missing
from pipeline.project.connection_settings import ConnectedTable
from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import REFUSED
from pipeline.project.sources import SourceTable

Columns = Mapping[str, DatabaseColumn]


def check_columns(
    settings: ConnectedTable, source: SourceTable, columns: Columns, before: PulledUpTo | None
) -> list[str]:
    """Return what changed since the last pull, in words.

    Args:
        settings: The table's settings.
        source: The table of the sources YAML.
        columns: The columns that the table has now.
        before: How far the last pull came; None at the first.

    Raises:
        ChurnError: The table or a needed column is not there, or one cannot be what the entry says.
    """
    if not columns:
        raise ChurnError(
            f"The table {settings.table} is not there, or may not be read.",
            where=f"{source.domain}, connection.tables.{source.name}",
            hint=_KEPT + "Correct `table` in dbt_project.yml, or grant the right to select.",
            exit_code=REFUSED,
        )
    lacking = missing(needed(settings, source), columns)
    if lacking:
        was = [name for name in lacking if before and name in before.columns]
        verb = "vanished" if was else "missing"
        raise ChurnError(
            f"{settings.table} cannot be pulled: {verb}: {', '.join(lacking)}.",
            where=f"columns there now: {', '.join(columns)}",
            hint=_KEPT + f"If the column has another name now, write it in the sources YAML of "
            f"{source.domain} (`header` of the column) or in dbt_project.yml (key, cursor).",
            exit_code=REFUSED,
        )
    _check_sorts(settings, source, columns)
    _check_names(settings, source)
    return changes(settings.table, columns, before)


_KEPT = "Nothing was pulled, and nothing is lost. "


def needed(settings: ConnectedTable, source: SourceTable) -> list[str]:
    """Return the columns without which a table is not pulled."""
    names = [column.in_files for column in source.raw_columns if column.required]
    names += [*(settings.key or ()), *([settings.cursor] if settings.cursor else [])]
    if settings.becomes:
        names.append(settings.becomes.column)
    if event := event_column(source):
        names.append(event)
    return list(dict.fromkeys(names))


def read_columns(settings: ConnectedTable, source: SourceTable, columns: Columns) -> list[str]:
    """Return the columns that leave the database: those that the domain knows, and no others."""
    optional = [c.in_files for c in source.raw_columns if c.in_files in columns]
    return list(dict.fromkeys([*optional, *needed(settings, source)]))


def event_column(source: SourceTable) -> str | None:
    """Return the column of the event time, as the database calls it."""
    return source.column(source.event_time).in_files if source.event_time else None


def changes(table: str, columns: Columns, before: PulledUpTo | None) -> list[str]:
    """Return which columns came, went and changed their type since the last pull."""
    if before is None:
        return []
    was = before.columns
    return [
        *(
            f"{table}: the column {name} has appeared ({columns[name].kind}). It is not read "
            "unless the sources YAML names it"
            for name in columns
            if name not in was
        ),
        *(
            f"{table}: the column {name} has vanished; it is null from now on"
            for name in was
            if name not in columns
        ),
        *(
            f"{table}: the column {name} was {was[name]} and is {column.kind} now; values that do "
            "not fit go to quarantine"
            for name, column in columns.items()
            if name in was and was[name] != column.kind
        ),
    ]


def _check_sorts(settings: ConnectedTable, source: SourceTable, columns: Columns) -> None:
    where = f"{source.domain}, connection.tables.{source.name}"
    cursor = columns[settings.cursor] if settings.cursor else None
    if cursor and cursor.sort not in ("moment", "day", "whole"):
        raise ChurnError(
            f"The cursor {settings.cursor} is {cursor.kind}, which does not rise with time.",
            where=where,
            hint="Name a column with a time or a whole number, or leave the cursor out.",
            exit_code=REFUSED,
        )
    is_said = "overlap" in settings.model_fields_set
    if cursor and is_said and settings.overlap_units[1] == (cursor.sort == "whole"):
        raise ChurnError(
            f"The overlap {settings.overlap} does not fit the cursor {settings.cursor}, which is "
            f"{cursor.kind}.",
            where=where,
            hint="Write 2 days or 6 hours for a time, and a number such as 1000 for a whole "
            "number.",
            exit_code=REFUSED,
        )
    event = event_column(source)
    is_dated = event is not None and columns[event].sort in ("moment", "day")
    if settings.becomes and (not is_dated or (cursor and cursor.sort == "whole")):
        raise ChurnError(
            "becomes needs a cursor and an event time that are days or moments.",
            where=where,
            hint="Remove becomes.",
            exit_code=REFUSED,
        )
    if not is_dated and settings.history is None and not settings.snapshot:
        kind = f"the event time {event} is {columns[event].kind}" if event else "no event time"
        raise ChurnError(
            f"{settings.table}: {kind}, so that rows from before the connection cannot be told "
            "from later ones.",
            where=where,
            hint="Make it a timestamp in a view; or declare history: append_only with a reason.",
            exit_code=REFUSED,
        )


def _check_names(settings: ConnectedTable, source: SourceTable) -> None:
    if settings.snapshot and source.history != "snapshot":
        raise ChurnError(
            f"{source.name} is a snapshot in dbt_project.yml and {source.history} in the sources "
            "YAML.",
            where=f"models/{source.domain}/_{source.domain}__sources.yml",
            hint="Write history: snapshot there: what rests on it stays out of training.",
            exit_code=REFUSED,
        )
    logical = file_name(source.name, 1).replace(".parquet", ".csv")
    if not source.holds(logical):
        raise ChurnError(
            f"No pattern of {source.name} matches the files that a pull writes.",
            where=f"models/{source.domain}/_{source.domain}__sources.yml: "
            f"{', '.join(source.files)}",
            hint=f'Add "{source.name}_*.csv" to its files.',
            exit_code=REFUSED,
        )
