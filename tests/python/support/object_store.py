"""An object store on the loopback that speaks S3, for tests to import the fixture from."""

import logging
import os
from urllib.parse import urlencode

import pytest
from moto.server import ThreadedMotoServer
from pyarrow import fs

BUCKET = "exports"


@pytest.fixture(scope="module")
def s3():
    """The address of a server's root, as the query of an address has it."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"{host}:{port}"
    server.stop()


class Bucket:
    """A folder of a bucket: its address, and what is put into it and taken out."""

    def __init__(self, server, folder, monkeypatch):
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "key")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s3cret-of-the-store")
        monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        asked = {"endpoint_override": server, "scheme": "http", "region": "us-east-1"}
        self.address = f"s3://{BUCKET}/{folder}?{urlencode(asked)}"
        asked["allow_bucket_creation"] = "true"
        self.store, _ = fs.FileSystem.from_uri(f"s3://{BUCKET}/{folder}?{urlencode(asked)}")
        self.store.create_dir(BUCKET)
        self.folder = f"{BUCKET}/{folder}"

    def put(self, name, text):
        with self.store.open_output_stream(f"{self.folder}/{name}") as stream:
            stream.write(text.encode())

    def remove(self, name):
        self.store.delete_file(f"{self.folder}/{name}")


@pytest.fixture
def bucket(s3, monkeypatch):
    """A folder of its own in a bucket."""
    return Bucket(s3, os.urandom(4).hex(), monkeypatch)
