"""Opens a database by its address, with the driver that it needs."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.connections.reader import DatabaseReader
from pipeline.project.connection_settings import FROM_ENVIRONMENT
from pipeline.project.databases import POSTGRES, resolved, without_password


@contextmanager
def opened(url: str) -> Iterator[DatabaseReader]:
    """Open a database by its address, or by `env:` and a variable; close it at the end.

    Raises:
        ChurnError: It cannot be reached, or it refuses something that is asked in the block.
    """
    address = resolved(url)
    if address.startswith(POSTGRES):
        from pipeline.connections import postgres

        with postgres.connected(address, said=shown(url)) as reader:
            yield reader
    else:
        from pipeline.connections import sqlalchemy_reader

        with sqlalchemy_reader.connected(address, said=shown(url)) as other:
            yield other


def shown(url: str) -> str:
    """Return what may be said of an address: the variable's name, or it without a password."""
    return url if url.startswith(FROM_ENVIRONMENT) else without_password(url)
