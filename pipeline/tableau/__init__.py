"""Published tables for Tableau: one extract of all of them, and a data source file for each."""

from pipeline.tableau.export import Export, export

__all__ = ["Export", "export"]
