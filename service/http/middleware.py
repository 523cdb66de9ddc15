"""The outermost layer: what holds for every request and every answer, errors included.

It gives again what is kept, believes X-Forwarded-* from trusted proxies only, refuses addresses that are too long, answers
HEAD and OPTIONS, holds the release a request began with until its answer is out, and turns what nobody caught into a
problem.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from fastapi import Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from service.errors import AnswerCutShort, BadRequest, Problem, UriTooLong
from service.http.compression import acceptable_codings
from service.http.links import place
from service.http.problems import METHODS, QUERY_METHODS, internal_error, problem_response
from service.http.proxies import TrustedProxies
from service.http.releases import Served, Serving
from service.http.request_ids import RAW_HEADER, naming, take_request_id, with_request_id
from service.http.response_cache import Key, ResponseCache
from service.http.responses import CompleteResponse, LargeAnswer, RawHeaders
from service.http.routing import Later, RouteTable, finish

#: Longest path and query that are read, in bytes. A list of 50 identifiers is 3,500.
URI_LENGTH = 8000
#: Longest host, port included, and longest prefix that a proxy may name. Names of hosts have 253 at most.
HOST_LENGTH = 255

EXPOSED = (
    "Accept-Ranges, Archive-Mirror, Archive-Omitted, Archive-Release, Archive-Total, Content-Disposition, Content-Language, Content-Length, Content-Range, ETag, Link, "
    "Repr-Digest, Retry-After, X-Request-ID"
)
#: Request headers that front ends, and what they are made with, put into requests. All are harmless here: most are not
#: even looked at. Not Authorization: nothing here asks for it, and nobody should send what gives access elsewhere.
ALLOWED = (
    "Accept, Accept-Language, Cache-Control, Content-Type, If-Modified-Since, If-None-Match, If-Range, Pragma, Range, "
    "Traceparent, Tracestate, X-Request-ID, X-Requested-With"
)
_OF_EVERY_ANSWER: RawHeaders = [
    (b"access-control-allow-origin", b"*"),
    (b"access-control-expose-headers", EXPOSED.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
]
_FORWARDED = (b"x-forwarded-proto", b"x-forwarded-host", b"x-forwarded-prefix")


def _preflight(methods: str) -> RawHeaders:
    return [
        (b"allow", methods.encode()),
        (b"access-control-allow-methods", methods.encode()),
        (b"access-control-allow-headers", ALLOWED.encode()),
        (b"access-control-max-age", b"86400"),
    ]


_PREFLIGHT, _PREFLIGHT_OF_QUERY = _preflight(METHODS), _preflight(QUERY_METHODS)

# What may stand in a Host header: a name or address, and a port. Anything else would end up in links.
_HOST = re.compile(rb"^(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?$")
_PREFIX = re.compile(r"^(?:/[A-Za-z0-9._~-]+)*$")


def _is_host(value: bytes) -> bool:
    return len(value) <= HOST_LENGTH and _looks_like_host(value)


@lru_cache(256)
def _looks_like_host(value: bytes) -> bool:
    return _HOST.match(value) is not None


#: Where a request keeps what was begun before it had a task.
_BEGUN = "testimony_archive.begun"


@dataclass(frozen=True, slots=True)
class _Begun:
    """A request whose answer was begun on the event loop and takes longer than that: nothing of it is done twice."""

    served: Served
    scope: Scope
    answer: Response | Later


class OuterMiddleware:
    """ASGI middleware around the whole application."""

    def __init__(
        self,
        app: RouteTable,
        *,
        serving: Serving,
        cache: ResponseCache,
        proxies: TrustedProxies,
        root_path: str,
        has_pages: bool,
    ) -> None:
        """`has_pages`: whether pages for people stand beside the API."""
        self.app = app
        self.serving = serving
        self.cache = cache
        self.proxies = proxies
        self.root_path = root_path
        self.has_pages = has_pages
        self._served: Served | None = None
        # What the answers that are kept say of where they come from.
        self._headers: RawHeaders | None = None

    def at_once(self, scope: Scope) -> CompleteResponse | None:
        """Return the answer to a GET request that can be given without waiting: it is kept, or quickly made. None for all
        else, and where something is wrong: that is told the long way.
        """
        headers: dict[bytes, bytes] = dict(scope["headers"])
        return None if RAW_HEADER in headers else self._at_once(scope, headers, self._now())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        served = self._now()
        begun: _Begun | None = scope.pop(_BEGUN, None)
        headers: dict[bytes, bytes] = dict(scope["headers"])
        if RAW_HEADER in headers and "request_id" not in scope.get("state", ()):
            request_id = take_request_id(scope, trusted=self.proxies.sent(scope))
            scope, send = with_request_id(scope, request_id), naming(send, request_id)
        if begun is None or begun.served is not served:
            whole = self._at_once(scope, headers, served)
            begun = scope.pop(_BEGUN, None)
            if whole is not None:
                await whole.send_to(send, without_body=scope["method"] == "HEAD")
                return
        # Held also by who waits for the answer of another request: that may come to nothing, after a newer release came.
        if served is not None:
            served.hold()
        try:
            await self._answer(scope, receive, send, served=served, begun=begun)
        finally:
            if served is not None:
                served.let_go()

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, *, served: Served | None, begun: _Begun | None
    ) -> None:
        """Answer from a release that is held: with what another request is making just now, else anew or as it was begun."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        key = self._key(scope, headers, served) if self.cache.size else None
        if key is not None:
            whole = await self.cache.get_or_make(key, headers.get(b"if-none-match"))
            if whole is not None:
                await whole.send_to(send, without_body=scope["method"] == "HEAD")
                return
        answer = _Answer(send, scope, served, self.cache, key)
        try:
            # A copy, because the server goes by its own: it must still know that a request was HEAD.
            await self._make(dict(scope) if begun is None else begun.scope, receive, answer, served, begun)
        finally:
            if key is not None:
                self.cache.made(key)

    def _now(self) -> Served | None:
        """Return the release that a request is answered from which comes now."""
        served = self.serving.served
        if served is not self._served or (served is not None and served.headers is not self._headers):
            self.cache.clear()
            self._served = served
            self._headers = None if served is None else served.headers
        return served

    def _at_once(self, scope: Scope, headers: dict[bytes, bytes], served: Served | None) -> CompleteResponse | None:
        key = self._key(scope, headers, served)
        if key is None or served is None:
            return None
        whole = self.cache.get(key, headers.get(b"if-none-match"))
        if whole is not None or scope["method"] != "GET" or self.cache.is_being_made(key):
            return whole
        placed = dict(scope)
        try:
            self._place(placed, served)
            answer = self.app.at_once(placed)
        except Exception as error:  # noqa: BLE001 - whatever goes wrong becomes an answer
            answer = problem_response(self._problem_of(error, placed, served), placed)
        if answer is None:
            return None
        if isinstance(answer, LargeAnswer) or not isinstance(answer, Response):
            scope[_BEGUN] = _Begun(served, placed, answer)
            return None
        assert isinstance(answer.body, bytes)
        whole = CompleteResponse(
            answer.status_code, [*answer.raw_headers, *_OF_EVERY_ANSWER, *served.headers], answer.body
        )
        self.cache.misses += 1
        self.cache.keep(key, whole)
        return whole

    def _key(self, scope: Scope, headers: dict[bytes, bytes], served: Served | None) -> Key | None:
        """Return all that the answer to a request depends on; None where it is not to be kept."""
        if served is None or scope["method"] not in ("GET", "HEAD"):
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
            acceptable_codings(None if (codings := get(b"accept-encoding")) is None else codings.decode("latin-1")),
            get(b"accept-language"),
            scope["scheme"],
            *((get(name) for name in _FORWARDED) if self.proxies.sent(scope) else ()),
        )

    async def _make(
        self, scope: Scope, receive: Receive, answer: "_Answer", served: Served | None, begun: "_Begun | None"
    ) -> None:
        try:
            if begun is not None:
                response = await finish(begun.answer, Request(scope, receive))
                await response(scope, receive, answer)
                return
            self._place(scope, served)
            if scope["method"] == "OPTIONS":
                allowed = _PREFLIGHT_OF_QUERY if self.app.takes_query(scope) else _PREFLIGHT
                await CompleteResponse(204, allowed, b"").send_to(answer)
            else:
                await self.app(scope, receive, answer)
        except Exception as error:  # noqa: BLE001 - the last place where an error can still become an answer
            problem = self._problem_of(error, scope, served)
            if answer.started:
                # The connection is cut, so that the reader can tell; the log has said why, without what was asked.
                raise AnswerCutShort(type(error).__qualname__) from None
            await problem_response(problem, scope)(scope, receive, answer)

    def _problem_of(self, error: Exception, scope: Scope, served: Served | None) -> Problem:
        if isinstance(error, Problem):
            return error
        return self.serving.doubt(error, served) or internal_error(error, scope)

    def _place(self, scope: Scope, served: Served | None) -> None:
        """Make the scope that of the application: scheme, host and root path as the client sees them, HEAD as GET, and what
        every route asks for. Raises BadRequest and UriTooLong.
        """
        scope["root_path"] = self.root_path
        if self.proxies.sent(scope):
            self._believe(scope)
        # Frameworks expect the root path at the head of the path; proxies may or may not have cut it off.
        if scope["root_path"] and not scope["path"].startswith(scope["root_path"] + "/"):
            scope["path"] = scope["root_path"] + scope["path"]
        hosts = [value for name, value in scope["headers"] if name == b"host"]
        if len(hosts) > 1 or (hosts and not _is_host(hosts[0])):
            scope["headers"] = [pair for pair in scope["headers"] if pair[0] != b"host"]
            raise BadRequest("The Host header is not a host name.")
        if len(scope["raw_path"]) + len(scope["query_string"]) > URI_LENGTH:
            raise UriTooLong(f"Path and query are longer than {URI_LENGTH} bytes.")
        head = scope["method"] == "HEAD"
        if head:
            scope["method"] = "GET"
        # Routes answer HEAD as they do GET; an answer that is long to make may look, and leave out its body.
        state = {**scope.get("state", {}), "served": served, "head": head, "has_pages": self.has_pages}
        place(scope, state)

    def _believe(self, scope: Scope) -> None:
        """Put what a trusted proxy says of scheme, host and root path into the scope."""
        headers = dict(scope["headers"])
        scheme = _last(headers.get(b"x-forwarded-proto")).lower()
        if scheme in ("http", "https"):
            scope["scheme"] = scheme
        if host := _last(headers.get(b"x-forwarded-host")):
            kept = [pair for pair in scope["headers"] if pair[0] != b"host"]
            scope["headers"] = [*kept, (b"host", host.encode("latin-1"))]
        prefix = _last(headers.get(b"x-forwarded-prefix")).rstrip("/")
        if prefix and len(prefix) <= HOST_LENGTH and _PREFIX.match(prefix):
            scope["root_path"] = prefix


class _Answer:
    """Sends an answer with the headers every answer has; of one to HEAD, everything but the body. Keeps it in the cache
    before it is sent, so that nobody waits for the reader who asked first.
    """

    def __init__(self, send: Send, scope: Scope, served: Served | None, cache: ResponseCache, key: Key | None) -> None:
        self._send = send
        self._head = scope["method"] == "HEAD"
        self._always = _OF_EVERY_ANSWER if served is None else [*_OF_EVERY_ANSWER, *served.headers]
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
                    whole = CompleteResponse(self._start["status"], self._start["headers"], message.get("body", b""))
                    self._cache.keep(self._key, whole)
                self._cache.made(self._key)
            self.started = True
            await self._send(self._start)
            self._start = None
        await self._send({**message, "body": b""} if self._head else message)


def _last(header: bytes | None) -> str:
    """Return the last value of a list header: the one that the nearest proxy wrote."""
    return "" if header is None else header.decode("latin-1").rpartition(",")[2].strip()
