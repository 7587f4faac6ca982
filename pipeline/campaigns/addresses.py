"""Lets messages go to public addresses only, checked at the address that is connected to.

A name is looked up once, and the address that was checked is the one that is used: a name that
stands for another address a moment later leads nowhere.
"""

import ipaddress
import socket
import time
from collections.abc import Iterable
from ssl import SSLContext
from typing import Any

import httpcore
import httpx

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class RefusedAddressError(Exception):
    """A receiver's name stands for an address that messages may not go to."""


def is_public(text: str) -> bool:
    """Return whether an address is of the public internet, also inside an IPv6 one."""
    found: Address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        teredo = found.teredo
        inner = found.ipv4_mapped or found.sixtofour or (teredo[1] if teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        found = inner or found
    return found.is_global and not found.is_multicast and not found.is_reserved


class GuardedBackend(httpcore.SyncBackend):
    """Connects to addresses that were checked, and gives the whole request a limit of time.

    Args:
        allows_private: For development: any address.
        seconds: Limit on connecting, sending and reading the answer's head together.
    """

    def __init__(self, allows_private: bool, seconds: float) -> None:
        self._allows_private = allows_private
        self._seconds = seconds

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host that answers.

        Raises:
            RefusedAddressError: One of its addresses is not public.
        """
        deadline = time.monotonic() + self._seconds
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError as unknown:
            raise httpcore.ConnectError(str(unknown)) from unknown
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not self._allows_private and not all(map(is_public, addresses)):
            raise RefusedAddressError(host)
        for place, address in enumerate(addresses):
            try:
                stream = super().connect_tcp(
                    address, port, _left(deadline, timeout), local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if place == len(addresses) - 1:
                    raise
                continue
            return _Hurried(stream, deadline)
        raise httpcore.ConnectError(f"{host} has no address")


class _Hurried(httpcore.NetworkStream):
    """A connection on which nothing may last longer than the whole request."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, _left(self._deadline, timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, _left(self._deadline, timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self,
        ssl_context: SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        secured = self._stream.start_tls(
            ssl_context, server_hostname, _left(self._deadline, timeout)
        )
        return _Hurried(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


def _left(deadline: float, timeout: float | None) -> float:
    """Return the seconds that a step may take; as good as none once the time is over."""
    left = max(deadline - time.monotonic(), 0.001)
    return left if timeout is None else min(left, timeout)


def guarded_transport(allows_private: bool, seconds: float) -> httpx.HTTPTransport:
    """Return a transport of httpx that connects as `GuardedBackend` does, once per request."""
    transport = httpx.HTTPTransport(trust_env=False)
    transport._pool = httpcore.ConnectionPool(
        ssl_context=httpx.create_ssl_context(trust_env=False),
        max_connections=None,
        # a limit of time belongs to a request, so a connection does too
        max_keepalive_connections=0,
        network_backend=GuardedBackend(allows_private, seconds),
    )
    return transport
