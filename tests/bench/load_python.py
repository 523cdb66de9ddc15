"""A load generator: keeps a number of connections busy with requests made beforehand, and times each.

`python -m tests.bench.load_python` reads a `Job` as JSON and writes what came of it as JSON.
"""

import re
import select
import socket
import sys
import time
from itertools import cycle
from typing import Any

import orjson

from tests.bench.load import Job, WrongAnswer

#: Bytes read at once: more than a page of 20.
CHUNK = 2**18

#: What an answer in chunks ends with, and how long it is taken to be before.
LAST_CHUNK, UNKNOWN = b"\r\n0\r\n\r\n", 2**62

_LENGTH = re.compile(rb"\r\ncontent-length: *([0-9]+)", re.IGNORECASE)


class _Connection:
    """One connection with at most one request under way."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # What came before the end of the head; after that, only how long it is and should be, and how it ends.
        self._start = self._end = b""
        self._received = self._due = 0
        self.asked_at = 0.0

    def ask(self, request: bytes) -> None:
        self.asked_at = time.perf_counter()
        self.socket.sendall(request)

    def read(self, status: bytes) -> int:
        """Read what is there. Returns the answer's length once it is whole, before that 0."""
        chunk = self.socket.recv(CHUNK)
        if not chunk:
            raise WrongAnswer("the server hung up")
        self._end = (self._end + chunk)[-len(LAST_CHUNK) :]
        if self._due:
            self._received += len(chunk)
        else:
            self._start += chunk
            head = self._start.find(b"\r\n\r\n")
            if head < 0:
                return 0
            if not self._start.startswith(status):
                raise WrongAnswer(self._start[:400].decode("latin-1"))
            self._received = len(self._start)
            length = _content_length(self._start, head)
            self._due = UNKNOWN if length is None else head + 4 + length
        if self._received < self._due and (self._due < UNKNOWN or self._end != LAST_CHUNK):
            return 0
        length, self._due, self._start, self._end = self._received, 0, b"", b""
        return length


def _content_length(answer: bytes, end: int) -> int | None:
    """Return None where the answer comes in chunks."""
    if answer.startswith(b"304", 9):  # has no body, whatever it says
        return 0
    found = _LENGTH.search(answer, 0, end + 2)
    return int(found[1]) if found else None


def measure(job: Job) -> dict[str, float]:
    """Do a job. Raises WrongAnswer."""
    requests = job.requests()
    supply = iter(requests) if job.once else cycle(requests)
    status = f"HTTP/1.1 {job.status} ".encode()
    poll = select.epoll()
    connections: dict[int, _Connection] = {}
    for _ in range(job.connections):
        connection = _Connection(job.port)
        connections[connection.socket.fileno()] = connection
        poll.register(connection.socket, select.EPOLLIN)
    times: list[float] = []
    received = 0
    began = time.perf_counter()
    end = began + job.seconds
    busy = 0
    for connection in connections.values():
        if (request := next(supply, None)) is not None:
            connection.ask(request)
            busy += 1
    while busy:
        for number, _ in poll.poll(10):
            connection = connections[number]
            if not (length := connection.read(status)):
                continue
            now = time.perf_counter()
            times.append(now - connection.asked_at)
            received += length
            if now < end and (request := next(supply, None)) is not None:
                connection.ask(request)
            else:
                busy -= 1
    seconds = time.perf_counter() - began
    for connection in connections.values():
        connection.socket.close()
    times.sort()
    return {
        "requests": len(times),
        "per_second": len(times) / seconds,
        "p50_ms": 1000 * times[len(times) // 2],
        "p99_ms": 1000 * times[len(times) * 99 // 100],
        "bytes_per_answer": received / len(times),
    }


def main() -> None:
    fields: dict[str, Any] = orjson.loads(sys.stdin.buffer.read())
    sys.stdout.buffer.write(orjson.dumps(measure(Job(**fields))))


if __name__ == "__main__":
    main()
