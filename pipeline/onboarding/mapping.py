"""Fills the templates of a kind: sources, staging, entry and actions of a domain."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from pipeline.onboarding.columns import FoundColumn
from pipeline.onboarding.definitions import Definition
from pipeline.onboarding.orders import OrderProfile, OrderTable
from pipeline.project.duck import listed

# Assumptions that stand for nobody or nothing in the texts of files; listed once in a YAML.
_FIRST_NOTHING = (
    '&words_for_nothing ["null", nan, none, na, n/a, "#n/a", <na>, nil, undefined, "\\\\N"]'
)
_NOTHING = "*words_for_nothing"
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
        "title_yaml": _yaml(words.title),
        "table": found.table.name,
        "files": ", ".join(found.table.patterns),
        "patterns": "[" + ", ".join(_yaml(pattern) for pattern in found.table.patterns) + "]",
        "is_moment": is_moment,
        "day": day,
        "columns": _source_columns(found, day),
        **_amounts(found),
        **_staging(found, day, name, words),
        **_entry(found, profile, definition, words),
    }
    files = {
        f"_{name}__sources.yml": _filled("no_contract/sources.yml", facts),
        f"staging/_{name}__staging.yml": _filled("no_contract/staging.yml", facts),
        f"staging/stg_{name}__event_days.sql": _filled("no_contract/event_days.sql", facts),
        f"staging/stg_{name}__orders.sql": _filled("no_contract/orders.sql", facts),
    }
    return DomainTexts(
        files,
        _filled("no_contract/entry.yml", facts),
        _filled("no_contract/actions.csv", facts | _costs(profile, words)),
    )


def _filled(template: str, facts: Mapping[str, Any]) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 - SQL and YAML of the project's own
        # the braces are those of dbt
        variable_start_string="<<",
        variable_end_string=">>",
        block_start_string="<%",
        block_end_string="%>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(facts)


def _yaml(text: str) -> str:
    """A text as a YAML scalar in double quotes."""
    return json.dumps(text, ensure_ascii=False)


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
        meta = {} if column.name == column.header else {"header": _yaml(column.header)}
        if role == "time":
            kind = "date" if column.holds == "day" else "timestamp"
            meta["not_null"] = "true"
            if column.format:
                meta["format"] = _yaml(column.format)
            means = "Day of the row." if kind == "date" else "Moment of the row, UTC."
            columns.append(_column(column.name, kind, means, meta))
            if kind == "timestamp":
                derived = {"not_null": "true", "date_of": column.name}
                columns.append(_column(day, "date", "Day of the row, UTC.", derived))
            continue
        kind, means = _MEANS[role]
        if role == "customer":
            meta |= {"not_null": "true", "nothing": _NOTHING}
            means = (
                'Customer. A word of the list stands for nobody, such as a guest: add "0" or "-1" '
                "if your files write guests so."
            )
        elif role == "type":
            values = ", ".join(_yaml(value) for value, _ in column.values)
            meta |= {"not_null": "true", "values": f"[{values}]"}
        elif kind == "varchar":
            meta |= {"required": "false", "nothing": _NOTHING}
        elif kind == "double":
            meta |= {"min": "-1.0e12", "max": "1.0e12"}
        elif kind == "integer":
            meta |= {"required": "false", "min": "-1000000", "max": "1000000"}
        columns.append(_column(column.name, kind, means, meta))
    first = next(column for column in columns if _NOTHING in column["meta"])
    first["meta"] = first["meta"].replace(_NOTHING, _FIRST_NOTHING)
    return columns


def _column(name: str, kind: str, means: str, meta: Mapping[str, str]) -> dict[str, str]:
    inside = ", ".join(f"{key}: {value}" for key, value in meta.items())
    description = means if ":" not in means else _yaml(means)
    return {
        "name": name,
        "data_type": kind,
        "description": description,
        "meta": f"{{{inside}}}" if inside else "",
    }


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
            parts["kind"] = _yaml(found.order_words[0])
    return {
        "amounts": "{" + ", ".join(f"{key}: {value}" for key, value in parts.items()) + "}"
        if parts
        else "",
        "anchor": _yaml(found.order_words[0]) if roles["type"] else "",
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
        "currency_yaml": _yaml(words.currency),
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
        "budget": _round(0.02 * profile.last_month) if profile.last_month else 0,
        "recency_cuts": cuts,
        "recency_names": f"[ordered within {a} days, ordered {a + 1} to {b} days ago, "
        f"ordered {b + 1} to {c} days ago, ordered longer ago]",
        **_value_cuts(profile, words),
    }


def _value_cuts(profile: OrderProfile, words: Assumptions) -> dict[str, Any]:
    if profile.customer_day is None:
        return {"value_cuts": [], "value_names": ""}
    low, high = (max(_round(spent * _VALUE_DAYS), 1) for spent in profile.customer_day)
    high = max(high, 2 * low)
    sign = words.currency
    names = (f"under {sign}{low:,}", f"{sign}{low:,} to {high:,}", f"{sign}{high:,} and more")
    return {
        "value_cuts": [low, high],
        "value_names": "[" + ", ".join(_yaml(name) for name in names) + "]",
    }


def _costs(profile: OrderProfile, words: Assumptions) -> dict[str, Any]:
    """Costs of the actions as shares of a typical order, all assumptions to replace."""
    order = profile.order_value or 20.0
    small, large = _price(0.07 * order), _price(0.15 * order)
    sign = words.currency
    return {
        "mail": f"{max(0.002 * order, 0.01):.2f}",
        "call": f"{_price(0.15 * order):g}",
        "small": f"{small:g}",
        "large": f"{large:g}",
        "small_shown": f"{sign}{_shown(small)}",
        "large_shown": f"{sign}{_shown(large)}",
        "voucher_from": 0.5,
        "call_value": f"{_price(10 * order):g}",
    }


def _price(amount: float) -> float:
    """An amount as a price tag: two figures at most."""
    if amount <= 0:
        return 0.01
    size = 10 ** (math.floor(math.log10(amount)) - 1)
    return max(float(f"{round(amount / size) * size:.2f}"), 0.01)


def _shown(price: float) -> str:
    return f"{price:.0f}" if price == round(price) else f"{price:.2f}"


def _round(amount: float) -> int:
    """An amount as 1, 2 or 5 times a power of ten, in whole units."""
    if amount < 1:
        return 0
    size = 10 ** math.floor(math.log10(amount))
    return int(min((1, 2, 5, 10), key=lambda n: abs(n * size - amount)) * size)
