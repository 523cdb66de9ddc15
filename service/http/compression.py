"""Compression of what is sent (RFC 9110, sections 8.4 and 12.5.3): which coding a client gets, and making it.

isal makes gzip about ten times as fast as zlib at its level 5, for a tenth more bytes; zstd is as fast and smaller. Both
let other threads run meanwhile. Neither writes a time, so that the same bytes come out every time.
"""

import threading
from collections.abc import Callable, Iterator
from functools import partial

import zstandard
from isal import isal_zlib

from service.errors import NotAcceptable, ParameterError
from service.http.negotiation import accepted, remembering

GZIP = "gzip"
ZSTD = "zstd"
IDENTITY = "identity"
#: Bytes below which compressing saves nothing on the wire: the answer fits one packet anyway.
COMPRESS_FROM = 1000
#: Bytes from which compressing is done in a thread: below, it takes less than half a millisecond, and a thread a quarter.
COMPRESS_IN_THREAD_FROM = 1 << 18
#: isal has levels 0 to 3; 2 saves two per cent in a twentieth more time, 3 four per cent in nearly twice the time.
GZIP_LEVEL = 1
#: Bytes below which gzip takes a code made beforehand (isal's level 0): making one for each answer takes 9 microseconds
#: whatever its size, as long as all else for a record. That has a fifth more bytes then, in no more packets.
GZIP_QUICKLY_BELOW = 4096
#: Beyond 1, zstd saves one per cent a level.
ZSTD_LEVEL = 1
#: RFC 9110, section 8.4.1.3.
_ALIASES = {"x-gzip": GZIP}
_GZIP_WINDOW = 16 + isal_zlib.MAX_WBITS


class _Compressors(threading.local):
    """The zstd compressor of each thread: making one costs more than compressing a record, and sharing is not allowed."""

    def __init__(self) -> None:
        self.zstd = zstandard.ZstdCompressor(level=ZSTD_LEVEL)


_compressors = _Compressors()


@remembering
def acceptable_codings(header: str | None) -> tuple[str, ...]:
    """Return the codings that an Accept-Encoding header lets an answer have, the one to use first.

    zstd goes before gzip where a client names both alike, gzip before zstd where it takes anything. A client that names
    neither gets the answer as it is; nothing is left for one that excludes this too.
    """
    if header is None or not header.strip():
        return (IDENTITY,)
    named: dict[str, float] = {}
    for coding, quality in accepted(header):
        named.setdefault(_ALIASES.get(coding, coding), quality)
    any_other = named.get("*", 0.0)
    ranked = []
    for coding, if_named, if_not in ((ZSTD, 0, 3), (GZIP, 1, 2)):
        quality, order = (named[coding], if_named) if coding in named else (any_other, if_not)
        if quality > 0:
            ranked.append((-quality, order, coding))
    # Acceptable unless it is excluded, but wished for only where it is named.
    excluded = named.get(IDENTITY, any_other if "*" in named else 1.0) == 0
    if not excluded:
        ranked.append((-named.get(IDENTITY, 0.0), 4, IDENTITY))
    return tuple(coding for _, _, coding in sorted(ranked))


def choose_coding(header: str | None, *, size: int | None = None, compressible: bool = True) -> str:
    """Return the coding of an answer of so many bytes; None where nobody knows how many. What is not compressible, and what
    would not get smaller, is sent as it is, if the client lets it. Raises NotAcceptable.
    """
    codings = acceptable_codings(header)
    small = size is not None and size < COMPRESS_FROM
    if IDENTITY in codings and (small or not compressible):
        return IDENTITY
    if not codings or not compressible:
        available = (IDENTITY, GZIP, ZSTD) if compressible else (IDENTITY,)
        raise NotAcceptable(
            f"This address answers in the codings {', '.join(available)}.",
            errors=[ParameterError("Accept-Encoding", "excludes everything there is", available)],
        )
    return codings[0]


def compress(body: bytes, coding: str) -> bytes:
    """Return `body` in a coding."""
    if coding == GZIP:
        return isal_zlib.compress(body, GZIP_LEVEL if len(body) >= GZIP_QUICKLY_BELOW else 0, _GZIP_WINDOW)
    return _compressors.zstd.compress(body) if coding == ZSTD else body


def compress_pieces(pieces: Iterator[bytes], coding: str) -> Iterator[bytes]:
    """Yield `pieces` in a coding, as one stream. The first goes out at once: a reader should not wait for what a compressor
    holds back to do better.
    """
    if coding == IDENTITY:
        yield from pieces
        return
    flush: Callable[[], bytes]
    end: Callable[[], bytes]
    # Its own compressor: each piece may be made in another thread, but never two at once.
    if coding == GZIP:
        zipped = isal_zlib.compressobj(GZIP_LEVEL, wbits=_GZIP_WINDOW)
        write, flush, end = zipped.compress, partial(zipped.flush, isal_zlib.Z_SYNC_FLUSH), zipped.flush
    else:
        stream = zstandard.ZstdCompressor(level=ZSTD_LEVEL).compressobj()
        write, flush, end = stream.compress, partial(stream.flush, zstandard.COMPRESSOBJ_FLUSH_BLOCK), stream.flush
    first = next(pieces, None)
    if first is not None:
        yield write(first) + flush()
    for piece in pieces:
        if out := write(piece):
            yield out
    yield end()
