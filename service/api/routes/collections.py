"""The eight collections: a page of each, the whole list in other formats, and one record.

Each pair of routes differs only in its criteria and shapes.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Scope

from service.api.atom import Where, draw_list_feed, read_feed
from service.api.formats import FORMATS, Export, Format, files_of, format_of, select_fields, written
from service.api.operations import (
    feed_operation,
    list_operation,
    query_operation,
    record_operation,
    whole_list_operation,
)
from service.api.transcripts import find_transcript
from service.archive.identifiers import (
    PLURALS,
    PREFIXES,
    RECORD_OF,
    TYPE_OF_PREFIX,
    RecordType,
    is_identifier,
)
from service.catalogue.browsing import Catalogue, Listing, Page
from service.catalogue.criteria import COLLECTIONS, TRANSCRIPT, Criteria, QueryAddress, view_of
from service.catalogue.cursor import CURSOR_LENGTH
from service.catalogue.including import Included
from service.catalogue.languages import Wishes
from service.catalogue.notes import Note, notes_on
from service.catalogue.parameters import read_criteria, read_posted
from service.errors import InvalidParameters, NotFound, Withdrawn
from service.http.bodies import read_json_object
from service.http.compression import IDENTITY, choose_coding, compress_pieces
from service.http.links import (
    base_url,
    has_pages,
    header,
    json_beside,
    kept_query,
    link_header,
    page_url,
    pairs_of,
    query_pairs,
    request_address,
    request_url,
    with_addresses,
)
from service.http.negotiation import ATOM, JSON, choose_media_type, wished_languages
from service.http.releases import Served
from service.http.responses import CACHE_CONTROL, VARY, RawHeaders, entity_tag, matches, release_answer, unkept_answer
from service.http.routing import AtOnce, Later, PlainRoute, finish
from service.http.streaming import stream

router = APIRouter(route_class=PlainRoute)

#: What answers without waiting, by the path of its route.
AT_ONCE: dict[str, AtOnce] = {}

#: Records of a page with which others are included on the event loop: finding these takes a tenth of a millisecond for each.
INCLUDED_AT_ONCE = 20

_CURSOR = re.compile(rb"(?:^|&)cursor=([A-Za-z0-9_-]{1,%d})(?=&|$)" % CURSOR_LENGTH)


@dataclass(frozen=True, slots=True)
class AskedList:
    """A list as it was asked for, whichever of its pages."""

    listing: Listing
    chosen: Format
    wishes: Wishes
    #: The query of the address of another page, up to its cursor.
    query: str
    #: What `meta` says besides the total, what was perhaps meant, and the notes.
    meta: dict[str, Any]
    #: What is told of the question: see `notes`.
    notes: list[Note]


def ask_list(
    served: Served,
    model: type[Criteria],
    query: bytes,
    accept: str | None,
    languages: str | None,
    *,
    addressed: str | None = None,
) -> AskedList:
    """Read what a query and the headers Accept and Accept-Language ask for; `addressed` is the format that the address ends
    in. Raises InvalidParameters, NotAcceptable.
    """
    pairs = pairs_of(query)
    try:
        criteria = read_criteria(model, pairs)
    except InvalidParameters as refused:
        raise served.catalogue.with_identifiers(refused, model, pairs) from None
    return asked_list(served, criteria, accept, languages, query=kept_query(query, pairs), addressed=addressed)


def asked_list(
    served: Served,
    criteria: Criteria,
    accept: str | None,
    languages: str | None,
    *,
    query: str,
    addressed: str | None = None,
) -> AskedList:
    """Return a list as it is asked for by criteria. `query` is that of the address of another page, up to its cursor."""
    chosen = format_of(criteria, accept, addressed=addressed)
    wished = wished_languages(criteria.lang, languages)
    catalogue = served.catalogue
    # Included records, and what facets count, may have texts in languages that no record of the list has.
    is_wide = bool(criteria.include or criteria.facets)
    wishes = catalogue.effective_anywhere(wished) if is_wide else catalogue.effective(criteria.collection, wished)
    meta = {"limit": criteria.limit, "release": catalogue.manifest.id, "licence": catalogue.head["licence"]}
    notes = notes_on(served.catalogue.sets, criteria)
    return AskedList(served.catalogue.look_up(criteria), chosen, wishes, query, meta, notes)


def asked_of(scope: Scope, served: Served, model: type[Criteria]) -> tuple[AskedList, str | None]:
    """Return what a request asks for, and the cursor of the page. Pages of a list differ in the cursor alone: all else is
    read once.
    """
    query: bytes = scope["query_string"]
    beside = header(scope, b"accept"), header(scope, b"accept-language")
    found = _CURSOR.search(query)
    if found is None:
        return served.recall(ask_list, model, query, *beside), None
    rest = (query[: found.start()] + query[found.end() :]).removeprefix(b"&")
    with suppress(InvalidParameters):
        asked = served.recall(ask_list, model, rest, *beside)
        if asked.listing.criteria.cursor is None and asked.chosen.writer is None:
            return asked, found[1].decode()
    # A second cursor, one where there are no pages, or something else: all that is wrong shows in the whole.
    return served.recall(ask_list, model, query, *beside), None


def answer_list(scope: Scope, served: Served, collection: str) -> Response | Later:
    """Answer with one page of a collection, or with the whole list in a format that has no pages: at once, or later where
    that takes longer than the event loop should stand still.
    """
    asked, cursor = asked_of(scope, served, served.catalogue.criteria[collection])
    if asked.chosen.writer is not None:
        return partial(export_list, served=served, listing=asked.listing, chosen=asked.chosen, wishes=asked.wishes)
    criteria = asked.listing.criteria
    if not asked.listing.quick or (criteria.include and criteria.limit > INCLUDED_AT_ONCE):
        return partial(find_page, served=served, asked=asked, cursor=cursor)
    page = served.catalogue.page(asked.listing, cursor)
    if criteria.q is not None and not page.total:
        return partial(find_page, served=served, asked=asked, cursor=cursor)  # what was meant takes longer to find
    return draw_page(scope, served, asked, page)


async def list_records(request: Request, *, collection: str) -> Response:
    """Answer with one page of a collection, or with the whole list in a format that has no pages."""
    served: Served = request.app.state.serving.of(request.scope)
    return await finish(answer_list(request.scope, served, collection), request)


async def answer_query(request: Request, *, collection: str) -> Response:
    """Answer a query that was sent as a body, as the same one in an address is answered. Of the address, only `cursor` is
    read: `links.next` takes the same body again.
    """
    served: Served = request.app.state.serving.of(request.scope)
    scope = request.scope
    cursor = read_criteria(QueryAddress, query_pairs(scope)).cursor
    members = await read_json_object(request)
    beside = header(scope, b"accept"), header(scope, b"accept-language")
    # Reading, looking up and finding: with thousands of values each takes longer than the event loop should stand still.
    asked, page, included = await served.apart(_find_posted, served, collection, members, cursor, beside)
    if page is None:
        return await export_list(
            request, served=served, listing=asked.listing, chosen=asked.chosen, wishes=asked.wishes, kept=False
        )
    return draw_page(scope, served, asked, page, included=included, kept=False)


def _find_posted(
    served: Served,
    collection: str,
    members: dict[str, Any],
    cursor: str | None,
    beside: tuple[str | None, str | None],
) -> tuple[AskedList, Page | None, Included | None]:
    """Return what a query that was sent as a body asks for, its page, None where it asks for a whole list, and what is
    included with that.
    """
    criteria = read_posted(served.catalogue.criteria[collection], members)
    asked = asked_list(served, criteria, *beside, query="")
    if asked.chosen.writer is not None:
        return asked, None, None
    return asked, *_read_page(served, asked, cursor)


async def list_in_format(request: Request, *, collection: str, name: str) -> Response:
    """Answer with a whole list in the format that the address ends in."""
    served: Served = request.app.state.serving.of(request.scope)
    scope, model = request.scope, served.catalogue.criteria[collection]
    beside = header(scope, b"accept"), header(scope, b"accept-language")
    asked = ask_list(served, model, scope["query_string"], *beside, addressed=name)
    return await export_list(request, served=served, listing=asked.listing, chosen=asked.chosen, wishes=asked.wishes)


async def list_as_feed(request: Request, *, collection: str) -> Response:
    """Answer with the records of a list that changed last, as a feed."""
    served: Served = request.app.state.serving.of(request.scope)
    scope, catalogue = request.scope, served.catalogue
    pairs = query_pairs(scope)
    criteria = read_feed(catalogue.criteria[collection], pairs)
    wishes = catalogue.effective(collection, wished_languages(criteria.lang, header(scope, b"accept-language")))
    listing = catalogue.look_up(criteria)
    page = catalogue.page(listing) if listing.quick else await served.apart(catalogue.page, listing)
    shown, languages = show_in(page.documents, wishes, catalogue)
    links = {"next": None if page.next is None else page_url(scope, pairs, page.next)}
    own = request_url(scope)
    at = Where(base_url(scope), own, links["next"], has_pages=has_pages(scope))
    body = draw_list_feed(catalogue, collection, shown, at)
    headers = [*link_header(links), *languages]
    return release_answer(scope, served.key, body, headers=headers, media_type=ATOM, wishes=wishes)


async def find_page(request: Request, *, served: Served, asked: AskedList, cursor: str | None) -> Response:
    """Answer with a page that takes long to find."""
    page, included = await served.apart(_read_page, served, asked, cursor)
    return draw_page(request.scope, served, asked, page, included=included)


def _read_page(served: Served, asked: AskedList, cursor: str | None) -> tuple[Page, Included | None]:
    criteria = asked.listing.criteria
    page, names = served.catalogue.meant(served.catalogue.page(asked.listing, cursor), criteria), criteria.include
    return page, served.catalogue.include(page.documents, names) if names else None


def draw_page(
    scope: Scope, served: Served, asked: AskedList, page: Page, *, included: Included | None = None, kept: bool = True
) -> Response:
    """Answer with a page, its records joined as they are stored or in the languages wished for, and with those that it
    includes. It may be `kept` where the address says all that was asked.
    """
    criteria = asked.listing.criteria
    if criteria.include and included is None:
        included = served.catalogue.include(page.documents, criteria.include)
    address = request_address(scope)
    links = {
        "self": request_url(scope),
        "next": None if page.next is None else f"{address}?{asked.query}cursor={page.next}",
        "prev": None if page.prev is None else f"{address}?{asked.query}cursor={page.prev}",
    }
    meta = {"total": page.total} | asked.meta | {"did_you_mean": page.did_you_mean, "notes": asked.notes}
    headers = link_header(links)
    if asked.wishes or criteria.fields or included is not None:
        documents = [*page.documents, *(included.documents if included is not None else ())]
        placed = [with_addresses(scope, document) for document in documents]
        shown, languages = show_in(placed, asked.wishes, served.catalogue)
        number = len(page.ordinals)
        records = [b",".join([select_fields(document, criteria.fields) for document in shown[:number]])]
        beside = [] if included is None else [b",", _included_member(shown[number:], included.total)]
        headers += languages
        is_placed = True
    else:
        records, beside, is_placed = page.members, [], False
    facets = page.facets
    if facets is not None and asked.wishes:
        facets = served.catalogue.relabelled(facets, asked.wishes, criteria.collection)
    # Joined once: the records are most of it, and copying them again is what costs.
    body = b"".join(
        [
            b'{"data":[',
            *records,
            b'],"meta":',
            json_beside(meta),
            b',"links":',
            json_beside(links),
            *([] if facets is None else [b',"facets":', json_beside(facets)]),
            *beside,
            b"}",
        ]
    )
    if not is_placed:
        body = with_addresses(scope, body)
    if not kept:
        return unkept_answer(scope, body, headers=headers)
    return release_answer(scope, served.key, body, headers=headers, wishes=asked.wishes)


def _included_member(documents: list[bytes], total: int) -> bytes:
    return b'"included":[%b],"included_total":%d' % (b",".join(documents), total)


def show_in(documents: list[bytes], wishes: Wishes, catalogue: Catalogue) -> tuple[list[bytes], RawHeaders]:
    """Return documents with their texts in the languages wished for, and the header that names these languages; as they
    are stored, and no header, where no wish counts.
    """
    if not wishes:
        return documents, []
    translated, languages = catalogue.translate(documents, wishes)
    return translated, [(b"content-language", ", ".join(sorted(languages)).encode())] if languages else []


async def export_list(
    request: Request, *, served: Served, listing: Listing, chosen: Format, wishes: Wishes = (), kept: bool = True
) -> Response:
    """Answer with a whole list as a file. `Archive-Total` says how many records it has, for a reader to compare. It may be
    `kept` where the address says all that was asked.
    """
    assert chosen.writer is not None
    catalogue, criteria = served.catalogue, listing.criteria
    coding = choose_coding(header(request.scope, b"accept-encoding"))
    tag = entity_tag(request.scope, served.key, encoding=coding, media_type=chosen.media_type, wishes=wishes)
    headers = {"ETag": tag, "Cache-Control": CACHE_CONTROL, "Vary": VARY} if kept else {"Cache-Control": "no-store"}
    if kept and matches(header(request.scope, b"if-none-match"), tag):
        return Response(status_code=304, headers=headers)
    # Looking up and counting may take as long as a page that is not quick.
    listing = await served.apart(catalogue.whole, listing)
    total = await served.apart(catalogue.total, listing)
    omitted = 0
    if chosen.on_map:
        matching, listing = total, catalogue.on_map(listing)
        total = await served.apart(catalogue.total, listing)
        omitted = matching - total
        headers["Archive-Omitted"] = str(omitted)
    name = f"{catalogue.head['id']}-{criteria.collection}.{chosen.suffix}"
    headers |= {
        "Content-Type": chosen.media_type + chosen.parameters,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Archive-Total": str(total),
    }
    writer = chosen.writer(Export(catalogue, criteria, base_url(request.scope), omitted))
    pieces = written(writer, catalogue, listing, place=partial(with_addresses, request.scope), wishes=wishes)
    if coding != IDENTITY:
        headers["Content-Encoding"] = coding
        pieces = compress_pieces(pieces, coding)
    return await stream(request, served, pieces, headers=headers)


def record_at_once(scope: Scope, served: Served, collection: str, record_id: str) -> Response:
    """Answer with one record: 404 where there is none or it is not public, 410 where it was withdrawn."""
    choose_media_type(header(scope, b"accept"), (JSON,))
    view = read_criteria(view_of(served.catalogue.fields.collection(collection)), query_pairs(scope))
    document = with_addresses(scope, find_document(served, collection, record_id))
    wished = wished_languages(view.lang, header(scope, b"accept-language"))
    if not view.include:
        wishes = served.catalogue.effective(collection, wished)
        [shown], headers = show_in([document], wishes, served.catalogue)
        return release_answer(scope, served.key, select_fields(shown, view.fields), headers=headers, wishes=wishes)
    included = served.catalogue.include([document], [name for name in view.include if name != TRANSCRIPT])
    wishes = served.catalogue.effective_anywhere(wished)
    # All addresses at once where no text is translated, which spares a look at each record.
    others = included.documents
    if wishes or not others:
        others = [with_addresses(scope, each) for each in others]
    else:
        others = [with_addresses(scope, b",".join(others))]
    [shown, *others], headers = show_in([document, *others], wishes, served.catalogue)
    members = [select_fields(shown, view.fields)[:-1], _included_member(others, included.total)]
    if TRANSCRIPT in view.include:
        found = find_transcript(scope, served, record_id, document, wishes=wishes, lang=view.lang)
        members.append(b'"transcript":%b' % orjson.dumps(None if found is None else found.transcript))
        headers = _also_in(headers, [] if found is None else found.languages)
    body = b",".join(members) + b"}"
    return release_answer(scope, served.key, body, headers=headers, wishes=wishes)


def _also_in(headers: RawHeaders, languages: list[str]) -> RawHeaders:
    """Return the header that names the languages of an answer with some more; none where it has none."""
    return [(name, ", ".join(sorted({*value.decode().split(", "), *languages})).encode()) for name, value in headers]


def find_document(served: Served, collection: str, record_id: str) -> bytes:
    """Return the document of the record that an address names. Raises NotFound or Withdrawn."""
    belongs = record_id.startswith(f"{PREFIXES[RECORD_OF[collection]]}-")
    document = served.catalogue.document(record_id) if belongs else None
    if document is None:
        day = served.catalogue.withdrawn_on(record_id) if belongs else None
        if day is not None:
            raise Withdrawn(f"{record_id} was withdrawn on {day}.", members={"id": record_id, "on": day})
        raise NotFound(
            f"There is no public record with this identifier among the {collection}.{_elsewhere(collection, record_id)}"
        )
    return document


def _elsewhere(collection: str, record_id: str) -> str:
    """Return where an identifier of another type belongs, by its form alone; nothing where it has none."""
    record = TYPE_OF_PREFIX.get(record_id.partition("-")[0])
    if record is None or PLURALS[record] == collection or not is_identifier(record_id):
        return ""
    return f" This one is of the form of {PLURALS[record]}: /v1/{PLURALS[record]}/{record_id}."


def _add(collection: str, record: RecordType) -> None:
    """Add the two routes of a collection. FastAPI takes every argument of a route for a parameter of the request, hence
    the functions of one argument.
    """

    async def show_page(request: Request) -> Response:
        return await list_records(request, collection=collection)

    async def show_one(request: Request) -> Response:
        served: Served = request.app.state.serving.of(request.scope)
        return record_at_once(request.scope, served, collection, request.path_params["id"])

    page, one = f"/v1/{collection}", f"/v1/{collection}/{{id}}"
    AT_ONCE[page] = lambda scope, served, _: answer_list(scope, served, collection)
    AT_ONCE[one] = lambda scope, served, record_id: record_at_once(scope, served, collection, record_id)

    async def show_query(request: Request) -> Response:
        return await answer_query(request, collection=collection)

    router.add_api_route(page, show_page, methods=["GET"], tags=[collection], **list_operation(collection))
    query = f"{page}/query"
    router.add_api_route(query, show_query, methods=["POST"], tags=[collection], **query_operation(collection))
    router.add_api_route(one, show_one, methods=["GET"], tags=[collection], **record_operation(record))
    for name in files_of(collection):
        _add_file(collection, name)

    async def show_feed(request: Request) -> Response:
        return await list_as_feed(request, collection=collection)

    router.add_api_route(f"{page}.atom", show_feed, methods=["GET"], tags=[collection], **feed_operation(collection))


def _add_file(collection: str, name: str) -> None:
    """Add the address of a whole list in one format."""

    async def show_file(request: Request) -> Response:
        return await list_in_format(request, collection=collection, name=name)

    path = f"/v1/{collection}.{FORMATS[name].suffix}"
    router.add_api_route(path, show_file, methods=["GET"], tags=[collection], **whole_list_operation(collection, name))


for _collection in COLLECTIONS:
    _add(_collection, RECORD_OF[_collection])
