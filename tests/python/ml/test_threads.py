"""Threads that wait leave the core to the work that they wait for."""

import os
import subprocess
import sys

import pytest

COUNT = "GOMP_SPINCOUNT"


@pytest.mark.parametrize(("given", "count"), [({}, "10000"), ({COUNT: "77"}, "77")])
def test_waiting_threads_soon_sleep_unless_somebody_says_otherwise(given, count):
    environment = {name: value for name, value in os.environ.items() if name != COUNT}
    done = subprocess.run(
        [sys.executable, "-c", "import ml.train"],
        env=environment | given | {"OMP_DISPLAY_ENV": "VERBOSE"},
        capture_output=True,
        text=True,
        check=True,
    )
    told = [line for line in done.stderr.splitlines() if COUNT in line]
    assert told and all(f"'{count}'" in line for line in told), done.stderr
