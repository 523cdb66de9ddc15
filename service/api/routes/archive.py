"""The whole public archive as a file: the bytes that the release id is the SHA-256 of, so that anyone can check, keep
and publish them.
"""

import base64
import re
from collections.abc import Iterator

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.describing import headers, problem_responses
from service.catalogue.parameters import NoParameters, read_criteria
from service.errors import InvalidParameters, NotAcceptable, NotReady, RangeNotSatisfiable
from service.http.compression import choose_coding
from service.http.links import header, query_pairs
from service.http.negotiation import NDJSON, choose_media_type
from service.http.releases import Served
from service.http.responses import CACHE_CONTROL, matches
from service.http.routing import PlainRoute
from service.http.streaming import stream
from service.release.manifest import CANONICAL, SHORT_ID
from service.release.opening import Release

router = APIRouter(route_class=PlainRoute, tags=["archive"])

#: Bytes read from the file at a time.
PART = 1 << 18
_HEADERS = ("Archive-Release", "ETag", "Repr-Digest", "Content-Disposition", "Accept-Ranges")
# One range only: several would need an answer of several parts, which nobody asks of a text file.
_RANGE = re.compile(r"bytes=([0-9]{1,18})?-([0-9]{1,18})?", re.IGNORECASE)


@router.get(
    "/v1/archive",
    operation_id="download_archive",
    summary="The whole public archive",
    response_model=None,
    responses={
        200: {
            "description": "The archive in its own format, one record a line; it can be published again",
            "content": {NDJSON: {"schema": {"type": "string"}}},
            "headers": headers(*_HEADERS),
        },
        206: {
            "description": "The bytes asked for with `Range`",
            "content": {NDJSON: {"schema": {"type": "string"}}},
            "headers": headers(*_HEADERS, "Content-Range"),
        },
        304: {"description": "The archive has not changed"},
        **problem_responses(NotAcceptable, InvalidParameters, RangeNotSatisfiable, NotReady),
    },
    openapi_extra={
        "parameters": [
            {
                "name": "Range",
                "in": "header",
                "required": False,
                "description": "One range of bytes, to continue a download; with `If-Range` only if nothing changed.",
                "schema": {"type": "string", "examples": ["bytes=1000-"]},
            }
        ]
    },
)
async def download_archive(request: Request) -> Response:
    """The public archive, byte for byte as it was published. Not compressed: the digest is that of the bytes sent."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(header(request.scope, b"accept"), (NDJSON,))
    choose_coding(header(request.scope, b"accept-encoding"), compressible=False)
    read_criteria(NoParameters, query_pairs(request.scope))
    release = served.catalogue.release
    file = release.manifest.files[CANONICAL]
    tag = f'"{release.id}"'
    name = f"{release.head['id']}-{release.id.removeprefix('sha256:')[:SHORT_ID]}.jsonl"
    beside = {
        "ETag": tag,
        "Cache-Control": CACHE_CONTROL,
        "Vary": "Accept",
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(file.sha256)).decode()}:",
        "Accept-Ranges": "bytes",
    }
    if matches(header(request.scope, b"if-none-match"), tag):
        return Response(status_code=304, headers=beside)
    wanted = asked_range(header(request.scope, b"range"), file.bytes) if _may_be_part(request, tag) else None
    start, end = wanted or (0, file.bytes)
    if wanted is not None:
        beside["Content-Range"] = f"bytes {start}-{end - 1}/{file.bytes}"
    beside |= {
        "Content-Type": NDJSON,
        "Content-Length": str(end - start),
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    return await stream(
        request, served, parts(release, start, end), status_code=200 if wanted is None else 206, headers=beside
    )


def _may_be_part(request: Request, tag: str) -> bool:
    """Tell whether a range may be given: to GET alone (RFC 9110, section 14.2), and not where the reader holds the beginning
    of another file.
    """
    return not request.scope["state"]["head"] and request.headers.get("if-range", tag) == tag


def asked_range(header: str | None, size: int) -> tuple[int, int] | None:
    """Return the first byte and the one after the last that a Range header asks for; None where all are to be given, as
    for every header that is not understood (RFC 9110, section 14.2). Raises RangeNotSatisfiable.
    """
    match = _RANGE.fullmatch(header.strip()) if header else None
    if match is None or (match[1] is None and match[2] is None):
        return None
    if match[1] is None:
        start, end = max(0, size - int(match[2])), size
    else:
        start, end = int(match[1]), size if match[2] is None else int(match[2]) + 1
        if match[2] is not None and end <= start:
            return None
    if start >= size:
        raise RangeNotSatisfiable(f"There are {size} bytes.", headers={"Content-Range": f"bytes */{size}"})
    return start, min(end, size)


def parts(release: Release, start: int, end: int) -> Iterator[bytes]:
    """Yield the bytes of the archive from `start` to before `end`. Raises OSError where the file is shorter."""
    while start < end:
        part = release.canonical_part(start, min(PART, end - start))
        if not part:
            raise OSError(f"{release.folder.name}: {CANONICAL} ends at byte {start}")
        yield part
        start += len(part)
