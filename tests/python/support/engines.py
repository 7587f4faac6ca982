"""Servers of engines that tests start themselves, as others that are somewhere else."""

import os
import signal
import socket
import subprocess
import time
from contextlib import contextmanager, suppress

from pipeline.engines.environments import ENGINES

# Started by a test, a server is ready within so many seconds.
READY = 120


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def remote_server(name, folder, **settings):
    """A Spark Connect server of Sail or Spark; gives its address.

    Args:
        name: sail or spark.
        folder: Where it runs and writes its log.
        settings: Environment variables.
    """
    port, log = free_port(), folder / f"{name}.log"
    packages = next(ENGINES[name].folder.glob("lib/python*/site-packages"))
    if name == "sail":
        command = [ENGINES[name].program("sail"), "spark", "server", "--ip", "127.0.0.1"]
        command += ["--port", str(port)]
    else:
        command = [packages / "pyspark/bin/spark-submit"]
        command += ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer"]
        command += ["--conf", f"spark.connect.grpc.binding.port={port}"]
        command += ["--conf", "spark.connect.grpc.binding.address=127.0.0.1"]
        command += ["--conf", "spark.driver.host=127.0.0.1", "--conf", "spark.ui.enabled=false"]
        command += ["--conf", f"spark.sql.warehouse.dir={folder / 'warehouse'}"]
        command += ["--conf", "spark.sql.shuffle.partitions=4", "--master", "local[2]"]
        command += ["--driver-memory", "4g", "spark-internal"]
    environment = os.environ | {"PYTHONPATH": str(packages)} | settings
    with (
        log.open("wb") as file,
        subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=environment,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as server,
    ):
        try:
            deadline = time.monotonic() + READY
            while not _answers(port):
                assert server.poll() is None, log.read_text()[-2000:]
                assert time.monotonic() < deadline, log.read_text()[-2000:]
                time.sleep(0.2)
            yield f"sc://127.0.0.1:{port}"
        finally:
            # its JVM is a child of a script
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


def _answers(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
