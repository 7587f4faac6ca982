"""The filters of the customer list as SQL: what API and viewer mean by the same name."""

from collections.abc import Callable, Mapping
from typing import Any

RISK, CUSTOMERS, ACTIONS = "bi_churn_risk", "bi_customer_360", "bi_churn_actions"

# Filter → condition with one bound value.
CONDITIONS = {
    "band": "list_contains(?, risk_band)",
    "min_probability": "churn_probability >= ?",
    "max_probability": "churn_probability <= ?",
    "min_value_at_risk": "value_at_risk >= ?",
    "max_value_at_risk": "value_at_risk <= ?",
    "min_customer_value": "customer_value >= ?",
    "max_customer_value": "customer_value <= ?",
    "due_from": "due_on >= ?",
    "due_to": "due_on <= ?",
    "reason": "contains(lower(concat_ws(' ', top_driver_1, top_driver_2, top_driver_3)), lower(?))",
    "already_cancelled": "coalesce(already_cancelled, false) = ?",
    "at_risk": "is_at_risk = ?",
    "segment": "list_contains(?, ladder_part)",
    "next_order_from": "expected_next_order_on >= ?",
    "next_order_to": "expected_next_order_on <= ?",
    "min_predicted_value": "predicted_value >= ?",
    "action": "list_contains(?, planned_action)",
    "decision": "decision = ?",
    "channel": "list_contains(?, channel)",
    "min_expected_profit": "expected_profit >= ?",
    "do_not_contact": "coalesce(is_suppressed, false) = ?",
    "control_group": "coalesce(is_held_out, false) = ?",
    "theme": "theme = ? and direction = 'raises'",
    "driver": (
        "list_contains(?, driver_group) and direction = 'raises' and strength <> 'weak' "
        "and not is_typical"
    ),
    # of one kind of segment; `conditions_on` binds the kind first
    "part": "segment = ? and list_contains(?, segment_value_code)",
}
# Filters that `bi_churn_risk` cannot answer: the table that does.
TABLES = {
    **dict.fromkeys(("segment", "next_order_from", "next_order_to"), CUSTOMERS),
    "min_predicted_value": CUSTOMERS,
    **dict.fromkeys(("action", "decision", "channel", "min_expected_profit"), ACTIONS),
    **dict.fromkeys(("do_not_contact", "control_group"), ACTIONS),
    "theme": "bi_churn_drivers",
    "driver": "bi_churn_reasons",
    "part": "bi_customer_segments",
}
# Filters on columns that only some businesses' tables have: the column of `bi_customer_360`.
COLUMNS = {
    "next_order_from": "expected_next_order_on",
    "next_order_to": "expected_next_order_on",
    "min_predicted_value": "predicted_value",
}
# Each minimum with its maximum.
RANGES = (
    ("min_probability", "max_probability"),
    ("min_value_at_risk", "max_value_at_risk"),
    ("min_customer_value", "max_customer_value"),
    ("due_from", "due_to"),
    ("next_order_from", "next_order_to"),
)
# Between the kind of a segment and its code in the filter `part`.
OF = ":"


def conditions_on(
    base: str,
    domain: str,
    chosen: Mapping[str, Any],
    relation: Callable[[str], str] = lambda table: table,
) -> tuple[list[str], list[Any]]:
    """Return filters as conditions on a table of customers, and the values they bind.

    Args:
        base: `bi_churn_risk`, or `bi_customer_360`, which has the actions too.
        domain: Domain.
        chosen: Filter → value; a customer must pass all of them.
        relation: Where a published table stands, by its name.
    """
    own = {RISK, CUSTOMERS, ACTIONS} if base == CUSTOMERS else {RISK}
    where, values = ["domain = ?"], [domain]
    for name, value in chosen.items():
        table = TABLES.get(name, RISK)
        for bound in _by_kind(value) if name == "part" else [[value]]:
            if table in own:
                where.append(CONDITIONS[name])
                values += bound
            else:
                where.append(
                    f"customer_id in (select customer_id from {relation(table)} "
                    f"where domain = ? and {CONDITIONS[name]})"
                )
                values += [domain, *bound]
    return where, values


def _by_kind(parts: list[str]) -> list[list[Any]]:
    """Return kind and codes: a customer is in one of the parts of each kind."""
    kinds: dict[str, list[str]] = {}
    for part in parts:
        kind, _, code = part.partition(OF)
        kinds.setdefault(kind, []).append(code)
    return [[kind, codes] for kind, codes in kinds.items()]
