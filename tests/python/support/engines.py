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


# What Spark starts, and the settings that give it a port.
SPARK = {
    "sc": ("connect.service.SparkConnectServer", "spark.connect.grpc.binding.port"),
    "thrift": ("hive.thriftserver.HiveThriftServer2", "spark.hive.server2.thrift.port"),
}


def sail_command(port):
    return [ENGINES["sail"].program("sail"), "spark", "server", "--ip", "127.0.0.1", "--port", port]


def spark_command(protocol, port, folder):
    (packages,) = ENGINES["spark"].folder.glob("lib/python*/site-packages")
    program, port_setting = SPARK[protocol]
    settings = {
        port_setting: port,
        "spark.connect.grpc.binding.address": "127.0.0.1",
        "spark.hive.server2.thrift.bind.host": "127.0.0.1",
        "spark.driver.host": "127.0.0.1",
        "spark.ui.enabled": "false",
        "spark.sql.warehouse.dir": folder / "warehouse",
        "spark.sql.shuffle.partitions": 4,
        "spark.driver.extraJavaOptions": f"-Dderby.system.home={folder}",
    }
    return [
        packages / "pyspark/bin/spark-submit",
        *("--class", f"org.apache.spark.sql.{program}"),
        *("--master", "local[2]", "--driver-memory", "4g"),
        *(part for name, value in settings.items() for part in ("--conf", f"{name}={value}")),
        "spark-internal",
    ]


@contextmanager
def remote_server(name, folder, protocol="sc", **settings):
    """A server of Sail or Spark; gives its address.

    Args:
        name: sail or spark.
        folder: Where it runs and writes its log.
        protocol: sc, or thrift for Spark.
        settings: Environment variables.
    """
    port, log = free_port(), folder / f"{name}.log"
    command = sail_command(port) if name == "sail" else spark_command(protocol, port, folder)
    environment = os.environ | {"PATH": f"{ENGINES[name].folder / 'bin'}:{os.environ['PATH']}"}
    with (
        log.open("wb") as file,
        subprocess.Popen(
            list(map(str, command)),
            cwd=folder,
            env=environment | settings,
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
            yield f"{protocol}://127.0.0.1:{port}"
        finally:
            # its JVM is a child of a script
            with suppress(ProcessLookupError):
                os.killpg(server.pid, signal.SIGTERM)


def _answers(port):
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False
