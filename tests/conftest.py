"""Fixtures for all tests.

seed_data   a data folder with the seed archive published; shared, so never written to
publish_to  publishes an archive made of Python values into a data folder of this test
serve       starts the application on a free port and returns a client for it; stopped after the test
client      a client of a server with the seed archive; shared
invented    the same with the invented archive of examples/, which holds more kinds of things; shared
"""

import asyncio
import gc
import os
import shutil
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

import service.api.describing
import service.http.releases
from service.app import create_app
from service.archive.fields import ArchiveFields
from service.http.application import Application
from service.http.connections import BoundedConnection
from service.http.fast_path import FastConnection
from service.release.publish import Published, publish
from service.settings import Settings
from tests.archives import Fields, write

#: Where Linux keeps files in memory, and the bytes that must be free there for tests to write them to it.
MEMORY, NEEDED_BYTES = Path("/dev/shm"), 2_000_000_000

SEED = Path(__file__).parent.parent / "seed" / "archive.json"
INVENTED = Path(__file__).parent.parent / "examples" / "arden.json"

Serve = Callable[..., httpx.Client]
PublishTo = Callable[..., Published]

#: Seconds between two looks of a test's server at its data folder: tests that wait for one are many.
service.http.releases.LOOK_EVERY_S = 0.1
#: The descriptions that were made, by what they depend on: whether there are pages, and the fields. Each of a hundred servers would
#: make its own, for 0.3 s.
_described: dict[tuple[bool, ArchiveFields], dict[str, Any]] = {}
_describe_anew = service.api.describing._described


def _describe_once(app: FastAPI, fields: ArchiveFields) -> dict[str, Any]:
    key = app.state.has_pages, fields
    if key not in _described:
        _described[key] = _describe_anew(app, fields)
    return _described[key]


service.api.describing._described = _describe_once
#: Seconds between two looks of a test's server at whether it is to stop. Each test that started one waits for that.
STOPS_WITHIN_S = 0.01
#: For clients of servers that speak plain HTTP: without it each of them reads the certificates of the machine, for 18 ms.
PLAIN = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def pytest_configure() -> None:
    """Have tests write their files into memory where there is room, unless TMPDIR says otherwise: thousands of them publish,
    which forces every file to disk.
    """
    if "TMPDIR" not in os.environ and MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > NEEDED_BYTES:
        os.environ["TMPDIR"] = tempfile.tempdir = str(MEMORY)


def pytest_xdist_auto_num_workers() -> int:
    """Run tests in one process more than there are processors: they wait, too, for servers, browsers and clocks."""
    processors = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return len(processors) + 1


def pytest_collection_finish() -> None:
    """Leave what was imported and collected out of every later collection of garbage: there are millions of objects."""
    gc.freeze()


class _Server(uvicorn.Server):
    """Stops as soon as it is told to, and does not wait for tenths of a second, as uvicorn does twice."""

    async def main_loop(self) -> None:
        ticks = 0
        while not await self.on_tick(ticks):
            for _ in range(10):
                await asyncio.sleep(STOPS_WITHIN_S)
                if self.should_exit:
                    break
            ticks += 1

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for server in self.servers:
            server.close()
        for connection in list(self.server_state.connections):
            connection.shutdown()
        while self.server_state.connections or self.server_state.tasks:  # noqa: ASYNC110 - nothing tells when
            await asyncio.sleep(STOPS_WITHIN_S)
        for server in self.servers:
            await server.wait_closed()
        await self.lifespan.shutdown()


@contextmanager
def running(settings: Settings, application: Application | None = None) -> Iterator[httpx.Client]:
    """Run the application in a thread and yield a client whose base is its address, with the application beside it."""
    application = application or create_app(settings)
    config = uvicorn.Config(
        application,
        host="127.0.0.1",
        port=0,
        http=FastConnection if settings.fast_path else BoundedConnection,
        log_level="error",
        access_log=False,
        proxy_headers=False,
    )
    server = _Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the server did not start"
            time.sleep(0.005)
        port = server.servers[0].sockets[0].getsockname()[1]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=20, verify=PLAIN) as client:
            client.application = application  # type: ignore[attr-defined]
            yield client
    finally:
        server.should_exit = True
        thread.join(10)


@pytest.fixture(scope="session")
def seed_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = tmp_path_factory.mktemp("seed") / "data"
    publish(SEED, data)
    return data


@pytest.fixture(scope="session")
def client(seed_data: Path) -> Iterator[httpx.Client]:
    with running(Settings(data=seed_data)) as shared:
        yield shared


@pytest.fixture(scope="session")
def invented(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    data = tmp_path_factory.mktemp("invented") / "data"
    publish(INVENTED, data)
    with running(Settings(data=data)) as shared:
        yield shared


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(data: Path, **settings: Any) -> httpx.Client:
            return stack.enter_context(running(Settings(data=data, **settings)))

        yield start


@pytest.fixture
def publish_to(tmp_path: Path) -> PublishTo:
    def publish_whole(data: Path, whole: Fields, **options: Any) -> Published:
        return publish(write(tmp_path / "archive.json", whole), data, **options)

    return publish_whole
