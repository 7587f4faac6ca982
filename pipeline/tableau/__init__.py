"""Exports published tables for Tableau: one extract of all tables, one data source file each."""

from pipeline.tableau.export import Export, export

__all__ = ["Export", "export"]
