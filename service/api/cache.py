"""Answers that a release gives: strong ETag, 304, Cache-Control, gzip. A release never changes, so an ETag is a digest of
the release and the request, and the same request has the same bytes until the next release."""

import gzip
import hashlib

from fastapi import Request
from starlette.responses import Response

from service import __version__
from service.api.formats import JSON, accepts_gzip
from service.api.links import request_url

#: A minute: how long a withdrawn record may still be shown by a cache that does not ask again.
CACHE_CONTROL = "public, max-age=60, must-revalidate"
VARY = "Accept, Accept-Encoding"
#: Bytes below which compressing saves nothing on the wire: the answer fits one packet anyway.
COMPRESS_FROM = 1000
#: Beyond 5, gzip takes twice the time for a few per cent.
COMPRESSION_LEVEL = 5


def entity_tag(request: Request, release_key: str, *, encoding: str, media_type: str) -> str:
    """Return the strong ETag of the answer to a request: what the bytes depend on, hashed."""
    parts = (__version__, release_key, request_url(request.scope), encoding, media_type)
    return '"' + hashlib.blake2s("\n".join(parts).encode(), digest_size=12).hexdigest() + '"'


def matches(header: str | None, tag: str) -> bool:
    """Tell whether an If-None-Match header names the tag; weak comparison (RFC 9110, section 13.1.2)."""
    if header is None:
        return False
    named = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in named or tag in named


def release_answer(
    request: Request, release_key: str, body: bytes, *, headers: dict[str, str] | None = None, media_type: str = JSON
) -> Response:
    """Return `body` as the answer of a release: compressed if asked, and 304 where the client has it already."""
    compress = len(body) >= COMPRESS_FROM and accepts_gzip(request.headers.get("accept-encoding"))
    encoding = "gzip" if compress else "identity"
    tag = entity_tag(request, release_key, encoding=encoding, media_type=media_type)
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY} | (headers or {})
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    if compress:
        headers["Content-Encoding"] = "gzip"
        # Without a time in it, the same bytes come out every time, as a strong ETag promises.
        body = gzip.compress(body, COMPRESSION_LEVEL, mtime=0)
    return Response(body, headers=headers, media_type=media_type)
