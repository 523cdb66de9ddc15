"""Answers that a release gives: strong ETag, 304, Cache-Control, gzip; and the cache that gives them again.

A release never changes, so an ETag is a digest of the release and the request, the same request has the same bytes until
the next release, and what was answered once can be answered again without looking.
"""

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response
from starlette.types import Message

from service import __version__
from service.api.formats import JSON, accepts_gzip
from service.api.links import request_url
from service.catalogue.languages import Wishes

#: A minute: how long a withdrawn record may still be shown by a cache that does not ask again.
CACHE_CONTROL = "public, max-age=60, must-revalidate"
VARY = "Accept, Accept-Encoding, Accept-Language"
#: Bytes below which compressing saves nothing on the wire: the answer fits one packet anyway.
COMPRESS_FROM = 1000
#: Beyond 5, gzip takes twice the time for a few per cent.
COMPRESSION_LEVEL = 5
#: Bytes that keeping an answer costs besides its body: key, headers and the objects around them.
OVERHEAD = 2500
#: Answers larger than this part of the cache are not kept: one of them would drive out many.
LARGEST_PART = 16
#: Requests that are remembered as asked once. An answer is kept when it is asked for again: who reads everything once must
#: not drive out what many read, and keeping costs a third of what making a page does.
ASKED_ONCE = 20_000

RawHeaders = list[tuple[bytes, bytes]]
#: All that the bytes of an answer depend on: release, scheme, path, query, and the headers that choose.
Key = tuple[object, ...]


# --- The cache --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer as it goes to the server, and the one that says that the client has it already: of an answer that only
    such a client has asked for, nothing else is there.
    """

    tag: bytes
    #: Start and body; None where only `unchanged` is kept.
    whole: tuple[Message, Message] | None
    unchanged: Message
    size: int

    def messages(self, known: bytes | None) -> tuple[Message, Message] | None:
        """Return what to send to a client who names these tags in If-None-Match; None where it is not at hand."""
        if known is not None and (known == self.tag or matches(known.decode("latin-1"), self.tag.decode("latin-1"))):
            return self.unchanged, NO_BODY
        return self.whole


class ResponseCache:
    """Answers of one release, bounded in bytes, the least used forgotten first. Used on the event loop only.

    Of several requests for an answer that is not there, one makes it and the others wait: a stampede costs one answer.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = 0
        self.misses = 0
        # Not a cache of a library's: looking there takes longer than all else that giving an answer again does.
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._bytes = 0
        self._making: dict[Key, asyncio.Event] = {}
        #: Hashes of what was asked once; forgotten all together when there are many.
        self._asked_once: set[int] = set()

    def get(self, key: Key, known: bytes | None) -> tuple[Message, Message] | None:
        """Return an answer for a client who names these tags in If-None-Match, if it is at hand."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        messages = kept.whole if known is None else kept.messages(known)
        if messages is not None:
            self.hits += 1
            self._kept.move_to_end(key)
        return messages

    async def get_or_make(self, key: Key, known: bytes | None) -> tuple[Message, Message] | None:
        """Return an answer that another request is making just now; None where the caller is the one to make it, who
        must say `made` when it is kept or will not be.
        """
        making = self._making.get(key)
        if making is not None:
            self._asked_once.add(hash(key))
            await making.wait()
            if (messages := self.get(key, known)) is not None:
                return messages
        self.misses += 1
        self._making.setdefault(key, asyncio.Event())
        return None

    def made(self, key: Key) -> None:
        """Let those go on who wait for this answer."""
        if (making := self._making.pop(key, None)) is not None:
            making.set()

    def keep(self, key: Key, start: Message, body: Message) -> None:
        """Keep an answer that was asked for before, or is waited for, if it is one of a release and not too large."""
        if not self._is_asked_again(key):
            return
        headers: RawHeaders = start["headers"]
        tag = next((value for name, value in headers if name == b"etag"), None)
        size = len(body.get("body", b"")) + OVERHEAD
        if tag is None or size > self.size // LARGEST_PART:
            return
        if start["status"] == 200:
            unchanged = {**start, "status": 304, "headers": [pair for pair in headers if pair[0] not in _OF_CONTENT]}
            self._put(key, Kept(tag, (start, body), unchanged, size))
        elif start["status"] == 304 and key not in self._kept:
            self._put(key, Kept(tag, None, start, size))

    def _is_asked_again(self, key: Key) -> bool:
        asked = hash(key)
        if asked in self._asked_once:
            return True
        if len(self._asked_once) >= ASKED_ONCE:
            self._asked_once.clear()
        self._asked_once.add(asked)
        return False

    def _put(self, key: Key, kept: Kept) -> None:
        before = self._kept.pop(key, None)
        self._kept[key] = kept
        self._bytes += kept.size - (0 if before is None else before.size)
        while self._bytes > self.size:
            _, dropped = self._kept.popitem(last=False)
            self._bytes -= dropped.size

    def clear(self) -> None:
        """Forget everything: a new release is being served."""
        self._kept.clear()
        self._asked_once.clear()
        self._bytes = 0


NO_BODY: Message = {"type": "http.response.body", "body": b""}
#: Headers that describe a body, and have no place where there is none.
_OF_CONTENT = frozenset({b"content-type", b"content-length", b"content-encoding"})


# --- Answers ----------------------------------------------------------------------------------------------------------


class Answer(Response):
    """A response whose headers are ready. Starlette's own goes through them one by one, which costs as much as a page."""

    def __init__(self, body: bytes, status_code: int, headers: Iterable[tuple[str, str]]) -> None:
        self.status_code = status_code
        self.body = body
        self.background = None
        self.raw_headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]


def entity_tag(request: Request, release_key: str, *, encoding: str, media_type: str, wishes: Wishes = ()) -> str:
    """Return the strong ETag of the answer to a request: what the bytes depend on, hashed. `wishes` are the languages
    wished for, as far as they count.
    """
    parts = (__version__, release_key, request_url(request.scope), encoding, media_type, *wishes)
    return '"' + hashlib.blake2s("\n".join(parts).encode(), digest_size=12).hexdigest() + '"'


def matches(header: str | None, tag: str) -> bool:
    """Tell whether an If-None-Match header names the tag; weak comparison (RFC 9110, section 13.1.2)."""
    if header is None:
        return False
    named = {part.strip().removeprefix("W/") for part in header.split(",")}
    return "*" in named or tag in named


def release_answer(
    request: Request,
    release_key: str,
    body: bytes,
    *,
    headers: dict[str, str] | None = None,
    media_type: str = JSON,
    wishes: Wishes = (),
    compressible: bool = True,
) -> Response:
    """Return `body` as the answer of a release: compressed if asked, and 304 where the client has it already."""
    asked = compressible and accepts_gzip(request.headers.get("accept-encoding"))
    compress = asked and len(body) >= COMPRESS_FROM
    encoding = "gzip" if compress else "identity"
    tag = entity_tag(request, release_key, encoding=encoding, media_type=media_type, wishes=wishes)
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY} | (headers or {})
    if matches(request.headers.get("if-none-match"), tag):
        return Answer(b"", 304, headers.items())
    if compress:
        headers["Content-Encoding"] = "gzip"
        # Without a time in it, the same bytes come out every time, as a strong ETag promises.
        body = gzip.compress(body, COMPRESSION_LEVEL, mtime=0)
    content_type = f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type
    headers |= {"Content-Type": content_type, "Content-Length": str(len(body))}
    return Answer(body, 200, headers.items())
