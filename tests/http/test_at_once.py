"""Answers that are given at once, below the framework: the same as those that go the ASGI way, in order, and written whole."""

import socket
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from fastapi import FastAPI

from service.api.routes import collections
from service.app import create_app
from service.http.middleware import OuterMiddleware
from service.settings import Settings
from tests.conftest import Serve

#: Lists, also of words with few matches, and records are answered at once; searches, exports and all that is wrong are
#: not.
AT_ONCE = [
    "/v1/events?limit=2",
    "/v1/events?sort=-date&type=detention",
    "/v1/testimonies/tes-001",
    "/v1/topics?lang=ru",
    "/v1/events?q=camera",
]
NOT_AT_ONCE = ["/v1/search?q=camera", "/v1/events?q=cam*", "/v1/events?facets=type", "/v1/events?format=csv", "/v1"]
WRONG = ["/v1/events/evt-none", "/v1/events?limit=0", "/v1/events?limit=1&cursor=AAAA"]
UNKNOWN = ["/v1/none", "/v1/none/none"]
LAST = b"Connection: close\r\n"


def asked(path: str, *lines: bytes, method: bytes = b"GET") -> bytes:
    head = b"%b %b HTTP/1.1\r\nHost: archive.example\r\n" % (method, path.encode())
    return head + b"".join(lines) + b"\r\n"


def answers(client: httpx.Client, *requests: bytes) -> list[tuple[bytes, set[bytes], bytes]]:
    """Return status line, headers and body of each answer to requests that are sent all at once, the last with `LAST`."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
        connection.sendall(b"".join(requests))
        got = b"".join(iter(lambda: connection.recv(1 << 16), b""))
    found = []
    while got:
        head, _, got = got.partition(b"\r\n\r\n")
        status, *lines = head.split(b"\r\n")
        headers = {line for line in lines if not line.lower().startswith((b"date:", b"connection:"))}
        [size] = [int(line.split(b": ")[1]) for line in headers if line.lower().startswith(b"content-length: ")] or [0]
        found.append((status, headers, got[:size]))
        got = got[size:]
    return found


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The paths of what was answered at once."""
    paths: list[str] = []
    at_once = OuterMiddleware.at_once

    def noted(self: OuterMiddleware, scope: Any) -> Any:
        whole = at_once(self, scope)
        if whole is not None:
            paths.append(scope["path"])
        return whole

    monkeypatch.setattr(OuterMiddleware, "at_once", noted)
    return paths


@pytest.mark.parametrize("path", AT_ONCE)
@pytest.mark.parametrize(
    "headers", [b"", b"Accept-Encoding: gzip\r\n", b"If-None-Match: *\r\n", b"Accept-Language: ru\r\n"]
)
def test_what_is_answered_at_once_is_what_the_asgi_way_answers(
    serve: Serve, seed_data: Path, seen: list[str], path: str, headers: bytes
) -> None:
    client = serve(seed_data)
    # A request that ends its connection goes the ASGI way.
    *at_once, other = answers(client, *[asked(path, headers)] * 3, asked(path, headers, LAST))
    assert seen == [path.partition("?")[0]] * 3
    assert at_once == [other] * 3


@pytest.mark.parametrize("path", NOT_AT_ONCE + UNKNOWN)
def test_what_takes_long_is_not_answered_at_once(serve: Serve, seed_data: Path, seen: list[str], path: str) -> None:
    assert (serve(seed_data).get(path).status_code >= 400) == (path in UNKNOWN)
    assert seen == []


@pytest.mark.parametrize(("path", "status"), [(WRONG[0], 404), (WRONG[1], 422), (WRONG[2], 422)])
def test_what_is_wrong_is_worked_out_once(
    serve: Serve, seed_data: Path, seen: list[str], monkeypatch: pytest.MonkeyPatch, path: str, status: int
) -> None:
    worked_out = counted(monkeypatch, OuterMiddleware, "_problem_of")
    client = serve(seed_data)
    at_once, other = answers(client, asked(path), asked(path, LAST))
    assert seen == [path.partition("?")[0]]
    assert at_once[0] == other[0]
    assert at_once[0].split(b" ")[1] == str(status).encode()
    assert len(worked_out) == 2, "once for each request"


@pytest.mark.parametrize("path", NOT_AT_ONCE[1:4])
def test_what_takes_long_is_not_begun_again(
    serve: Serve, seed_data: Path, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    begun = counted(monkeypatch, collections, "asked_of")
    assert serve(seed_data).get(path).status_code == 200
    assert len(begun) == 1


def counted(monkeypatch: pytest.MonkeyPatch, owner: Any, name: str) -> list[int]:
    """Have each call of a function put an entry into the list that is returned."""
    calls: list[int] = []
    function = getattr(owner, name)

    def counting(*given: Any, **named: Any) -> Any:
        calls.append(1)
        return function(*given, **named)

    monkeypatch.setattr(owner, name, counting)
    return calls


def test_answers_to_requests_sent_together_come_in_order(serve: Serve, seed_data: Path) -> None:
    client = serve(seed_data)
    paths = [AT_ONCE[0], NOT_AT_ONCE[0], AT_ONCE[1], AT_ONCE[2], WRONG[0], AT_ONCE[0], "/healthz", AT_ONCE[3]] * 3
    alone = {path: answers(client, asked(path, LAST)) for path in set(paths) - {WRONG[0]}}
    together = answers(client, *(asked(path) for path in paths[:-1]), asked(paths[-1], LAST))
    assert len(together) == len(paths)
    for path, answer in zip(paths, together, strict=True):
        if path == WRONG[0]:
            assert answer[0] == b"HTTP/1.1 404 Not Found"
        else:
            assert [answer] == alone[path]


def test_what_is_no_request_is_refused_after_what_was_asked_before_it(serve: Serve, seed_data: Path) -> None:
    good, bad = answers(serve(seed_data), asked(AT_ONCE[0]), b"what is this\r\n\r\n")
    assert good[0] == b"HTTP/1.1 200 OK"
    assert bad[0].startswith(b"HTTP/1.1 400 ")


@pytest.mark.parametrize("method", [b"HEAD", b"OPTIONS", b"POST"])
def test_other_methods_go_the_asgi_way(serve: Serve, seed_data: Path, seen: list[str], method: bytes) -> None:
    client = serve(seed_data)
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
        connection.sendall(asked(AT_ONCE[0], LAST, method=method))
        status = connection.recv(1 << 16).split(b"\r\n")[0]
    assert status.split(b" ")[1] == {b"HEAD": b"200", b"OPTIONS": b"204", b"POST": b"405"}[method]
    assert seen == []


def test_a_header_that_comes_twice_is_one_list(serve: Serve, seed_data: Path, seen: list[str]) -> None:
    twice = b"Accept: text/html\r\nAccept: application/json\r\n"
    answer, again = answers(serve(seed_data), asked(AT_ONCE[0], twice), asked(AT_ONCE[0], LAST))
    assert answer[0] == b"HTTP/1.1 200 OK"  # RFC 9110, section 5.3
    assert again[0] == b"HTTP/1.1 200 OK"
    assert seen == []


def test_another_server_gets_the_same_answers(serve: Serve, seed_data: Path) -> None:
    """The application is an ASGI application like any other: that it can answer at once is for who knows of it."""
    wire = {path: answers(serve(seed_data), asked(path, LAST))[0] for path in AT_ONCE}

    async def ask(application: FastAPI, path: str) -> httpx.Response:
        transport = httpx.ASGITransport(application)
        async with httpx.AsyncClient(transport=transport, base_url="http://archive.example") as client:
            return await client.get(path, headers={"Accept-Encoding": "identity"})

    async def ask_all() -> dict[str, httpx.Response]:
        application = create_app(Settings(data=seed_data))
        async with application.router.lifespan_context(application):
            return {path: await ask(application, path) for path in AT_ONCE}

    for path, answer in anyio.run(ask_all).items():
        assert answer.content == wire[path][2]
        assert {b"%b: %b" % pair for pair in answer.headers.raw} >= {
            line for line in wire[path][1] if not line.startswith(b"server")
        }


HELD = [
    "/v1",
    "/v1/events?limit=2",
    "/v1/search?q=camera",
    "/v1/events/evt-none",
    "/v1/events?format=csv",
    "/v1/archive",
]


@pytest.mark.parametrize("path", HELD)
@pytest.mark.parametrize("coding", [b"identity", b"gzip"])
def test_a_head_is_sent_no_body_by_the_application_itself(seed_data: Path, path: str, coding: bytes) -> None:
    """Not every server leaves it out: answers that are made, kept and given again alike."""

    async def ask(application: FastAPI, method: str) -> tuple[dict[bytes, bytes], bytes]:
        sent: list[Any] = []

        async def receive() -> Any:
            await anyio.sleep_forever()

        async def send(message: Any) -> None:
            sent.append(message)

        raw, _, query = path.encode().partition(b"?")
        await application(
            {
                "type": "http",
                "asgi": {"version": "3.0"},
                "http_version": "1.1",
                "method": method,
                "scheme": "http",
                "path": raw.decode(),
                "raw_path": raw,
                "query_string": query,
                "root_path": "",
                "headers": [(b"host", b"archive.example"), (b"accept-encoding", coding)],
                "client": ("127.0.0.1", 50_000),
                "server": ("127.0.0.1", 80),
            },
            receive,
            send,
        )
        start, *bodies = sent
        assert not bodies[-1].get("more_body")
        return dict(start["headers"]), b"".join(message.get("body", b"") for message in bodies)

    async def ask_all() -> None:
        application = create_app(Settings(data=seed_data))
        async with application.router.lifespan_context(application):
            assert (await ask(application, "HEAD"))[1] == b""
            headers, body = [await ask(application, "GET") for _ in range(3)][-1]
            assert body
            head, nothing = await ask(application, "HEAD")
            assert nothing == b""
            # What a body has is told as far as it is known without making it.
            assert head.keys() - {b"x-request-id"} >= headers.keys() - {b"x-request-id", b"content-length"}

    anyio.run(ask_all)
