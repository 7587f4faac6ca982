"""Clients that are slow or large on purpose hold nothing up: a real server on a real socket."""

import http.client
import json
import secrets
import select
import socket
import threading
import time
from contextlib import ExitStack, contextmanager

import httpx
import pytest
import uvicorn
from api_client import FREE

from app.api.access.keys import create_key
from app.api.factory import create_app
from app.api.http import connections
from app.api.http.connections import TimedProtocol
from app.api.serve import listen
from app.api.settings import ApiSettings


@pytest.fixture
def server(world, monkeypatch):
    """Start the API on a socket; gives its port and a key of every scope."""

    @contextmanager
    def start(**options):
        app = create_app(world, ApiSettings(**(FREE | options)))
        key = create_key(app.state.services.store, secrets.token_hex(4), ("read", "write", "plan"))
        running = uvicorn.Server(
            uvicorn.Config(app, http=TimedProtocol, log_level="critical", access_log=False)
        )
        listener = listen("127.0.0.1", 0)
        thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not running.started:
                time.sleep(0.01)
            yield listener.getsockname()[1], key
        finally:
            running.should_exit = True
            thread.join()
            listener.close()

    return start


def connect(port, sent):
    client = socket.create_connection(("127.0.0.1", port), timeout=20)
    client.sendall(sent)
    return client


def rest(client):
    """Everything until the server closes."""
    with client:
        parts = []
        while True:
            try:
                part = client.recv(1 << 16)
            except ConnectionResetError:
                return b"".join(parts)
            if not part:
                return b"".join(parts)
            parts.append(part)


def half_a_body(key, path="/v1/bench/suppressions"):
    return (
        f"POST {path} HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\n"
        "Content-Type: application/json\r\nContent-Length: 900000\r\n\r\n{"
    ).encode()


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHo", b"G"])
def test_a_head_that_does_not_come_is_not_waited_for(server, monkeypatch, sent):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    with server() as (port, _):
        began = time.monotonic()
        answer = rest(connect(port, sent))
        assert answer.startswith(b"HTTP/1.1 408 ")
        assert time.monotonic() - began < 5


def test_a_second_head_is_not_waited_for_either(server, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.3)
    with server() as (port, _):
        whole = b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"
        began = time.monotonic()
        client = connect(port, whole)
        # read to its end: head and body may come apart
        answer = http.client.HTTPResponse(client)
        answer.begin()
        assert (answer.status, answer.read()) == (200, b'{"status":"ok"}')
        client.sendall(whole[:20])
        assert rest(client) == b""
        assert time.monotonic() - began < 4, "the end of an idle connection is not the reason"


def test_a_slow_head_in_time_is_answered_and_one_byte_at_a_time_is_not_in_time(server, monkeypatch):
    monkeypatch.setattr(connections, "HEAD_SECONDS", 1.0)
    with server() as (port, _):
        client = connect(port, b"GET /healthz HTTP/1.1\r\n")
        time.sleep(0.2)
        client.sendall(b"Host: a\r\nConnection: close\r\n\r\n")
        assert b" 200 " in rest(client)
        dripping = connect(port, b"GET /healthz HTTP/1.1\r\n")
        with pytest.raises(OSError):
            for _ in range(40):
                time.sleep(0.1)
                dripping.sendall(b"x")


@pytest.mark.parametrize("parts", [1, 40])
def test_a_head_has_a_size(server, parts):
    with server() as (port, _):
        head = b"GET /healthz HTTP/1.1\r\nHost: a\r\n" + b"X-A: b\r\n" * 20_000
        client = connect(port, b"")
        step = len(head) // parts
        try:
            for at in range(0, len(head), step):
                client.sendall(head[at : at + step])
        except OSError:
            pass
        answer = rest(client)
        assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
        # a long address is a head as well; a large body is not
        assert rest(connect(port, b"GET /" + b"a" * 70_000)).startswith(b"HTTP/1.1 431 ")
        assert httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == 200
        sent = httpx.post(f"http://127.0.0.1:{port}/v1/bench/plans", content=b"{" * 200_000)
        assert sent.status_code == 401


def test_a_body_that_does_not_come_is_refused_on_every_route(server, monkeypatch):
    monkeypatch.setattr("app.api.access.gate._GRACE", 0.3)
    with server() as (port, key):
        for path in ("/v1/bench/suppressions", "/v1/bench/plans", "/v1/bench/contacts"):
            answer = rest(connect(port, half_a_body(key, path)))
            assert answer.startswith(b"HTTP/1.1 408 "), path


def test_an_answer_that_is_not_read_is_given_up(server, monkeypatch):
    monkeypatch.setattr(connections, "READ_SECONDS", 0.3)
    with server() as (port, key):
        client = socket.socket()
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(20)
        client.connect(("127.0.0.1", port))
        ask = f"GET /openapi.json HTTP/1.1\r\nHost: a\r\nX-API-Key: {key}\r\n\r\n".encode()
        client.sendall(ask * 60)
        # the server hangs up, although nothing of the answers was read
        poll = select.poll()
        poll.register(client, 0)
        assert poll.poll(20_000)
        assert rest(client).count(b"HTTP/1.1 200") < 60


def test_connections_beyond_the_limit_push_out_those_without_a_head(server, monkeypatch):
    monkeypatch.setattr(connections, "most_connections", lambda: 20)
    with server() as (port, _), ExitStack() as stack:
        waiting = [stack.enter_context(connect(port, b"GET /he")) for _ in range(60)]
        assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
        poll = select.poll()
        for client in waiting:
            poll.register(client, 0)
        closed, until = [], time.monotonic() + 10
        while len(closed) < 40 and time.monotonic() < until:
            closed = poll.poll(100)
        # long before the deadline of a head, and no more of them than there had to be
        assert 40 <= len(closed) <= 45


@pytest.mark.slow
def test_health_is_answered_while_hundreds_hold_their_heads_and_bodies_back(server):
    with server() as (port, key), ExitStack() as stack:
        for number in range(650):
            half = half_a_body(key) if number % 13 == 0 else b"GET /healthz HTTP/1.1\r\nHost"
            stack.enter_context(connect(port, half))
        slowest = 0.0
        for _ in range(50):
            began = time.monotonic()
            assert httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=5).status_code == 200
            slowest = max(slowest, time.monotonic() - began)
        # far above what it takes; without deadlines and room it is not answered at all
        assert slowest < 3


def test_a_key_has_so_many_requests_at_once_and_another_key_its_own(server):
    with server(at_once=3) as (port, key), ExitStack() as stack:
        for _ in range(3):
            stack.enter_context(connect(port, half_a_body(key)))
        address = f"http://127.0.0.1:{port}/v1/domains"
        until = time.monotonic() + 10
        while httpx.get(address, headers={"X-API-Key": key}).status_code == 200:
            assert time.monotonic() < until
        refused = httpx.get(address, headers={"X-API-Key": key})
        assert refused.status_code == 429
        assert refused.json()["type"].endswith("too-many-at-once")
        assert refused.headers["retry-after"] == "1"
        assert httpx.get(address).status_code == 401
    with server(at_once=3) as (port, key):
        for _ in range(5):
            assert httpx.get(
                f"http://127.0.0.1:{port}/v1/domains", headers={"X-API-Key": key}
            ).is_success


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/bench/plans", {f"m{at}": 1 for at in range(60_000)}),
        (
            "/v1/bench/contacts",
            {"contacts": [{f"m{at}": 1 for at in range(90)} for _ in range(1_000)]},
        ),
    ],
)
def test_no_more_faults_are_built_than_are_reported(world, start_api, monkeypatch, path, body):
    api = start_api(world, "read", "write")
    built = []
    real = __import__("fastapi").exceptions.RequestValidationError.errors

    def counted(error):
        found = real(error)
        built.append(len(found))
        return found

    monkeypatch.setattr("fastapi.exceptions.RequestValidationError.errors", counted)
    answer = api.client.post(
        path, content=json.dumps(body), headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422
    assert len(answer.json()["errors"]) == 100
    # a row that lacks its fields is one fault for each
    assert max(built) <= 100 + 3 * 1_000
