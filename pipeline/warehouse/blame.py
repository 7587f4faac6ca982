"""Finds the domain whose fault a failed dbt command is, so that the others can go on without it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import duckdb

from pipeline.project.domains import domain_entries
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home


@dataclass(frozen=True)
class FailedNode:
    """A model or a test that failed.

    Attributes:
        name: Its name.
        path: The model's file from the project's folder, of a test that of the model it tests.
        is_test: Whether it is a test.
        sql: Its compiled SQL; empty if it was not compiled.
        words: dbt's message.
    """

    name: str
    path: str
    is_test: bool
    sql: str
    words: str


class DbtError(ChurnError):
    """A dbt command failed at some models or tests.

    Attributes:
        failed: Models and tests that failed; empty if dbt stopped before it ran any.
    """

    failed: tuple[FailedNode, ...] = ()


def domains_to_blame(home: Home, error: DbtError, domains: Collection[str]) -> dict[str, list[str]]:
    """Return each domain to blame with what failed; empty if a failure is not of single domains.

    A model of a domain's folder, or a test of one, is that domain's. Another test is that of the
    domains in the rows it found, if they have a column `domain`. A model of a kind is that of all
    domains of the kind. Where dbt stopped before it ran any, a file that could not be read is of
    the domain in whose folder it is.
    """
    blamed: dict[str, list[str]] = {}
    kinds = {name: entry.kind for name, entry in domain_entries().items() if name in domains}
    if not error.failed:
        words = error.where or ""
        for domain in domains:
            if any(f"{folder / domain}/" in words for folder in (home.lake, home.labels)):
                blamed[domain] = [words]
    for node in error.failed:
        own = [domain for domain in domains if node.path.startswith(f"models/{domain}/")]
        found = own or (_domains_found(home, node) if node.is_test else _of_kind(node, kinds))
        if not found or not set(found) <= set(domains):
            return {}
        for domain in found:
            blamed.setdefault(domain, []).append(f"{node.name}: {node.words}")
    return blamed


def _of_kind(model: FailedNode, kinds: Mapping[str, str]) -> list[str]:
    """Domains of the kind whose model it is."""
    return [name for name, kind in kinds.items() if model.path.startswith(f"models/{kind}/")]


def _domains_found(home: Home, test: FailedNode) -> list[str]:
    """Domains in the rows that a test found."""
    if not test.sql or not home.warehouse.exists():
        return []
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        try:
            rows = connection.execute(
                f"select distinct domain from (\n{test.sql}\n) as found order by domain"
            ).fetchall()
        except duckdb.Error:
            return []
    return [str(row[0]) for row in rows]
