"""A PostgreSQL of one's own: started for the tests on the loopback, gone after them."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

import pytest

# Set where PostgreSQL must be: a skip is a failure there.
NEEDED = "CHURN_NEEDS_POSTGRES"


def _programs():
    """The folder with initdb and postgres; Debian keeps them out of PATH."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((one for one in folders if (one / "initdb").exists()), None)


@pytest.fixture(scope="session")
def postgres():
    """The address of an empty server, without its database."""
    programs = _programs()
    if programs is None:
        words = "no PostgreSQL: apt-get install postgresql"
        pytest.fail(words) if os.environ.get(NEEDED) else pytest.skip(words)
    # the server refuses to run as root, and its user cannot read a folder of root's
    user = "postgres" if os.geteuid() == 0 else None
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        if user:
            shutil.chown(folder, user)
        subprocess.run(
            [programs / "initdb", "-D", data, "-A", "trust", "-U", "owner", "-E", "UTF8"],
            check=True,
            capture_output=True,
            user=user,
            cwd=folder,
        )
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        settings = {
            "port": port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": folder,
        }
        settings["fsync"] = "off"
        process = subprocess.Popen(
            [programs / "postgres", "-D", data]
            + [f"--{name}={value}" for name, value in settings.items()],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            for _ in range(300):
                try:
                    socket.create_connection(("127.0.0.1", port)).close()
                    break
                except OSError:
                    time.sleep(0.1)
            yield f"postgresql://owner@127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(30)


@pytest.fixture
def database(postgres):
    """The address of a database of one's own."""
    from adbc_driver_postgresql import dbapi

    name = f"test_{os.urandom(6).hex()}"
    with (
        dbapi.connect(f"{postgres}/postgres", autocommit=True) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(f"create database {name}")
    return f"{postgres}/{name}"


@pytest.fixture
def asks(database):
    """A function that runs SQL in the database and returns its rows."""
    from adbc_driver_postgresql import dbapi

    def ask(*statements, user=None):
        address = database if user is None else database.replace("owner@", f"{user}@")
        with dbapi.connect(address, autocommit=True) as connection, connection.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)
            return cursor.fetchall() if cursor.description else None

    return ask
