"""Parts of a file that are asked for with `Range` (RFC 9110, section 14): one, several in one answer, or none there is.

Knows how a file is read from a place, and nothing of where it lies.
"""

import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from fastapi import Request
from starlette.responses import Response

from service.errors import RangeNotSatisfiable
from service.http.links import header
from service.http.releases import Served
from service.http.responses import CACHE_CONTROL, matches
from service.http.streaming import stream

#: The first byte of a part, and the one after its last.
Span = tuple[int, int]
#: Yields the bytes of a file from the first place to before the second. Raises OSError where the file ends before.
Read = Callable[[int, int], Iterator[bytes]]

#: Bytes read from a file at a time.
PART = 1 << 18
#: Parts in one answer, at most: players ask for one or two. Who asks for more is given the whole file.
MOST_PARTS = 16
_RANGE = re.compile(r"([0-9]{1,18})?-([0-9]{1,18})?")
_UNIT = "bytes="


@dataclass(frozen=True, slots=True)
class RangedFile:
    """A file of which parts can be given."""

    size: int
    #: Its strong ETag.
    tag: str
    #: As it stands in Content-Type.
    media_type: str
    read: Read


async def answer_ranges(
    request: Request, served: Served, file: RangedFile, *, headers: dict[str, str], most: int = MOST_PARTS
) -> Response:
    """Return a file or the parts of it that were asked for, `most` at most, or that the client has it already.

    Raises RangeNotSatisfiable.
    """
    beside = headers | {"ETag": file.tag, "Cache-Control": CACHE_CONTROL, "Accept-Ranges": "bytes"}
    if matches(header(request.scope, b"if-none-match"), file.tag):
        return Response(status_code=304, headers=beside)
    asked = header(request.scope, b"range") if _may_be_part(request, file.tag) else None
    spans = asked_spans(asked, file.size, most=most)
    if spans is None:
        whole = {"Content-Type": file.media_type, "Content-Length": str(file.size)}
        return await stream(request, served, file.read(0, file.size), headers=beside | whole)
    if len(spans) == 1:
        [(start, end)] = spans
        one = {
            "Content-Type": file.media_type,
            "Content-Length": str(end - start),
            "Content-Range": f"bytes {start}-{end - 1}/{file.size}",
        }
        return await stream(request, served, file.read(start, end), status_code=206, headers=beside | one)
    boundary = secrets.token_hex(16)
    heads = [_part_head(boundary, file, span) for span in spans]
    heads[0] = heads[0].lstrip()
    foot = f"\r\n--{boundary}--\r\n".encode()
    several = {
        "Content-Type": f"multipart/byteranges; boundary={boundary}",
        "Content-Length": str(sum(map(len, heads)) + sum(end - start for start, end in spans) + len(foot)),
    }
    pieces = _several(file, spans, heads, foot)
    return await stream(request, served, pieces, status_code=206, headers=beside | several)


def _may_be_part(request: Request, tag: str) -> bool:
    """Tell whether a part may be given: to GET alone (RFC 9110, section 14.2), and not where the reader holds the beginning
    of another file.
    """
    return not request.scope["state"]["head"] and request.headers.get("if-range", tag) == tag


def asked_spans(header: str | None, size: int, *, most: int = MOST_PARTS) -> list[Span] | None:
    """Return the parts that a Range header asks for, in its order, those that touch each other joined; None where all is to
    be given, as for every header that is not understood (RFC 9110, section 14.2). Raises RangeNotSatisfiable.
    """
    given = (header or "").strip()
    if given[: len(_UNIT)].lower() != _UNIT:
        return None
    # One more than are given tells that there are too many; a header may have thousands.
    asked = [part.strip() for part in given[len(_UNIT) :].split(",", 2 * most + 1)]
    asked = [part for part in asked if part]
    spans = [_span(part, size) for part in asked]
    if not 0 < len(spans) <= most or None in spans:
        return None
    found = [span for span in spans if span is not None and span[0] < min(size, span[1])]
    if not found:
        raise RangeNotSatisfiable(f"There are {size} bytes.", headers={"Content-Range": f"bytes */{size}"})
    return _joined(found)


def _span(part: str, size: int) -> Span | None:
    """Return what one range names, empty where the file has nothing of it; None where it is no range."""
    match = _RANGE.fullmatch(part)
    if match is None or (match[1] is None and match[2] is None):
        return None
    if match[1] is None:
        return max(0, size - int(match[2])), size
    if match[2] is not None and int(match[2]) < int(match[1]):
        return None
    return int(match[1]), size if match[2] is None else min(size, int(match[2]) + 1)


def _joined(spans: list[Span]) -> list[Span]:
    """Return parts as they are where they lie apart; else in order, those joined that touch: no byte is sent twice."""
    in_order: list[Span] = []
    for start, end in sorted(spans):
        if in_order and start <= in_order[-1][1]:
            in_order[-1] = in_order[-1][0], max(end, in_order[-1][1])
        else:
            in_order.append((start, end))
    return spans if len(in_order) == len(spans) else in_order


def _part_head(boundary: str, file: RangedFile, span: Span) -> bytes:
    start, end = span
    lines = (
        "",
        f"--{boundary}",
        f"Content-Type: {file.media_type}",
        f"Content-Range: bytes {start}-{end - 1}/{file.size}",
        "",
        "",
    )
    return "\r\n".join(lines).encode()


def _several(file: RangedFile, spans: Sequence[Span], heads: Sequence[bytes], foot: bytes) -> Iterator[bytes]:
    for span, head in zip(spans, heads, strict=True):
        yield head
        yield from file.read(*span)
    yield foot
