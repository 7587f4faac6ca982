"""Connections that cannot be held: deadlines and limits that uvicorn does not have."""

import asyncio
import resource
import socket
import struct
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

# Seconds from the first moment that a head is waited for until it is whole.
HEAD_SECONDS = 15.0
# Bytes of a head: the URL and all headers.
HEAD_BYTES = 64 * 1024
# Seconds in which a client has to read something of an answer.
READ_SECONDS = 60.0
# Open files that are kept for databases, models and uploads.
_OTHER_FILES = 128
_NO_LINGER = struct.pack("ii", 1, 0)


class TimedProtocol(HttpToolsProtocol):
    """uvicorn's protocol, for clients that are slow on purpose.

    A connection that does not send a whole head in time, sends a head that is too large, or does
    not read its answer is closed. When there are as many connections as the process may have open
    files, the one that has waited longest for its head makes room.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._head: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first head."""
        super().connection_made(transport)
        if len(self.connections) > most_connections():
            waiting = [one for one in self.connections if isinstance(one, TimedProtocol)]
            oldest = min(waiting, key=TimedProtocol.head_deadline)
            if oldest._head is not None:
                oldest._abort()
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop waiting."""
        self._head = _stopped(self._head)
        self._reading = _stopped(self._reading)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read; what comes outside of a request belongs to a head."""
        if self.cycle is None or self.cycle.response_complete:
            self._await_head()
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                # a body may follow its head at once
                head, end, _ = data.partition(b"\r\n\r\n")
                if not end or self._head_bytes - len(data) + len(head) > HEAD_BYTES:
                    self._refuse(b"431 Request Header Fields Too Large")
                    return
        super().data_received(data)

    def on_headers_complete(self) -> None:
        """Serve the request; the deadlines of its body are the gate's."""
        self._head = _stopped(self._head)
        self._head_bytes = 0
        super().on_headers_complete()

    def pause_writing(self) -> None:
        """Wait until the client has read something."""
        super().pause_writing()
        self._reading = self.loop.call_later(READ_SECONDS, self._abort)

    def resume_writing(self) -> None:
        """Go on."""
        self._reading = _stopped(self._reading)
        super().resume_writing()

    def head_deadline(self) -> float:
        """When a head has to be there, by the loop's clock; infinity while none is waited for."""
        return float("inf") if self._head is None else self._head.when()

    def _await_head(self) -> None:
        if self._head is None:
            self._head_bytes = 0
            self._head = self.loop.call_later(HEAD_SECONDS, self._refuse, b"408 Request Timeout")

    def _refuse(self, status: bytes) -> None:
        self._head = _stopped(self._head)
        if not self.transport.is_closing():
            # after an answer whose body is still being sent, nobody waits for another one
            if self.cycle is None:
                self.transport.write(
                    b"HTTP/1.1 " + status + b"\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
                )
            self.transport.close()

    def _abort(self) -> None:
        # with a reset: the kernel would go on holding what was not read
        connection = self.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.transport.abort()


def most_connections() -> int:
    """Return how many connections the limit of open files leaves room for."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(16, soft - _OTHER_FILES)


def raise_file_limit() -> None:
    """Allow this process as many open files as it may have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard == resource.RLIM_INFINITY:
        hard = max(soft, 65_536)
    if soft < hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65_536), hard))


def _stopped(timer: asyncio.TimerHandle | None) -> asyncio.TimerHandle | None:
    if timer is not None:
        timer.cancel()
    return None
