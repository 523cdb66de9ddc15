"""The outermost layer: what holds for every request and every answer, errors included.

It believes X-Forwarded-* from trusted proxies only, refuses addresses that are too long, answers HEAD and OPTIONS, holds
the release a request began with until its answer is out, and turns what nobody caught into a problem.
"""

import re
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.problems import METHODS, internal_error, problem_response
from service.api.request_ids import HEADER, is_trusted, sent_one, take_request_id
from service.api.serving import Served, Serving
from service.errors import BadRequest, Problem, UriTooLong
from service.settings import Network

#: Longest path and query that are read, in bytes. A list of 50 identifiers is 3,500.
URI_LENGTH = 8000

EXPOSED = (
    "Archive-Omitted, Archive-Release, Archive-Total, Content-Disposition, Content-Language, Content-Length, Content-Range, ETag, Link, "
    "Repr-Digest, Retry-After, X-Request-ID"
)
_ALWAYS = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": EXPOSED,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
_PREFLIGHT = {
    "Allow": METHODS,
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": "Accept, Accept-Language, If-None-Match, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}

# What may stand in a Host header: a name or address, and a port. Anything else would end up in links.
_HOST = re.compile(rb"^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$")
_PREFIX = re.compile(r"^(?:/[A-Za-z0-9._~-]+)*$")


class AnswerCutShort(Exception):
    """An answer failed after its first bytes were out: the server closes the connection without ending it."""


class Front:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, *, serving: Serving, trusted_proxies: Iterable[Network], root_path: str) -> None:
        self.app = app
        self.serving = serving
        self.trusted = tuple(trusted_proxies)
        self.root_path = root_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        # A copy, because the server goes by its own: it must still know that a request was HEAD.
        scope = dict(scope)
        served = self.serving.served
        # Routes answer HEAD as they do GET; an answer that is long to make may look, and leave out its body.
        scope["state"] = {**scope.get("state", {}), "served": served, "head": scope["method"] == "HEAD"}
        answer = _Answer(send, scope["state"])
        if served is not None:
            served.hold()
        try:
            await self._answer(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the last place where an error can still become an answer
            problem = error if isinstance(error, Problem) else internal_error(error, scope)
            if answer.started:
                # The connection is cut, so that the reader can tell; the log has said why, without what was asked.
                raise AnswerCutShort(type(error).__qualname__) from None
            await problem_response(problem, scope)(scope, receive, answer)
        finally:
            if served is not None:
                served.let_go()

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._place(scope)
        if len(scope["raw_path"]) + len(scope["query_string"]) > URI_LENGTH:
            raise UriTooLong(f"Path and query are longer than {URI_LENGTH} bytes.")
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _encoded(_PREFLIGHT)})
            await send({"type": "http.response.body"})
            return
        if scope["state"]["head"]:
            scope["method"] = "GET"
        await self.app(scope, receive, send)

    def _place(self, scope: Scope) -> None:
        """Put scheme, host and root path as the client sees them into the scope."""
        headers = dict(scope["headers"])
        scope["root_path"] = self.root_path
        trusted = is_trusted(scope.get("client"), self.trusted)
        if sent_one(scope):
            scope["state"].setdefault("request_id", take_request_id(scope, trusted=trusted))
        if trusted:
            scheme = _last(headers.get(b"x-forwarded-proto")).lower()
            if scheme in ("http", "https"):
                scope["scheme"] = scheme
            if host := _last(headers.get(b"x-forwarded-host")):
                kept = [pair for pair in scope["headers"] if pair[0] != b"host"]
                scope["headers"] = [*kept, (b"host", host.encode("latin-1"))]
            prefix = _last(headers.get(b"x-forwarded-prefix")).rstrip("/")
            if prefix and _PREFIX.match(prefix):
                scope["root_path"] = prefix
        # Frameworks expect the root path at the head of the path; proxies may or may not have cut it off.
        if scope["root_path"] and not scope["path"].startswith(scope["root_path"] + "/"):
            scope["path"] = scope["root_path"] + scope["path"]
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if any(not _HOST.match(host) for host in hosts) or len(hosts) > 1:
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"host"]
            raise BadRequest("The Host header is not a host name.")


class _Answer:
    """Sends an answer with the headers every answer has; of one to HEAD, everything but the body."""

    def __init__(self, send: Send, state: dict[str, Any]) -> None:
        self.send = send
        self.state = state
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.started = True
            headers = MutableHeaders(raw=list(message["headers"]))
            headers.update(_ALWAYS)
            served: Served | None = self.state["served"]
            if served is not None:
                headers["Archive-Release"] = served.catalogue.release.id
            # Known where the client sent one, something went wrong, or requests are logged.
            if "request_id" in self.state:
                headers[HEADER] = self.state["request_id"]
            message = {**message, "headers": headers.raw}
        elif message["type"] == "http.response.body" and self.state["head"]:
            message = {**message, "body": b""}
        await self.send(message)


def _last(header: bytes | None) -> str:
    """Return the last value of a list header: the one that the nearest proxy wrote."""
    return "" if header is None else header.decode("latin-1").rpartition(",")[2].strip()


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
