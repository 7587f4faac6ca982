"""The API's tables in state.sqlite: keys, answers to idempotency keys, saved audiences.

They are not part of `pipeline.retention.decisions`' metadata, whose tables are exported for dbt.
"""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from pipeline.project.home import Home
from pipeline.project.state import open_state, writing_to
from pipeline.project.state_sums import check_state

METADATA = sa.MetaData()

KEYS = sa.Table(
    "api_keys",
    METADATA,
    sa.Column("id", sa.String, primary_key=True),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("hash", sa.String, nullable=False),
    sa.Column("scopes", sa.String, nullable=False),
    # empty for all domains
    sa.Column("domains", sa.String, nullable=False),
    sa.Column("created_at", sa.DateTime, nullable=False),
    sa.Column("expires_at", sa.DateTime),
    sa.Column("revoked_at", sa.DateTime),
)
ANSWERS = sa.Table(
    "api_answers",
    METADATA,
    sa.Column("key_id", sa.String, primary_key=True),
    sa.Column("idempotency_key", sa.String, primary_key=True),
    sa.Column("request_hash", sa.String, nullable=False),
    sa.Column("effect_id", sa.String, nullable=False),
    sa.Column("claimed_at", sa.DateTime, nullable=False),
    # null while the request is running
    sa.Column("status", sa.Integer),
    sa.Column("body", sa.LargeBinary),
)
AUDIENCES = sa.Table(
    "api_audiences",
    METADATA,
    sa.Column("domain", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    # JSON of a CustomerFilter
    sa.Column("filter", sa.String, nullable=False),
    sa.Column("saved_at", sa.DateTime, nullable=False),
    # null for audiences from before authors were kept
    sa.Column("saved_by", sa.String),
)


class Store:
    """Transactions on state.sqlite, with pooled connections; usable from any thread.

    A state that was put in place of the one that is open, such as a restored backup, is opened.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._opened: sa.Engine | None = None
        self._inodes: tuple[int, int] = (0, 0)

    @property
    def engine(self) -> sa.Engine:
        """The engine; the first use brings the state to today's version.

        Raises:
            StateDamagedError: The state is not what was written to it.
        """
        with self._lock:
            inodes = self._inodes_on_disk()
            if self._opened is not None and _are_others(self._inodes, inodes):
                self._opened.dispose()
                self._opened = None
            if self._opened is None:
                check_state(self._home)
                self._opened = open_state(self._home)
                inodes = self._inodes_on_disk()
            self._inodes = inodes
            return self._opened

    def _inodes_on_disk(self) -> tuple[int, int]:
        """Those of the state and its log; 0 for one that is not there, as while it is restored."""
        return _inode(self._home.state), _inode(Path(f"{self._home.state}-wal"))

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        """Open a transaction that holds the write lock from its beginning."""
        with writing_to(self.engine) as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        """Open a connection for reading."""
        with self.engine.connect() as connection:
            yield connection

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            if self._opened is not None:
                self._opened.dispose()
                self._opened = None


def _inode(path: Path) -> int:
    try:
        return os.stat(path).st_ino  # noqa: PTH116 - a microsecond, at every request
    except FileNotFoundError:
        return 0


def _are_others(before: tuple[int, int], now: tuple[int, int]) -> bool:
    """Whether one of the files has become another one; a log comes and goes by itself."""
    return any(a and b and a != b for a, b in zip(before, now, strict=True))
