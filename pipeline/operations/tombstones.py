"""Whom to erase, and the one file that tells a CRM: afterwards nothing here knows the ids."""

import csv
from collections.abc import Collection
from datetime import UTC, datetime
from pathlib import Path

from pipeline.project.errors import ChurnError
from pipeline.project.files import replaced
from pipeline.project.home import Home

# Columns of crm_churn_actions.
_COLUMNS = ("crm_key", "domain", "customer_id", "is_deleted", "deleted_at", "deleted_reason")


def read_customers(customer: str | None, listed: Path | None) -> list[str]:
    """Return the customers of an argument or of a file with one on each line.

    Raises:
        ChurnError: Neither or both are given, the file cannot be read, or nobody is in it.
    """
    if (customer is None) == (listed is None):
        raise ChurnError(
            "Nobody is named, or in two ways.", hint="Give a customer, or --list FILE, one of them."
        )
    if listed is None:
        found = [customer or ""]
    else:
        try:
            found = listed.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as problem:
            raise ChurnError(
                "The list cannot be read.",
                where=f"{listed}: {problem}",
                hint="Save it as text in UTF-8, with a customer on each line.",
            ) from problem
    found = [line.strip() for line in found if line.strip()]
    if not found:
        raise ChurnError("Nobody is named.", where=str(listed) if listed else None)
    return list(dict.fromkeys(found))


def write_tombstones(path: Path, home: Home, domain: str, ids: Collection[str]) -> None:
    """Write a row for each id in the columns of the CRM table, as deleted with reason erased.

    Raises:
        ChurnError: The file would be inside CHURN_HOME, where no id may stay.
    """
    path = path.expanduser().resolve()
    if home.root in path.parents:
        raise ChurnError(
            "The file for the CRM would be inside of CHURN_HOME, where the ids are about to go.",
            where=str(path),
            hint="Choose a place outside, and delete the file once the CRM has read it.",
        )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    with replaced(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, quoting=csv.QUOTE_ALL)
        rows.writerow(_COLUMNS)
        rows.writerows(
            (f"{domain}:{one}", domain, one, "true", now, "erased") for one in sorted(ids)
        )
