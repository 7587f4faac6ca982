"""Derives a column's Tableau caption, folder, role and number format from the YAML."""

from dataclasses import dataclass

from pipeline.project.serving_tables import Column

# DuckDB type → Hyper's, Tableau's, and the code that Tableau's metadata records carry for it.
TYPES = {
    "varchar": ("text", "string", 129),
    "boolean": ("bool", "boolean", 11),
    "tinyint": ("smallint", "integer", 2),
    "smallint": ("smallint", "integer", 2),
    "integer": ("integer", "integer", 3),
    "bigint": ("bigint", "integer", 20),
    # sums of counts; none reaches 2^63
    "hugeint": ("bigint", "integer", 20),
    "float": ("double precision", "real", 5),
    "double": ("double precision", "real", 5),
    "date": ("date", "date", 133),
    "timestamp": ("timestamp", "datetime", 135),
    "timestamp with time zone": ("timestamptz", "datetime", 135),
}
_NUMBERS = ("integer", "real")
# Units to sum; for all others the mean makes more sense.
_ADDS_UP = ("customers", "customers and cut-offs", "money")
_FORMATS = {
    "share": "p0.0%",
    "probability": "p0.0%",
    "money": "n#,##0;-#,##0",
    "log-odds": "n0.000;-0.000",
    "log loss": "n0.0000;-0.0000",
    "squared error": "n0.0000;-0.0000",
    "AUC, 0.5 to 1": "n0.000;-0.000",
    "index": "n0.000;-0.000",
    "ratio": "n0.00;-0.00",
}
_WHOLE, _REAL = "n#,##0;-#,##0", "n#,##0.00;-#,##0.00"
_SPELLINGS = {"auc": "AUC", "brier": "Brier", "ci": "CI", "id": "ID", "pr": "PR", "sql": "SQL"}


@dataclass(frozen=True)
class TableauField:
    """A column as Tableau shows it.

    Attributes:
        name: Column of the table.
        caption: Its name in Tableau.
        description: Its tooltip.
        folder: Folder of the data pane.
        datatype: Tableau's type.
        remote_type: Its code in metadata records.
        role: `dimension` or `measure`.
        kind: `nominal`, `ordinal` or `quantitative`.
        aggregation: Default aggregation of a measure.
        number_format: Tableau's default format; None if it is not a number.
    """

    name: str
    caption: str
    description: str
    folder: str
    datatype: str
    remote_type: int
    role: str
    kind: str
    aggregation: str
    number_format: str | None


def tableau_field(column: Column, data_type: str, key: tuple[str, ...]) -> TableauField:
    """Return the Tableau field of a column, from its name, type, unit and role in the key.

    Args:
        column: The column as the YAML describes it.
        data_type: Its DuckDB type in the published file.
        key: Columns that identify a row.
    """
    _, datatype, remote_type = TYPES[data_type]
    is_number = datatype in _NUMBERS
    is_measure = is_number and column.name not in key
    if is_measure:
        kind, aggregation = "quantitative", "Sum" if _adds_up(column) else "Avg"
    elif datatype in ("string", "boolean"):
        kind, aggregation = "nominal", "Count"
    else:
        kind, aggregation = "ordinal", "Sum" if is_number else "Year"
    default = _WHOLE if datatype == "integer" else _REAL
    return TableauField(
        name=column.name,
        caption=caption(column.name),
        description=column.description,
        folder=_folder(column.name, datatype, key),
        datatype=datatype,
        remote_type=remote_type,
        role="measure" if is_measure else "dimension",
        kind=kind,
        aggregation=aggregation,
        number_format=_FORMATS.get(column.unit or "", default) if is_number else None,
    )


def caption(name: str) -> str:
    """Return a name as words: `payment__last_amount` is `Payment: last amount`."""
    theme, separator, rest = name.partition("__")
    words = [_SPELLINGS.get(word, word) for word in (rest if separator else name).split("_")]
    text = " ".join(words)
    text = f"{theme}: {text}" if separator else text
    return text[:1].upper() + text[1:]


def _adds_up(column: Column) -> bool:
    return column.unit in _ADDS_UP and "__" not in column.name


def _folder(name: str, datatype: str, key: tuple[str, ...]) -> str:
    theme, separator, _ = name.partition("__")
    if separator:
        return caption(theme)
    if name in key:
        return "Keys"
    if datatype in ("date", "datetime"):
        return "Dates"
    if datatype == "boolean":
        return "Yes or no"
    return "Figures" if datatype in _NUMBERS else "Words"
