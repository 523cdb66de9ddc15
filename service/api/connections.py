"""Connections, below HTTP: how many there may be, how long a request may take to arrive, and how much of it is kept before
it has. A stranger who sends without end, or not at all, costs one of them for a few seconds.
"""

import asyncio
import resource

import orjson
from starlette.types import Receive, Scope, Send
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

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
    _arrival: asyncio.TimerHandle | None = None
    _reading: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take the connection in, or refuse it."""
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            self._leave()
        elif len(self.connections) > CONNECTIONS:
            self.app = _come_back
        self._expect_request(ARRIVAL_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection, and what it would have asked next."""
        self._expect_request(None)
        self._expect_reader(None)
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
            self._expect_request(None)
            if self.transport.get_write_buffer_size() == 0:
                self._expect_reader(None)

    def on_response_complete(self) -> None:
        """The answer is made; most of it may still have to be read. Where requests wait, the next one is answered."""
        super().on_response_complete()
        self._expect_request(ARRIVAL_S if self.cycle.response_complete else None)

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
        self._expect_reader(READING_S)

    def resume_writing(self) -> None:
        """Go on: the client has read."""
        super().resume_writing()
        self._expect_reader(None)

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _expect_request(self, seconds: float | None) -> None:
        """Give the client so long to send a request; None where it has."""
        if self._arrival is not None:
            self._arrival.cancel()
        self._arrival = None if seconds is None else self.loop.call_later(seconds, self._no_request)

    def _no_request(self) -> None:
        if self.transport.get_write_buffer_size() == 0:
            self._leave()
        elif self._reading is None:
            self._expect_reader(READING_S)

    def _expect_reader(self, seconds: float | None) -> None:
        """Give the client so long to read what waits for it; None where nothing does."""
        if self._reading is not None:
            self._reading.cancel()
        self._reading = None if seconds is None else self.loop.call_later(seconds, self._leave)

    def _leave(self) -> None:
        self._stop_answering()
        self.transport.abort()

    def _stop_answering(self) -> None:
        """Let whoever makes an answer know that nobody is there: a closed connection cannot be written to."""
        if self._answering is not None:
            self._answering.disconnected = True
            self._answering.message_event.set()
