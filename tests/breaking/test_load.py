"""A real server under load, within 256 MB: many connections, slow ones, ones that die, and a stop in the midst of it."""

import asyncio
import itertools
import os
import random
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httptools
import pytest

from service.release.publish import publish
from tests.archives import archive, record, write
from tests.http.test_moving_over import wait_until
from tests.missing import needs

SEED = int(os.environ.get("BREAKING_SEED", "20261125"))
REQUESTS = int(os.environ.get("BREAKING_REQUESTS", "6000"))
#: Connections that ask all the while; and those that are opened at once.
READERS = 25
AT_ONCE = 500
MEMORY_KB = 256_000
GROWTH = 1.05
STOP_S = 10

pytestmark = needs(Path("/proc/self/status").exists(), "memory is read from /proc")


@dataclass
class Server:
    """A server in a process of its own."""

    process: "subprocess.Popen[bytes]"
    port: int
    log: Path

    def memory(self, name: str = "VmRSS") -> int:
        """Return a figure of the kernel's about the process, in kB."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        [figure] = re.findall(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
        return int(figure)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("load")
    words = "They came at night and we were told to leave the house by the river. " * 8
    whole = archive(
        *(record(f"agt-{n}", name=f"Council {n}") for n in range(20)),
        *(record(f"tes-{n}", title=f"Night {n}", summary=f"{words} {n}", witness=f"agt-{n % 20}") for n in range(3000)),
        *(record(f"evt-{n}", date=f"20{n % 20:02}-05-09") for n in range(200)),
    )
    publish(write(folder / "archive.jsonl", whole), folder / "data")
    return folder / "data"


@pytest.fixture
def server(data: Path, tmp_path: Path) -> Iterator[Server]:
    command = [sys.executable, "-m", "service", "serve", "--port", "0", "--data", str(data)]
    # A small cache, so that it is full long before the first thousand requests are over.
    environment = {**os.environ, "TESTIMONY_ARCHIVE_CACHE_MIB": "8"}
    log = tmp_path / "log"
    with log.open("w") as stderr, subprocess.Popen(command, stderr=stderr, env=environment) as process:
        assert wait_until(lambda: "/v1 (" in log.read_text())
        yield Server(process, int(re.findall(r":(\d+)/v1 \(", log.read_text())[0]), log)
        if process.poll() is None:
            process.kill()


class Asker(asyncio.Protocol):
    """Asks over one connection, one request after the other."""

    def __init__(self) -> None:
        self.transport: asyncio.Transport
        self.answered: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers[name.lower()] = value

    def on_message_complete(self) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_result(self.parser.get_status_code())

    def connection_lost(self, error: Exception | None) -> None:
        if self.answered is not None and not self.answered.done():
            self.answered.set_exception(error or ConnectionResetError("closed before the answer was complete"))

    async def ask(self, path: str) -> int:
        """Return the status of the answer to one request."""
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[bytes, bytes] = {}
        self.answered = asyncio.get_running_loop().create_future()
        self.transport.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
        async with asyncio.timeout(60):
            status = await self.answered
        if status == 503:
            assert int(self.headers[b"retry-after"]) > 0
        return status


@asynccontextmanager
async def asker(port: int) -> AsyncIterator[Asker]:
    transport, protocol = await asyncio.get_running_loop().create_connection(Asker, "127.0.0.1", port)
    try:
        yield protocol
    finally:
        transport.close()


def addresses() -> Iterator[str]:
    """Yield what people ask for, without end: much of it again and again, some of it once."""
    chance = random.Random(SEED)
    for number in itertools.count():
        page = chance.randrange(3000)
        yield chance.choice(
            [
                f"/v1/testimonies/tes-{page}",
                f"/v1/testimonies?limit={1 + page % 200}",
                f"/v1/testimonies?witness=agt-{page % 20}&sort=-id&limit=10",
                f"/v1/testimonies?q=river+{page}&limit=5",
                f"/v1/testimonies?facets=witness&limit=1&witness=agt-{page % 19}",
                f"/v1/events?date_from=20{page % 20:02}-01-01&facets=year",
                f"/v1/search?q=night&limit=3&x={number}" if page % 50 == 0 else "/v1/search?q=night&limit=3",
                f"/v1/suggest?q=night+{page % 100}",
                f"/v1/events/evt-{page}",
                "/v1/events?format=csv",
                "/v1/changes?limit=100",
                "/healthz",
            ]
        )


#: What an answer may be: found, not there, a parameter there is not, too much at once.
ALLOWED = {200, 404, 422, 503}


async def ask_many(port: int, paths: Iterator[str], number: int, seen: Counter[int]) -> None:
    async with asker(port) as connection:
        for path in itertools.islice(paths, number):
            seen[await connection.ask(path)] += 1


# --- People who are slow, or leave --------------------------------------------------------------------------------------


@asynccontextmanager
async def opened(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A connection whose end is nobody's concern."""
    with socket.socket() as connection:
        # Else the kernel reads what a slow reader does not.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 12)
        connection.setblocking(False)
        await asyncio.get_running_loop().sock_connect(connection, ("127.0.0.1", port))
        reader, writer = await asyncio.open_connection(sock=connection, limit=1 << 12)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()


async def read_slowly(port: int) -> None:
    """Ask for everything and read a little of it now and then."""
    async with opened(port) as (reader, writer):
        writer.write(b"GET /v1/testimonies?format=csv HTTP/1.1\r\nHost: a\r\n\r\n")
        async for _ in reader:
            await asyncio.sleep(0.2)


async def send_slowly(port: int) -> None:
    """Send a request that never ends, a line at a time."""
    async with opened(port) as (_, writer):
        writer.write(b"GET /v1 HTTP/1.1\r\n")
        while True:
            writer.write(b"X-Slow: a\r\n")
            await writer.drain()
            await asyncio.sleep(0.3)


async def send_endlessly(port: int) -> None:
    """Send a header line without end, as fast as it is taken."""
    async with opened(port) as (_, writer):
        writer.write(b"GET /v1 HTTP/1.1\r\nX-Long: ")
        while True:
            writer.write(b"a" * (1 << 16))
            await writer.drain()


async def die_midway(port: int) -> None:
    """Ask for much, and be gone with a reset when it comes."""
    for path in ("/v1/testimonies?limit=200", "/v1/testimonies?format=csv", "/v1/archive", "/v1/search?q=night"):
        async with opened(port) as (reader, writer):
            writer.write(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            await reader.read(100)
            connection: socket.socket = writer.get_extra_info("socket")
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


async def again_and_again(person: Callable[[int], Awaitable[None]], port: int) -> None:
    while True:
        with suppress(OSError):
            await person(port)
        await asyncio.sleep(0.1)


@asynccontextmanager
async def nuisances(port: int) -> AsyncIterator[None]:
    people = [read_slowly] * 50 + [send_slowly] * 50 + [send_endlessly] * 5 + [die_midway] * 5
    tasks = [asyncio.create_task(again_and_again(each, port)) for each in people]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        for outcome in await asyncio.gather(*tasks, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome


# --- The tests ----------------------------------------------------------------------------------------------------------


async def ask_all_at_once(port: int) -> Counter[int]:
    seen: Counter[int] = Counter()
    paths = addresses()
    await asyncio.gather(*(ask_many(port, paths, 4, seen) for _ in range(AT_ONCE)))
    return seen


async def ask_for_long(server: Server) -> tuple[Counter[int], int, int]:
    """Return the statuses, and the memory after the first two thousand requests, when all that is kept is kept, and later."""
    seen: Counter[int] = Counter()
    paths = addresses()

    async def ask(number: int) -> None:
        await asyncio.gather(*(ask_many(server.port, paths, number // READERS, seen) for _ in range(READERS)))

    async with nuisances(server.port):
        await ask(2000)
        first = server.memory()
        await ask(REQUESTS - 3000)
        peak = [server.memory()]
        await ask(1000)
        peak.append(server.memory())
    return seen, first, max(peak)


def test_many_connections_at_once_are_all_answered(server: Server) -> None:
    seen = asyncio.run(ask_all_at_once(server.port))
    print(dict(seen))
    assert sum(seen.values()) == 4 * AT_ONCE
    assert set(seen) <= ALLOWED
    assert seen[200] > AT_ONCE
    assert server.memory("VmHWM") <= MEMORY_KB


def test_memory_does_not_grow_and_nobody_is_kept_from_an_answer(server: Server) -> None:
    print(f"seed: {SEED}")
    began = time.monotonic()
    seen, first, last = asyncio.run(ask_for_long(server))
    took = time.monotonic() - began
    print(
        f"{sum(seen.values())} requests in {took:.1f} s, {dict(seen)}; {first} kB, {last} kB, peak {server.memory('VmHWM')} kB"
    )
    assert sum(seen.values()) == REQUESTS
    assert set(seen) <= ALLOWED
    assert seen[200] > REQUESTS * 0.7
    assert last / first <= GROWTH
    assert server.memory("VmHWM") <= MEMORY_KB
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(STOP_S) == 0
    log = server.log.read_text()
    assert "request failed" not in log, log[-3000:]
    assert "Traceback" not in log, log[-3000:]


async def ask_while_stopping(server: Server) -> tuple[float, int]:
    """Tell the server to stop while it answers; return the seconds it took and its exit code."""
    async with nuisances(server.port):
        seen: Counter[int] = Counter()
        asking = [asyncio.create_task(ask_many(server.port, addresses(), 10_000, seen)) for _ in range(READERS)]
        await asyncio.sleep(1)
        began = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        code = await asyncio.to_thread(server.process.wait, STOP_S + 5)
        took = time.monotonic() - began
        for outcome in await asyncio.gather(*asking, return_exceptions=True):
            assert isinstance(outcome, OSError), outcome
    return took, code


def test_a_server_with_requests_under_way_stops_cleanly(server: Server) -> None:
    took, code = asyncio.run(ask_while_stopping(server))
    print(f"stopped in {took:.1f} s")
    assert code == 0
    assert took < STOP_S
