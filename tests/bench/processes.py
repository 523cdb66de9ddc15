"""The servers that are measured: started on a free port of the loopback address, kept to their cores, always stopped."""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench import memory
from tests.bench.load import ROOT, keeping_to

#: The name that the server is asked under: part of every link, so that all servers give the same bytes.
HOST = "archive.test"
#: What every request says, so that all that ask the same are the same to a cache.
HEADERS = {"Host": HOST, "Accept": "application/json", "Accept-Encoding": "identity"}
#: Seconds that a server is given to start, and a question to be answered.
PATIENCE_S = 120
#: The load generator has a core of its own, the last; servers have the others. With one core, all share it.
CORES = sorted(os.sched_getaffinity(0))
LOAD_CORES, SERVER_CORES = CORES[1:][-1:], CORES[:-1]

Answer = tuple[int, dict[str, str], bytes]
#: Asks for a target, as in a `Job`; returns status, headers by lower-case name, and body.
Get = Callable[[str], Answer]


@dataclass(frozen=True, slots=True)
class Running:
    """A server that is ready. `start_s`: seconds from its start until it was."""

    port: int
    pid: int
    start_s: float

    @contextmanager
    def asking(self) -> Iterator[Get]:
        """Keep one connection open and ask over it."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)

        def get(target: str, **headers: str) -> Answer:
            path, _, body = target.partition(" ")
            connection.request("POST" if body else "GET", path, body or None, HEADERS | headers)
            answer = connection.getresponse()
            return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()

        try:
            yield get
        finally:
            connection.close()

    def get(self, target: str) -> Answer:
        with self.asking() as get:
            return get(target)

    def largest(self) -> int:
        """Return the resident memory of its largest process, in bytes: with one worker, that worker's."""
        return max(map(memory.resident, memory.family(self.pid)))


@contextmanager
def running(
    name: str,
    command: Callable[[int], list[str]],
    *,
    ready: str,
    cores: list[int] = SERVER_CORES,
) -> Iterator[Running]:
    """Start a server on a free port, wait until `ready` is answered with 200, and stop it at the end."""
    port = free_port()
    began = time.perf_counter()
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(
            command(port),
            cwd=ROOT,
            env=environment(),
            stdout=log,
            stderr=subprocess.STDOUT,
            preexec_fn=keeping_to(cores),  # noqa: PLW1509 - threads of this program are not forked from
        )
        try:
            while not _answers(port, ready):
                if process.poll() is not None or time.perf_counter() - began > PATIENCE_S:
                    log.seek(0)
                    raise SystemExit(f"{name} did not start:\n{log.read().decode()[-2000:]}")
                time.sleep(0.005)
            yield Running(port, process.pid, time.perf_counter() - began)
        finally:
            process.terminate()
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def free_port() -> int:
    """Return a port of the loopback address that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
    return port


def environment() -> dict[str, str]:
    """Return the environment less the server's settings: what is measured is what the benchmark says."""
    return {key: value for key, value in os.environ.items() if not key.startswith("TESTIMONY_ARCHIVE_")}


def _answers(port: int, target: str) -> bool:
    try:
        return Running(port, 0, 0).get(target)[0] == 200
    except (OSError, http.client.HTTPException):
        return False


def server(data: Path, *, workers: int = 1) -> Callable[[int], list[str]]:
    """Return the command of the server that all this is about."""
    command = [sys.executable, "-m", "service", "serve", "--data", str(data), "--workers", str(workers)]
    return lambda port: [*command, "--port", str(port)]
