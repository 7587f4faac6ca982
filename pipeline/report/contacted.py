"""Says in words how many examples contacts leave out of what is learned and judged."""

from collections.abc import Iterable, Mapping
from typing import Any

_OF = {
    "training": "what the model learned from",
    "validation": "what chose its size",
    "test": "what it is judged on",
}


def contacted_in_words(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return sentences about each split that contacts concern; none where no contact is on record.

    Args:
        rows: split, reason, rows, stand_for and examples: `bi_contacted_examples`.
    """
    by_split: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in rows:
        by_split.setdefault(row["split"], {})[row["reason"]] = row
    told = []
    for split, what in _OF.items():
        of = by_split.get(split)
        if not of:
            continue
        treated, outside, control = (
            of.get(reason) for reason in ("treated_by_plan", "outside_plan", "control_of_plan")
        )
        left_out = sum(int(row["rows"]) for row in (treated, outside) if row)
        examples = int(next(iter(of.values()))["examples"])
        words = (
            f"Of the {examples:,} examples of {what}, {left_out:,} are left out, because a contact "
            "may have changed what these customers did."
        )
        if control:
            words += (
                f" {int(control['rows']):,} of control groups count for {control['stand_for']:,.0f}"
                ", so that the cohort stays whole."
            )
        if outside:
            words += (
                f" {int(outside['rows']):,} of those left out were contacted outside plans. Nobody "
                "stands for them, so a model that learned from them too is shown beside: neither "
                "is right."
            )
        told.append(words)
    return told
