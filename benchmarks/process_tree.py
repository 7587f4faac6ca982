"""What a command costs with all its children: time, processor, bytes read, memory."""

import os
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from pipeline.project.errors import ChurnError
from pipeline.project.exit_codes import PUBLISHED, WARNED
from pipeline.project.home import PROJECT

_PROC = Path("/proc")
_EVERY = 0.2
_PAGE = os.sysconf("SC_PAGE_SIZE")


@dataclass(frozen=True)
class Cost:
    """What a command, or several one after the other, took.

    Attributes:
        seconds: By the clock.
        cpu_seconds: Of the processor, children included.
        read_bytes: Asked of files and pipes; what the page cache had counts as well.
        peak_bytes: The most that the processes held in memory together. What they share counts in
            each of them, so the truth is a little below.
    """

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    read_bytes: int = 0
    peak_bytes: int = 0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(
            self.seconds + other.seconds,
            self.cpu_seconds + other.cpu_seconds,
            self.read_bytes + other.read_bytes,
            max(self.peak_bytes, other.peak_bytes),
        )


def run_watched(
    arguments: Sequence[str | Path], environment: Mapping[str, str], output: Path
) -> Cost:
    """Run a command to its end and return its cost.

    Args:
        arguments: The command.
        environment: Variables beside those of this process.
        output: What it says is appended here.

    Raises:
        ChurnError: It was not published, with or without warnings.
    """
    began = monotonic()
    with output.open("a") as told:
        process = subprocess.Popen(  # noqa: S603 - churn itself, by this interpreter
            arguments,
            env=os.environ | dict(environment),
            cwd=PROJECT,
            stdout=told,
            stderr=subprocess.STDOUT,
        )
    watch = _Watch(process.pid)
    watch.start()
    # not `wait`: only this says what the children took, too
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    seconds = monotonic() - began
    watch.is_over.set()
    watch.join()
    if process.returncode not in (PUBLISHED, WARNED):
        raise ChurnError(
            f"{' '.join(map(str, arguments))} ended with {process.returncode}.", where=str(output)
        )
    return Cost(seconds, used.ru_utime + used.ru_stime, watch.read_bytes, watch.peak_bytes)


class _Watch(threading.Thread):
    """Looks at a process and its children until told to stop."""

    def __init__(self, pid: int) -> None:
        super().__init__(daemon=True)
        self.pid, self.is_over = pid, threading.Event()
        self.read_bytes = self.peak_bytes = 0

    def run(self) -> None:
        """Keep the largest sums seen."""
        while not self.is_over.wait(_EVERY):
            looks = [_look(pid) for pid in _tree(self.pid)]
            self.peak_bytes = max(self.peak_bytes, sum(held for held, _ in looks))
            # a parent's count grows by that of a child when it has ended
            self.read_bytes = max(self.read_bytes, sum(read for _, read in looks))


def _tree(pid: int) -> list[int]:
    """Return a process and what it has started, as far as they live."""
    found, ahead = [], [pid]
    while ahead:
        one = ahead.pop()
        found.append(one)
        try:
            for task in (_PROC / str(one) / "task").iterdir():
                ahead += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def _look(pid: int) -> tuple[int, int]:
    """Return the bytes that a process holds in memory and has read; zeros once it is gone."""
    try:
        held = int((_PROC / str(pid) / "statm").read_text().split()[1]) * _PAGE
        read = (_PROC / str(pid) / "io").read_text().split("\n", 1)[0]
        return held, int(read.removeprefix("rchar:"))
    except (OSError, ValueError, IndexError):
        return 0, 0
