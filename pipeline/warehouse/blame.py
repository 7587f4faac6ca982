"""Finds the domain whose fault a failed dbt command is, so that the others can go on without it."""

from collections.abc import Collection
from dataclasses import dataclass

import duckdb

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home


@dataclass(frozen=True)
class FailedNode:
    """A model or a test that failed.

    Attributes:
        name: Its name.
        path: The file it is written in, from the project's folder.
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

    A model or a test of a domain's folder is that domain's. A shared test is that of the domains
    in the rows it found, if they have a column `domain`. Where dbt stopped before it ran any, a
    file that could not be read is of the domain in whose folder it is.
    """
    blamed: dict[str, list[str]] = {}
    if not error.failed:
        words = error.where or ""
        for domain in domains:
            if any(f"{folder / domain}/" in words for folder in (home.lake, home.labels)):
                blamed[domain] = [words]
    for node in error.failed:
        own = [domain for domain in domains if node.path.startswith(f"models/{domain}/")]
        found = own or (_domains_found(home, node) if node.is_test else [])
        if not found or not set(found) <= set(domains):
            return {}
        for domain in found:
            blamed.setdefault(domain, []).append(f"{node.name}: {node.words}")
    return blamed


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
