"""Checks the compiled SQL in every build, before labels are frozen or a model is trained.

Each check returns its violations. The checks read only text and lineage, so they cost nothing;
`churn prove` proves on data that features do not know the future.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.warehouse.compiled_sql import CompiledModel, is_given

# Sums of doubles, and functions that depend on the order of rows or return estimates.
_INEXACT = re.compile(
    r"\b(fsum|kahan_sum|stddev\w*|var_\w+|variance|regr_\w+|corr|mode|approx_\w+|any_value"
    r"|first|last|arg_max|arg_min|quantile\w*|median|list|array_agg|string_agg|group_concat)\s*\(",
    re.IGNORECASE,
)
_DOUBLE_AGGREGATE = re.compile(r"\b(?:sum|avg)\s*\(\s*cast\([^()]*as double\)", re.IGNORECASE)
# Functions that choose or number rows by an order: with ties in it the result is by chance.
_BY_ORDER = re.compile(r"\b(max_by|min_by)\s*\(", re.IGNORECASE)
_OVER_ORDER = re.compile(
    r"\b(row_number|ntile|lag|lead|first_value|last_value|nth_value)\s*\(", re.IGNORECASE
)
# What the rows of a feature are grouped or partitioned by.
_GRAIN = {"domain", "customer_id", "as_of_date"}
# Fixed dates that weekdays are counted from, and the bounds of valid dates.
_CALENDAR = {"9999-12-31", "2000-01-01", "2000-01-03", "2015-01-01"}
_CLOCK = re.compile(r"\b(?:current_date|current_timestamp|now\(\)|today\(\))", re.IGNORECASE)

_COLUMN = r'(?:coalesce\(\s*)?(?:[\w"]+\.)?(\w+)'
_CUT_OFF = r"(?:\w+\.)?as_of_date\b(?!\s*\))(?!\s*[+-])"
_COMPARED = re.compile(rf"{_CUT_OFF}\s*([<>]=?)\s*{_COLUMN}|{_COLUMN}\s*([<>]=?)\s*{_CUT_OFF}")
# Days after the cut-off that are known before it, and the next row's day, which only shows whether
# a row is the last one before the cut-off, or a history the one that holds at it.
_KNOWN_AHEAD = {"expires_on", "ended_on", "next_transacted_on", "known_until"}


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
    # what a kind's union reads of other domains is not in the stack
    own = {keys[view.relation] for view in stack}

    def no_history(key: str) -> set[str]:
        found, todo = set(), [key]
        while todo:
            for parent in _parents(manifest, todo.pop()):
                if parent in nodes and parent not in own:
                    continue
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


def orders_are_total(manifest: Mapping[str, Any], stack: list[CompiledModel]) -> list[str]:
    """What a function takes by an order must not depend on how rows with equal keys lie.

    An order is total if the test `is_unique_by` of the model or of one upstream holds its columns
    beside customer and cut-off. A model that orders by every column it reads says so in its YAML,
    as `total_order` with the reason.
    """
    nodes = manifest["nodes"]
    keys = {f"{n['schema']}.{n['alias']}": key for key, n in nodes.items() if "alias" in n}
    unique: dict[str, list[set[str]]] = {}
    for node in nodes.values():
        metadata = node.get("test_metadata") or {}
        if metadata.get("name") == "is_unique_by":
            columns = set(metadata["kwargs"]["columns"]) - _GRAIN
            unique.setdefault(node["attached_node"], []).append(columns)
    found = []
    for view in stack:
        key = keys.get(view.relation)
        if key is None or nodes[key]["config"].get("meta", {}).get("total_order"):
            continue
        upstream, todo = {key}, [key]
        while todo:
            new = set(_parents(manifest, todo.pop())) - upstream
            upstream |= new
            todo += new
        total = [columns for name in upstream for columns in unique.get(name, ()) if columns]
        for call, order in _ordered_calls(view.sql):
            named = set(re.findall(r"\w+", order))
            if not any(columns <= named for columns in total):
                words = re.sub(r"\s+", " ", call)
                found.append(f"{view.relation}: {words} orders by {' '.join(order.split())}")
    return found


def _ordered_calls(sql: str) -> Iterator[tuple[str, str]]:
    """Every call that depends on an order, with the SQL of that order; empty where it has none."""
    for match in _BY_ORDER.finditer(sql):
        end = _closing(sql, match.end())
        yield sql[match.start() : end + 1], _arguments(sql[match.end() : end])[-1]
    for match in _OVER_ORDER.finditer(sql):
        end = _closing(sql, match.end())
        call = sql[match.start() : end + 1]
        over = re.compile(r"\s*(?:ignore nulls\s*)?over\s*(\(|\w+)", re.IGNORECASE).match(
            sql, end + 1
        )
        if over is None:
            yield call, ""
            continue
        window = sql[over.end() : _closing(sql, over.end())] if over[1] == "(" else ""
        if over[1] != "(":
            named = re.search(rf"\b{over[1]}\s+as\s*\(", sql, re.IGNORECASE)
            window = sql[named.end() : _closing(sql, named.end())] if named else ""
        by = re.search(r"\border\s+by\b(.*?)(?:\b(?:rows|range|groups)\b|$)", window, re.DOTALL)
        yield call, by[1] if by else ""


def _closing(sql: str, start: int) -> int:
    """The place of the bracket that closes the one before a place."""
    depth = 1
    for place in range(start, len(sql)):
        depth += {"(": 1, ")": -1}.get(sql[place], 0)
        if depth == 0:
            return place
    return len(sql)


def _arguments(sql: str) -> list[str]:
    """The arguments of a call, split at the commas that are not inside brackets."""
    found, depth, start = [], 0, 0
    for place, character in enumerate(sql):
        depth += {"(": 1, ")": -1, "[": 1, "]": -1}.get(character, 0)
        if character == "," and depth == 0:
            found.append(sql[start:place])
            start = place + 1
    return [*found, sql[start:]]


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


def check_words(manifest: Mapping[str, Any], domain: str, sql: Mapping[str, str]) -> None:
    """Check that each feature has its words: without them it cannot be told to anybody.

    Args:
        manifest: dbt's.
        domain: Domain.
        sql: Model → its compiled SQL, of the models that make features.

    Raises:
        ChurnError: Some have none, with the YAML to fill in.
    """
    if untold := features_without_words(manifest, domain, sql):
        raise ChurnError(
            f"{len(untold)} features of {domain} lack words."
            if len(untold) > 1
            else f"A feature of {domain} lacks words.",
            where="\n".join(untold),
            hint=f"Add them to the columns of {domain}__churn_examples in the YAML of its marts.",
        )


def features_without_words(
    manifest: Mapping[str, Any], domain: str, sql: Mapping[str, str]
) -> list[str]:
    """Return what each feature lacks, with the stub of its YAML.

    A feature needs a description, a unit, a phrase and a group of reasons that exists. A column of
    the feature SQL that the YAML does not name would silently be none.

    Args:
        manifest: dbt's.
        domain: Domain.
        sql: Model → its compiled SQL, of the models that make features.
    """
    nodes = manifest["nodes"]
    mart = next(n for key, n in nodes.items() if key.endswith(f".{domain}__churn_examples"))
    groups = mart["config"].get("meta", {}).get("driver_groups", {})
    told = {name: column for name, column in mart["columns"].items() if "__" in name}
    found = []
    for name, column in told.items():
        meta = column.get("config", {}).get("meta", {})
        lacks = [
            word
            for word, is_there in (
                ("description", (column.get("description") or "").strip()),
                ("unit", meta.get("unit")),
                ("phrase", "phrase" in meta or {"phrase_true", "phrase_false"} <= set(meta)),
                ("group", meta.get("group")),
            )
            if not is_there
        ]
        if lacks:
            found.append(f"{name} lacks {', '.join(lacks)}:\n{_stub(name, column, groups)}")
        elif meta["group"] not in groups:
            found.append(
                f"{name}: there is no group {meta['group']!r}; groups are {', '.join(groups)}"
            )
    words = domain_entries()[domain].words if domain in domain_entries() else {}
    for model, text in sql.items():
        for kinds in re.findall(r"\bas\s+([a-z]\w*?__\w+)", text):
            # the domain's words instead of its kind's, as in macros/kinds/kind_name.sql
            name = "_".join(words.get(part, part) for part in kinds.split("_"))
            if name not in told:
                found.append(
                    f"{name} is in {model} but not in the YAML, so it is not a feature:\n"
                    f"{_stub(name, {}, groups)}"
                )
    return found


def _stub(name: str, column: Mapping[str, Any], groups: Mapping[str, Any]) -> str:
    """The YAML of a feature with what is known of it filled in."""
    meta = column.get("config", {}).get("meta", {})
    return "\n".join(
        (
            f"      - name: {name}",
            f"        data_type: {column.get('data_type') or '…'}",
            f"        description: {column.get('description') or '… to a marketer'}",
            "        config:",
            "          meta:",
            f"            unit: {meta.get('unit', '…')}",
            f"            phrase: {meta.get('phrase', '… {value} …')}",
            f"            group: {meta.get('group', '…')}  # one of {', '.join(groups)}",
        )
    )


def check_build(manifest: Mapping[str, Any], domain: str, stack: list[CompiledModel]) -> None:
    """Run every check on a domain's compiled feature SQL.

    Raises:
        ChurnError: A check fails; with its name and the violations.
    """
    check_words(manifest, domain, {view.relation: view.sql for view in stack})
    checks: dict[str, Callable[[], list[str]]] = {
        "no_label_upstream": lambda: no_label_upstream(manifest, domain),
        "snapshots_are_declared": lambda: snapshots_are_declared(manifest, domain, stack),
        "exact_numbers": lambda: exact_numbers(stack),
        "orders_are_total": lambda: orders_are_total(manifest, stack),
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
