"""Long answers, sent piece by piece as they are made: constant memory, off the event loop, at the reader's pace.

A piece is made in a thread when the one before it is out, so a reader who is slow or stops reading holds up no work and
no memory but a piece. A reader who leaves ends the work. What fails once bytes are out cuts the connection.
"""

from collections.abc import Iterator

import anyio
import anyio.to_thread
from anyio import CapacityLimiter
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service.http.releases import Served

#: Bytes sent at a time. The server takes no more until they have gone to the network.
PIECE = 1 << 16
#: Seconds within which a reader must take one of them, else the answer is cut: 1 KiB a second is enough.
STALL_S = 60.0


class Steps:
    """Makes the pieces of one answer, each in some thread, with a connection that was opened for that."""

    def __init__(self, served: Served, limiter: CapacityLimiter, pieces: Iterator[bytes]) -> None:
        self._release = served.catalogue.release
        self._limiter = limiter
        self._pieces = pieces

    async def next(self) -> bytes | None:
        """Return the next piece, or None after the last. Not left behind when it is cancelled: the thread uses the
        release, which may be closed afterwards.
        """
        return await anyio.to_thread.run_sync(self._step, limiter=self._limiter)

    def _step(self) -> bytes | None:
        with self._release.lent_connection():
            return next(self._pieces, None)


class Stream(Response):
    """An answer of unknown length whose first piece is at hand: nothing was sent before it could be made."""

    def __init__(self, first: bytes | None, rest: Steps, *, status_code: int = 200, headers: dict[str, str]) -> None:
        super().__init__(status_code=status_code)
        # Without the length, which nobody knows yet: the server then sends chunks, and a missing last one shows.
        self.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers.items()]
        self._first = first
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        if scope["state"]["head"]:
            await send({"type": "http.response.body"})
            return
        failure: Exception | None = None
        async with anyio.create_task_group() as group:

            async def leave_with_reader() -> None:
                while (await receive())["type"] != "http.disconnect":
                    pass
                group.cancel_scope.cancel()

            group.start_soon(leave_with_reader)
            try:
                await self._send(send)
            except Exception as error:  # noqa: BLE001 - raised again below, outside the group, which would wrap it
                failure = error
            group.cancel_scope.cancel()
        if failure is not None:
            raise failure

    async def _send(self, send: Send) -> None:
        piece = self._first
        while piece is not None:
            for start in range(0, len(piece), PIECE):
                with anyio.fail_after(STALL_S):
                    await send({"type": "http.response.body", "body": piece[start : start + PIECE], "more_body": True})
            piece = await self._rest.next()
        await send({"type": "http.response.body"})


async def stream(
    request: Request, served: Served, pieces: Iterator[bytes], *, status_code: int = 200, headers: dict[str, str]
) -> Stream:
    """Return the answer that sends `pieces`, the first of them made. Raises whatever making it raises."""
    steps = Steps(served, request.app.state.serving.stream_threads, pieces)
    first = None if request.scope["state"]["head"] else await steps.next()
    return Stream(first, steps, status_code=status_code, headers=headers)
