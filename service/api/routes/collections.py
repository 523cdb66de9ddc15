"""The eight collections: a page of each, and one record. Each pair of routes differs only in its criteria and shapes."""

import anyio.to_thread
import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.cache import release_answer
from service.api.describing import PlainRoute, list_operation, record_operation
from service.api.formats import JSON, choose_media_type
from service.api.links import page_url, query_pairs, request_url
from service.api.serving import Served
from service.archive.model import PREFIXES
from service.catalogue.browsing import Page
from service.catalogue.criteria import CRITERIA, Criteria, RecordView, read_criteria
from service.errors import NotFound, Withdrawn

router = APIRouter(route_class=PlainRoute)


async def list_records(request: Request, *, model: type[Criteria]) -> Response:
    """Answer with one page of a collection."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(request.headers.get("accept"), [JSON])
    pairs = query_pairs(request.scope)
    criteria = read_criteria(model, pairs)
    listing = served.catalogue.look_up(criteria)
    if listing.quick:
        page = served.catalogue.page(listing)
    else:
        # Counting or sorting many matches takes long enough to hold up every other request: not on the event loop.
        page = await anyio.to_thread.run_sync(served.catalogue.page, listing)
    body, headers = draw_page(request, served, criteria, page, pairs)
    return release_answer(request, served.key, body, headers=headers)


def draw_page(
    request: Request, served: Served, criteria: Criteria, page: Page, pairs: list[tuple[str, str]]
) -> tuple[bytes, dict[str, str]]:
    """Return the body of a page, its records joined as they are stored, and its Link header."""
    links = {
        "self": request_url(request.scope),
        "next": None if page.next is None else page_url(request.scope, pairs, page.next),
        "prev": None if page.prev is None else page_url(request.scope, pairs, page.prev),
    }
    release = served.catalogue.release
    meta = {"total": page.total, "limit": criteria.limit, "release": release.id, "licence": release.head["licence"]}
    documents = [select_fields(document, criteria.fields) for document in page.documents]
    parts = (b",".join(documents), orjson.dumps(meta), orjson.dumps(links))
    body = b'{"data":[%s],"meta":%s,"links":%s}' % parts
    if page.facets is not None:
        body = b'%s,"facets":%s}' % (body[:-1], orjson.dumps(page.facets))
    beside = [f'<{links[name]}>; rel="{name}"' for name in ("next", "prev") if links[name] is not None]
    return body, {"Link": ", ".join(beside)} if beside else {}


def select_fields(document: bytes, fields: list[str]) -> bytes:
    """Return a document with only these top-level keys, in the document's order; all of it where none is named."""
    if not fields:
        return document
    wanted = set(fields)
    return orjson.dumps({key: value for key, value in orjson.loads(document).items() if key in wanted})


async def show_record(request: Request, *, model: type[Criteria]) -> Response:
    """Answer with one record: 404 where there is none or it is not public, 410 where it was withdrawn."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(request.headers.get("accept"), [JSON])
    view = read_criteria(RecordView.of(model.record), query_pairs(request.scope))
    record_id: str = request.path_params["id"]
    belongs = record_id.startswith(f"{PREFIXES[model.record]}-")
    document = served.catalogue.document(record_id) if belongs else None
    if document is None:
        day = served.catalogue.withdrawn_on(record_id) if belongs else None
        if day is not None:
            raise Withdrawn(f"{record_id} was withdrawn on {day}.", members={"id": record_id, "on": day})
        raise NotFound(f"There is no public record with this identifier among the {model.collection}.")
    return release_answer(request, served.key, select_fields(document, view.fields))


def _add(collection: str, model: type[Criteria]) -> None:
    """Add the two routes of a collection. FastAPI takes every argument of a route for a parameter of the request, hence
    the functions of one argument."""

    async def show_page(request: Request) -> Response:
        return await list_records(request, model=model)

    async def show_one(request: Request) -> Response:
        return await show_record(request, model=model)

    router.add_api_route(f"/v1/{collection}", show_page, methods=["GET"], tags=[collection], **list_operation(model))
    router.add_api_route(
        f"/v1/{collection}/{{id}}", show_one, methods=["GET"], tags=[collection], **record_operation(model)
    )


for _collection, _model in CRITERIA.items():
    _add(_collection, _model)
