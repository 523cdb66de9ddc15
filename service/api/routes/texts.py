"""What is said at length: the transcript of a testimony, the text of a source."""

import base64

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response

from service.api.operations import text_operation, transcript_operation
from service.api.routes.collections import find_document
from service.api.transcripts import as_text, as_vtt, find_transcript
from service.catalogue.criteria import TranscriptView
from service.catalogue.parameters import NoParameters, read_criteria
from service.errors import NotFound
from service.http.links import header, query_pairs, request_url
from service.http.negotiation import JSON, TEXT, VTT, choose_format, choose_media_type, wished_languages
from service.http.releases import Served
from service.http.responses import release_answer
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute)

_FORMATS = {"json": JSON, "vtt": VTT, "text": TEXT}


@router.get("/v1/testimonies/{id}/transcript", tags=["testimonies"], **transcript_operation())
async def show_transcript(request: Request) -> Response:
    """What was said, segment by segment: as JSON, as WebVTT for players, or as plain text."""
    served: Served = request.app.state.serving.of(request.scope)
    view = read_criteria(TranscriptView, query_pairs(request.scope))
    chosen = choose_format(view.format, header(request.scope, b"accept"), _FORMATS)
    document = find_document(served, "testimonies", request.path_params["id"])
    record_id: str = request.path_params["id"]
    wishes = wished_languages(view.lang, header(request.scope, b"accept-language"))
    found = find_transcript(request.scope, served, record_id, document, wishes=wishes, lang=view.lang)
    if found is None:
        raise NotFound(
            f"{record_id} has no transcript; has_transcript is true in the record of each testimony that has one."
        )
    transcript, languages = found
    segments, warnings = transcript["segments"], transcript["content_warnings"]
    if chosen == JSON:
        transcript["links"]["self"] = request_url(request.scope)
        body = orjson.dumps(transcript)
    elif chosen == VTT:
        body = as_vtt(segments, warnings, language=languages[0]).encode()
    else:
        body = as_text(segments, warnings).encode()
    headers = [(b"content-language", ", ".join(languages).encode())]
    return release_answer(request.scope, served.key, body, headers=headers, media_type=chosen)


@router.get("/v1/sources/{id}/text", tags=["sources"], **text_operation())
async def show_text(request: Request) -> Response:
    """The text that citations of this source count their offsets in, where its words may be republished."""
    served: Served = request.app.state.serving.of(request.scope)
    read_criteria(NoParameters, query_pairs(request.scope))
    choose_media_type(header(request.scope, b"accept"), (TEXT,))
    document = orjson.loads(find_document(served, "sources", request.path_params["id"]))
    record_id: str = request.path_params["id"]
    text = served.catalogue.source_text(record_id)
    if text is None:
        reason = "the archive does not hold it" if document["verbatim"] else "its words may not be republished"
        raise NotFound(
            f"The text of {record_id} is not published: {reason}. "
            "has_text is true in the record of each source whose text is."
        )
    headers = [
        (b"content-language", text.language.encode()),
        (b"repr-digest", b"sha-256=:%b:" % base64.b64encode(text.digest)),
    ]
    # The digest is of the bytes as they are sent (RFC 9530, section 3), so they must be those that were hashed.
    return release_answer(request.scope, served.key, text.content, headers=headers, media_type=TEXT, compressible=False)
