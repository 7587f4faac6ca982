"""The command line, killed just before one of the moments that make something durable.

`python failpoints.py N LOG command …` runs a command; before its Nth fsync, rename, link or commit
the process kills itself. LOG gets a line for each moment that came: its kind, the place in the code
that asked for it, and of which file. N of 0 kills nothing.
"""

import os
import signal
import sys
from pathlib import Path

_CALLS = ("fsync", "rename", "replace", "link")
_CODE = Path(__file__).parents[3]
_ROOMS = ("app", "cli", "ml", "pipeline")
# A helper that writes a file durably, who called it, and who called that.
_DEEP = 3


def watch(number, log):
    """Count the moments from now on, note each in `log`, and end before the one of that number."""
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    told = Path(log).open("a", buffering=1)  # noqa: SIM115, open until the process ends
    count = 0

    def moment(kind, of):
        nonlocal count
        count += 1
        told.write(f"{kind} {_place()} {of}\n")
        if count == number:
            os.kill(os.getpid(), signal.SIGKILL)

    def watched(kind, call):
        def instead(*arguments, **named):
            moment(kind, arguments[-1] if kind != "fsync" else _name(arguments[0]))
            return call(*arguments, **named)

        return instead

    for kind in _CALLS:
        setattr(os, kind, watched(kind, getattr(os, kind)))
    event.listen(Engine, "commit", lambda connection: moment("commit", connection.engine.url))


def _place():
    """The lines of the platform that led here, the innermost first."""
    frame, found = sys._getframe(2), []
    while frame is not None and len(found) < _DEEP:
        path = Path(frame.f_code.co_filename)
        if path.is_relative_to(_CODE) and path.relative_to(_CODE).parts[0] in _ROOMS:
            found.append(f"{path.relative_to(_CODE)}:{frame.f_lineno}")
        frame = frame.f_back
    return "<".join(found) or "elsewhere"


def _name(descriptor):
    return Path(f"/proc/self/fd/{descriptor}").readlink()


if __name__ == "__main__":
    watch(int(sys.argv[1]), sys.argv[2])
    from cli import main

    sys.argv[:] = ["churn", *sys.argv[3:]]
    main()
