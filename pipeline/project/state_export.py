"""Writes tables of the state as Parquet, for dbt's sources."""

from collections.abc import Iterable, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import sqlalchemy as sa

from pipeline.project.files import replaced
from pipeline.project.home import Home

_ARROW: dict[type, pa.DataType] = {
    sa.String: pa.string(),
    sa.DateTime: pa.timestamp("us"),
    sa.Date: pa.date32(),
    sa.BigInteger: pa.int64(),
    sa.Integer: pa.int64(),
    sa.Float: pa.float64(),
    sa.Boolean: pa.bool_(),
}


def write_state_table(
    home: Home, name: str, columns: Sequence[sa.Column[Any]], rows: Iterable[Sequence[Any]]
) -> None:
    """Write rows as a table of the state export, with the types of the columns; none is a table."""
    values = list(zip(*rows, strict=True)) or [()] * len(columns)
    arrays = [
        pa.array(of_column, _ARROW[type(column.type)])
        for column, of_column in zip(columns, values, strict=True)
    ]
    home.state_export.mkdir(parents=True, exist_ok=True)
    with replaced(home.state_export / f"{name}.parquet") as part:
        pq.write_table(pa.table(arrays, names=[column.name for column in columns]), part)
