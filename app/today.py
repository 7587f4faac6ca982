"""Follows what people decide, so that an answer or page knows the suppressions of its moment."""

import sqlite3
import threading

from pipeline.project.home import Home
from pipeline.project.state_sums import check_state
from pipeline.retention.overlay import Today, read_today


class TodayReader:
    """Reads the suppressions again when the state has changed; asking costs microseconds.

    Args:
        home: CHURN_HOME.
    """

    def __init__(self, home: Home) -> None:
        self._home = home
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._file: tuple[int, int] | None = None
        self._version: int | None = None
        self._today = Today()

    def current(self) -> Today:
        """Return what is decided now.

        Raises:
            StateDamagedError: The file that was opened is not what was written to it.
        """
        with self._lock:
            if self._changed():
                self._today = read_today(self._home, self._today)
            return self._today

    def _changed(self) -> bool:
        """Whether somebody has written to the state since the last call, or it is another file."""
        try:
            there = self._home.state.stat()
        except FileNotFoundError:
            was, self._file = self._file, None
            return was is not None
        file = (there.st_dev, there.st_ino)
        if self._connection is None or file != self._file:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            check_state(self._home)
            self._connection = sqlite3.connect(
                f"{self._home.state.resolve().as_uri()}?mode=ro", uri=True, check_same_thread=False
            )
            self._file, self._version = file, None
        before = self._version
        self._version = int(self._connection.execute("pragma data_version").fetchone()[0])
        return self._version != before
