"""Keeps a sum over the content of each table of the state, so that a bit that flips is noticed.

SQLite finds pages that cannot be right, and reads one wrong letter in a customer's id as it stands.
Triggers add up a hash of each row that comes and take off that of each that goes, so a sum costs a
write nothing but its own row. Whoever writes to the state needs `row_sum` on the connection:
`register` it.
"""

import hashlib
import sqlite3
from contextlib import closing

from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

SUMS = "content_sums"
# The schema has a sum, too: a letter of it can change what a column is called.
_SCHEMA = "sqlite_schema"
# Sums of two such numbers are still numbers of SQLite's, which has 64 bits with a sign.
_BITS = (1 << 62) - 1
_TRIGGER = "sum_of"
_HINT = (
    "Restore a backup: churn restore FOLDER. It holds keys, contacts, assignments and who must not "
    "be contacted, and cannot be built again."
)


class StateDamagedError(ChurnError):
    """The state is not what was written to it.

    Attributes:
        words: What is wrong, without the path.
    """

    def __init__(self, home: Home, found: list[str]) -> None:
        self.words = "; ".join(found[:3])
        super().__init__("The state is damaged.", where=f"{home.state}: {self.words}", hint=_HINT)


def register(connection: sqlite3.Connection) -> None:
    """Give a connection the function that the triggers of the state call."""
    # some builds of SQLite let triggers call its own functions only
    connection.execute("pragma trusted_schema = on")
    connection.create_function("row_sum", -1, _row_sum, deterministic=True)


def install(connection: sqlite3.Connection) -> None:
    """Make the triggers of every table anew, and sums of what the tables hold now."""
    remove(connection)
    for table in _tables(connection):
        columns = _columns(connection, table)
        for event, change in (
            ("insert", f"+ row_sum({_of('new', columns)})"),
            ("update", f"+ row_sum({_of('new', columns)}) - row_sum({_of('old', columns)})"),
            ("delete", f"- row_sum({_of('old', columns)})"),
        ):
            connection.execute(
                f'create trigger "{_TRIGGER}_{table}_{event}" after {event} on "{table}" begin '
                f"update {SUMS} set total = (total {change}) & {_BITS} "
                f"where table_name = '{table}'; end"
            )
    connection.executemany(
        f"insert into {SUMS} values (?, ?)",
        [
            *((table, _sum_of(connection, table)) for table in _tables(connection)),
            (_SCHEMA, _sum_of_schema(connection)),
        ],
    )


def remove(connection: sqlite3.Connection) -> None:
    """Drop triggers and sums, before a migration changes tables."""
    for name in _triggers(connection):
        connection.execute(f'drop trigger "{name}"')
    if _has_sums(connection):
        connection.execute(f"delete from {SUMS}")


def check_state(home: Home) -> None:
    """Compare the state with its sums; nothing for one that has none yet.

    Raises:
        StateDamagedError: It is not what was written.
    """
    found = state_damages(home)
    if found:
        raise StateDamagedError(home, found)


def state_damages(home: Home) -> list[str]:
    """Return what is not as it was written, in words."""
    if not home.state.exists():
        return []
    try:
        uri = f"{home.state.resolve().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True, timeout=60)) as connection:
            return damages(connection)
    except sqlite3.DatabaseError as problem:
        return [str(problem)]


def damages(connection: sqlite3.Connection) -> list[str]:
    """Return what SQLite finds wrong, and the tables whose content is not that of their sum."""
    # one moment for tables and sums, while others write
    connection.execute("begin")
    try:
        return damages_within(connection)
    finally:
        connection.rollback()


def damages_within(connection: sqlite3.Connection) -> list[str]:
    """Return the same inside the transaction that is open."""
    try:
        said = [str(row[0]) for row in connection.execute("pragma integrity_check")]
        if said != ["ok"]:
            return said
        if not _has_sums(connection):
            return ["the sums of its content are gone"] if _triggers(connection) else []
        sums = dict(connection.execute(f"select table_name, total from {SUMS}").fetchall())
        now = {table: _sum_of(connection, table) for table in _tables(connection)}
        now[_SCHEMA] = _sum_of_schema(connection)
        return [
            f"the content of {table} has changed"
            for table in sorted(sums.keys() | now.keys())
            if sums.get(table) != now.get(table)
        ]
    except (sqlite3.DatabaseError, UnicodeDecodeError) as problem:
        return [str(problem)]


def _row_sum(*values: object) -> int:
    digest = hashlib.blake2b(repr(values).encode(errors="surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) & _BITS


def _sum_of(connection: sqlite3.Connection, table: str) -> int:
    columns = ", ".join(f'"{name}"' for name in _columns(connection, table))
    total = 0
    for row in connection.execute(f'select {columns} from "{table}"'):
        total += _row_sum(*row)
    return total & _BITS


def _sum_of_schema(connection: sqlite3.Connection) -> int:
    rows = connection.execute("select type, name, tbl_name, sql from sqlite_master")
    return sum(_row_sum(*row) for row in rows) & _BITS


def _has_sums(connection: sqlite3.Connection) -> bool:
    found = connection.execute("select 1 from sqlite_master where name = ?", [SUMS]).fetchone()
    return found is not None


def _triggers(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "select name from sqlite_master where type = 'trigger' and name glob ?", [f"{_TRIGGER}_*"]
    )
    return [str(name) for (name,) in rows]


def _tables(connection: sqlite3.Connection) -> list[str]:
    rows = connection.execute(
        "select name from sqlite_master where type = 'table' and name not like 'sqlite_%' "
        "and name != ? order by name",
        [SUMS],
    )
    return [str(name) for (name,) in rows]


def _columns(connection: sqlite3.Connection, table: str) -> list[str]:
    return [str(row[1]) for row in connection.execute(f'pragma table_info("{table}")')]


def _of(row: str, columns: list[str]) -> str:
    return ", ".join(f'{row}."{name}"' for name in columns)
