"""Answering below ASGI: GET requests whose answer is cached, or made in a few milliseconds, without a task.

Why: a task, uvicorn's look at each header and ASGI's two messages cost as much as making the answer to one record. Measured
beside raw uvicorn, cached answers come 1.65 times as fast this way and 0.78 times through ASGI; pages never asked before 0.34
against 0.26 times. All else, and everything under another server, goes through ASGI with the same bytes on the wire, as it
does where the setting `fast_path` is off. It leans on parts of uvicorn that are nobody's promise: `UVICORN_PARTS` names each.
Where one of them has changed, `changed_parts` tells, a test fails, and the server goes without this.
"""

import asyncio
import inspect
import weakref

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http import flow_control, httptools_impl
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from service.http.connections import BoundedConnection
from service.http.responses import CompleteResponse

#: Connections whose answers wait for the end of the loop's turn, at most: they take under two milliseconds to make.
TOGETHER = 16

#: What of uvicorn this file and `connections.py` lean on: a function, and the parameters it must have.
UVICORN_PARTS: dict[tuple[type, str], tuple[str, ...]] = {
    (HttpToolsProtocol, "_start_asgi_task"): ("self", "cycle", "app"),
    (HttpToolsProtocol, "on_response_complete"): ("self",),
    (HttpToolsProtocol, "on_message_begin"): ("self",),
    (HttpToolsProtocol, "on_headers_complete"): ("self",),
    (HttpToolsProtocol, "on_message_complete"): ("self",),
    (HttpToolsProtocol, "send_400_response"): ("self", "msg"),
    (HttpToolsProtocol, "shutdown"): ("self",),
    (HttpToolsProtocol, "pause_writing"): ("self",),
    (HttpToolsProtocol, "resume_writing"): ("self",),
}
#: Names that must be in the source of a class: attributes that are read or set here.
UVICORN_NAMES: dict[type, tuple[str, ...]] = {
    HttpToolsProtocol: (
        *("self.app", "self.connections", "self.cycle", "self.flow", "self.loop", "self.pipeline", "self.root_path"),
        *("self.server_state", "self.transport"),
    ),
    RequestResponseCycle: (
        *("self.disconnected", "self.keep_alive", "self.message_event", "self.more_body", "self.response_complete"),
        *("self.response_started", "self.scope"),
    ),
    flow_control.FlowControl: ("self.write_paused", "def resume_reading"),
    ServerState: ("self.default_headers", "self.total_requests"),
}


def changed_parts() -> list[str]:
    """Return what is not as this file needs it in the uvicorn that is installed, in words; empty where all is well."""
    changed = []
    for (owner, name), wanted in UVICORN_PARTS.items():
        function = getattr(owner, name, None)
        found = None if function is None else tuple(inspect.signature(function).parameters)
        if found != wanted:
            takes = "is not there" if found is None else f"takes ({', '.join(found)}), not ({', '.join(wanted)})"
            changed.append(f"{owner.__qualname__}.{name} {takes}")
    for owner, names in UVICORN_NAMES.items():
        source = inspect.getsource(owner)
        changed += [f"{owner.__qualname__} has no {name}" for name in names if name not in source]
    if not isinstance(getattr(httptools_impl, "STATUS_LINE", {}).get(200), bytes):
        changed.append("STATUS_LINE has no line for 200")
    return changed


def _lines(headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return headers as they stand on the wire."""
    return b"".join([b"%b: %b\r\n" % pair for pair in headers])


class _Turn:
    """What the connections of an event loop share: answers that were made in one turn of it go out at its end.

    A client that waits for one answer is woken by it, which costs as much as making it does; of several at once, all
    but the first find the client awake.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = weakref.ref(loop)
        self._waiting: list[FastConnection] = []
        self._added: list[tuple[bytes, bytes]] = []
        self._added_lines = b""

    def take(self, connection: "FastConnection") -> None:
        """Let a connection write at the end of the turn, and all of them now where many wait."""
        self._waiting.append(connection)
        if len(self._waiting) == 1 and (loop := self._loop()) is not None:
            loop.call_soon(self._write_out)
        elif len(self._waiting) > TOGETHER:
            self._write_out()

    def _write_out(self) -> None:
        waiting, self._waiting = self._waiting, []
        for connection in waiting:
            connection.write_out()

    def added(self, headers: list[tuple[bytes, bytes]]) -> bytes:
        """Return the headers that the server adds to every answer as lines; it makes them anew each second."""
        if self._added is not headers:
            self._added, self._added_lines = headers, _lines(headers)
        return self._added_lines


_turns: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Turn] = weakref.WeakKeyDictionary()


class FastConnection(BoundedConnection):
    """A connection that answers at once what can be, and writes such answers together."""

    #: Heads and bodies of answers that go out at the end of the loop's turn, and how many bytes these are.
    _unwritten: list[bytes]
    _unwritten_bytes = 0
    _turn: _Turn

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or refuse it."""
        self._unwritten = []
        super().connection_made(transport)
        self._turn = _turns.get(self.loop) or _turns.setdefault(self.loop, _Turn(self.loop))

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and what it would have been sent."""
        self._unwritten = []
        super().connection_lost(exc)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        """Answer at once what can be, without a task: that and the server's look at each header cost as much as a record.
        All else goes the ASGI way.
        """
        at_once = getattr(app, "at_once", None)
        may_wait = self._unwritten_bytes < HIGH_WATER_LIMIT and not self.flow.write_paused
        if at_once is not None and may_wait and cycle.keep_alive and cycle.scope["method"] == "GET":
            whole: CompleteResponse | None = at_once(cycle.scope)
            if whole is not None:
                self._give(cycle, whole)
                return
        # What was answered at once before it is written first: the loop keeps to the order in which it was told.
        super()._start_asgi_task(cycle, app)

    def _give(self, cycle: RequestResponseCycle, whole: CompleteResponse) -> None:
        """Answer a request; the bytes go out with those of others."""
        if whole.head is None:
            whole.head = STATUS_LINE[whole.status] + _lines(whole.headers)
        head = b"%b%b\r\n" % (whole.head, self._turn.added(self.server_state.default_headers))
        self._unwritten += (head, whole.body)
        self._unwritten_bytes += len(head) + len(whole.body)
        if len(self._unwritten) == 2:
            self._turn.take(self)
        cycle.response_started = cycle.response_complete = True
        self.on_response_complete()

    def write_out(self) -> None:
        """Write the answers that wait for it."""
        if self._unwritten and not self.transport.is_closing():
            self.transport.writelines(filter(None, self._unwritten))
        self._unwritten, self._unwritten_bytes = [], 0
