"""Connections, below HTTP: how many there may be, how long a request may take to arrive, and how much of it is kept before
it has. A stranger who sends without end, or not at all, costs one of them for a few seconds.
"""

import asyncio
import resource

import orjson
from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.api.cache import Whole
from service.api.problems import MEDIA_TYPE, problem_document, problem_response
from service.api.request_ids import HEADER, request_id_of
from service.api.serving import RETRY
from service.errors import BadRequest, Busy

#: Connections that are answered; one more is told to come back. Each holds about 10 kB, and a page that is not read yet.
CONNECTIONS = 1000
#: Connections beyond which a new one is closed without a word.
MOST_CONNECTIONS = 1200
#: Seconds within which a request must have arrived, from when the server is ready for it.
ARRIVAL_S = 10.0
#: Seconds within which what waits for the client must have been read: 4 kB a second is enough for a page of 200.
READING_S = 60.0
#: Bytes of a request line and headers. What is beyond `front.URI_LENGTH` but below this gets the better answer, 414.
HEAD_BYTES = 1 << 16
#: Requests that may wait on one connection for the answer to the first.
PIPELINED = 32

#: Bodies shorter than this are copied behind the headers; a longer one costs less as a write of its own.
_COPIED = 4096
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
    #: What the server adds to every answer, and the same as lines.
    _added: tuple[list[tuple[bytes, bytes]], bytes] = ([], b"")
    #: Looks at both now and then: setting a timer for each request would cost a tenth of answering one.
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or refuse it."""
        super().connection_made(transport)
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
        super().on_response_complete()
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
        self.transport.write(STATUS_LINE[400] + lines.encode() + b"\r\n" + body)
        self.transport.close()

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
        if at_once is not None and cycle.keep_alive and cycle.scope["method"] == "GET" and not self.flow.write_paused:
            whole: Whole | None = at_once(cycle.scope)
            if whole is not None:
                self._give(cycle, whole)
                return
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _give(self, cycle: RequestResponseCycle, whole: Whole) -> None:
        """Write a whole answer."""
        if whole.head is None:
            whole.head = STATUS_LINE[whole.status] + b"".join([b"%b: %b\r\n" % pair for pair in whole.headers])
        head = b"%b%b\r\n" % (whole.head, self._date())
        if len(whole.body) < _COPIED:
            self.transport.write(head + whole.body)
        else:
            self.transport.write(head)
            self.transport.write(whole.body)
        cycle.response_started = cycle.response_complete = True
        self.on_response_complete()

    def _date(self) -> bytes:
        """Return the header lines that the server adds to every answer; it makes them anew each second."""
        added = self.server_state.default_headers
        if BoundedConnection._added[0] is not added:
            BoundedConnection._added = added, b"".join([b"%b: %b\r\n" % pair for pair in added])
        return BoundedConnection._added[1]

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
                self._leave()
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
