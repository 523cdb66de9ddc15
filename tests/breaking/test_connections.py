"""What one connection may cost: silence, slowness, endless headers, too many requests at once, too many connections."""

import asyncio
import json
import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from service.http import connections
from tests.conftest import Serve
from tests.http.test_moving_over import wait_until

GET = b"GET /healthz HTTP/1.1\r\nHost: arden\r\n\r\n"


@pytest.fixture
def address(serve: Serve, seed_data: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, int]]:
    """The address of a server that waits a quarter of a second for a request."""
    monkeypatch.setattr(connections, "ARRIVAL_S", 0.25)
    monkeypatch.setattr(connections, "READING_S", 0.25)
    client = serve(seed_data)
    yield client.base_url.host, client.base_url.port or 0
    assert httpx.get(client.base_url.join("/healthz"), trust_env=False, timeout=60).status_code == 200


@contextmanager
def connected(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, timeout=60) as connection:
        yield connection


def read_all(connection: socket.socket) -> bytes:
    """Return what comes until the server closes the connection."""
    got = b""
    try:
        while part := connection.recv(1 << 16):
            got += part
    except ConnectionResetError:
        pass
    return got


def test_who_says_nothing_is_let_go(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        began = time.monotonic()
        assert read_all(connection) == b""
        assert 0.2 < time.monotonic() - began < 2


@pytest.mark.parametrize(
    "start",
    [b"GET /hea", b"GET /healthz HTTP/1.1\r\nHost: a", GET[:-2], b"POST /v1 HTTP/1.1\r\nContent-Length: 99\r\n\r\n"],
)
def test_who_sends_a_byte_now_and_then_is_let_go(address: tuple[str, int], start: bytes) -> None:
    with connected(address) as connection:
        began = time.monotonic()
        connection.sendall(start)
        with pytest.raises(OSError):
            while time.monotonic() - began < 3:
                time.sleep(0.05)
                connection.sendall(b"a")
        assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    "endless",
    [
        b"GET /" + b"a" * (1 << 20),
        b"GET / HTTP/1.1\r\nX: " + b"a" * (1 << 20),
        b"GET / HTTP/1.1\r\n" + b"X: a\r\n" * (1 << 18),
    ],
)
def test_headers_without_end_are_refused_before_they_cost_memory(address: tuple[str, int], endless: bytes) -> None:
    with connected(address) as connection:
        sent = 0
        try:
            for start in range(0, len(endless), 1 << 14):
                sent += connection.send(endless[start : start + (1 << 14)])
                time.sleep(0.001)
        except OSError:
            pass
        assert sent < len(endless)
        answer = read_all(connection)
    if answer:  # may be lost where the connection is reset
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400 ")
        assert b"application/problem+json" in head
        assert json.loads(body)["status"] == 400


def test_what_is_no_http_is_a_problem(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(b"\x16\x03\x01 hello\r\n\r\n")
        head, _, body = read_all(connection).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)["type"] == "/problems/bad-request"


def test_requests_may_be_sent_ahead_but_not_by_the_thousand(address: tuple[str, int]) -> None:
    with connected(address) as connection:
        connection.sendall(GET * 20)
        assert read_all(connection).count(b"HTTP/1.1 200 OK") == 20
    with connected(address) as connection:
        connection.sendall(GET * 5000)
        assert read_all(connection).count(b"HTTP/1.1 200 OK") <= connections.PIPELINED + 1


def test_what_is_answered_at_once_is_not_by_the_thousand_either(address: tuple[str, int]) -> None:
    page = b"GET /v1/events HTTP/1.1\r\nHost: arden\r\n\r\n"
    with connected(address) as connection:
        connection.sendall(page * 20)
        assert read_all(connection).count(b"HTTP/1.1 200 OK") == 20
    with connected(address) as connection:
        connection.sendall(page * 5000)
        got = read_all(connection)
        # As many as may wait to be written, in bytes, and then those that may wait to be answered.
        most = len(got) // max(1, got.count(b"HTTP/1.1 200 OK"))
        assert got.count(b"HTTP/1.1 200 OK") <= 2 + (1 << 16) // most + connections.PIPELINED


def is_established(address: tuple[str, int], connection: socket.socket) -> bool:
    """Tell whether the server's end of a connection is open, as the kernel sees it."""
    ours = f":{connection.getsockname()[1]:04X}"
    rows = [line.split()[1:4] for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return any(
        local.endswith(f":{address[1]:04X}") and peer.endswith(ours) and state == "01" for local, peer, state in rows
    )


#: What fills more than the kernel takes in for a client that reads nothing, asked for as often as may be asked ahead.
UNREAD = [b"/openapi.json", b"/v1/sources?limit=200"]


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the kernel take in as little as it can of what is answered: what it takes in is not waited for."""
    begin = connections.BoundedConnection.connection_made

    def begin_with_little(self: connections.BoundedConnection, transport: asyncio.Transport) -> None:
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 12)
        begin(self, transport)

    monkeypatch.setattr(connections.BoundedConnection, "connection_made", begin_with_little)


@contextmanager
def reading_nothing(address: tuple[str, int], path: bytes) -> Iterator[socket.socket]:
    """A connection over which much has been asked, and nothing is read."""
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        connection.connect(address)
        connection.sendall(b"GET %b HTTP/1.1\r\nHost: arden\r\n\r\n" % path * connections.PIPELINED)
        yield connection


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize("path", UNREAD)
def test_who_does_not_read_is_let_go(address: tuple[str, int], path: bytes) -> None:
    with reading_nothing(address, path) as connection:
        assert wait_until(lambda: not is_established(address, connection))


@pytest.mark.usefixtures("small_buffers")
@pytest.mark.parametrize("path", UNREAD)
def test_who_does_not_read_is_given_the_time_for_it(
    address: tuple[str, int], path: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So it is for what was not read that it is let go, and not because it asks nothing more."""
    monkeypatch.setattr(connections, "READING_S", 60.0)
    with reading_nothing(address, path) as connection:
        time.sleep(4 * connections.ARRIVAL_S)
        assert is_established(address, connection)


def test_one_connection_more_than_there_may_be_is_told_to_come_back(
    address: tuple[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS", 3)
    monkeypatch.setattr(connections, "MOST_CONNECTIONS", 5)
    monkeypatch.setattr(connections, "ARRIVAL_S", 2.0)
    with ExitStack() as stack:
        opened = [stack.enter_context(connected(address)) for _ in range(6)]
        time.sleep(0.1)
        for place, connection in enumerate(opened):
            answer = b""
            try:
                connection.sendall(GET)
                answer = connection.recv(1 << 16)
            except OSError:
                pass
            if place < 3:
                assert answer.startswith(b"HTTP/1.1 200 OK")
            elif place < 5:
                assert answer.startswith(b"HTTP/1.1 503 ")
                assert b"\r\nretry-after: 5\r\n" in answer.lower()
                assert json.loads(answer.partition(b"\r\n\r\n")[2])["type"] == "/problems/busy"
            else:
                assert answer == b""
