"""Thin readers of the published generation."""
