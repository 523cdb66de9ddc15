"""The eight collections: a page of each, the whole list in other formats, and one record.

Each pair of routes differs only in its criteria and shapes.
"""

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.cache import CACHE_CONTROL, VARY, entity_tag, matches, release_answer
from service.api.describing import PlainRoute, list_operation, record_operation
from service.api.formats import (
    JSON,
    Export,
    Format,
    accepts_gzip,
    choose_media_type,
    format_of,
    select_fields,
    wished_languages,
    written,
)
from service.api.links import base_url, page_url, query_pairs, request_url
from service.api.serving import Served
from service.api.streaming import compressed, stream
from service.archive.model import PREFIXES
from service.catalogue.browsing import Listing, Page
from service.catalogue.criteria import CRITERIA, Criteria, RecordView, read_criteria
from service.catalogue.languages import Wishes, translate
from service.errors import NotFound, Withdrawn

router = APIRouter(route_class=PlainRoute)


async def list_records(request: Request, *, model: type[Criteria]) -> Response:
    """Answer with one page of a collection, or with the whole list in a format that has no pages."""
    served: Served = request.app.state.serving.of(request.scope)
    pairs = query_pairs(request.scope)
    criteria = read_criteria(model, pairs)
    chosen = format_of(criteria, request.headers.get("accept"))
    listing = served.catalogue.look_up(criteria)
    wishes = _wishes(request, served, criteria, model)
    if chosen.writer is not None:
        return await export_list(request, served, listing, chosen, wishes=wishes)
    if listing.quick:
        page = served.catalogue.page(listing)
    else:
        # Counting or sorting many matches takes long enough to hold up every other request: not on the event loop.
        page = await served.apart(served.catalogue.page, listing)
    body, headers = draw_page(request, served, criteria, page, pairs, wishes=wishes)
    return release_answer(request, served.key, body, headers=headers, wishes=wishes)


def _wishes(request: Request, served: Served, view: RecordView, model: type[Criteria]) -> Wishes:
    """Return the languages that a request wishes for, as far as they change anything in this collection."""
    asked = wished_languages(view.lang, request.headers.get("accept-language"))
    return served.catalogue.effective(model.collection, asked)


def draw_page(
    request: Request,
    served: Served,
    criteria: Criteria,
    page: Page,
    pairs: list[tuple[str, str]],
    *,
    wishes: Wishes = (),
) -> tuple[bytes, dict[str, str]]:
    """Return the body of a page, its records joined as they are stored or in the languages wished for, and headers."""
    links = {
        "self": request_url(request.scope),
        "next": None if page.next is None else page_url(request.scope, pairs, page.next),
        "prev": None if page.prev is None else page_url(request.scope, pairs, page.prev),
    }
    release = served.catalogue.release
    meta = {"total": page.total, "limit": criteria.limit, "release": release.id, "licence": release.head["licence"]}
    shown, headers = show_in(page.documents, wishes)
    documents = [select_fields(document, criteria.fields) for document in shown] if criteria.fields else shown
    # Joined once: the documents are most of it, and copying them again is what costs.
    parts = [b'{"data":[', *(part for document in documents for part in (document, b","))]
    if documents:
        parts.pop()
    parts.append(b'],"meta":%s,"links":%s' % (orjson.dumps(meta), orjson.dumps(links)))
    if page.facets is not None:
        parts.append(b',"facets":%s' % orjson.dumps(page.facets))
    parts.append(b"}")
    body = b"".join(parts)
    beside = [f'<{links[name]}>; rel="{name}"' for name in ("next", "prev") if links[name] is not None]
    return body, headers | ({"Link": ", ".join(beside)} if beside else {})


def show_in(documents: list[bytes], wishes: Wishes) -> tuple[list[bytes], dict[str, str]]:
    """Return documents with their texts in the languages wished for, and the header that names these languages; as they
    are stored, and no header, where no wish counts.
    """
    if not wishes:
        return documents, {}
    translated = [translate(document, wishes) for document in documents]
    languages = sorted(set[str]().union(*(languages for _, languages in translated)))
    header = {"Content-Language": ", ".join(languages)} if languages else {}
    return [document for document, _ in translated], header


async def export_list(
    request: Request, served: Served, listing: Listing, chosen: Format, *, wishes: Wishes = ()
) -> Response:
    """Answer with a whole list as a file. `Archive-Total` says how many records it has, for a reader to compare."""
    assert chosen.writer is not None
    catalogue, criteria = served.catalogue, listing.criteria
    zipped = accepts_gzip(request.headers.get("accept-encoding"))
    encoding = "gzip" if zipped else "identity"
    tag = entity_tag(request, served.key, encoding=encoding, media_type=chosen.media_type, wishes=wishes)
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY}
    if matches(request.headers.get("if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    # Looking up and counting may take as long as a page that is not quick.
    listing = await served.apart(catalogue.whole, listing)
    total = await served.apart(catalogue.total, listing)
    if chosen.on_map:
        matching, listing = total, catalogue.on_map(listing)
        total = await served.apart(catalogue.total, listing)
        headers["Archive-Omitted"] = str(matching - total)
    name = f"{catalogue.release.head['id']}-{criteria.collection}.{chosen.suffix}"
    headers |= {
        "Content-Type": chosen.media_type + chosen.parameters,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Archive-Total": str(total),
    }
    writer = chosen.writer(Export(catalogue, criteria, base_url(request.scope)))
    pieces = written(writer, catalogue, listing, wishes=wishes)
    if zipped:
        headers["Content-Encoding"] = "gzip"
        pieces = compressed(pieces)
    return await stream(request, served, pieces, headers=headers)


async def show_record(request: Request, *, model: type[Criteria]) -> Response:
    """Answer with one record: 404 where there is none or it is not public, 410 where it was withdrawn."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(request.headers.get("accept"), [JSON])
    view = read_criteria(RecordView.of(model.record), query_pairs(request.scope))
    document = find_document(request, served, model)
    wishes = _wishes(request, served, view, model)
    [shown], headers = show_in([document], wishes)
    return release_answer(request, served.key, select_fields(shown, view.fields), headers=headers, wishes=wishes)


def find_document(request: Request, served: Served, model: type[Criteria]) -> bytes:
    """Return the document of the record that an address names. Raises NotFound or Withdrawn."""
    record_id: str = request.path_params["id"]
    belongs = record_id.startswith(f"{PREFIXES[model.record]}-")
    document = served.catalogue.document(record_id) if belongs else None
    if document is None:
        day = served.catalogue.withdrawn_on(record_id) if belongs else None
        if day is not None:
            raise Withdrawn(f"{record_id} was withdrawn on {day}.", members={"id": record_id, "on": day})
        raise NotFound(f"There is no public record with this identifier among the {model.collection}.")
    return document


def _add(collection: str, model: type[Criteria]) -> None:
    """Add the two routes of a collection. FastAPI takes every argument of a route for a parameter of the request, hence
    the functions of one argument.
    """

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
