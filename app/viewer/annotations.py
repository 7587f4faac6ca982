"""What a chart over time must say: days on which the data have holes, and campaigns."""

import csv
from datetime import date
from pathlib import Path

import pandas as pd

from app.viewer.context import Context
from app.viewer.published import columns, rows
from pipeline.project.home import PROJECT

_SEEDS = PROJECT / "seeds"


def annotations(page: Context, first: date, last: date) -> pd.DataFrame:
    """Return what happened to a business in a span: `day`, and `note`, the earliest first."""
    found = pd.concat([outages(page.name, first, last), _campaigns(page, first, last)])
    return found.sort_values("day", kind="stable", ignore_index=True)


def _campaigns(page: Context, first: date, last: date) -> pd.DataFrame:
    """Campaigns, on the day up to which their members were scored."""
    # not in what an earlier version published
    if not columns(page.generation, "bi_campaigns"):
        return pd.DataFrame(columns=["day", "note"])
    return rows(
        page.generation,
        "select as_of_date as day, 'Campaign: ' || campaign_name as note from bi_campaigns "
        "where domain = ? and as_of_date between ? and ? order by day, note",
        page.name,
        first,
        last,
    )


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
