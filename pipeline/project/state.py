"""Opens CHURN_HOME/state.sqlite, brings it to today's version, and opens its transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from pipeline.project import state_sums
from pipeline.project.errors import ChurnError
from pipeline.project.home import Home

# Seconds a writer waits for another one.
WAIT_SECONDS = 10.0
# Revisions of `migrations`, oldest first; the last one is the version that the code reads.
VERSIONS = ("0001", "0002", "0003", "0004", "0005", "0006", "0007", "0008", "0009", "0010")
_MIGRATIONS = Path(__file__).with_name("migrations")


def open_state(home: Home) -> sa.Engine:
    """Return an engine on the state in WAL mode; create the database or upgrade it if need be.

    Raises:
        ChurnError: A newer version of the platform wrote the state, or it is damaged and of an
            older one.
    """
    home.root.mkdir(parents=True, exist_ok=True)
    engine = state_engine(home)
    try:
        with engine.connect() as connection:
            is_current = check_version(home, connection) == VERSIONS[-1]
        # readers of a state of today's version must not wait for a writer
        if not is_current:
            _upgrade(home, engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


def check_version(home: Home, connection: sa.Connection) -> str | None:
    """Return the version of the state; None for one that is empty or older than versions.

    Raises:
        ChurnError: A newer version of the platform wrote the state.
    """
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.exec_driver_sql(
        "select version_num from alembic_version"
    ).scalar()
    if found is not None and found not in VERSIONS:
        raise ChurnError(
            f"The state was written by a newer version of the platform: its version is {found}, "
            f"and this one knows up to {VERSIONS[-1]}.",
            where=str(home.state),
            hint="Install the newer version again, or restore a backup of the state from before "
            "it. Nothing was changed.",
        )
    return found


def _upgrade(home: Home, engine: sa.Engine) -> None:
    """Take the steps that the state lacks, all or none; another process may have taken them.

    Raises:
        StateDamagedError: It is not what was written.
    """
    # slow to import, and needed once in the life of a state
    from alembic import command
    from alembic.config import Config

    with writing_to(engine) as connection:
        if check_version(home, connection) == VERSIONS[-1]:
            return
        config = Config()
        config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
        config.attributes["connection"] = connection
        driver: Any = connection.connection.driver_connection
        # sums made anew must not be those of a damaged state
        found = state_sums.damages_within(driver)
        if found:
            raise state_sums.StateDamagedError(home, found)
        state_sums.remove(driver)
        command.upgrade(config, "head")
        state_sums.install(driver)


def state_engine(home: Home) -> sa.Engine:
    """Return an engine on the state in WAL mode; create nothing."""
    engine = sa.create_engine(
        sa.URL.create("sqlite", database=str(home.state)),
        # what it was given may be customers and reasons
        hide_parameters=True,
        connect_args={"timeout": WAIT_SECONDS, "isolation_level": None},
        # a connection that waits for SQLite must not block others
        max_overflow=-1,
    )

    @sa.event.listens_for(engine, "connect")
    def use_wal(connection: Any, _: Any) -> None:
        connection.execute("pragma journal_mode = wal")
        state_sums.register(connection)

    return engine


@contextmanager
def reading_from(home: Home) -> Iterator[sa.Connection | None]:
    """Open the state for reading, without waiting for a writer; None where there is none yet.

    A state of an older version is brought to today's first, once.

    Raises:
        ChurnError: A newer version of the platform wrote the state.
    """
    if not home.state.exists():
        yield None
        return
    engine = state_engine(home)
    try:
        with engine.connect() as connection:
            is_current = check_version(home, connection) == VERSIONS[-1]
            is_empty = not is_current and not sa.inspect(connection).get_table_names()
        if is_empty:
            # somebody is about to make it
            yield None
            return
        if not is_current:
            _upgrade(home, engine)
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


@contextmanager
def writing_to(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Open a transaction that holds the write lock from its beginning.

    If it took the lock later, the rows it has read could be stale.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql("begin immediate")
        yield connection
