"""Checks the compiled SQL in every build, before labels are frozen or a model is trained.

Each check returns its violations. The checks read only text and lineage, so they cost nothing;
`churn prove` proves on data that features do not know the future.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from pipeline.project.errors import ChurnError
from pipeline.warehouse.compiled_sql import CompiledModel, is_given

# Sums of doubles, and functions that depend on the order of rows or return estimates.
_INEXACT = re.compile(
    r"\b(fsum|kahan_sum|stddev\w*|var_\w+|variance|regr_\w+|corr|mode|approx_\w+|any_value"
    r"|first|last|arg_max|arg_min|quantile\w*|median)\s*\(",
    re.IGNORECASE,
)
_DOUBLE_AGGREGATE = re.compile(r"\b(?:sum|avg)\s*\(\s*cast\([^()]*as double\)", re.IGNORECASE)
# Fixed dates that weekdays are counted from, and the bounds of valid dates.
_CALENDAR = {"9999-12-31", "2000-01-01", "2000-01-03", "2015-01-01"}
_CLOCK = re.compile(r"\b(?:current_date|current_timestamp|now\(\)|today\(\))", re.IGNORECASE)

_COLUMN = r'(?:coalesce\(\s*)?(?:[\w"]+\.)?(\w+)'
_CUT_OFF = r"(?:\w+\.)?as_of_date\b(?!\s*\))(?!\s*[+-])"
_COMPARED = re.compile(rf"{_CUT_OFF}\s*([<>]=?)\s*{_COLUMN}|{_COLUMN}\s*([<>]=?)\s*{_CUT_OFF}")
# Days after the cut-off that are known before it, and the next row's day, which only shows whether
# a row is the last one before the cut-off.
_KNOWN_AHEAD = {"expires_on", "ended_on", "next_transacted_on"}


def no_label_upstream(manifest: Mapping[str, Any], domain: str) -> list[str]:
    """Features must not depend on labels: return the label models upstream of a feature."""
    nodes = manifest["nodes"]
    todo = [key for key in nodes if key.endswith(f".int_{domain}__features_joined")]
    seen: set[str] = set()
    while todo:
        new = set(_parents(manifest, todo.pop())) - seen
        seen |= new
        todo += new
    names = {key.rpartition(".")[2] for key in seen if not key.startswith("macro.")}
    return sorted(n for n in names if "label" in n or n in ("train", "train_v2") or n == "scores")


def _parents(manifest: Mapping[str, Any], key: str) -> list[str]:
    """What a node reads, without relations that are given: they hold days, no customer's rows."""
    nodes = manifest["nodes"]
    return [
        parent
        for parent in manifest["parent_map"].get(key, ())
        if parent not in nodes or not is_given(nodes[parent])
    ]


def snapshots_are_declared(
    manifest: Mapping[str, Any], domain: str, stack: list[CompiledModel]
) -> list[str]:
    """A feature on a snapshot or mutable source must declare it as `source` in its YAML.

    The check reads the sources upstream of the model that names the feature (`… as
    theme__measure`). Only a declared feature can be excluded from training.
    """
    nodes, sources = manifest["nodes"], manifest["sources"]
    mart = next(n for key, n in nodes.items() if key.endswith(f".{domain}__churn_examples"))
    declared = {
        name: column.get("config", {}).get("meta", {}).get("source")
        for name, column in mart["columns"].items()
    }
    keys = {f"{n['schema']}.{n['alias']}": key for key, n in nodes.items() if "alias" in n}

    def no_history(key: str) -> set[str]:
        found, todo = set(), [key]
        while todo:
            for parent in _parents(manifest, todo.pop()):
                meta = sources.get(parent, {}).get("config", {}).get("meta", {})
                if meta.get("history", "append_only") != "append_only":
                    found.add(sources[parent]["name"])
                todo.append(parent)
        return found

    broken = []
    for view in stack[:-1]:
        rests_on = no_history(keys[view.relation])
        for feature in re.findall(r"\bas\s+(\w+?__\w+)", view.sql):
            if rests_on and declared.get(feature, "") not in rests_on:
                broken.append(f"{feature} reads {', '.join(sorted(rests_on))}")
    return broken


def exact_numbers(stack: list[CompiledModel]) -> list[str]:
    """Feature SQL must not aggregate doubles or depend on the order of rows."""
    return [
        f"{view.relation}: {found[0]}"
        for view in stack
        for pattern in (_INEXACT, _DOUBLE_AGGREGATE)
        for found in pattern.finditer(view.sql)
    ]


def no_day_of_its_own(stack: list[CompiledModel]) -> list[str]:
    """Cut-offs are relations: feature SQL must not contain a date or read the clock."""
    found = []
    for view in stack:
        if not view.relation.startswith("seeds."):
            days = set(re.findall(r"date '(\d{4}-\d{2}-\d{2})'", view.sql)) - _CALENDAR
            clocks = {clock.lower() for clock in _CLOCK.findall(view.sql)}
            found += [f"{view.relation}: {word}" for word in sorted(days | clocks)]
    return found


def windows_end_before_the_cut_off(stack: list[CompiledModel]) -> list[str]:
    """Whatever is compared with a cut-off must be before it: `<`, never `<=` or `>`."""
    found = []
    for view in stack:
        for match in _COMPARED.finditer(view.sql):
            after, column_right, column_left, before = match.groups()
            column = column_right or column_left
            sign = after or {"<": ">", ">": "<", "<=": ">=", ">=": "<="}[before]
            # sign is now that of `cut-off sign column`
            if sign != ">" and column not in _KNOWN_AHEAD and column != "covered_from":
                words = re.sub(r"\s+", " ", match[0])
                found.append(f"{view.relation}: {words}")
    return found


def check_build(manifest: Mapping[str, Any], domain: str, stack: list[CompiledModel]) -> None:
    """Run every check on a domain's compiled feature SQL.

    Raises:
        ChurnError: A check fails; with its name and the violations.
    """
    checks: dict[str, Callable[[], list[str]]] = {
        "no_label_upstream": lambda: no_label_upstream(manifest, domain),
        "snapshots_are_declared": lambda: snapshots_are_declared(manifest, domain, stack),
        "exact_numbers": lambda: exact_numbers(stack),
        "no_day_of_its_own": lambda: no_day_of_its_own(stack),
        "windows_end_before_the_cut_off": lambda: windows_end_before_the_cut_off(stack),
    }
    for name, check in checks.items():
        if broken := check():
            raise ChurnError(
                f"The features of {domain} fail the static check {name}.",
                where="; ".join(broken),
                hint=f"Nothing was frozen. The rule is in {__name__}, function {name}.",
            )
