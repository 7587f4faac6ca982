"""Opens CHURN_HOME/state.sqlite and its write transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from pipeline.project.home import Home

# Seconds a writer waits for another one.
WAIT_SECONDS = 10.0


def open_state(home: Home, metadata: sa.MetaData) -> sa.Engine:
    """Return an engine on the state in WAL mode; create the database and tables if missing."""
    home.root.mkdir(parents=True, exist_ok=True)
    engine = state_engine(home)
    # readers of existing tables must not wait for a writer
    if not {table.name for table in metadata.sorted_tables} <= set(
        sa.inspect(engine).get_table_names()
    ):
        with writing_to(engine) as connection:
            metadata.create_all(connection)
    return engine


def state_engine(home: Home) -> sa.Engine:
    """Return an engine on the state in WAL mode; create nothing."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(home.state)),
        connect_args={"timeout": WAIT_SECONDS, "isolation_level": None},
        # a connection that waits for SQLite must not block others
        max_overflow=-1,
    )

    @sa.event.listens_for(engine, "connect")
    def use_wal(connection: Any, _: Any) -> None:
        connection.execute("pragma journal_mode = wal")

    return engine


@contextmanager
def writing_to(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that holds the write lock from its beginning.

    If it took the lock later, the rows it has read could be stale.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql("begin immediate")
        yield connection
