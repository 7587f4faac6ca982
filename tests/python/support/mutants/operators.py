"""Mutants of one model: every small change to its syntax tree that could be a slip of the pen."""

import re
from collections.abc import Iterator
from datetime import date, timedelta
from typing import NamedTuple

import sqlglot
from sqlglot import exp

DIALECT = "duckdb"
Change = tuple[exp.Expression, exp.Expression]

# a word and the one next to it
OTHERS: dict[type[exp.Expression], type[exp.Expression]] = {
    exp.LT: exp.LTE,
    exp.LTE: exp.LT,
    exp.GT: exp.GTE,
    exp.GTE: exp.GT,
    exp.EQ: exp.NEQ,
    exp.NEQ: exp.EQ,
    exp.NullSafeEQ: exp.EQ,
    exp.NullSafeNEQ: exp.NEQ,
    exp.And: exp.Or,
    exp.Or: exp.And,
    exp.Min: exp.Max,
    exp.Max: exp.Min,
    exp.ArgMin: exp.ArgMax,
    exp.ArgMax: exp.ArgMin,
    exp.Least: exp.Greatest,
    exp.Greatest: exp.Least,
    exp.LogicalOr: exp.LogicalAnd,
    exp.LogicalAnd: exp.LogicalOr,
    exp.Lag: exp.Lead,
    exp.Lead: exp.Lag,
}
# a mutant is named after the smallest of these around it
PHRASES = (exp.Predicate, exp.Func, exp.Connector, exp.Ordered, exp.Join)
# these say little without what is around them
FRAGMENTS = (exp.Cast, exp.Case, exp.If, exp.Neg)
LONGEST = 120


class Mutant(NamedTuple):
    """One changed word of a model.

    Attributes:
        model: Name of the model.
        place: Where in it: the CTE, and the column if it is in one, as `summarised.seconds_28d`.
        words: The words around the change, as they are.
        instead: The words instead.
        nth: Which one it is of several with the same words in the same place.
    """

    model: str
    place: str
    words: str
    instead: str
    nth: int

    def __str__(self) -> str:
        again = f" (no. {self.nth})" if self.nth > 1 else ""
        return f"{self.place} | {self.words} => {self.instead}{again}"


class Model:
    """A compiled model as a tree, with the changes that can be made to it."""

    def __init__(self, name: str, sql: str):
        self.name, self.compiled = name, sql
        self.tree = sqlglot.parse_one(sql, read=DIALECT)
        self.changes = [
            change for node in self.tree.find_all(exp.Expression) for change in _of(node)
        ]

    def sql(self, number: int | None = None) -> str:
        """The model as text, with one change if a number says which."""
        if number is None:
            return self.tree.sql(DIALECT, comments=False)
        was, becomes = self.changes[number]
        was.replace(becomes)
        sql = self.tree.sql(DIALECT, comments=False)
        becomes.replace(was)
        return sql

    def mutants(self) -> list[Mutant]:
        """What each change is, in the order of their numbers."""
        seen: dict[tuple[str, ...], int] = {}
        found = []
        for was, becomes in self.changes:
            around = _phrase(was)
            words = _text(around)
            is_all = around is was
            was.replace(becomes)
            instead = _text(becomes if is_all else around)
            becomes.replace(was)
            key = (_place(was), words, instead)
            seen[key] = seen.get(key, 0) + 1
            found.append(Mutant(self.name, *key, seen[key]))
        return found

    def lines(self, number: int) -> str:
        """The compiled lines that the words of a change stand on, with their numbers."""
        around = _phrase(self.changes[number][0])
        at = [node.meta["line"] for node in around.walk() if "line" in node.meta]
        lines = self.compiled.splitlines()
        if not at:
            return ""
        return "\n".join(f"{n:5} {lines[n - 1]}" for n in range(min(at), max(at) + 1))


def _of(node: exp.Expression) -> Iterator[Change]:
    """Changes to one node of a tree."""
    other = OTHERS.get(type(node))
    if other is not None:
        new = other(**{name: _copied(value) for name, value in node.args.items()})
        # and binds closer than or
        yield node, exp.paren(new) if isinstance(node, exp.Connector) else new
    match node:
        case exp.Literal(is_string=False) if node.this.isdigit() and not _says_how(node):
            # a factor or a default is right or wrong, a bound may lie on either side
            for by in (1, -1) if _bounds(node) else (1,):
                yield node, _number(int(node.this) + by)
        case exp.Nullif() if node.this.find(exp.Column):
            yield node, node.this.copy()
        case exp.Cast(this=exp.Literal(is_string=True)) if node.to.is_type("date"):
            day = date.fromisoformat(node.this.this)
            # the last day there is stands for never
            yield from ((node, _date(day, by)) for by in (1, -1) if day < date.max)
        case exp.Interval(this=exp.Literal(is_string=True)) if node.this.this.isdigit():
            for by in (1, -1):
                new = node.copy()
                new.this.replace(exp.Literal.string(str(int(node.this.this) + by)))
                yield node, new
        case exp.Boolean():
            yield node, exp.Boolean(this=not node.this)
        case exp.Is() if not isinstance(node.parent, exp.Not):
            yield node, exp.Not(this=exp.paren(node.copy()))
        case exp.Not():
            yield node, exp.paren(node.this.copy())
        case exp.Join() if node.args.get("on") or node.args.get("using"):
            new = node.copy()
            new.set("side", None if node.args.get("side") else "LEFT")
            new.set("kind", "INNER" if node.args.get("side") else None)
            yield node, new
        case exp.Ordered():
            for name in ("desc", "nulls_first"):
                new = node.copy()
                new.set(name, not node.args.get(name))
                yield node, new
        case exp.Round():
            yield node, exp.Anonymous(this="trunc", expressions=[node.this.copy()])


def _copied(value: object) -> object:
    if isinstance(value, list):
        return [_copied(item) for item in value]
    return value.copy() if isinstance(value, exp.Expression) else value


def _number(value: int) -> exp.Expression:
    number = exp.Literal.number(abs(value))
    return exp.paren(exp.Neg(this=number)) if value < 0 else number


def _date(day: date, by: int) -> exp.Expression:
    return exp.cast(exp.Literal.string((day + timedelta(days=by)).isoformat()), "date")


def _says_how(node: exp.Expression) -> bool:
    """No value: a type's width, a guarded divisor's zero (a change of its own), what is counted."""
    is_guarded_against = isinstance(node.parent, exp.Nullif) and node.arg_key == "expression"
    is_counted = isinstance(node.parent, exp.If) and isinstance(
        node.parent.parent.parent, exp.Count
    )
    return is_guarded_against or is_counted or isinstance(node.parent, exp.DataTypeParam)


def _bounds(node: exp.Expression) -> bool:
    """In a comparison or a series, or days that are added to a date."""
    around = node.parent
    while isinstance(around, exp.Condition) and not isinstance(around, exp.Alias):
        if isinstance(around, (exp.Predicate, exp.GenerateSeries)):
            return True
        if isinstance(around, exp.Cast) and around.to.is_type("int"):
            return True
        around = around.parent
    return False


def _phrase(node: exp.Expression) -> exp.Expression:
    """The words that name a change: the comparison around it, or the call, the join, the order."""
    around = node
    while not isinstance(around, PHRASES) or isinstance(around, FRAGMENTS):
        wider = around.parent
        if not isinstance(wider, (exp.Condition, exp.Ordered, exp.If)):
            break
        if len(_text(wider)) > LONGEST:
            break
        around = wider
    return around


def _place(node: exp.Expression) -> str:
    """CTE and column, as `summarised.seconds_28d`."""
    cte, column = node.find_ancestor(exp.CTE), node.find_ancestor(exp.Alias)
    parts = [part.alias for part in (cte, column) if part is not None and part.alias]
    return ".".join(parts) or "the select"


def _text(node: exp.Expression) -> str:
    """SQL in lower case but for what is quoted, on one line; of a join, what is joined and how."""
    if isinstance(node, exp.Join):
        kind = " ".join(node.args[part] for part in ("side", "kind") if node.args.get(part))
        return f"{kind} join {node.alias_or_name}".lower()
    parts = re.split(r"('(?:[^']|'')*')", node.sql(DIALECT, comments=False))
    return "".join(part if part.startswith("'") else part.lower() for part in parts)
