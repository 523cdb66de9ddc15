"""The vocabularies of the archive: its own and the lists of the format, for menus, thesauri and translations."""

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.describing import vocabularies_operation, vocabulary_operation
from service.api.shapes import Vocabularies, VocabularyDocument
from service.catalogue.parameters import read_criteria
from service.catalogue.vocabularies import (
    VocabulariesView,
    VocabularyView,
    as_skos,
    is_built_in,
    shown_terms,
    used_by,
)
from service.errors import NotFound
from service.http.links import base_url, header, query_pairs
from service.http.negotiation import JSON, JSONLD, choose_format, choose_media_type, wished_languages
from service.http.releases import Served
from service.http.responses import release_answer
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute, tags=["vocabularies"])

_FORMATS = {"json": JSON, "jsonld": JSONLD}


@router.get("/v1/vocabularies", **vocabularies_operation())
async def list_vocabularies(request: Request) -> Response:
    """Every vocabulary, those of the archive first."""
    served: Served = request.app.state.serving.of(request.scope)
    choose_media_type(header(request.scope, b"accept"), (JSON,))
    read_criteria(VocabulariesView, query_pairs(request.scope))
    base = base_url(request.scope)
    every = served.catalogue.fields.vocabularies.values()
    shown: Vocabularies = {
        "data": [
            {
                "name": each.name,
                "title": each.title,
                "closed": each.is_closed,
                "built_in": is_built_in(each.name),
                "terms": len(each.terms),
                "href": f"{base}/v1/vocabularies/{each.name}",
            }
            for each in sorted(every, key=lambda each: (is_built_in(each.name), each.name))
        ]
    }
    return release_answer(request.scope, served.key, orjson.dumps(shown))


@router.get("/v1/vocabularies/{name}", **vocabulary_operation())
async def show_vocabulary(request: Request) -> Response:
    """A vocabulary with all its terms, in the order of the archive."""
    served: Served = request.app.state.serving.of(request.scope)
    view = read_criteria(VocabularyView, query_pairs(request.scope))
    chosen = choose_format(view.format, header(request.scope, b"accept"), _FORMATS)
    catalogue = served.catalogue
    terms = catalogue.fields.vocabularies.get(request.path_params["name"])
    if terms is None:
        raise NotFound("There is no vocabulary of this name.")
    language = catalogue.head["language"]
    if chosen == JSONLD:
        address = f"{base_url(request.scope)}/v1/vocabularies/{terms.name}"
        body = orjson.dumps(as_skos(terms, address, language))
        return release_answer(request.scope, served.key, body, media_type=JSONLD)
    wishes = wished_languages(view.lang, header(request.scope, b"accept-language"))
    shown: VocabularyDocument = {
        "name": terms.name,
        "title": terms.title,
        "closed": terms.is_closed,
        "built_in": is_built_in(terms.name),
        "used_by": [{"collection": where, "filter": by} for where, by in used_by(catalogue.fields, terms.name)],
        "terms": shown_terms(terms, wishes, language),  # type: ignore[typeddict-item]
    }
    return release_answer(request.scope, served.key, orjson.dumps(shown), wishes=wishes)
