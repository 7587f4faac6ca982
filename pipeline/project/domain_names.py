"""What a domain may be called: its name becomes a schema, a folder and a key of YAML."""

import re

from pipeline.project.errors import ChurnError

# DuckDB refuses these as the name of a schema that is not quoted; a test compares with its list.
_WORDS_OF_SQL = """
    all analyse analyze and anti any array as asc asof asymmetric at authorization binary both by
    case cast check collate collation column concurrently constraint create cross default deferrable
    desc describe distinct do else end except false fetch for foreign freeze from full glob group
    having ilike in initially inner intersect into is isnull join lambda lateral leading left like
    limit natural not notnull null offset on only or order outer overlaps pivot placing positional
    primary qualify references returning right select semi show similar some summarize symmetric
    table tablesample then to trailing true union unique unpack unpivot using variadic verbose when
    where window with
"""
# YAML reads them as true, false or null.
_WORDS_OF_YAML = "false n no null off on true y yes"
# Schemas and databases of the warehouse, of what is published and of real time.
_IN_USE = """
    churn control corrections current dev features generation history lake main memory ml pipeline
    published seeds sent serving state subscription system temp warehouse
"""


def check_domain_name(name: object, where: str | None = None) -> str:
    """Return a name that a domain can have.

    Args:
        name: The name, as a command or YAML gives it.
        where: Place of the name, for the message.

    Raises:
        ChurnError: It cannot be used, with the reason.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[a-z][a-z0-9]*", name):
        raise ChurnError(
            f"{name!r} is not a valid name for a domain.",
            where=where,
            hint="Use lower-case letters and digits, starting with a letter.",
        )
    for words, because in (
        (_WORDS_OF_SQL.split(), "it is a word of SQL"),
        (_WORDS_OF_YAML.split(), "YAML does not read it as text"),
        (_IN_USE.split(), "the platform has a schema or a database of that name"),
    ):
        if name in words:
            raise ChurnError(
                f"{name!r} cannot be the name of a domain: {because}.",
                where=where,
                hint=f"Choose another name, for example {name}shop.",
            )
    return name
