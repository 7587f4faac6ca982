"""CHURN_HOME/state.sqlite: opening it, and the one transaction that may write."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from pipeline.project.home import Home

# How long a writer waits for another one.
WAIT_SECONDS = 10.0


def open_state(home: Home, metadata: sa.MetaData) -> sa.Engine:
    """Return an engine on the state, in WAL mode, with these tables; made if it is not there."""
    home.root.mkdir(parents=True, exist_ok=True)
    engine = state_engine(home)
    # who only reads what is there must not wait for who writes
    if not {table.name for table in metadata.sorted_tables} <= set(
        sa.inspect(engine).get_table_names()
    ):
        with writing_to(engine) as connection:
            metadata.create_all(connection)
    return engine


def state_engine(home: Home) -> sa.Engine:
    """Return an engine on the state in WAL mode; nothing is made."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(home.state)),
        connect_args={"timeout": WAIT_SECONDS, "isolation_level": None},
        # who waits for SQLite must not keep others from a connection
        max_overflow=-1,
    )

    @sa.event.listens_for(engine, "connect")
    def use_wal(connection: Any, _: Any) -> None:
        connection.execute("pragma journal_mode = wal")

    return engine


@contextmanager
def writing_to(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that has the one writer's place from its beginning.

    One that takes it later may find that what it has read is no longer so.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql("begin immediate")
        yield connection
