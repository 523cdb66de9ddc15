"""The public files of sources: recordings to play from any place, pictures, documents.

A stranger may have made them. What a browser could run as a page of ours is only given to be saved.
"""

import base64
from functools import partial
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.describing import file_operation
from service.api.routes.collections import find_document
from service.catalogue.parameters import NoParameters, read_criteria
from service.errors import NotFound
from service.http.links import query_pairs
from service.http.ranges import PART, RangedFile, answer_ranges
from service.http.releases import Served
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute)

#: What browsers show without running it. A type that is not among these is given to be saved: HTML, SVG and XML above all.
_SHOWN_FAMILIES = ("audio/", "video/")
_SHOWN = frozenset(
    """
    image/avif image/bmp image/gif image/jpeg image/png image/tiff image/webp application/pdf text/plain text/vtt
    """.split()
)


@router.get("/v1/sources/{id}/files/{name}", tags=["sources"], **file_operation())
async def show_file(request: Request) -> Response:
    """A public file of a source, byte for byte, whole or in parts. It is given as what it is, whatever `Accept` says, and
    never compressed.
    """
    served: Served = request.app.state.serving.of(request.scope)
    read_criteria(NoParameters, query_pairs(request.scope))
    record_id: str = request.path_params["id"]
    source = orjson.loads(find_document(served, "sources", record_id))
    file = _file_of(source, request.path_params["name"])
    kept = served.catalogue.open_file(file["sha256"])
    ranged = RangedFile(
        kept.size, f'"{file["sha256"]}"', _content_type(file["media_type"]), partial(kept.parts, most=PART)
    )
    return await answer_ranges(request, served, ranged, headers=_headers(file))


def _file_of(source: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the file of a source with a name. Raises NotFound."""
    # The letters of a name may be written in more than one way, and come as the client's system writes them.
    wanted = normalize("NFC", name)
    found: dict[str, Any] | None = next(
        (file for file in source["files"] if normalize("NFC", file["name"]) == wanted), None
    )
    if found is None:
        raise NotFound(f"{source['id']} has no public file of this name; `files` in its record lists those it has.")
    if found["href"] is None:
        raise NotFound(f"This file of {source['id']} is kept elsewhere; `url` in `files` of its record says where.")
    return found


def _content_type(media_type: str) -> str:
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


def _headers(file: dict[str, Any]) -> dict[str, str]:
    media_type: str = file["media_type"]
    is_shown = media_type in _SHOWN or media_type.startswith(_SHOWN_FAMILIES)
    headers = {
        "Content-Disposition": _disposition("inline" if is_shown else "attachment", file["name"]),
        "Repr-Digest": f"sha-256=:{base64.b64encode(bytes.fromhex(file['sha256'])).decode()}:",
    }
    if file["language"] is not None:
        headers["Content-Language"] = file["language"]
    if not is_shown:
        headers["Content-Security-Policy"] = "sandbox; default-src 'none'"
    return headers


def _disposition(how: str, name: str) -> str:
    """Return how a file is to be treated, and its name (RFC 6266), in ASCII for old clients too."""
    plain = "".join(letter if letter.isascii() and letter not in '"\\%' else "_" for letter in name)
    return f"{how}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
