"""Ingest: raw files become typed Parquet in the lake; what cannot be read goes to quarantine.

In the order of the flow: `discover` recognises the files, `unpack` and `digest` make them readable
and known by content, `read` and `parse` say in SQL what a row and a value are, `convert` writes
the good rows, `reject` the bad values, `commit` puts both in place, `summary` tells of it.
"""

from pipeline.ingest.run import ingest
from pipeline.ingest.summary import FileReport, IngestSummary, MissingTable, render

__all__ = ["FileReport", "IngestSummary", "MissingTable", "ingest", "render"]
