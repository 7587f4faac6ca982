"""Published tables for Tableau.

In the order of the flow: `export` reads a generation, `extract` loads its tables into one extract,
`fields` says how columns look, `data_source` writes one data source file a table.
"""

from pipeline.tableau.export import Export, export

__all__ = ["Export", "export"]
