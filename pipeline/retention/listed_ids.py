"""Ids of lists that come from elsewhere: their one spelling, and which of them the lake has."""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import duckdb

from pipeline.ingest.ids import Spelling, spell
from pipeline.project.duck import parquet_select
from pipeline.project.home import Home
from pipeline.project.sources import SourceTable, domains, source_tables

# What spreadsheets need before text that they would run, and our own downloads have for it.
_ESCAPE = "'"
_ESCAPED = re.compile(r"'(?=[=+\-@\t\r])")
_FORMULA = re.compile(r'="([^"]*)"')


@dataclass(frozen=True)
class ListedIds:
    """The ids of a list.

    Attributes:
        spellings: Of each id in order, what the rules for ids make of it.
        unknown: Ids without a row in the files of the domain, each once; None if the lake could
            not be read.
    """

    spellings: list[Spelling]
    unknown: list[str] | None


def read_ids(home: Home, domain: str, texts: Sequence[str]) -> ListedIds:
    """Return the ids of a list by today's rules.

    An apostrophe before `=`, `+`, `-` or `@`, which a download escapes formulas with, is taken off;
    before anything else if all ids of a list of several have one, or if only the id without it is
    known. `="123"` is 123.

    Args:
        home: CHURN_HOME, for its lake.
        domain: Domain.
        texts: The ids as the list has them.
    """
    bare = [_FORMULA.sub(r"\1", _ESCAPED.sub("", text.strip(), count=1)) for text in texts]
    if len(bare) > 1 and all(text.startswith(_ESCAPE) for text in bare):
        bare = [text.removeprefix(_ESCAPE) for text in bare]
    if domain not in domains():  # published, and its files are described no more
        return ListedIds([Spelling(text or None, None) for text in bare], None)
    spellings = spell(domain, bare)
    without = spell(domain, [text.removeprefix(_ESCAPE) for text in bare])
    ids = {one.customer_id for one in (*spellings, *without) if one.customer_id}
    known = known_ids(home, domain, ids)
    if known is not None:
        spellings = [
            plain if one.customer_id not in known and plain.customer_id in known else one
            for one, plain in zip(spellings, without, strict=True)
        ]
    listed = dict.fromkeys(one.customer_id for one in spellings if one.customer_id)
    unknown = None if known is None else [one for one in listed if one not in known]
    return ListedIds(spellings, unknown)


def known_ids(home: Home, domain: str, ids: Collection[str]) -> set[str] | None:
    """Return which ids have a row in a required table or in the map of ids.

    None if the files cannot be read, as while others replace them.
    """
    with duckdb.connect() as connection:
        try:
            asked = " union ".join(
                f"select {column} as id from ({_rows(connection, home, table)})"
                for table in source_tables(domain)
                if table.required or table.known_from
                for column in (one.name for one in table.columns if one.is_id)
            )
            connection.execute("create table listed as select unnest(?::varchar[]) as id", [[*ids]])
            rows = connection.execute(
                f"select id from listed where id in (select id from ({asked}))"
            ).fetchall()
        except duckdb.IOException:
            return None
    return {row[0] for row in rows}


def _rows(connection: duckdb.DuckDBPyConnection, home: Home, table: SourceTable) -> str:
    files = sorted((home.lake / table.domain / table.name).rglob("*.parquet"))
    columns = {column.name: column.data_type for column in table.columns}
    return parquet_select(connection, files, columns)
