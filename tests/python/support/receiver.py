"""A receiver of webhooks on loopback, and a clock that a test turns."""

import json
import socket
import struct
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from standardwebhooks.webhooks import Webhook


class TestClock:
    """Now, UTC without a zone; `clock.turn(hours=2)` is two hours later."""

    __test__ = False

    def __init__(self):
        self.at = datetime.now(UTC).replace(tzinfo=None, microsecond=0)

    def __call__(self):
        return self.at

    def turn(self, **by):
        self.at += timedelta(**by)


class Receiver:
    """Answers what `answer(request)` says: a status, (status, headers), `reset` or seconds to wait.

    Every request is kept in `got`: headers, body, and the status that it was answered with.
    """

    def __init__(self, answer=lambda request: 200):
        self.answer, self.got, self.lock = answer, [], threading.Lock()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                size = int(self.headers["content-length"])
                body = self.rfile.read(size).decode()
                if len(body.encode()) < size:
                    # the sender was killed in mid-request
                    self.close_connection = True
                    return
                request = {
                    "headers": {name.lower(): value for name, value in self.headers.items()},
                    "path": self.path,
                    "body": body,
                }
                said = receiver.answer(request)
                request["said"] = said
                with receiver.lock:
                    receiver.got.append(request)
                if said == "reset":
                    self.connection.setsockopt(
                        socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0)
                    )
                    self.connection.close()
                    self.close_connection = True
                    return
                if isinstance(said, float):
                    receiver.released.wait(said)
                    self.close_connection = True
                    return
                status, headers = said if isinstance(said, tuple) else (said, {})
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_):
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 256

            def handle_error(self, *_):
                pass

        self.released = threading.Event()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/hook"
        threading.Thread(target=self.server.serve_forever, args=(0.05,), daemon=True).start()

    def close(self):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def ids(self):
        return [request["headers"]["webhook-id"] for request in self.got]

    def customers(self):
        return [json.loads(request["body"])["data"]["customer_id"] for request in self.got]


def is_signed_with(request, secret):
    """Whether one of a request's signatures is that of a secret, whatever time it is."""
    headers = request["headers"]
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    signature = Webhook(secret).sign(headers["webhook-id"], at, request["body"])
    return signature in headers["webhook-signature"].split(" ")
