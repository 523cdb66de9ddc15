"""Connections, below HTTP: how many there may be, how long a request may take to arrive, and how much of it is kept before
it has. A stranger who sends without end, or not at all, costs one of them for a few seconds.
"""

import asyncio
import resource
import weakref

import orjson
from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.errors import BadRequest, Busy
from service.http.problems import MEDIA_TYPE, problem_document, problem_response
from service.http.releases import RETRY
from service.http.request_ids import HEADER, request_id_of
from service.http.responses import CompleteResponse

#: Connections that are answered; one more is told to come back. Each holds about 10 kB, and a page that is not read yet.
CONNECTIONS = 1000
#: Connections beyond which a new one is closed without a word.
MOST_CONNECTIONS = 1200
#: Seconds within which a request must have arrived, from when the server is ready for it: an idle connection has as many.
ARRIVAL_S = 10.0
#: Seconds within which what waits for the client must have been read: 4 kB a second is enough for a page of 200.
READING_S = 60.0
#: Bytes of a request line and headers. What is beyond `front.URI_LENGTH` but below this gets the better answer, 414.
HEAD_BYTES = 1 << 16
#: Requests that may wait on one connection for the answer to the first.
PIPELINED = 32
#: Connections whose answers wait for the end of the loop's turn, at most: they take under two milliseconds to make.
TOGETHER = 16

_BESIDE = {"Access-Control-Allow-Origin": "*", "Connection": "close"}
#: Files that a server has open beside its connections, at most: the release's, for each thread.
_FILES = 300


def make_room() -> None:
    """Let this process have as many connections as there may be, as far as the system allows: many begin with 1,024."""
    limit, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_CONNECTIONS + _FILES
    if limit != resource.RLIM_INFINITY and limit < wanted:
        resource.setrlimit(
            resource.RLIMIT_NOFILE, (wanted if most == resource.RLIM_INFINITY else min(wanted, most), most)
        )


async def _come_back(scope: Scope, receive: Receive, send: Send) -> None:
    busy = Busy("There are more connections than the server answers.", headers=RETRY | _BESIDE)
    await problem_response(busy, scope, base=scope["root_path"])(scope, receive, send)


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
        self._waiting: list[BoundedConnection] = []
        self._added: list[tuple[bytes, bytes]] = []
        self._added_lines = b""

    def take(self, connection: "BoundedConnection") -> None:
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


class BoundedConnection(HttpToolsProtocol):
    """One connection of uvicorn's, with the bounds above."""

    _head_bytes = 0
    _in_head = True
    _begun = False
    #: The request being answered; `cycle` is the last that was read.
    _answering: RequestResponseCycle | None = None
    #: Until when a request must have arrived, and what waits for the client have been read, by the loop's clock.
    _request_by: float | None = None
    _read_by: float | None = None
    #: Heads and bodies of answers that go out at the end of the loop's turn, and how many bytes these are.
    _unwritten: list[bytes]
    _unwritten_bytes = 0
    _turn: _Turn
    #: Looks at both now and then: setting a timer for each request would cost a tenth of answering one.
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or refuse it."""
        super().connection_made(transport)
        self._unwritten = []
        self._turn = _turns.get(self.loop) or _turns.setdefault(self.loop, _Turn(self.loop))
        if len(self.connections) > MOST_CONNECTIONS:
            self._leave()
        elif len(self.connections) > CONNECTIONS:
            self.app = _come_back
        self._request_by = self._due_in(ARRIVAL_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and what it would have asked next."""
        if self._clock is not None:
            self._clock.cancel()
        self._request_by = self._read_by = self._clock = None
        self._unwritten = []
        self.pipeline.clear()
        self._stop_answering()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has arrived of one request or several."""
        self._begun = False
        super().data_received(data)
        # What came with the end of the request before it is not counted: one chunk at most.
        if self._in_head and not self._begun:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The request line and headers are too long.")

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        self._in_head, self._begun, self._head_bytes = True, True, 0

    def on_headers_complete(self) -> None:
        """Answer the request, or put it behind the others. Raises ValueError, which ends the connection."""
        self._in_head = False
        if len(self.pipeline) >= PIPELINED:
            raise ValueError("too many requests at once")
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """All of the request is there."""
        super().on_message_complete()
        if self.transport is not None and not self.cycle.response_complete:
            self._request_by = None
            if self._read_by is not None and self.transport.get_write_buffer_size() == 0:
                self._read_by = None

    def on_response_complete(self) -> None:
        """The answer is made; most of it may still have to be read. Where requests wait, the next one is answered."""
        # As the server does, but for its timer: that counts while a slow client still reads, and ours is there for all.
        self.server_state.total_requests += 1
        if self.transport.is_closing():
            return
        self.flow.resume_reading()
        if self.pipeline:
            self._start_asgi_task(*self.pipeline.pop())
        self._request_by = self._due_in(ARRIVAL_S) if self.cycle.response_complete else None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, and close the connection."""
        scope: Scope = {"state": {}}  # nothing is known of what was asked
        body = orjson.dumps(problem_document(BadRequest(msg), scope, base=self.root_path))
        headers = _BESIDE | {
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(body)),
            HEADER: request_id_of(scope),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self.write_out()
        self.transport.write(STATUS_LINE[400] + lines.encode() + b"\r\n" + body)
        self.transport.close()

    def shutdown(self) -> None:
        """Close the connection, as soon as what is being answered is."""
        self.write_out()
        super().shutdown()

    def pause_writing(self) -> None:
        """Wait for the client to read."""
        super().pause_writing()
        self._read_by = self._due_in(READING_S)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        self._read_by = None

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
        self._answering = cycle
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

    def _due_in(self, seconds: float) -> float:
        """Return the time in so many seconds, and see to it that the client is looked at by then."""
        now = self.loop.time()
        if self._clock is None:
            # Never later than a request that begins meanwhile may take.
            self._clock = self.loop.call_later(max(0.0, min(seconds, ARRIVAL_S)), self._look)
        return now + seconds

    def _look(self) -> None:
        self._clock = None
        now = self.loop.time()
        if self._request_by is not None and now >= self._request_by:
            self._request_by = None
            if self.transport.get_write_buffer_size() == 0:
                # Who has sent nothing of a request may be reading an answer that the system holds: that is not cut.
                if self._in_head:
                    self._leave()
                else:
                    self.transport.close()
            elif self._read_by is None:
                self._read_by = now + READING_S
        if self._read_by is not None and now >= self._read_by:
            self._leave()
        for due in (self._request_by, self._read_by):
            if due is not None and not self.transport.is_closing():
                self._due_in(due - now)

    def _leave(self) -> None:
        self._stop_answering()
        self.transport.abort()

    def _stop_answering(self) -> None:
        """Let whoever makes an answer know that nobody is there: a closed connection cannot be written to."""
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
