"""Ingest: loads raw files into the lake as typed Parquet; bad values go to quarantine.

In the order of the flow: `discover` recognises the files, `known` looks them up by content, `load`
reads a new one: `unpack` decompresses it (`archives`), `plain_text` makes it UTF-8, `read`, `parse`
and `ids` build the SQL of rows, values and ids, `convert` writes the good rows, `records` counts
what the file has, `reject` writes the bad values, `forgotten` leaves out who was erased,
`deduplicate` drops repeated rows, `first_seen` keeps the day of rows that were there before,
`limits` refuses a file of bad rows, `amounts` checks the size and currency of prices. `lake`
commits the files, `overlap` compares their time spans, `summary` reports the result. `run` does all
of it, on an `engine`; `digest` hashes content; `remove` takes a file out again.
"""

from pipeline.ingest.remove import Removal, remove_file
from pipeline.ingest.run import ingest
from pipeline.ingest.summary import FileReport, IngestSummary, MissingTable, render

__all__ = [
    "FileReport",
    "IngestSummary",
    "MissingTable",
    "Removal",
    "ingest",
    "remove_file",
    "render",
]
