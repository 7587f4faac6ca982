"""The placebo of a correction: as many random rows, changed likewise.

If that gains too, the correction's gain is not one of being right.
"""

import duckdb

from pipeline.corrections.catalogue import Correction
from pipeline.corrections.variants import TRUE
from pipeline.project.corrections import DAY_OF

_MARKS = ("is_inferred", "correction")


def placebo_of(
    connection: duckdb.DuckDBPyConnection, correction: Correction, read: str, seed: int
) -> str:
    """Return the select that takes a correction's place.

    The rows that the correction changes are as they were before it. As many others, drawn at
    random, get the values that it gave to its own, days counted from the day of the row; of rows
    that it adds, as many are added to random customers on random days of theirs.

    Args:
        connection: Database with the relation the correction reads.
        correction: The correction.
        read: Relation that it reads.
        seed: Another seed draws other rows.
    """
    database = connection.execute(
        "select database_name from duckdb_tables() where schema_name || '.' || table_name = ? "
        "union all select database_name from duckdb_views() "
        "where schema_name || '.' || view_name = ?",
        [read, read],
    ).fetchall()[-1][0]
    described = connection.execute(f"describe {database}.{read}").fetchall()
    types = {row[0]: row[1] for row in described if row[0] not in _MARKS}
    names, day = list(types), DAY_OF[correction.shape]
    own = ", ".join(names)
    text = ", ".join(f"coalesce(cast({name} as varchar), '')" for name in names)
    marked = f"coalesce(correction, '') {{sign}} '{correction.name}'"
    head = f"""
with corrected as (
    select * from "warehouse".{_quoted(f"{correction.relation}{TRUE}")}
),

read as (
    select * from "warehouse".{_quoted(read)}
),

others as (
    select
        *,
        row_number() over (order by md5(concat_ws('|', '{seed}', {text})), {own}) as place
    from corrected
    where {marked.format(sign="!=")}
),

donors as (
    select
        *,
        row_number() over (order by md5(concat_ws('|', 'donor {seed}', {text})), {own}) as place
    from corrected
    where {marked.format(sign="=")}
)
"""
    if not correction.changes:
        columns = []
        for name, kind in types.items():
            if name == "customer_id" or name in correction.as_the_customer:
                value = f"others.{name}"
            elif kind in ("DATE", "TIMESTAMP"):
                value = _moved(name, day, kind)
            else:
                value = f"donors.{name}"
            columns.append(f"cast({value} as {kind}) as {name}")
        return f"""{head}
select {own}, is_inferred, correction from read
union all
select {", ".join(columns)}, true as is_inferred, '{correction.name}' as correction
from donors
inner join others on donors.place = others.place
"""
    columns = []
    for name, kind in types.items():
        value = f"others.{name}"
        if name in correction.changes:
            given = f"donors.{name}"
            if kind in ("DATE", "TIMESTAMP"):
                given = _moved(name, day, kind)
            value = f"case when donors.place is null then others.{name} else {given} end"
        columns.append(f"cast({value} as {kind}) as {name}")
    return f"""{head}
select
    {", ".join(columns)},
    others.is_inferred or donors.place is not null as is_inferred,
    case when donors.place is null then others.correction else '{correction.name}' end as correction
from others
left join donors on others.place = donors.place
union all
select * from (
    select {own}, is_inferred, correction from read
    except all
    select {own}, is_inferred, correction from others
)
"""


def _moved(name: str, day: str, kind: str) -> str:
    """SQL of a donor's day or time, counted from the day of the other row."""
    apart = f"donors.{name} - donors.{day}"
    return f"others.{day} + " + (f"cast({apart} as integer)" if kind == "DATE" else f"({apart})")


def _quoted(relation: str) -> str:
    schema, _, name = relation.partition(".")
    return f'"{schema}"."{name}"'
