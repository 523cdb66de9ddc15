"""Every release that the archive was published as: its statement and signature, to be checked anywhere. No content."""

import base64
import hashlib

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.describing import (
    releases_operation,
    signature_operation,
    stated_release_operation,
    statement_operation,
)
from service.api.shapes import ReleasePage, StatedRelease
from service.catalogue.parameters import NoParameters, read_criteria
from service.catalogue.releases import ReleaseCriteria
from service.errors import NotFound
from service.http.links import base_url, header, link_header, page_url, query_pairs, request_url
from service.http.negotiation import JSON, NDJSON, TEXT, choose_format, choose_media_type
from service.http.releases import Served
from service.http.responses import release_answer
from service.http.routing import PlainRoute
from service.release.statements import Link

router = APIRouter(route_class=PlainRoute, tags=["releases"])

_FORMATS = {"json": JSON, "ndjson": NDJSON}


@router.get("/v1/releases", **releases_operation())
async def list_releases(request: Request) -> Response:
    """What the archive was published as, the newest release first, also where it is kept no longer. Each statement names
    the one before it by its SHA-256.
    """
    served: Served = request.app.state.serving.of(request.scope)
    pairs = query_pairs(request.scope)
    criteria = read_criteria(ReleaseCriteria, pairs)
    chosen = choose_format(criteria.format, header(request.scope, b"accept"), _FORMATS)
    catalogue = served.catalogue
    if chosen == NDJSON:
        body = b"".join(link.line for link in catalogue.statements())
        return release_answer(request.scope, served.key, body, media_type=NDJSON)
    links, cursor = catalogue.releases(criteria)
    following = None if cursor is None else page_url(request.scope, pairs, cursor)
    base = base_url(request.scope)
    page: ReleasePage = {
        "data": [_stated(link, base, served) for link in links],
        "meta": {
            "total": len(catalogue.statements()),
            "limit": criteria.limit,
            "release": catalogue.manifest.id,
            "licence": catalogue.head["licence"],
        },
        "links": {"self": request_url(request.scope), "next": following},
    }
    headers = link_header({"next": following})
    return release_answer(request.scope, served.key, orjson.dumps(page), headers=headers)


@router.get("/v1/releases/{number}", **stated_release_operation())
async def show_release(request: Request) -> Response:
    """What one release says of itself, and where its statement and signature are."""
    served, link = _find(request, JSON)
    stated = _stated(link, base_url(request.scope), served)
    return release_answer(request.scope, served.key, orjson.dumps(stated))


@router.get("/v1/releases/{number}/statement", **statement_operation())
async def show_statement(request: Request) -> Response:
    """The statement of a release, byte for byte as it was signed: one line of canonical JSON."""
    served, link = _find(request, JSON)
    return _exactly(request, served, link.line, JSON)


@router.get("/v1/releases/{number}/signature", **signature_operation())
async def show_signature(request: Request) -> Response:
    """The signature of a statement, as `ssh-keygen -Y verify -n testimony-archive` takes it."""
    served, link = _find(request, TEXT)
    if link.signature is None:
        raise NotFound(f"The statement of release {link.statement.number} was not signed.")
    return _exactly(request, served, link.signature.encode(), TEXT)


def _find(request: Request, media_type: str) -> tuple[Served, Link]:
    """Return the statement that an address names. Raises NotFound."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(header(request.scope, b"accept"), (media_type,))
    read_criteria(NoParameters, query_pairs(request.scope))
    link = served.catalogue.statement(request.path_params["number"])
    if link is None:
        raise NotFound("The release being served knows of no release with this number.")
    return served, link


def _exactly(request: Request, served: Served, body: bytes, media_type: str) -> Response:
    """Answer with bytes as they are, and their digest: never compressed (RFC 9530, section 3)."""
    digest = base64.b64encode(hashlib.sha256(body).digest())
    headers = [(b"repr-digest", b"sha-256=:%b:" % digest)]
    return release_answer(request.scope, served.key, body, headers=headers, media_type=media_type, compressible=False)


def _stated(link: Link, base: str, served: Served) -> StatedRelease:
    statement = link.statement
    address = f"{base}/v1/releases/{statement.number}"
    return {
        "number": statement.number,
        "id": statement.release,
        "archive": statement.archive,
        "published_at": statement.published_at,
        "counts": statement.counts,
        "engine": statement.engine,
        "previous": statement.previous,
        "statement": link.digest,
        "signature": link.signature,
        "served": statement.number == served.catalogue.manifest.number,
        "links": {
            "self": address,
            "statement": f"{address}/statement",
            "signature": None if link.signature is None else f"{address}/signature",
        },
    }
