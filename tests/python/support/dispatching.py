"""A dispatcher in a process of its own, by a clock that runs faster, for a test that kills it.

Arguments: CHURN_HOME, the moment in seconds since 1970 at which the clock began, its speed.
"""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pipeline.campaigns.dispatch import Dispatcher
from pipeline.campaigns.send import Sender
from pipeline.project.home import Home

# Seconds of the real clock: of an attempt, and of a lease.
TIMEOUT, LEASE = 0.4, 3.0


def fast_clock(began: float, speed: float):
    """Now, UTC without a zone, `speed` times as fast since a moment."""

    def now():
        passed = (time.time() - began) * speed
        return datetime.fromtimestamp(began, UTC).replace(tzinfo=None) + timedelta(seconds=passed)

    return now


if __name__ == "__main__":
    began, speed = float(sys.argv[2]), float(sys.argv[3])
    now = fast_clock(began, speed)
    dispatcher = Dispatcher(
        Home(Path(sys.argv[1])),
        Sender(TIMEOUT),
        now=now,
        today=lambda: now().date(),
        lease=timedelta(seconds=LEASE * speed),
        at_once=16,
    )
    print("sending", flush=True)  # noqa: T201 - the test waits for it
    dispatcher.run(threading.Event(), 0.05)
