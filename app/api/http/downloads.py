"""Sends results as whole files, in the requested format."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
from fastapi import Response
from fastapi.responses import StreamingResponse

from app.spreadsheets import escaped

_BLOCK = 1 << 20


def download(path: Path, name: str, form: str, *, for_spreadsheets: bool) -> Response:
    """Return a Parquet file unchanged, or as CSV.

    Args:
        path: The file.
        name: Name of the download, without the extension.
        form: parquet or csv.
        for_spreadsheets: Whether text in a CSV that starts like a formula gets an apostrophe.
    """
    headers = {"Content-Disposition": f'attachment; filename="{name}.{form}"'}
    if form == "csv":
        rows = _csv(path, for_spreadsheets)
        return StreamingResponse(rows, media_type="text/csv; charset=utf-8", headers=headers)
    # Range is ignored: partial answers are not supported
    headers["Content-Length"] = str(path.stat().st_size)
    return StreamingResponse(
        _bytes(path), media_type="application/vnd.apache.parquet", headers=headers
    )


def _bytes(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            yield block


def _csv(path: Path, for_spreadsheets: bool) -> Iterator[str]:
    with pq.ParquetFile(path) as file:
        out = io.StringIO()
        writer = csv.writer(out)
        writer.writerow(file.schema_arrow.names)
        for batch in file.iter_batches(5_000):
            for row in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                writer.writerow([_cell(value, for_spreadsheets) for value in row])
            yield out.getvalue()
            out.seek(0)
            out.truncate()
        yield out.getvalue()


def _cell(value: Any, for_spreadsheets: bool) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    return escaped(value) if for_spreadsheets else value
