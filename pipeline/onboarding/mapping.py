"""Fills the templates of a business without a contract: sources, staging, entry, actions."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pipeline.onboarding.columns import FoundColumn
from pipeline.onboarding.definitions import Definition
from pipeline.onboarding.filling import (
    NOTHING,
    filled,
    price_tag,
    round_amount,
    shown_price,
    source_column,
    value_cuts,
    with_words_for_nothing,
    yaml_text,
)
from pipeline.onboarding.orders import OrderProfile, OrderTable
from pipeline.project.duck import listed

_VALUE_DAYS = 180


@dataclass(frozen=True)
class Assumptions:
    """What the files cannot say of a domain.

    Attributes:
        title: Its name for a reader.
        currency: Sign or name of the currency.
        gross_margin: Share of an amount that is profit.
        timezone: Where its days are counted.
    """

    title: str
    currency: str
    gross_margin: float
    timezone: str


@dataclass(frozen=True)
class DomainTexts:
    """What is written for a domain.

    Attributes:
        files: Texts by their path in the domain's folder.
        entry: The entry of dbt_project.yml.
        actions: Lines of the catalogue of actions.
    """

    files: Mapping[str, str]
    entry: str
    actions: str


def map_orders(
    name: str, found: OrderTable, profile: OrderProfile, definition: Definition, words: Assumptions
) -> DomainTexts:
    """Return the texts of a domain without a contract.

    Args:
        name: The domain.
        found: Its table of orders.
        profile: What the orders are like.
        definition: What leaving is.
        words: What the files cannot say.
    """
    roles = found.roles
    time = roles["time"]
    assert time is not None  # noqa: S101 - a needed role
    is_moment = time.holds == "moment"
    day = f"{time.name}_day" if is_moment else time.name
    facts: dict[str, Any] = {
        **roles,
        "name": name,
        "title": words.title,
        "title_yaml": yaml_text(words.title),
        "table": found.table.name,
        "files": ", ".join(found.table.patterns),
        "patterns": "[" + ", ".join(yaml_text(pattern) for pattern in found.table.patterns) + "]",
        "is_moment": is_moment,
        "day": day,
        "columns": _source_columns(found, day),
        **_amounts(found),
        **_staging(found, day, name, words),
        **_entry(found, profile, definition, words),
    }
    files = {
        f"_{name}__sources.yml": filled("no_contract/sources.yml", facts),
        f"staging/_{name}__staging.yml": filled("no_contract/staging.yml", facts),
        f"staging/stg_{name}__event_days.sql": filled("no_contract/event_days.sql", facts),
        f"staging/stg_{name}__orders.sql": filled("no_contract/orders.sql", facts),
    }
    return DomainTexts(
        files,
        filled("no_contract/entry.yml", facts),
        filled("no_contract/actions.csv", facts | _costs(profile, words)),
    )


# sources

_MEANS = {
    "customer": ("varchar", "Customer."),
    "order": ("varchar", "Order; its lines have the same one."),
    "type": ("varchar", "What the row is."),
    "refund": ("varchar", "Whether the row gives money back."),
    "amount": ("double", "Amount of the row; a negative one gives money back."),
    "price": ("double", "Price of one unit; a negative one gives money back."),
    "quantity": ("integer", "Units of the row, 1 where it is null; a negative number gives back."),
    "product": ("varchar", "Product."),
    "department": ("varchar", "Group of the product."),
    "brand": ("varchar", "Brand."),
    "currency": ("varchar", "Currency of the amounts. A file has one."),
}


def _source_columns(found: OrderTable, day: str) -> list[dict[str, str]]:
    """The columns of the sources YAML: those with a role, in the order of the files."""
    roles = {column: role for role, column in found.roles.items() if column}
    columns = []
    for column in found.columns:
        role = roles.get(column)
        if role is None:
            continue
        meta = {} if column.name == column.header else {"header": yaml_text(column.header)}
        if role == "time":
            kind = "date" if column.holds == "day" else "timestamp"
            meta["not_null"] = "true"
            if column.format:
                meta["format"] = yaml_text(column.format)
            means = "Day of the row." if kind == "date" else "Moment of the row, UTC."
            columns.append(source_column(column.name, kind, means, meta))
            if kind == "timestamp":
                derived = {"not_null": "true", "date_of": column.name}
                columns.append(source_column(day, "date", "Day of the row, UTC.", derived))
            continue
        kind, means = _MEANS[role]
        if role == "customer":
            meta |= {"not_null": "true", "nothing": NOTHING}
            means = (
                'Customer. A word of the list stands for nobody, such as a guest: add "0" or "-1" '
                "if your files write guests so."
            )
        elif role == "type":
            values = ", ".join(yaml_text(value) for value, _ in column.values)
            meta |= {"not_null": "true", "values": f"[{values}]"}
        elif kind == "varchar":
            meta |= {"required": "false", "nothing": NOTHING}
        elif kind == "double":
            meta |= {"min": "-1.0e12", "max": "1.0e12"}
        elif kind == "integer":
            meta |= {"required": "false", "min": "-1000000", "max": "1000000"}
        columns.append(source_column(column.name, kind, means, meta))
    return with_words_for_nothing(columns)


def _amounts(found: OrderTable) -> dict[str, Any]:
    """What ingest checks the size of amounts by, and the table's anchor."""
    roles = found.roles
    money = roles["amount"] or roles["price"]
    parts = {}
    if money:
        parts["price"] = money.name
        if roles["product"] and roles["price"]:
            parts["per"] = roles["product"].name
        if roles["currency"]:
            parts["currency"] = roles["currency"].name
        if roles["type"]:
            parts["kind"] = yaml_text(found.order_words[0])
    return {
        "amounts": "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"
        if parts
        else "",
        "anchor": yaml_text(found.order_words[0]) if roles["type"] else "",
    }


# staging

_NO_TEXT = "cast(null as varchar)"


def _staging(found: OrderTable, day: str, name: str, words: Assumptions) -> dict[str, Any]:
    """The expressions of the model of orders."""
    roles = found.roles
    time, kind = roles["time"], roles["type"]
    assert time is not None  # noqa: S101 - a needed role
    if time.holds == "day":
        moment = f"cast(source.{day} as timestamp)"
    elif time.is_zoned and words.timezone != "UTC":
        moment = f"{{{{ local_time('source.{time.name}', '{name}') }}}}"
    else:
        # without a zone the files have the moments of the domain's own clocks
        moment = f"source.{time.name}"
    money = roles["amount"] or roles["price"]
    quantity = roles["quantity"]
    says = [f"coalesce(source.{c.name} < 0, false)" for c in (money, quantity) if c]
    if flag := roles["refund"]:
        true = listed(v for v, _ in flag.values if v.lower() in ("1", "true", "t", "yes", "y"))
        if true:
            says.append(f"coalesce(source.{flag.name} in ({true}), false)")
    if kind and found.refund_words:
        says.append(f"source.{kind.name} in ({listed(found.refund_words)})")
    return {
        "order": _text(roles["order"], "order_id"),
        "product": _text(roles["product"], "product_id"),
        "department": _text(roles["department"], "department"),
        "brand": _text(roles["brand"], "brand"),
        "ordered_at": moment,
        "units": f"cast(abs(coalesce(source.{quantity.name}, 1)) as bigint)"
        if quantity
        else "cast(1 as bigint)",
        "cents": f"cast(round(abs(source.{money.name}) * 100) as bigint)"
        if money
        else "cast(null as bigint)",
        "refunds": says or ["false"],
        "words": listed((*found.order_words, *found.refund_words)),
    }


def _text(column: FoundColumn | None, name: str) -> str:
    if column is None:
        return f"{_NO_TEXT} as {name}"
    return f"source.{column.name}" if column.name == name else f"source.{column.name} as {name}"


# entry


def _entry(
    found: OrderTable, profile: OrderProfile, definition: Definition, words: Assumptions
) -> dict[str, Any]:
    """What the entry says beside its words."""
    kind = found.roles["type"]
    rate = definition.churn_rate if definition.churn_rate is not None else 0.5
    rate = min(max(rate, 0.02), 0.98)
    horizon, lookback = definition.horizon_days, definition.lookback_days
    first, second = max(2, horizon // 3), max(4, horizon)
    cuts = [first + 1, second + 1, max(second + 30, lookback // 2) + 1]
    a, b, c = (cut - 1 for cut in cuts)
    minimum = definition.minimum
    return {
        "horizon_days": horizon,
        "lookback_days": lookback,
        "min_orders": definition.min_orders,
        "grid": definition.grid,
        "warm_up_days": definition.warm_up_days,
        "timezone": words.timezone,
        "covered_by": f"{found.table.name}.{found.order_words[0]}" if kind else found.table.name,
        "currency_yaml": yaml_text(words.currency),
        "gross_margin": words.gross_margin,
        "has_money": profile.order_value is not None,
        "bands": (
            round(rate + 0.57 * (1 - rate), 2 if rate < 0.9 else 3),
            round(rate + 0.15 * (1 - rate), 2 if rate < 0.9 else 3),
            round(0.77 * rate, 2 if rate > 0.1 else 3),
        ),
        "because": f"about {rate * 100:.0f} of 100 customers place no order within {horizon} days, "
        "so high begins above that",
        "minimum": "{"
        + ", ".join(f"{key}: {value}" for key, value in minimum.given().items())
        + "}",
        "period_start": profile.last_day + timedelta(days=1),
        "budget": round_amount(0.02 * profile.last_month) if profile.last_month else 0,
        "recency_cuts": cuts,
        "recency_names": f"[ordered within {a} days, ordered {a + 1} to {b} days ago, "
        f"ordered {b + 1} to {c} days ago, ordered longer ago]",
        **value_cuts(
            None
            if profile.customer_day is None
            else (profile.customer_day[0] * _VALUE_DAYS, profile.customer_day[1] * _VALUE_DAYS),
            words.currency,
        ),
    }


def _costs(profile: OrderProfile, words: Assumptions) -> dict[str, Any]:
    """Costs of the actions as shares of a typical order, all assumptions to replace."""
    order = profile.order_value or 20.0
    small, large = price_tag(0.07 * order), price_tag(0.15 * order)
    sign = words.currency
    return {
        "mail": f"{max(0.002 * order, 0.01):.2f}",
        "call": f"{price_tag(0.15 * order):g}",
        "small": f"{small:g}",
        "large": f"{large:g}",
        "small_shown": f"{sign}{shown_price(small)}",
        "large_shown": f"{sign}{shown_price(large)}",
        "voucher_from": 0.5,
        "call_value": f"{price_tag(10 * order):g}",
    }
