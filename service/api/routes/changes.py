"""What happened to the records: for mirrors as JSON, for people as an Atom feed."""

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.atom import Where, draw_feed
from service.api.operations import changes_operation
from service.api.shapes import ChangeEntry, Changes
from service.archive.identifiers import PLURALS, TYPE_OF_PREFIX
from service.catalogue.changes import Change
from service.catalogue.criteria import ChangeCriteria
from service.catalogue.parameters import read_criteria
from service.http.links import base_url, has_pages, header, link_header, page_url, query_pairs, record_url, request_url
from service.http.negotiation import ATOM, JSON, choose_format
from service.http.releases import Served
from service.http.responses import release_answer
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute, tags=["changes"])


@router.get("/v1/changes", **changes_operation())
async def show_changes(request: Request) -> Response:
    """Created, updated, withdrawn, in order. Keep `meta.cursor` and come back with it for what has happened since. Of what
    was withdrawn only the identifier and the day are told: delete your copy.
    """
    served: Served = request.app.state.serving.of(request.scope)
    pairs = query_pairs(request.scope)
    criteria = read_criteria(ChangeCriteria, pairs)
    chosen = choose_format(criteria.format, header(request.scope, b"accept"), {"json": JSON, "atom": ATOM})
    catalogue, base = served.catalogue, base_url(request.scope)
    newest_first = chosen == ATOM if criteria.sort is None else criteria.sort == "-at"
    page = catalogue.changes(criteria, newest_first=newest_first, with_documents=chosen == ATOM)
    resume = page_url(request.scope, pairs, page.cursor)
    following = resume if page.more else None
    own = request_url(request.scope)
    headers = link_header({"next": following})
    if chosen == ATOM:
        at = Where(base, own, following, has_pages=has_pages(request.scope))
        body = draw_feed(catalogue, page.changes, at)
        return release_answer(request.scope, served.key, body, headers=headers, media_type=ATOM)
    changes: Changes = {
        "data": [_entry(change, base) for change in page.changes],
        "meta": {
            "limit": criteria.limit,
            "release": catalogue.manifest.id,
            "licence": catalogue.head["licence"],
            "cursor": page.cursor,
        },
        "links": {"self": own, "next": following, "resume": resume},
    }
    return release_answer(request.scope, served.key, orjson.dumps(changes), headers=headers)


def _entry(change: Change, base: str) -> ChangeEntry:
    record = TYPE_OF_PREFIX[change.record_id.partition("-")[0]]
    return {
        "sequence": change.sequence,
        "action": change.action,  # type: ignore[typeddict-item]
        "record": record,
        "collection": PLURALS[record],
        "id": change.record_id,
        "title": change.title,
        "version": change.version,
        "at": change.at,
        "release": change.release,
        "erase": change.erase,
        "href": record_url(base, change.record_id) if change.live else None,
    }
