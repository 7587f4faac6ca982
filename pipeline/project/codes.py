"""What codes are called, from `seeds/codes.csv`; the published table `bi_codes` has the same."""

import csv
from functools import cache

from pipeline.project.home import PROJECT

CODES = PROJECT / "seeds" / "codes.csv"


@cache
def titles(kind: str) -> dict[str, str]:
    """Return what a marketer reads in place of each code of a vocabulary, in the seed's order."""
    return {row["code"]: row["title"] for row in _rows() if row["kind"] == kind}


@cache
def terms(kind: str) -> dict[str, str]:
    """Return what the field calls each code of a vocabulary, in the seed's order."""
    return {row["code"]: row["term"] or row["title"] for row in _rows() if row["kind"] == kind}


@cache
def _rows() -> list[dict[str, str]]:
    with CODES.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))
