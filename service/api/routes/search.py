"""Search across collections, and completions for a search box."""

from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.describing import search_operation, suggest_operation
from service.api.shapes import ExcerptDocument, HitDocument, Suggestions
from service.catalogue.browsing import Hits
from service.catalogue.criteria import SearchCriteria, SuggestCriteria
from service.catalogue.languages import Wishes, called_in
from service.catalogue.notes import notes_on
from service.catalogue.parameters import read_criteria
from service.catalogue.search import Hit
from service.http.links import base_url, header, link_header, page_url, query_pairs, record_url, request_url
from service.http.negotiation import JSON, choose_media_type, wished_languages
from service.http.releases import Served
from service.http.responses import release_answer
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute, tags=["search"])


@router.get("/v1/search", **search_operation())
async def search(request: Request) -> Response:
    """The best matches in every collection, with the passages that match."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(header(request.scope, b"accept"), (JSON,))
    pairs = query_pairs(request.scope)
    criteria = read_criteria(SearchCriteria, pairs)
    wishes = _wishes(request, served, criteria.lang)
    found = await served.apart(served.catalogue.search, criteria)
    links = {
        "self": request_url(request.scope),
        "next": None if found.next is None else page_url(request.scope, pairs, found.next),
        "prev": None if found.prev is None else page_url(request.scope, pairs, found.prev),
    }
    body = orjson.dumps(_page(served, criteria, found, links, base_url(request.scope), wishes=wishes))
    return release_answer(request.scope, served.key, body, headers=link_header(links), wishes=wishes)


def _wishes(request: Request, served: Served, lang: str | None) -> Wishes:
    """Return the languages wished for, where they can change what anything is called."""
    return served.catalogue.effective_anywhere(wished_languages(lang, header(request.scope, b"accept-language")))


def _page(
    served: Served, criteria: SearchCriteria, found: Hits, links: dict[str, str | None], base: str, *, wishes: Wishes
) -> dict[str, Any]:
    catalogue = served.catalogue
    meta = {
        "total": found.total,
        "limit": criteria.limit,
        "release": catalogue.manifest.id,
        "licence": catalogue.head["licence"],
        "did_you_mean": found.did_you_mean,
        "notes": notes_on(served.catalogue.sets, criteria),
    }
    page: dict[str, Any] = {
        "data": [draw_hit(hit, base, called_in(hit.public, wishes, catalogue.head["language"])) for hit in found.hits],
        "meta": meta,
        "links": links,
        "collections": found.collections,
    }
    if found.facets is None:
        return page
    facets = catalogue.relabelled(found.facets, wishes, criteria.collection) if wishes else found.facets
    return page | {"facets": facets}


def draw_hit(hit: Hit, base: str, title: str) -> HitDocument:
    """Return a hit as it is shown, under a title. A segment of a transcript has an identifier and an address that stay the same."""
    record_id: str = hit.public["id"]
    shown: list[ExcerptDocument] = []
    for excerpt in hit.excerpts:
        document: ExcerptDocument = {
            "field": excerpt.field,
            "text": excerpt.text,
            "matches": [[start, end] for start, end in excerpt.matches],
            "segment": None,
            "start_s": excerpt.start_s,
        }
        if excerpt.segment is not None:
            href = f"{base}/v1/testimonies/{record_id}/transcript#{excerpt.segment}"
            document["segment"] = {"id": excerpt.segment, "start_s": excerpt.start_s, "href": href}
        shown.append(document)
    return {
        "record": hit.public["record"],
        "collection": hit.collection,
        "id": record_id,
        "title": title,
        "score": round(hit.score, 6),
        "content_warnings": hit.public.get("content_warnings", []),
        "excerpts": shown,
    }


@router.get("/v1/suggest", **suggest_operation())
async def suggest(request: Request) -> Response:
    """Titles, labels and names that go on as what was typed, for a search box."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(header(request.scope, b"accept"), (JSON,))
    criteria = read_criteria(SuggestCriteria, query_pairs(request.scope))
    found = served.catalogue.suggest(criteria)
    wishes, base = _wishes(request, served, criteria.lang), base_url(request.scope)
    titles = served.catalogue.titles([each.record_id for each in found if each.record_id is not None], wishes)
    shown: Suggestions = {
        "data": [
            {
                "text": each.text,
                "collection": each.collection,
                "count": each.count,
                "id": each.record_id,
                "title": titles.get(each.record_id or ""),
                "href": None if each.record_id is None else record_url(base, each.record_id),
            }
            for each in found
        ]
    }
    return release_answer(request.scope, served.key, orjson.dumps(shown), wishes=wishes)
