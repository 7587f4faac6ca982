"""Checks the catalogue of actions, `seeds/retention_actions.csv`."""

import csv
import math
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from pipeline.project.domain_settings import DomainSettings
from pipeline.project.domains import described_examples
from pipeline.project.errors import ChurnError
from pipeline.project.home import PROJECT

CATALOGUE = PROJECT / "seeds" / "retention_actions.csv"
COLUMNS = (
    "action_id",
    "domain",
    "themes",
    "condition",
    "channel",
    "title",
    "message_hint",
    "contact_cost",
    "incentive_cost",
    "save_alpha",
    "save_beta",
    "accept_alpha",
    "accept_beta",
    "lead_days",
    "cool_down_days",
    "min_probability",
    "max_probability",
    "min_value",
    "max_value",
    "is_active",
    "measured_customers",
    "priors_source",
)
_WORDS = ("action_id", "domain", "themes", "channel", "title", "priors_source")
_NOT_NEGATIVE = ("contact_cost", "incentive_cost")
_RATES = ("save_alpha", "save_beta", "accept_alpha", "accept_beta")
_DAYS = ("lead_days", "cool_down_days")
_BOUNDS = (("probability", 1.0), ("value", float("inf")))
_SHOWN = 10
_PLACEHOLDER = re.compile(r"\{[^}]*\}")
# What crm_churn_actions fills in.
_FILLED = "{due_on}"


def actions_of(domain: str, path: Path = CATALOGUE) -> list[str]:
    """Return a domain's action_ids in the catalogue, sorted."""
    with path.open(newline="", encoding="utf-8") as file:
        return sorted(row["action_id"] for row in csv.DictReader(file) if row["domain"] == domain)


def channels_of(domain: str, path: Path = CATALOGUE) -> list[str]:
    """Return the channels of a domain's actions in the catalogue, sorted."""
    with path.open(newline="", encoding="utf-8") as file:
        return sorted({row["channel"] for row in csv.DictReader(file) if row["domain"] == domain})


def check_catalogue(entries: Mapping[str, DomainSettings], path: Path = CATALOGUE) -> None:
    """Refuse a catalogue with a mistake.

    Args:
        entries: The domains.
        path: The catalogue.

    Raises:
        ChurnError: The catalogue has mistakes; each is listed with line, action and column.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            odd = sorted(set(reader.fieldnames or ()) ^ set(COLUMNS))
            raise ChurnError(
                f"The catalogue of actions has the wrong columns: "
                f"{', '.join(odd) or 'another order'}.",
                where=str(path),
                hint=f"The first line must be {','.join(COLUMNS)}.",
            )
        rows = [(reader.line_num, row) for row in reader]
    themes = {domain: _themes(domain) for domain in entries}
    problems = [
        f"line {line}, {row['action_id'] or 'no action_id'}: {problem}"
        for line, row in rows
        for problem in _problems(row, themes)
    ]
    seen: dict[str, int] = {}
    for line, row in rows:
        first = seen.setdefault(row["action_id"], line)
        if first != line:
            problems.append(f"line {line}, {row['action_id']}: action_id is also on line {first}")
    problems += list(_channel_problems(entries, rows))
    problems += list(_condition_problems(entries, rows))
    if problems:
        more = f"\nand {len(problems) - _SHOWN} more" if problems[_SHOWN:] else ""
        raise ChurnError(
            f"The catalogue of actions has mistakes ({len(problems)}); no plan was made.",
            where=f"{path}\n" + "\n".join(problems[:_SHOWN]) + more,
            hint="Fix these lines; models/churn/_churn__seeds.yml describes each column.",
        )


def _problems(row: Mapping[str, str | None], themes: Mapping[str, set[str]]) -> Iterator[str]:
    """Yield the mistakes in one row."""
    if None in row or None in row.values():
        yield "has more or fewer cells than the first line; put text with commas in quotes"
        return
    cells = {name: (cell or "").strip() for name, cell in row.items()}
    for name in _WORDS:
        if not cells[name]:
            yield f"{name} is empty"
    domain = cells["domain"]
    if domain and domain not in themes:
        yield f"domain is {domain!r}; write one of {', '.join(sorted(themes))}"
    elif themes.get(domain):
        for theme in cells["themes"].split("|"):
            if theme not in themes[domain]:
                known = ", ".join(sorted(themes[domain]))
                yield f"themes has {theme!r}; the themes of {domain} are {known}"
    for placeholder in _PLACEHOLDER.findall(cells["message_hint"]):
        if placeholder != _FILLED:
            yield f"message_hint has {placeholder}, which nothing fills in; only {_FILLED} is"
    for name in _NOT_NEGATIVE:
        if (number := _number(cells[name])) is None or number < 0:
            yield f"{name} is {cells[name]!r}; write an amount of 0 or more"
        elif round(100 * number, 6) != round(100 * number):
            yield f"{name} is {cells[name]!r}; money has two decimals"
    for name in _RATES:
        if (number := _number(cells[name])) is None or number <= 0:
            yield f"{name} is {cells[name]!r}; write a number above 0"
    for name in _DAYS:
        if not cells[name].isdigit():
            yield f"{name} is {cells[name]!r}; write whole days, 0 or more"
    for name, highest in _BOUNDS:
        yield from _bound_problems(cells, name, highest)
    if cells["is_active"] not in {"true", "false"}:
        yield f"is_active is {cells['is_active']!r}; write true or false"
    yield from _evidence_problems(cells)


def _bound_problems(cells: Mapping[str, str], name: str, highest: float) -> Iterator[str]:
    ends = []
    for end in ("min", "max"):
        cell = cells[f"{end}_{name}"]
        number = _number(cell)
        if cell and (number is None or not 0 <= number <= highest):
            yield f"{end}_{name} is {cell!r}; leave it empty or write 0 to {highest:g}"
        ends.append(number)
    if ends[0] is not None and ends[1] is not None and ends[0] > ends[1]:
        yield f"min_{name} is above max_{name}, so no customer qualifies"


def _evidence_problems(cells: Mapping[str, str]) -> Iterator[str]:
    is_assumed = cells["priors_source"].lower().startswith("assumption")
    measured = cells["measured_customers"]
    if measured and not (measured.isdigit() and int(measured) > 0):
        yield f"measured_customers is {measured!r}; write a number above 0 or leave it empty"
    elif measured and is_assumed:
        yield "priors_source says assumption, but measured_customers is not empty"
    elif not measured and cells["priors_source"] and not is_assumed:
        yield (
            "priors_source does not begin with 'assumption' and measured_customers is empty: "
            "write how many customers were measured, or mark it as an assumption"
        )


def _channel_problems(
    entries: Mapping[str, DomainSettings], rows: list[tuple[int, dict[str, str]]]
) -> Iterator[str]:
    """Yield the mistakes in `retention` of the domains' entries."""
    for domain, entry in entries.items():
        channels = {row["channel"] for _, row in rows if row["domain"] == domain}
        for channel in entry.retention.capacities:
            if channels and channel not in channels:
                known = ", ".join(sorted(channels))
                yield (
                    f"dbt_project.yml, {domain}.retention: no action uses the channel {channel!r}; "
                    f"channels are {known}"
                )


def _condition_problems(
    entries: Mapping[str, DomainSettings], rows: list[tuple[int, dict[str, str]]]
) -> Iterator[str]:
    """Yield actions whose condition their domain's entry does not have."""
    for line, row in rows:
        condition = (row["condition"] or "").strip()
        if not condition or row["domain"] not in entries:
            continue
        known = entries[row["domain"]].retention.conditions
        if condition not in known:
            yield (
                f"line {line}, {row['action_id']}: condition is {condition!r}; leave it empty or "
                f"write one of {row['domain']}.retention.conditions in dbt_project.yml"
                + (f": {', '.join(known)}" if known else "")
            )


def _themes(domain: str) -> set[str]:
    """Themes of each domain's features, from the YAML of its marts."""
    described = described_examples(domain) or {}
    names = [column["name"] for column in described.get("columns", ())]
    return {name.partition("__")[0] for name in names if "__" in name}


def _number(cell: str) -> float | None:
    try:
        number = float(cell)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
