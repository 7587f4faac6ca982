"""What a chart over time must say: days on which the data have holes."""

import csv
from datetime import date

import pandas as pd

from pipeline.project.home import PROJECT

OUTAGES = PROJECT / "seeds" / "feed_outages.csv"


def outages(domain: str, first: date, last: date) -> pd.DataFrame:
    """Return the known outages of a domain's feeds in a span: `day` they began, and `note`."""
    with OUTAGES.open(newline="", encoding="utf-8") as file:
        found = [
            {"day": pd.Timestamp(row["started_on"]), "note": f"Data outage: {row['reason']}"}
            for row in csv.DictReader(file)
            if row["domain"] == domain
            and row["started_on"] <= last.isoformat()
            and row["ended_on"] > first.isoformat()
        ]
    return pd.DataFrame(found, columns=["day", "note"])
