"""Generated published tables with the shape and variety of the demo's, for a million customers."""

import hashlib
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from pipeline.project.generations import name_current
from pipeline.project.home import Home
from pipeline.project.serving_tables import Table, published_tables
from pipeline.publish.generation import SCHEMA, STORAGE
from pipeline.tableau.export import PREFIX

_NAME = "churn_00000000T000000000000_bench"
# Rows per customer, if not one; the histories have one row for each of four runs or cut-offs.
ROWS = {
    "bi_churn_drivers": 12,
    "bi_churn_reasons": 10,
    "bi_churn_history": 4,
    "bi_customer_activity": 13,
    "bi_customer_history": 4,
    "bi_customer_segments": 8,
}
# Rows of tables without customers.
_SMALL = 1_000


@dataclass(frozen=True)
class Words:
    """The values of a text column.

    Attributes:
        spellings: Number of distinct values; the k-th occurs 1/k as often as the first.
        size: Bytes of each value.
        nulls: Share of nulls.
    """

    spellings: int
    size: int
    nulls: float = 0.0


_SENTENCE = Words(8_000, 43)
# As in the demo, but columns that are null until a second cut-off is scored are not null.
WORDS = {
    "risk_band": Words(4, 4),
    "previous_risk_band": Words(4, 4),
    "decision": Words(3, 5),
    "reason": Words(8, 15, 0.1),
    "reason_words": Words(9, 62, 0.1),
    "planned_action": Words(10, 16, 0.74),
    "action_title": Words(10, 25, 0.74),
    "message_hint": Words(10, 50, 0.74),
    "channel": Words(4, 5, 0.74),
    "evidence": Words(2, 7, 0.74),
    "evidence_code": Words(2, 7, 0.74),
    "suppression_reason": Words(4, 12, 0.99),
    "run_id": Words(1, 26),
    "label_definition": Words(1, 19),
    "theme": Words(11, 8),
    "feature": Words(147, 24),
    "direction": Words(2, 6),
    "strength": Words(3, 5),
    "driver_group": Words(35, 12),
    "group_title": Words(36, 16),
    "segment": Words(11, 14),
    "segment_value": Words(39, 15),
    "segment_value_code": Words(39, 10),
    "ladder_part": Words(5, 14),
    "ladder_part_code": Words(5, 14),
    "sentence": _SENTENCE,
    "top_driver_1": Words(8_000, 44, 0.02),
    "top_driver_2": Words(8_000, 46, 0.30),
    "top_driver_3": Words(8_000, 44, 0.47),
    "top_driver_against": Words(8_000, 43),
    "summary": Words(200_000, 145),
}
_OTHER = Words(12, 20)


def make_generation(home: Home, customers: int) -> int:
    """Write a published generation of generated customers, once; return its rows.

    Its Parquet copies are written as by `pipeline.publish`, in the same order: a customer's rows
    together. The cost of an export depends on that order, and more on the number and frequency of
    the distinct values of text columns.

    Args:
        home: CHURN_HOME to write to.
        customers: Customers in the tables of all domains; each domain has its share of them.
    """
    document = home.published / f"{_NAME}.json"
    tables = [table for table in published_tables() if table.name.startswith(PREFIX)]
    # a domain's own tables share the customers among them
    own = [table.name for table in tables if table.key == ("customer_id",)]
    statements = {table.name: _select(table, own) for table in tables}
    everyone = _customers(customers, len(own))
    made_of = hashlib.sha256(json.dumps([everyone, statements]).encode()).hexdigest()
    if document.exists() and json.loads(document.read_text()).get("made_of") == made_of:
        return sum(json.loads(document.read_text())["tables"].values())
    shutil.rmtree(home.published, ignore_errors=True)
    copies = home.published / _NAME
    copies.mkdir(parents=True)
    counts = {}
    with duckdb.connect() as connection:
        connection.execute("set enable_progress_bar = false")
        connection.execute(f"create temp table customers as {everyone}")
        connection.execute(
            f"attach '{copies}.duckdb' as generation (storage_version '{STORAGE}'); "
            f"create schema generation.{SCHEMA}"
        )
        for name, statement in statements.items():
            table = f"generation.{SCHEMA}.{name}"
            connection.execute(f"create table {table} as {statement}")
            connection.execute(f"copy {table} to '{copies / name}.parquet' (format parquet)")
            count = connection.execute(f"select count(*) from {table}").fetchone()
            counts[name] = count[0] if count else 0
    document.write_text(
        json.dumps({"fingerprint": "bench", "tables": counts, "made_of": made_of}) + "\n"
    )
    name_current(home, _NAME)
    return sum(counts.values())


def _customers(many: int, domains: int) -> str:
    """SQL of the customers, in the order of publish: by domain, then id.

    An id has the length of the longest of the demo, 44 characters.
    """
    return (
        f"select i % {domains} as d, i, to_base64(unhex(md5(i::varchar) || md5('x' || i))) as id "
        f"from range({many}) as t (i) order by d, id"
    )


def _select(table: Table, own: Sequence[str]) -> str:
    """SQL of a table's rows."""
    if "customer_id" not in table.key:
        rows, order = f"(select 0 as d, i, 0 as j from range({_SMALL}) as t (i))", " order by all"
    else:
        # unnest keeps the order; sorting would take as long as everything else
        where = f" where d = {own.index(table.name)}" if table.name in own else ""
        many = ROWS.get(table.name, 1)
        rows, order = f"(select *, unnest(range({many})) as j from customers{where})", ""
    columns = ", ".join(
        f"cast({_value(c.name, c.data_type, table.key)} as {c.data_type}) as {c.name}"
        for c in table.columns
    )
    return f"select {columns} from {rows}{order}"


def _value(name: str, data_type: str, key: Sequence[str]) -> str:
    number = f"hash(i, j, '{name}')"
    # the k-th of many is drawn 1/k as often as the first
    drawn = f"floor(exp({number} % 1000003 / 1000003.0 * ln({{}})))::bigint"
    if name == "customer_id":
        return "id"
    if name == "domain":
        return "'domain_' || d"
    if data_type == "varchar":
        words = WORDS.get(name, _OTHER)
        if name in key:
            # one of each, in order
            return f"lpad(j::varchar, 2, '0') || {_word(name, 'j', words.size - 2)}"
        word = _word(name, drawn.format(words.spellings + 1), words.size)
        return f"case when {number} % 997 >= {997 * words.nulls:.0f} then {word} end"
    if name in key and data_type == "bigint":
        return "j + 1"
    cut_off = "(date '2017-04-01' + d::integer)"
    if name == "as_of_date" and name in key and "run_id" not in key:
        return f"{cut_off} + j::integer"
    if data_type == "date":
        return {
            "as_of_date": cut_off,
            "previous_as_of_date": f"{cut_off} - 31",
            "week_starts_on": f"{cut_off} - 7 * (j + 1)::integer",
        }.get(name, f"{cut_off} + ({number} % 30)::integer")
    if name == "risk_rank":
        return f"{number} % 1000003"
    return {
        "timestamp": "timestamp '2017-04-01 06:00:00.123456'",
        "boolean": f"{number} % 3 = 0",
        "double": f"case when {number} % 10 > 0 then ({number} % 1000003) / 1000003 end",
    }.get(data_type, drawn.format(1_000))


def _word(name: str, number: str, size: int) -> str:
    """SQL of the word of a number: words share beginnings with others, as names do."""
    shared = min(size // 4, 14)
    begins, ends = (f"hex(hash('{name}', {n}))" for n in (f"({number}) % 10", f"({number})"))
    ends = " || ".join([ends] * ((size - shared) // 14 + 1))
    return f"left({begins}, {shared}) || left({ends}, {size - shared})"
