"""What is compressed, how, for whom, and where."""

import asyncio
import gzip
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import zstandard
from isal import isal_zlib

from service.errors import NotAcceptable
from service.http import responses
from service.http.compression import (
    COMPRESS_IN_THREAD_FROM,
    GZIP_LEVEL,
    GZIP_QUICKLY_BELOW,
    acceptable_codings,
    choose_coding,
    compress,
    compress_pieces,
)
from service.http.negotiation import MAX_RANGES
from tests.archives import archive, record
from tests.conftest import PublishTo, Serve
from tests.http.test_moving_over import wait_until


def decoded(body: bytes, coding: str) -> bytes:
    if coding == "gzip":
        return gzip.decompress(body)
    return zstandard.ZstdDecompressor().decompressobj().decompress(body) if coding == "zstd" else body


def asked(client: httpx.Client, path: str, header: str | None, *, method: str = "GET") -> tuple[httpx.Response, bytes]:
    """Return an answer and its body as it was sent."""
    headers = [] if header is None else [("Accept-Encoding", header)]
    request = httpx.Request(method, client.base_url.join(path), headers=headers)
    answer = client.send(request, stream=True)
    return answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize(
    ("header", "codings"),
    [
        (None, ["identity"]),
        ("", ["identity"]),
        (" , ", ["identity"]),
        ("gzip", ["gzip", "identity"]),
        ("x-gzip", ["gzip", "identity"]),
        ("GZIP", ["gzip", "identity"]),
        ("zstd", ["zstd", "identity"]),
        ("gzip, deflate, br, zstd", ["zstd", "gzip", "identity"]),  # as browsers ask
        ("gzip, deflate, br", ["gzip", "identity"]),
        ("zstd;q=0.5, gzip", ["gzip", "zstd", "identity"]),
        ("gzip;q=0", ["identity"]),
        ("gzip;q=0.000", ["identity"]),
        ("gzip;q=0, zstd;q=0", ["identity"]),
        ("gzip;q=0, gzip", ["identity"]),
        ("*", ["gzip", "zstd", "identity"]),
        ("*;q=0", []),
        ("gzip;q=0, *", ["zstd", "identity"]),
        ("identity, *;q=0", ["identity"]),
        ("identity;q=0", []),
        ("identity;q=0, gzip", ["gzip"]),
        ("identity;q=0, br", []),
        ("gzip, *;q=0", ["gzip"]),
        ("identity, gzip;q=0.5", ["identity", "gzip"]),
        ("identity;q=0.5, gzip;q=0.8", ["gzip", "identity"]),
        ("br, compress, unknown", ["identity"]),
        ("gzip;q=nan", ["identity"]),
        ("gzip;q=1_0", ["identity"]),
        ("gzip;q=-1", ["identity"]),
        ("gzip;q=１", ["identity"]),
        ("gzip;level=9;q=0.5", ["gzip", "identity"]),
        ("x" * 8000, ["identity"]),
        (",".join(["br"] * 4000), ["identity"]),
        ("gzip" + ", br" * 2000, ["gzip", "identity"]),
        ("br, " * (MAX_RANGES - 1) + "gzip", ["gzip", "identity"]),
        ("br, " * MAX_RANGES + "gzip", ["identity"]),
        ("gzip" + ";q=0" * 2000, ["identity"]),
    ],
)
def test_which_codings_a_header_allows(header: str | None, codings: list[str]) -> None:
    assert list(acceptable_codings(header)) == codings


@pytest.mark.parametrize(
    ("header", "size", "compressible", "coding"),
    [
        ("gzip", 5000, True, "gzip"),
        ("gzip", 10, True, "identity"),
        ("gzip, identity;q=0", 10, True, "gzip"),
        ("gzip", 5000, False, "identity"),
        ("gzip, identity;q=0", 5000, False, None),
        ("identity;q=0", 5000, True, None),
        ("*;q=0", None, True, None),
    ],
)
def test_which_coding_an_answer_has(header: str, size: int | None, compressible: bool, coding: str | None) -> None:
    if coding is None:
        with pytest.raises(NotAcceptable):
            choose_coding(header, size=size, compressible=compressible)
    else:
        assert choose_coding(header, size=size, compressible=compressible) == coding


@pytest.mark.parametrize("coding", ["gzip", "zstd", "identity"])
@pytest.mark.parametrize("pieces", [[], [b""], [b"a"], [b"one ", b"", b"two"], [bytes(200_000), b"end"]])
def test_what_was_compressed_is_read_back(coding: str, pieces: list[bytes]) -> None:
    whole = b"".join(pieces)
    assert decoded(compress(whole, coding), coding) == whole
    assert compress(whole, coding) == compress(whole, coding)
    assert decoded(b"".join(compress_pieces(iter(pieces), coding)), coding) == whole


@pytest.mark.parametrize(("size", "level"), [(GZIP_QUICKLY_BELOW - 1, 0), (GZIP_QUICKLY_BELOW, GZIP_LEVEL)])
def test_gzip_of_what_is_small_is_made_quickly(size: int, level: int) -> None:
    body = " ".join(f"{number * 7919 % 65521:x}" for number in range(size)).encode()[:size]
    assert compress(body, "gzip") == isal_zlib.compress(body, level, 31)
    assert isal_zlib.compress(body, 0, 31) != isal_zlib.compress(body, GZIP_LEVEL, 31)


PATHS = [
    "/v1/testimonies/tes-001",
    "/v1/events?limit=50",
    "/v1/search?q=camera",
    "/v1/events?format=csv",
    "/openapi.json",
    "/docs/swagger-ui-bundle.js",
]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    ("header", "coding"),
    [("gzip", "gzip"), ("zstd", "zstd"), ("gzip, deflate, br, zstd", "zstd"), ("identity", "identity")],
)
def test_answers_are_compressed_as_asked(client: httpx.Client, path: str, header: str, coding: str) -> None:
    _, plain = asked(client, path, None)
    for _ in range(3):  # made, made and kept, given again
        answer, body = asked(client, path, header)
        assert answer.headers.get("content-encoding", "identity") == coding
        assert decoded(body, coding) == plain
        assert "accept-encoding" in answer.headers["vary"].lower()
    assert len(body) <= len(plain) * (1 if coding == "identity" else 0.7)
    head, nothing = asked(client, path, header, method="HEAD")
    assert nothing == b""
    for name in ("content-encoding", "etag", "vary", "content-type", "cache-control"):
        assert head.headers.get(name) == answer.headers.get(name)
    assert head.headers.get("content-length") in (None, answer.headers.get("content-length"))


@pytest.mark.parametrize("path", PATHS)
def test_each_coding_has_a_tag_of_its_own_and_304(client: httpx.Client, path: str) -> None:
    tags = {header: asked(client, path, header)[0].headers["etag"] for header in ("gzip", "zstd", "identity")}
    assert len(set(tags.values())) == 3
    for header, tag in tags.items():
        again = client.get(path, headers={"Accept-Encoding": header, "If-None-Match": tag})
        assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize("header", ["identity;q=0", "*;q=0", "identity;q=0, br"])
@pytest.mark.parametrize("path", [*PATHS, "/v1/archive"])
def test_who_excludes_everything_is_told_what_there_is(client: httpx.Client, path: str, header: str) -> None:
    answer = client.get(path, headers={"Accept-Encoding": header})
    assert answer.status_code == 406
    [error] = answer.json()["errors"]
    assert error["parameter"] == "Accept-Encoding"
    assert "identity" in error["allowed"]


@pytest.mark.parametrize("path", ["/v1/events?limit=50", "/v1/events?format=csv"])
def test_a_head_compresses_nothing(serve: Serve, seed_data: Path, monkeypatch: pytest.MonkeyPatch, path: str) -> None:
    def fails(*_: Any) -> Any:
        raise AssertionError("nothing is to be compressed")

    client = serve(seed_data)
    monkeypatch.setattr(responses, "compress", fails)
    monkeypatch.setattr("service.api.routes.collections.compress_pieces", lambda *_: iter(()))
    answer, _ = asked(client, path, "gzip", method="HEAD")
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert "content-length" not in answer.headers


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_what_is_large_is_compressed_off_the_event_loop(
    serve: Serve, publish_to: PublishTo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coding: str
) -> None:
    publish_to(tmp_path / "data", archive(*(record(f"tes-{n}", summary=f"{n} " * 2000) for n in range(100))))
    client = serve(tmp_path / "data")
    where: list[tuple[int, bool]] = []

    def noting(body: bytes, wanted: str) -> bytes:
        where.append((len(body), is_on_an_event_loop()))
        return compress(body, wanted)

    monkeypatch.setattr(responses, "compress", noting)
    _, plain = asked(client, "/v1/testimonies?limit=100", None)
    _, body = asked(client, "/v1/testimonies?limit=100", coding)
    _, small = asked(client, "/v1/testimonies?limit=2", coding)
    assert decoded(body, coding) == plain
    assert small
    [(large, on_loop), (little, on_loop_too)] = where
    assert large >= COMPRESS_IN_THREAD_FROM > little
    assert (on_loop, on_loop_too) == (False, True)


def is_on_an_event_loop() -> bool:
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return False
    return True


@pytest.mark.parametrize("coding", ["gzip", "zstd"])
def test_a_client_that_leaves_in_the_middle_of_a_compressed_list_ends_the_work(
    serve: Serve, publish_to: PublishTo, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, coding: str
) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1")))
    client = serve(tmp_path / "data")
    ended = threading.Event()

    def endless(*_: Any, **__: Any) -> Iterator[bytes]:
        try:
            number = 0
            while True:
                number += 1
                yield b"".join(b"%d-%d," % (number, each * 7919 % 65521) for each in range(5000))
        finally:
            ended.set()

    monkeypatch.setattr("service.api.routes.collections.written", endless)
    with socket.create_connection((client.base_url.host, client.base_url.port or 0), timeout=10) as connection:
        line = f"GET /v1/testimonies?format=csv HTTP/1.1\r\nHost: a.example\r\nAccept-Encoding: {coding}\r\n\r\n"
        connection.sendall(line.encode())
        head = connection.recv(1 << 16)
        assert f"content-encoding: {coding}".encode() in head.lower()
    assert wait_until(ended.is_set)
    threads = client.application.state.serving.stream_threads  # type: ignore[attr-defined]
    assert wait_until(lambda: threads.borrowed_tokens == 0)
    served = client.application.state.serving.served  # type: ignore[attr-defined]
    assert wait_until(lambda: served._holders == 0)
    assert client.get("/v1/testimonies/tes-1").status_code == 200
