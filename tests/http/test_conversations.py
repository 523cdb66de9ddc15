"""Several requests on a connection, and clients that end it: every answer that was asked for comes, in order."""

import logging
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.http.connections import PIPELINED
from service.http.logs import Seldom
from service.settings import Settings
from tests.commands import Command
from tests.conftest import running
from tests.http.test_moving_over import wait_until

SLOW = b"GET /v1/archive HTTP/1.1\r\nHost: a.example\r\n\r\n"
QUICK = b"GET /v1/events/evt-001 HTTP/1.1\r\nHost: a.example\r\n\r\n"
EXPORT = b"GET /v1/events?format=ndjson HTTP/1.1\r\nHost: a.example\r\n\r\n"
SEARCH = b"GET /v1/search?q=camera HTTP/1.1\r\nHost: a.example\r\n\r\n"
RUBBISH = b"what is this\r\n\r\n"


@pytest.fixture(scope="module", params=[True, False], ids=["below_asgi", "through_asgi"])
def server(request: pytest.FixtureRequest, seed_data: Path) -> Iterator[httpx.Client]:
    with running(Settings(data=seed_data, fast_path=request.param)) as client:
        yield client


def said(client: httpx.Client, sent: bytes, *, shut: bool = False) -> bytes:
    """Return all that a server says until it closes the connection."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
        connection.sendall(sent)
        if shut:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def statuses(said: bytes) -> list[bytes]:
    return re.findall(rb"HTTP/1\.1 ([0-9]{3}) ", said)


@pytest.mark.parametrize("asked", [SLOW, QUICK, EXPORT, SEARCH])
@pytest.mark.parametrize("times", [1, 3])
def test_answers_to_what_was_asked_before_rubbish_come_first(server: httpx.Client, asked: bytes, times: int) -> None:
    whole = said(server, asked * times, shut=True)
    with_rubbish = said(server, asked * times + RUBBISH)
    assert statuses(with_rubbish) == [b"200"] * times + [b"400"]
    assert len(with_rubbish) > len(whole)
    assert with_rubbish.rstrip().endswith(b"}")


@pytest.mark.parametrize("asked", [SLOW, EXPORT])
def test_more_requests_than_may_wait_are_refused_after_those_that_do(server: httpx.Client, asked: bytes) -> None:
    got = statuses(said(server, asked + QUICK * (PIPELINED + 9)))
    assert got[-1] == b"400"
    assert set(got[:-1]) == {b"200"}
    assert 1 < len(got) <= PIPELINED + 2


@pytest.mark.parametrize("asked", [SLOW, QUICK, EXPORT, SEARCH])
@pytest.mark.parametrize("times", [1, 3])
def test_a_client_that_sends_nothing_more_is_answered(server: httpx.Client, asked: bytes, times: int) -> None:
    got = said(server, asked * times, shut=True)
    assert statuses(got) == [b"200"] * times
    alone = said(server, asked.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    body = alone.partition(b"\r\n\r\n")[2]
    assert got.endswith(body)


@pytest.mark.parametrize(
    "begun", [b"", b"GET /v1 HTTP/1.1\r\nHost", b"POST /v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\na"]
)
def test_a_client_that_leaves_within_a_request_is_let_go(server: httpx.Client, begun: bytes) -> None:
    assert b"200" not in statuses(said(server, begun, shut=True))


def test_a_line_in_ten_seconds_tells_of_rubbish_and_upgrades(seed_data: Path, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("w") as stderr:
        server = Command("serve", "--port", "0", "--data", seed_data, stderr=stderr)
        try:
            assert wait_until(lambda: "/v1 (" in log.read_text(), within=30)
            port = int(re.findall(r":([0-9]+)/v1 \(", log.read_text())[0])
            upgrade = QUICK.replace(b"\r\n\r\n", b"\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            for sent in [RUBBISH, upgrade] * 30:
                with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
                    connection.sendall(sent)
                    assert connection.recv(1 << 16).startswith(b"HTTP/1.1 ")
            lines = log.read_text().splitlines()
        finally:
            server.kill()
    told = [line for line in lines if "Invalid HTTP" in line or "upgrade" in line.lower()]
    assert 0 < len(told) <= 6, "of each kind one, and one more where the machine is slow"


def test_rubbish_does_not_fill_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [1000.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    seldom = Seldom()

    def written(message: str, name: str = "uvicorn.error", level: int = logging.WARNING) -> str | None:
        record = logging.LogRecord(name, level, "", 0, message, None, None)
        return record.getMessage() if seldom.filter(record) else None

    lines = [written("Invalid HTTP request received.") for _ in range(1000)]
    assert lines == ["Invalid HTTP request received.", *[None] * 999]
    assert written("Unsupported upgrade request.") == "Unsupported upgrade request."
    assert written("our own", name="testimony_archive") == written("our own", name="testimony_archive") == "our own"
    assert written("an error", level=logging.ERROR) == written("an error", level=logging.ERROR) == "an error"
    now[0] += 11
    assert written("Invalid HTTP request received.") == "Invalid HTTP request received. (999 more before)"
