"""The log holds nothing of what was asked and nobody who asked: not where an answer fails, nor where a request is none."""

import socket
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.cli.test_command import serving

#: Stands in for whom somebody asks about, in every part of a request.
ASKED = "qzasked0001k"
#: An address on the loopback network that nothing else has.
ASKER = "127.7.31.42"


def send(address: str, *requests: bytes) -> None:
    """Send bytes from an address of its own, and read what comes back, if anything."""
    host, port = address.removeprefix("http://").split(":")
    for request in requests:
        with socket.create_connection((host, int(port)), 5, source_address=(ASKER, 0)) as connection:
            connection.sendall(request)
            connection.settimeout(0.3)
            with suppress(OSError):
                while connection.recv(65536):
                    pass


def requests_for(path: str, **headers: str) -> bytes:
    lines = [f"GET {path} HTTP/1.1", *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "Host: x", "Connection: close", "", ""]).encode()


SOUND = (
    requests_for(f"/v1/testimonies?q={ASKED}"),
    requests_for(f"/v1/testimonies?witness=agt-{ASKED}&cursor={ASKED}"),
    requests_for(f"/v1/testimonies/tes-{ASKED}"),
    requests_for(f"/v1/suggest?q={ASKED}"),
    requests_for(f"/{ASKED}", User_Agent=ASKED, Referer=f"http://{ASKED}.example/", Cookie=ASKED),
    requests_for("/v1", X_Forwarded_For="203.0.113.77", Forwarded="for=203.0.113.77", X_Request_ID=ASKED),
    requests_for("/v1", X_Forwarded_Host=ASKED, Accept=ASKED, Accept_Language=ASKED, If_None_Match=ASKED, Range=ASKED),
    requests_for(f"/v1?{ASKED * 2000}"),
)
BROKEN = (
    f"GET /v1?q={ASKED} HTTP/1.1\r\nno header {ASKED}\r\n\r\n".encode(),
    f"{ASKED} / HTTP/1.1\r\nHost: x\r\n\r\n".encode(),
    f"GET /{ASKED} HTTP/9.9\r\nHost: x\r\n\r\n".encode(),
    f"GET /v1 HTTP/1.1\r\nHost: {ASKED}!\x01\r\nConnection: close\r\n\r\n".encode("latin-1"),
    f"GET /v1 HTTP/1.1\r\nHost: x\r\nContent-Length: {ASKED}\r\n\r\n".encode(),
    f"POST /v1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n{ASKED}\r\n".encode(),
    f"GET /v1?q={ASKED} HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n".encode(),
    f"GET /v1?q={ASKED} HTTP/1.1\r\nHost: x\r\nX: {ASKED * 20_000}\r\n\r\n".encode(),
    b"\x16\x03\x01\x02\x00\x01" + ASKED.encode(),
    f"GET http://{ASKED}/v1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode(),
    b"GET /v1?q=%ff%fe" + ASKED.encode() + b"\xff HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
)


def hold_nothing(log: str) -> None:
    for secret in (ASKED, ASKED.upper(), ASKER, "203.0.113.77"):
        assert secret not in log, log


def hold_no_address(log: str) -> None:
    # A log that tells which record or list was asked for tells as much as one with the question.
    for part in ("/v1/", "witness=", "cursor=", "tes-", "httpx"):
        assert part not in log, log


@pytest.mark.parametrize("workers", [1, 2])
def test_what_is_asked_is_not_logged(tmp_path: Path, workers: int) -> None:
    with serving("--data", tmp_path / "data", "--workers", workers) as (process, address, said):
        send(address, *SOUND, *BROKEN)
        assert httpx.get(f"{address}/healthz", trust_env=False, timeout=60).status_code == 200
        process.terminate()
        process.wait(60)
    hold_nothing("".join(said))
    hold_no_address("".join(said))
    assert "Serving at" in "".join(said)


def test_routes_and_metrics_that_an_operator_asks_for_tell_no_more(tmp_path: Path) -> None:
    asked_for = {"ACCESS_LOG": "route", "LOG_FORMAT": "json", "METRICS": "true"}
    environment = {f"TESTIMONY_ARCHIVE_{name}": value for name, value in asked_for.items()}
    with serving("--data", tmp_path / "data", **environment) as (process, address, said):
        send(address, *SOUND, *BROKEN)
        hold_nothing(httpx.get(f"{address}/metrics", trust_env=False, timeout=60).text)
        process.terminate()
        process.wait(60)
    hold_nothing("".join(said))


# What was asked for, in the exception of a route, and of an answer that has begun.
FAILING = f"""
import sys
from service.cli.app import run
from service.catalogue.browsing import Catalogue
from service.release.opening import Release

def fail(*asked, **also):
    raise RuntimeError(f"{ASKED} {{asked}} {{also}}") from ValueError("{ASKED}")

Catalogue.suggest = fail
Catalogue.look_up = fail
Release.canonical_part = fail
sys.exit(run(sys.argv[1:]))
"""


def test_an_answer_that_fails_is_logged_without_what_was_asked(tmp_path: Path) -> None:
    with serving("--data", tmp_path / "data", program=("-c", FAILING)) as (process, address, said):
        paths = (f"suggest?q={ASKED}", f"testimonies?q={ASKED}")
        statuses = [httpx.get(f"{address}/v1/{path}", trust_env=False, timeout=60).status_code for path in paths]
        send(
            address,
            requests_for(f"/v1/suggest?q={ASKED}"),
            requests_for(f"/v1/archive?{ASKED}"),
            requests_for("/v1/archive"),
        )
        process.terminate()
        process.wait(60)
    assert statuses == [500, 500]
    assert "RuntimeError" in "".join(said)
    hold_nothing("".join(said))
