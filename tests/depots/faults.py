"""Stands between a client and a server, and does what networks do: slow, cut short, other bytes, a server that fails."""

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from enum import Enum, auto
from urllib.parse import urlsplit


class Fault(Enum):
    """What happens to answers."""

    NONE = auto()
    #: They come in small pieces, with pauses.
    SLOW = auto()
    #: The connection ends in the middle.
    CUT = auto()
    #: One byte of each longer answer is another.
    OTHER_BYTES = auto()
    #: The server answers 503, whatever is asked.
    FAILING = auto()
    #: The connection is taken and nothing is said.
    SILENT = auto()


#: Bytes from which on something happens to an answer: its head is left alone.
_BEHIND_THE_HEAD = 3_000
_FAILURE = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Faults:
    """A proxy, below HTTP, with one fault at a time."""

    def __init__(self, address: str) -> None:
        parts = urlsplit(address)
        self._to = (parts.hostname, parts.port)
        self.fault = Fault.NONE
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):  # closed: the test is over
            while True:
                client, _ = self._listening.accept()
                self._open.append(client)
                threading.Thread(target=self._serve, args=(client, self.fault), daemon=True).start()

    def _serve(self, client: socket.socket, fault: Fault) -> None:
        with contextlib.suppress(OSError), client:
            if fault is Fault.SILENT:
                client.recv(1)
                time.sleep(60)
            if fault is Fault.FAILING:
                client.recv(1 << 16)
                client.sendall(_FAILURE)
                return
            with socket.create_connection(self._to) as server:
                self._open.append(server)
                threading.Thread(target=_pass_on, args=(client, server), daemon=True).start()
                self._answer(server, client)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        passed = 0
        while data := server.recv(1 << 14):
            fault = self.fault  # that of now: connections outlive faults
            if fault is Fault.OTHER_BYTES and len(data) > _BEHIND_THE_HEAD:
                data = data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]
            if fault is Fault.SLOW:
                time.sleep(0.02)
            client.sendall(data)
            passed += len(data)
            if fault is Fault.CUT and passed > _BEHIND_THE_HEAD:
                # To close it would not end it: another thread still reads from it.
                client.shutdown(socket.SHUT_RDWR)
                return

    def close(self) -> None:
        self._listening.close()
        for each in self._open:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()


def _pass_on(client: socket.socket, server: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := client.recv(1 << 16):
            server.sendall(data)
        server.shutdown(socket.SHUT_WR)


@contextlib.contextmanager
def standing_between(address: str) -> Iterator[Faults]:
    """Stand before a server."""
    faults = Faults(address)
    try:
        yield faults
    finally:
        faults.close()
