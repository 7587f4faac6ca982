"""Fills templates and writes what they need: scalars, columns of a source, prices and cuts."""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

# Assumptions that stand for nobody or nothing in the texts of files; listed once in a YAML.
_FIRST_NOTHING = (
    '&words_for_nothing ["null", nan, none, na, n/a, "#n/a", <na>, nil, undefined, "\\\\N"]'
)
NOTHING = "*words_for_nothing"


def filled(template: str, facts: Mapping[str, Any]) -> str:
    """Return a template of `templates/` with the facts filled in."""
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


def yaml_text(text: str) -> str:
    """Return a text as a YAML scalar in double quotes."""
    return json.dumps(text, ensure_ascii=False)


def source_column(name: str, kind: str, means: str, meta: Mapping[str, str]) -> dict[str, str]:
    """Return a column as the template of the sources takes it."""
    inside = ", ".join(f"{key}: {value}" for key, value in meta.items())
    return {
        "name": name,
        "data_type": kind,
        "description": means if ":" not in means else yaml_text(means),
        "meta": f"{{{inside}}}" if inside else "",
    }


def with_words_for_nothing(columns: list[dict[str, str]]) -> list[dict[str, str]]:
    """Return the columns with the list of words at the first that needs it."""
    first = next(column for column in columns if NOTHING in column["meta"])
    changed = first | {"meta": first["meta"].replace(NOTHING, _FIRST_NOTHING)}
    return [changed if column is first else column for column in columns]


def price_tag(amount: float) -> float:
    """Return an amount as a price tag: two figures at most."""
    if amount <= 0:
        return 0.01
    size = 10 ** (math.floor(math.log10(amount)) - 1)
    return max(float(f"{round(amount / size) * size:.2f}"), 0.01)


def shown_price(price: float) -> str:
    """Return a price as a reader sees it, without cents of 0."""
    return f"{price:.0f}" if price == round(price) else f"{price:.2f}"


def round_amount(amount: float) -> int:
    """Return an amount as 1, 2 or 5 times a power of ten, in whole units."""
    if amount < 1:
        return 0
    size = 10 ** math.floor(math.log10(amount))
    return int(min((1, 2, 5, 10), key=lambda n: abs(n * size - amount)) * size)


def value_cuts(values: tuple[float, float] | None, currency: str) -> dict[str, Any]:
    """Return cuts and names of the segment of value.

    Args:
        values: Median and 90 % point of a customer's value; None without amounts.
        currency: Sign or name of the currency.
    """
    if values is None:
        return {"value_cuts": [], "value_names": ""}
    low, high = (max(round_amount(value), 1) for value in values)
    high = max(high, 2 * low)
    names = (
        f"under {currency}{low:,}",
        f"{currency}{low:,} to {high:,}",
        f"{currency}{high:,} and more",
    )
    return {
        "value_cuts": [low, high],
        "value_names": "[" + ", ".join(yaml_text(name) for name in names) + "]",
    }
