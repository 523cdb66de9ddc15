"""Connections, below HTTP: how many there may be, how long a request may take to arrive, and how much of it is kept before
it has. A stranger who sends without end, or not at all, costs one of them for a few seconds.
"""

import asyncio
import resource

import orjson
from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from service.errors import BadRequest, Busy
from service.http.problems import MEDIA_TYPE, problem_document, problem_response
from service.http.releases import RETRY
from service.http.request_ids import HEADER, request_id_of

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
    #: What tells the client that it has sent no request, once the answers to those it sent before are out.
    _refusal: bytes | None = None
    #: Whether the client has said that it sends nothing more. It may still read.
    _at_end = False
    #: Connections of this process that are open.
    open = 0
    #: Looks at both now and then: setting a timer for each request would cost a tenth of answering one.
    _clock: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or refuse it."""
        super().connection_made(transport)
        BoundedConnection.open += 1
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
        BoundedConnection.open -= 1
        self.pipeline.clear()
        self._stop_answering()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read what has arrived of one request or several."""
        if self._refusal is not None:
            return  # what follows what is no request is none either
        self._begun = False
        super().data_received(data)
        # What came with the end of the request before it is not counted: one chunk at most.
        if self._refusal is None and self._in_head and not self._begun:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
                self.send_400_response("The request line and headers are too long.")

    def on_message_begin(self) -> None:
        """Begin to read a request."""
        super().on_message_begin()
        self._in_head, self._begun, self._head_bytes = True, True, 0

    def eof_received(self) -> bool | None:  # type: ignore[override] # as asyncio calls it
        """The client sends nothing more. True where it has asked for something, which it may still read (RFC 9112, section
        9.6): the connection then stays open until that is out.
        """
        self._at_end = True
        if self._is_answering() and not self.cycle.more_body:
            return True
        self.write_out()
        return None

    def on_headers_complete(self) -> None:
        """Answer the request, or put it behind the others. Raises ValueError, which ends the connection."""
        if len(self.pipeline) >= PIPELINED:
            raise ValueError("too many requests at once")
        self._in_head = False
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
        elif self._refusal is not None or self._at_end:
            self._end()
            return
        self._request_by = self._due_in(ARRIVAL_S) if self.cycle.response_complete else None

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, once what was asked before it has been answered, and close the connection."""
        scope: Scope = {"state": {}}  # nothing is known of what was asked
        body = orjson.dumps(problem_document(BadRequest(msg), scope, base=self.root_path))
        headers = _BESIDE | {
            "Content-Type": MEDIA_TYPE,
            "Content-Length": str(len(body)),
            HEADER: request_id_of(scope),
        }
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._refusal = STATUS_LINE[400] + lines.encode() + b"\r\n" + body
        if not self._is_answering():
            self._end()
        elif not self._in_head:
            self._refusal = b""  # the body of a request that is being answered: one answer is enough

    def _end(self) -> None:
        """Write what is left to say, and close the connection."""
        self.write_out()
        if self._refusal:
            self.transport.write(self._refusal)
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
        """Answer a request with a task of its own."""
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def write_out(self) -> None:
        """Write what has been put aside to be written."""

    def _is_answering(self) -> bool:
        return bool(self.pipeline) or (self.cycle is not None and not self.cycle.response_complete)

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
