"""Responses that a release gives: strong ETag, 304, Cache-Control, compression.

A release never changes, so an ETag is a digest of the release and the request: the same request has the same bytes until
the next release.
"""

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache, partial

import anyio.to_thread
from anyio import CapacityLimiter
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from service import __version__
from service.catalogue.languages import Wishes
from service.http.compression import COMPRESS_IN_THREAD_FROM, IDENTITY, choose_coding, compress
from service.http.links import has_pages, header, request_url
from service.http.negotiation import JSON

#: A minute: how long a withdrawn record may still be shown by a cache that does not ask again.
CACHE_CONTROL = "public, max-age=60, must-revalidate"
VARY = "Accept, Accept-Encoding, Accept-Language"

RawHeaders = list[tuple[bytes, bytes]]

#: Headers that describe a body, and have no place where there is none.
_OF_CONTENT = frozenset({b"content-type", b"content-length", b"content-encoding"})


class CompleteResponse:
    """An answer that is all there, with every header it goes out with."""

    __slots__ = ("body", "head", "headers", "status")

    def __init__(self, status: int, headers: RawHeaders, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        #: Status line and headers as they stand on the wire, once a connection has written them.
        self.head: bytes | None = None

    async def send_to(self, send: Send, *, without_body: bool = False) -> None:
        """Send it the ASGI way: without its body to those who asked by HEAD."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": b"" if without_body else self.body})

    def unchanged(self) -> "CompleteResponse":
        """Return the answer that says that the client has this one already."""
        return CompleteResponse(304, [pair for pair in self.headers if pair[0] not in _OF_CONTENT], b"")


class Answer(Response):
    """A response whose headers are ready. Starlette's own goes through them one by one, which costs as much as a page."""

    def __init__(self, body: bytes, status_code: int, headers: RawHeaders) -> None:
        self.status_code = status_code
        self.body = body
        self.background = None
        self.raw_headers = headers


def entity_tag(scope: Scope, release_key: str, *, encoding: str, media_type: str, wishes: Wishes = ()) -> str:
    """Return the strong ETag of the answer to a request: what the bytes depend on, hashed. `wishes` are the languages
    wished for, as far as they count.
    """
    with_pages = "pages" if has_pages(scope) else ""  # records then have the addresses of theirs
    parts = (__version__, release_key, request_url(scope), encoding, media_type, with_pages, *wishes)
    return '"' + hashlib.blake2s("\n".join(parts).encode(), digest_size=12).hexdigest() + '"'


def matches(named: str | None, tag: str) -> bool:
    """Tell whether an If-None-Match header names the tag; weak comparison (RFC 9110, section 13.1.2)."""
    if named is None:
        return False
    tags = {part.strip().removeprefix("W/") for part in named.split(",")}
    return "*" in tags or tag in tags


class Content:
    """Bytes that are sent again and again: their digest, and what they became in each coding that was asked for."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.digest = hashlib.blake2s(body).digest()
        self._coded: dict[str, bytes] = {}

    def coded(self, coding: str) -> bytes | None:
        """Return the bytes in a coding, None where nobody asked for that yet."""
        return self._coded.get(coding)

    def compress(self, coding: str) -> bytes:
        """Return the bytes in a coding, and keep them."""
        coded = self._coded[coding] = compress(self.body, coding)
        return coded


class LargeAnswer(Response):
    """A response that is compressed in a thread before it is sent: the event loop would stand still meanwhile."""

    def __init__(self, body: bytes, headers: RawHeaders, compress_it: Callable[[], bytes]) -> None:
        self.status_code = 200
        self.body = body
        self.background = None
        self.raw_headers = headers
        self._compress = compress_it

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - as ASGI calls it
        limiter: CapacityLimiter = scope["app"].state.serving.compression_threads
        body = await anyio.to_thread.run_sync(self._compress, limiter=limiter)
        headers = [*self.raw_headers, (b"content-length", b"%d" % len(body))]
        await CompleteResponse(self.status_code, headers, body).send_to(send)


def release_answer(
    scope: Scope,
    release_key: str,
    body: bytes,
    *,
    headers: Iterable[tuple[bytes, bytes]] = (),
    media_type: str = JSON,
    wishes: Wishes = (),
    compressible: bool = True,
) -> Answer | LargeAnswer:
    """Return `body` as the answer of a release: compressed if asked, and 304 where the client has it already.

    Raises NotAcceptable.
    """
    coding = choose_coding(header(scope, b"accept-encoding"), size=len(body), compressible=compressible)
    tag = entity_tag(scope, release_key, encoding=coding, media_type=media_type, wishes=wishes)
    return _answer(
        scope, body, [(b"etag", tag.encode()), *_CACHING, *headers], tag=tag, coding=coding, media_type=media_type
    )


def content_answer(
    scope: Scope, content: Content, *, media_type: str, cache_control: str, headers: Iterable[tuple[bytes, bytes]] = ()
) -> Answer | LargeAnswer:
    """Return `content` as an answer that depends on no release, such as a style sheet: its ETag is a digest of its bytes.

    Raises NotAcceptable.
    """
    body = content.body
    coding = choose_coding(header(scope, b"accept-encoding"), size=len(body))
    tag = '"' + hashlib.blake2s(content.digest, digest_size=12, person=coding.encode()).hexdigest() + '"'
    always = [(b"etag", tag.encode()), (b"cache-control", cache_control.encode()), (b"vary", b"Accept-Encoding")]
    return _answer(scope, body, [*always, *headers], tag=tag, coding=coding, media_type=media_type, content=content)


def unkept_answer(scope: Scope, body: bytes, *, headers: Iterable[tuple[bytes, bytes]] = ()) -> Answer | LargeAnswer:
    """Return `body`, JSON, as the answer to what no address says: nobody may keep it. Raises NotAcceptable."""
    coding = choose_coding(header(scope, b"accept-encoding"), size=len(body))
    always = [(b"cache-control", b"no-store"), (b"vary", VARY.encode())]
    return _answer(scope, body, [*always, *headers], tag=None, coding=coding, media_type=JSON)


def _answer(
    scope: Scope,
    body: bytes,
    beside: RawHeaders,
    *,
    tag: str | None,
    coding: str,
    media_type: str,
    content: Content | None = None,
) -> Answer | LargeAnswer:
    if tag is not None and matches(header(scope, b"if-none-match"), tag):
        return Answer(b"", 304, beside)
    beside.append(_content_type(media_type))
    if coding != IDENTITY:
        beside.append((b"content-encoding", coding.encode()))
        if scope["state"]["head"]:
            # Nobody is sent the body: its length, which may be left out, is not worth making it.
            return Answer(b"", 200, beside)
        make = partial(compress, body, coding) if content is None else partial(content.compress, coding)
        coded = None if content is None else content.coded(coding)
        if coded is None and len(body) >= COMPRESS_IN_THREAD_FROM:
            return LargeAnswer(body, beside, make)
        body = make() if coded is None else coded
    return Answer(body, 200, [*beside, (b"content-length", b"%d" % len(body))])


_CACHING = ((b"cache-control", CACHE_CONTROL.encode()), (b"vary", VARY.encode()))


@lru_cache(16)
def _content_type(media_type: str) -> tuple[bytes, bytes]:
    parameters = "; charset=utf-8" if media_type.startswith("text/") else ""
    return b"content-type", (media_type + parameters).encode()
