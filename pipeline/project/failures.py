"""What the machine refuses, in words: no space, no permission, a damaged database, no memory."""

import errno
import sqlite3

import duckdb
from sqlalchemy.exc import DatabaseError

from pipeline.project.errors import ChurnError

_NO_SPACE = (errno.ENOSPC, errno.EDQUOT)
# the limit of ulimit -f, or of the file system
_TOO_LARGE = "File too large"
_NO_PERMISSION = (errno.EACCES, errno.EPERM, errno.EROFS)
_IS_HELD = "Could not set lock on file"
# Words of DuckDB about a file that was cut off, overwritten, or has a block that has changed.
_IS_DAMAGED = (
    "not a valid DuckDB database file",
    "Corrupt database file",
    "does not match stored checksum",
    "Could not read enough bytes",
    "Could not read all bytes",
    "Failed to deserialize",
    "Serialization Error",
    "database has been invalidated",
    "Failed to load metadata pointer",
)
_FREE_SPACE = "Free some space and run it again. What was built and published before is intact."
_ALLOW = "Give this user the right to write there, or set CHURN_HOME to another folder."


def in_words(problem: BaseException) -> ChurnError | None:
    """Return an exception of the machine as an error a reader can act on; None for any other.

    Values that a database was given are not in its words: they may be customers.
    """
    if isinstance(problem, OSError) and problem.errno is not None:
        return _of_files(problem)
    if isinstance(problem, DatabaseError):
        return _of_state(problem)
    if isinstance(problem, duckdb.Error):
        return _of_duckdb(problem)
    if isinstance(problem, MemoryError):
        return ChurnError(
            "There is not enough memory.",
            hint="Close other programs, or run it on a larger machine.",
        )
    return None


def is_full(problem: BaseException) -> bool:
    """Return whether a disk is full."""
    if isinstance(problem, DatabaseError):
        return state_code(problem) in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR)
    if isinstance(problem, duckdb.Error):
        full = ("No space left", "Disk quota exceeded", _TOO_LARGE)
        return any(words in str(problem) for words in full)
    return isinstance(problem, OSError) and problem.errno in (*_NO_SPACE, errno.EFBIG)


def stops_everything(problem: BaseException) -> bool:
    """Return whether no domain can go on: full disk, damaged database, or one open elsewhere."""
    if is_full(problem) or is_damaged(problem):
        return True
    return isinstance(problem, duckdb.Error) and _IS_HELD in str(problem)


def is_damaged(problem: BaseException) -> bool:
    """Return whether DuckDB, or dbt in its place, found that a database file is not whole."""
    is_of_duckdb = isinstance(problem, duckdb.Error | ChurnError)
    return is_of_duckdb and any(words in str(problem) for words in _IS_DAMAGED)


def state_code(problem: DatabaseError) -> int:
    """Return SQLite's primary result code, the lower byte of its error code; 0 if there is none."""
    return int(getattr(problem.orig, "sqlite_errorcode", 0) or 0) & 0xFF


def _of_files(problem: OSError) -> ChurnError | None:
    if problem.errno in _NO_SPACE:
        return ChurnError(
            "The disk is full.", where=problem.filename and str(problem.filename), hint=_FREE_SPACE
        )
    if problem.errno == errno.EFBIG:
        return _too_large(problem.filename and str(problem.filename))
    if problem.errno in _NO_PERMISSION:
        return ChurnError(
            f"{problem.strerror}.", where=problem.filename and str(problem.filename), hint=_ALLOW
        )
    return None


def _too_large(where: str | None) -> ChurnError:
    return ChurnError(
        "A file has reached the largest size that is allowed.",
        where=where,
        hint="Raise the limit (ulimit -f), or move CHURN_HOME to a file system without it.",
    )


def _of_state(problem: DatabaseError) -> ChurnError | None:
    code = state_code(problem)
    if is_full(problem):
        return ChurnError("The disk is full.", where="state.sqlite", hint=_FREE_SPACE)
    if code in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM):
        return ChurnError(
            "The state cannot be opened for writing.", where="state.sqlite", hint=_ALLOW
        )
    if code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT):
        return ChurnError(
            "The state is damaged: it is not a whole SQLite database.",
            where="state.sqlite",
            hint="Put a backup in its place, with its -wal file if it has one. It holds keys, "
            "contacts, assignments and who must not be contacted, and cannot be built again.",
        )
    if code == sqlite3.SQLITE_BUSY:
        return ChurnError(
            "Another process is writing to the state.",
            where="state.sqlite",
            hint="Wait for it to finish, and run it again.",
        )
    return None


def _of_duckdb(problem: duckdb.Error) -> ChurnError | None:
    first = str(problem).partition("\n")[0]
    if _TOO_LARGE in first:
        return _too_large(first)
    if is_full(problem):
        return ChurnError("The disk is full.", where=first, hint=_FREE_SPACE)
    if _IS_HELD in first:
        return ChurnError(
            "Another process has the database open.",
            where=first,
            hint="Wait for the running command, or close the program that has the file open. "
            "Reading the published generation never blocks a command.",
        )
    if is_damaged(problem):
        return ChurnError(
            "A database file is damaged.",
            where=first,
            hint="If it is the warehouse, `churn build` builds it again. Of what is published, the "
            "newest generation that is whole is served, and `churn publish` writes a new one.",
        )
    if isinstance(problem, duckdb.OutOfMemoryException):
        return ChurnError(
            "There is not enough memory for DuckDB.",
            where=first,
            hint="Close other programs, or run it on a larger machine.",
        )
    return None
