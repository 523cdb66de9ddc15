"""The whole public archive as a file: the bytes that the release id is the SHA-256 of, so that anyone can check, keep
and publish them.
"""

import base64
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.describing import headers, problem_responses
from service.catalogue.parameters import NoParameters, read_criteria
from service.errors import InvalidParameters, NotAcceptable, NotReady, RangeNotSatisfiable
from service.http.compression import choose_coding
from service.http.links import header, query_pairs
from service.http.negotiation import NDJSON, choose_media_type
from service.http.ranges import PART, RangedFile, answer_ranges
from service.http.releases import Served
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute, tags=["archive"])

_HEADERS = ("Archive-Release", "ETag", "Repr-Digest", "Content-Disposition", "Accept-Ranges")


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
    head, manifest = served.catalogue.head, served.catalogue.manifest
    file = manifest.archive
    name = f"{head['id']}-{manifest.short_id}.jsonl"
    beside = {
        "Vary": "Accept",
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(file.sha256)).decode()}:",
        "Content-Disposition": f'attachment; filename="{name}"',
    }
    ranged = RangedFile(file.bytes, f'"{manifest.id}"', NDJSON, partial(served.catalogue.archive_parts, most=PART))
    # One range only: nobody asks a text file for several.
    return await answer_ranges(request, served, ranged, headers=beside, most=1)
