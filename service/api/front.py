"""The outermost layer: what holds for every request and every answer, errors included.

It gives again what is kept, believes X-Forwarded-* from trusted proxies only, refuses addresses that are too long, answers
HEAD and OPTIONS, holds the release a request began with until its answer is out, and turns what nobody caught into a
problem.
"""

import re

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.cache import Key, RawHeaders, ResponseCache
from service.api.links import base_url
from service.api.problems import METHODS, internal_error, problem_response
from service.api.proxies import TrustedProxies
from service.api.request_ids import RAW_HEADER, naming, take_request_id, with_request_id
from service.api.serving import Served, Serving
from service.errors import AnswerCutShort, BadRequest, Problem, UriTooLong

#: Longest path and query that are read, in bytes. A list of 50 identifiers is 3,500.
URI_LENGTH = 8000

EXPOSED = (
    "Archive-Omitted, Archive-Release, Archive-Total, Content-Disposition, Content-Language, Content-Length, Content-Range, ETag, Link, "
    "Repr-Digest, Retry-After, X-Request-ID"
)
_ALWAYS: RawHeaders = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_FORWARDED = (b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix")
_PREFLIGHT = {
    "Allow": METHODS,
    "Access-Control-Allow-Methods": METHODS,
    "Access-Control-Allow-Headers": "Accept, Accept-Language, If-None-Match, If-Range, Range",
    "Access-Control-Max-Age": "86400",
}

# What may stand in a Host header: a name or address, and a port. Anything else would end up in links.
_HOST = re.compile(rb"^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$")
_PREFIX = re.compile(r"^(?:/[A-Za-z0-9._~-]+)*$")


class Front:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        serving: Serving,
        cache: ResponseCache,
        proxies: TrustedProxies,
        root_path: str,
    ) -> None:
        self.app = app
        self.serving = serving
        self.cache = cache
        self.proxies = proxies
        self.root_path = root_path
        self._served: Served | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        served = self.serving.served
        if served is not self._served:
            self.cache.clear()
            self._served = served
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if RAW_HEADER in headers and "request_id" not in scope.get("state", ()):
            request_id = take_request_id(scope, trusted=self.proxies.sent(scope))
            scope, send = with_request_id(scope, request_id), naming(send, request_id)
        key = self._key(scope, headers, served)
        if key is not None:
            known = headers.get(b"if-none-match")
            messages = self.cache.get(key, known) or await self.cache.get_or_make(key, known)
            if messages is not None:
                await send(messages[0])
                await send(messages[1])
                return
        try:
            # A copy, because the server goes by its own: it must still know that a request was HEAD.
            await self._make(dict(scope), headers, receive, _Answer(send, scope, served, self.cache, key), served)
        finally:
            if key is not None:
                self.cache.made(key)

    def _key(self, scope: Scope, headers: dict[bytes, bytes], served: Served | None) -> Key | None:
        """Return all that the answer to a request depends on; None where it is not to be kept."""
        if not self.cache.size or served is None or scope["method"] not in ("GET", "HEAD"):
            return None
        # A header that comes twice, or asks for a part, is looked at in detail.
        if len(headers) != len(scope["headers"]) or b"range" in headers:
            return None
        get = headers.get
        return (
            served.key,
            scope["raw_path"],
            scope["query_string"],
            get(b"host"),
            get(b"accept"),
            get(b"accept-encoding"),
            get(b"accept-language"),
            scope["scheme"],
            *((get(name) for name in _FORWARDED) if self.proxies.sent(scope) else ()),
        )

    async def _make(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, answer: "_Answer", served: Served | None
    ) -> None:
        if served is not None:
            served.hold()
        try:
            await self._answer(scope, headers, receive, answer, served)
        except Exception as error:  # noqa: BLE001 - the last place where an error can still become an answer
            problem = (
                error
                if isinstance(error, Problem)
                else self.serving.doubt(error, served) or internal_error(error, scope)
            )
            if answer.started:
                # The connection is cut, so that the reader can tell; the log has said why, without what was asked.
                raise AnswerCutShort(type(error).__qualname__) from None
            await problem_response(problem, scope)(scope, receive, answer)
        finally:
            if served is not None:
                served.let_go()

    async def _answer(
        self, scope: Scope, headers: dict[bytes, bytes], receive: Receive, send: Send, served: Served | None
    ) -> None:
        self._place(scope, headers)
        if len(scope["raw_path"]) + len(scope["query_string"]) > URI_LENGTH:
            raise UriTooLong(f"Path and query are longer than {URI_LENGTH} bytes.")
        if scope["method"] == "OPTIONS":
            await send({"type": "http.response.start", "status": 204, "headers": _encoded(_PREFLIGHT)})
            await send({"type": "http.response.body"})
            return
        head = scope["method"] == "HEAD"
        if head:
            scope["method"] = "GET"
        # Routes answer HEAD as they do GET; an answer that is long to make may look, and leave out its body.
        scope["state"] = {**scope.get("state", {}), "served": served, "head": head, "base": base_url(scope)}
        await self.app(scope, receive, send)

    def _place(self, scope: Scope, headers: dict[bytes, bytes]) -> None:
        """Put scheme, host and root path as the client sees them into the scope."""
        scope["root_path"] = self.root_path
        if self.proxies.sent(scope):
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
    """Sends an answer with the headers every answer has; of one to HEAD, everything but the body. Keeps it in the cache
    before it is sent, so that nobody waits for the reader who asked first.
    """

    def __init__(self, send: Send, scope: Scope, served: Served | None, cache: ResponseCache, key: Key | None) -> None:
        self._send = send
        self._head = scope["method"] == "HEAD"
        self._always = _ALWAYS if served is None else [*_ALWAYS, served.header]
        self._cache = cache
        self._key = key
        self._start: Message | None = None
        self.started = False

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self._start = {**message, "headers": [*message["headers"], *self._always]}
            return
        if self._start is not None:
            if self._key is not None:
                if not message.get("more_body") and not self._head:
                    self._cache.keep(self._key, self._start, message)
                self._cache.made(self._key)
            self.started = True
            await self._send(self._start)
            self._start = None
        await self._send({**message, "body": b""} if self._head else message)


def _last(header: bytes | None) -> str:
    """Return the last value of a list header: the one that the nearest proxy wrote."""
    return "" if header is None else header.decode("latin-1").rpartition(",")[2].strip()


def _encoded(headers: dict[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.lower().encode(), value.encode()) for name, value in headers.items()]
