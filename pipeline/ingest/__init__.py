"""Ingest: raw files become typed Parquet in the lake; what cannot be read goes to quarantine.

In the order of the flow: `discover` recognises the files, `known` looks them up by content, `load`
reads one that is new: `unpack` makes it readable, `read` and `parse` say in SQL what a row and a
value are, `convert` writes the good rows, `reject` the bad values, `deduplicate` keeps one of equal
rows. `lake` puts all in place, `overlap` sees them side by side, `summary` reports it.
"""

from pipeline.ingest.run import ingest
from pipeline.ingest.summary import FileReport, IngestSummary, MissingTable, render

__all__ = ["FileReport", "IngestSummary", "MissingTable", "ingest", "render"]
