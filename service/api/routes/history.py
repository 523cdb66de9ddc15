"""The history of a record: its versions, the releases they came with, and digests that prove a copy. No content."""

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.describing import history_operation
from service.api.routes.collections import find_document
from service.api.shapes import History, VersionEntry
from service.archive.identifiers import RECORD_OF
from service.catalogue.criteria import COLLECTIONS
from service.catalogue.history import Version, cite_latest
from service.catalogue.parameters import NoParameters, read_criteria
from service.http.links import base_url, header, query_pairs, record_url, request_url
from service.http.negotiation import JSON, choose_media_type
from service.http.releases import Served
from service.http.responses import release_answer
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute)


async def show_history(request: Request, *, collection: str) -> Response:
    """Answer with the history of one record: 404 where there is none or it is not public, 410 where it was withdrawn."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(header(request.scope, b"accept"), (JSON,))
    read_criteria(NoParameters, query_pairs(request.scope))
    record_id: str = request.path_params["id"]
    find_document(served, collection, record_id)
    catalogue, base = served.catalogue, base_url(request.scope)
    versions = catalogue.history(record_id)
    history: History = {
        "data": [_entry(version, base) for version in versions],
        "meta": {
            "id": record_id,
            "release": catalogue.manifest.id,
            "licence": catalogue.head["licence"],
            "cite_as": cite_latest(catalogue.head, record_id, versions[-1]),
        },
        "links": {"self": request_url(request.scope), "record": record_url(base, record_id)},
    }
    return release_answer(request.scope, served.key, orjson.dumps(history))


def _entry(version: Version, base: str) -> VersionEntry:
    return {
        "version": version.version,
        "action": version.action,  # type: ignore[typeddict-item]
        "at": version.at,
        "number": version.number,
        "release": version.release,
        "digest": version.digest,
        "erase": version.erase,
        "href": f"{base}/v1/releases/{version.number}",
    }


def _add(collection: str) -> None:
    """Add the route of a collection. FastAPI takes every argument of a route for a parameter of the request, hence the
    function of one argument.
    """

    async def show(request: Request) -> Response:
        return await show_history(request, collection=collection)

    path = f"/v1/{collection}/{{id}}/history"
    router.add_api_route(path, show, methods=["GET"], tags=[collection], **history_operation(RECORD_OF[collection]))


for _collection in COLLECTIONS:
    _add(_collection)
