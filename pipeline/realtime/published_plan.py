"""Reads what the published plan decided about a few customers, from the generation's look-ups."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.project.look_ups import LookUps

_COLUMNS = (
    "decision",
    "reason",
    "reason_words",
    "planned_action",
    "expected_spend",
    "expected_profit",
    "arm",
    "period_start",
)


@dataclass(frozen=True)
class PublishedDecision:
    """What the published plan decided about one customer of its cohort.

    Attributes:
        customer_id: Customer.
        decision: treat, hold_out or leave.
        reason: Why the customer is not contacted; None for treat.
        reason_words: The same in words.
        planned_action: Action, also of the control group; None for leave.
        expected_spend: Its expected spend, in the domain's currency.
        expected_profit: Its expected profit.
        arm: Arm of the period; None if no plan of it has chosen the customer.
        period_start: First day of the period, as YYYY-MM-DD.
    """

    customer_id: str
    decision: str
    reason: str | None
    reason_words: str | None
    planned_action: str | None
    expected_spend: float | None
    expected_profit: float | None
    arm: str | None
    period_start: str

    def as_assignment(self, domain: str) -> dict[str, Any]:
        """Return the action and its arm as a row of `stg_churn__assignments`, JSON-ready."""
        return {
            "domain": domain,
            "period_start": self.period_start,
            "customer_id": self.customer_id,
            "arm": self.arm,
            "action_id": self.planned_action,
            "planned_spend_cents": round(100 * (self.expected_spend or 0)),
            "planned_profit_cents": round(100 * (self.expected_profit or 0)),
        }


class PublishedPlan:
    """The decisions of a generation's plan of a domain; one request at a time.

    Args:
        generation: The generation's DuckDB file; one without look-ups decided nothing.
        domain: Domain.
    """

    def __init__(self, generation: Path, domain: str) -> None:
        self._domain = domain
        self._look_ups: LookUps | None = None
        self._places: list[int] = []
        path = generation.with_suffix(".sqlite")
        if not path.exists():
            return
        look_ups = LookUps(path)
        columns = look_ups.shapes.get("action", [])
        if set(_COLUMNS) <= set(columns):
            self._look_ups = look_ups
            self._places = [columns.index(name) for name in _COLUMNS]
        else:  # published before arms were kept
            look_ups.close()

    def about(self, customers: Sequence[str]) -> dict[str, PublishedDecision]:
        """Return the decisions about those of the customers who are in the published cohort.

        Raises:
            DamagedLookUpsError: A row of the look-ups is damaged.
        """
        found: dict[str, PublishedDecision] = {}
        if self._look_ups is None:
            return found
        for customer, document in self._look_ups.find(self._domain, customers):
            action = json.loads(document)["action"]
            if action is not None:
                found[customer] = PublishedDecision(
                    customer, *(action[place] for place in self._places)
                )
        return found
