"""Answers that a release gives: strong ETag, 304, Cache-Control, gzip; and the cache that gives them again.

A release never changes, so an ETag is a digest of the release and the request, the same request has the same bytes until
the next release, and what was answered once can be answered again without looking.
"""

import asyncio
import gzip
import hashlib
from collections import OrderedDict
from collections.abc import Iterable
from functools import lru_cache

from starlette.responses import Response
from starlette.types import Scope, Send

from service import __version__
from service.api.formats import JSON, accepts_gzip
from service.api.links import header, request_url
from service.catalogue.languages import Wishes

#: A minute: how long a withdrawn record may still be shown by a cache that does not ask again.
CACHE_CONTROL = "public, max-age=60, must-revalidate"
VARY = "Accept, Accept-Encoding, Accept-Language"
#: Bytes below which compressing saves nothing on the wire: the answer fits one packet anyway.
COMPRESS_FROM = 1000
#: Beyond 5, gzip takes twice the time for a few per cent.
COMPRESSION_LEVEL = 5
#: Bytes that keeping an answer costs besides its body: key, headers and the objects around them.
OVERHEAD = 3000
#: Answers larger than this part of the cache are not kept: one of them would drive out many.
LARGEST_PART = 16
#: Requests that are remembered as asked once. An answer is kept when it is asked for again: who reads everything once must
#: not drive out what many read, and keeping costs a third of what making a page does.
ASKED_ONCE = 20_000

RawHeaders = list[tuple[bytes, bytes]]
#: All that the bytes of an answer depend on: release, scheme, path, query, and the headers that choose.
Key = tuple[object, ...]


# --- The cache --------------------------------------------------------------------------------------------------------


class Whole:
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

    def unchanged(self) -> "Whole":
        """Return the answer that says that the client has this one already."""
        return Whole(304, [pair for pair in self.headers if pair[0] not in _OF_CONTENT], b"")


class _Kept:
    """An answer that is kept, and the one that says that the client has it already: of an answer that only such a client
    has asked for, nothing else is there.
    """

    __slots__ = ("size", "tag", "unchanged", "whole")

    def __init__(self, tag: bytes, whole: Whole | None, unchanged: Whole) -> None:
        self.tag = tag
        self.whole = whole
        self.unchanged = unchanged
        self.size = OVERHEAD + (0 if whole is None else len(whole.body))

    def answer(self, known: bytes) -> Whole | None:
        """Return what to send to a client who names these tags in If-None-Match; None where it is not at hand."""
        if known == self.tag or matches(known.decode("latin-1"), self.tag.decode("latin-1")):
            return self.unchanged
        return self.whole


class ResponseCache:
    """Answers of one release, bounded in bytes, the least used forgotten first. Used on the event loop only.

    Of several requests for an answer that takes long to make, one makes it and the others wait: a stampede costs one
    answer.
    """

    def __init__(self, size: int) -> None:
        self.size = size
        self.hits = 0
        self.misses = 0
        # Not a cache of a library's: looking there takes longer than all else that giving an answer again does.
        self._kept: OrderedDict[Key, _Kept] = OrderedDict()
        self._bytes = 0
        self._making: dict[Key, asyncio.Event] = {}
        #: Hashes of what was asked once; forgotten all together when there are many.
        self._asked_once: set[int] = set()

    def get(self, key: Key, known: bytes | None) -> Whole | None:
        """Return an answer for a client who names these tags in If-None-Match, if it is at hand."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        answer = kept.whole if known is None else kept.answer(known)
        if answer is not None:
            self.hits += 1
            self._kept.move_to_end(key)
        return answer

    async def get_or_make(self, key: Key, known: bytes | None) -> Whole | None:
        """Return an answer that another request is making just now; None where the caller is the one to make it, who
        must say `made` when it is kept or will not be.
        """
        making = self._making.get(key)
        if making is not None:
            self._asked_once.add(hash(key))
            await making.wait()
            if (answer := self.get(key, known)) is not None:
                return answer
        self.misses += 1
        self._making.setdefault(key, asyncio.Event())
        return None

    def is_being_made(self, key: Key) -> bool:
        """Tell whether a request is making this answer just now."""
        return key in self._making

    def made(self, key: Key) -> None:
        """Let those go on who wait for this answer."""
        if (making := self._making.pop(key, None)) is not None:
            making.set()

    def keep(self, key: Key, answer: Whole) -> None:
        """Keep an answer that was asked for before, or is waited for, if it is one of a release and not too large."""
        if not self.size or not self._is_asked_again(key):
            return
        tag = next((value for name, value in answer.headers if name == b"etag"), None)
        if tag is None or len(answer.body) + OVERHEAD > self.size // LARGEST_PART:
            return
        if answer.status == 200:
            self._put(key, _Kept(tag, answer, answer.unchanged()))
        elif answer.status == 304 and key not in self._kept:
            self._put(key, _Kept(tag, None, answer))

    def _is_asked_again(self, key: Key) -> bool:
        asked = hash(key)
        if asked in self._asked_once:
            return True
        if len(self._asked_once) >= ASKED_ONCE:
            self._asked_once.clear()
        self._asked_once.add(asked)
        return False

    def _put(self, key: Key, kept: _Kept) -> None:
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


#: Headers that describe a body, and have no place where there is none.
_OF_CONTENT = frozenset({b"content-type", b"content-length", b"content-encoding"})


# --- Answers ----------------------------------------------------------------------------------------------------------


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
