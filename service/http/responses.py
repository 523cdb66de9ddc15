"""Responses that a release gives: strong ETag, 304, Cache-Control, compression.

A release never changes, so an ETag is a digest of the release and the request: the same request has the same bytes until
the next release.
"""

import gzip
import hashlib
from collections.abc import Iterable
from functools import lru_cache

from starlette.responses import Response
from starlette.types import Scope, Send

from service import __version__
from service.catalogue.languages import Wishes
from service.http.links import header, request_url
from service.http.negotiation import JSON, accepts_gzip

#: A minute: how long a withdrawn record may still be shown by a cache that does not ask again.
CACHE_CONTROL = "public, max-age=60, must-revalidate"
VARY = "Accept, Accept-Encoding, Accept-Language"
#: Bytes below which compressing saves nothing on the wire: the answer fits one packet anyway.
COMPRESS_FROM = 1000
#: Beyond 5, gzip takes twice the time for a few per cent.
COMPRESSION_LEVEL = 5

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

    async def send_to(self, send: Send) -> None:
        """Send it the ASGI way."""
        await send({"type": "http.response.start", "status": self.status, "headers": self.headers})
        await send({"type": "http.response.body", "body": self.body})

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
    parts = (__version__, release_key, request_url(scope), encoding, media_type, *wishes)
    return '"' + hashlib.blake2s("\n".join(parts).encode(), digest_size=12).hexdigest() + '"'


def matches(named: str | None, tag: str) -> bool:
    """Tell whether an If-None-Match header names the tag; weak comparison (RFC 9110, section 13.1.2)."""
    if named is None:
        return False
    tags = {part.strip().removeprefix("W/") for part in named.split(",")}
    return "*" in tags or tag in tags


def release_answer(
    scope: Scope,
    release_key: str,
    body: bytes,
    *,
    headers: Iterable[tuple[bytes, bytes]] = (),
    media_type: str = JSON,
    wishes: Wishes = (),
    compressible: bool = True,
) -> Answer:
    """Return `body` as the answer of a release: compressed if asked, and 304 where the client has it already."""
    asked = compressible and accepts_gzip(header(scope, b"accept-encoding"))
    compress = asked and len(body) >= COMPRESS_FROM
    encoding = "gzip" if compress else "identity"
    tag = entity_tag(scope, release_key, encoding=encoding, media_type=media_type, wishes=wishes)
    beside = [(b"etag", tag.encode()), *_ALWAYS, *headers]
    if matches(header(scope, b"if-none-match"), tag):
        return Answer(b"", 304, beside)
    if compress:
        beside.append((b"content-encoding", b"gzip"))
        # Without a time in it, the same bytes come out every time, as a strong ETag promises.
        body = gzip.compress(body, COMPRESSION_LEVEL, mtime=0)
    return Answer(body, 200, [*beside, _content_type(media_type), (b"content-length", b"%d" % len(body))])


_ALWAYS = ((b"cache-control", CACHE_CONTROL.encode()), (b"vary", VARY.encode()))


@lru_cache(16)
def _content_type(media_type: str) -> tuple[bytes, bytes]:
    parameters = "; charset=utf-8" if media_type.startswith("text/") else ""
    return b"content-type", (media_type + parameters).encode()
