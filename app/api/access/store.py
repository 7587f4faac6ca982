"""The API's tables in state.sqlite: keys, answers to idempotency keys, saved audiences.

They are not part of `pipeline.retention.decisions`' metadata, whose tables are exported for dbt.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa

from pipeline.project.home import Home
from pipeline.project.state import open_state, writing_to

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
    """Transactions on state.sqlite, with pooled connections; usable from any thread."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._opened: sa.Engine | None = None

    @property
    def engine(self) -> sa.Engine:
        """The engine; the first use brings the state to today's version."""
        with self._lock:
            if self._opened is None:
                self._opened = open_state(self._home)
            return self._opened

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
