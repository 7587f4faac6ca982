"""What a chart over time must say: days on which the data have holes."""

import csv
from datetime import date
from pathlib import Path

import pandas as pd

from pipeline.project.home import PROJECT

_SEEDS = PROJECT / "seeds"


def outages(domain: str, first: date, last: date) -> pd.DataFrame:
    """Return the known outages of a domain in a span: `day` they began, and `note`."""
    found = [
        {"day": pd.Timestamp(row["started_on"]), "note": f"Data outage: {row['reason']}"}
        for row in _rows(_SEEDS / "feed_outages.csv", first, last)
        if row["domain"] == domain
    ]
    methods: dict[str, list[str]] = {}
    for row in _rows(_SEEDS / f"{domain}_billing_outages.csv", first, last):
        methods.setdefault(row["started_on"], []).append(row["payment_method_id"])
    found += [
        {
            "day": pd.Timestamp(day),
            "note": f"Billing outage of payment method {', '.join(those)}",
        }
        for day, those in methods.items()
    ]
    return pd.DataFrame(found, columns=["day", "note"])


def _rows(path: Path, first: date, last: date) -> list[dict[str, str]]:
    """Return the rows of a seed of outages that touch a span; none without the seed."""
    if not path.exists():
        return []
    with path.open(newline="", encoding="utf-8") as file:
        return [
            row
            for row in csv.DictReader(file)
            if row["started_on"] <= last.isoformat() and row["ended_on"] > first.isoformat()
        ]
