"""The page for the editor of an archive that is published at each save: what is wrong with it. Only with `serve --watch`."""

import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.http.application import Part
from service.http.links import header
from service.http.negotiation import HTML
from service.http.routing import PlainRoute
from service.pages.languages import words_for
from service.pages.rendering import POLICY, bare

#: The file in the data folder that keeps what was found last.
FINDINGS = "findings.json"
_HEADERS = {
    # Its script asks for the page again.
    "Content-Security-Policy": f"{POLICY}; connect-src 'self'",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def findings_part(data: Path) -> Part:
    """Return the address of the page. `data`: the folder of releases."""

    async def show_findings(request: Request) -> Response:
        """What is wrong with the archive as it was saved last."""
        words = words_for(header(request.scope, b"accept-language"))
        body = bare("findings.html", words, root=request.scope.get("root_path", ""), **_last(data))
        return Response(body, media_type=HTML, headers=_HEADERS | {"Content-Language": words.language})

    router = APIRouter(route_class=PlainRoute, include_in_schema=False)
    router.add_api_route("/findings", show_findings, methods=["GET"])
    return Part(router, {})


def _last(data: Path) -> dict[str, Any]:
    """Return what the page shows of the last check. What was found is told in English, as in a terminal and in answers of
    the API: those who edit look the words up, and ask others about them.
    """
    try:
        last: dict[str, Any] = json.loads((data / FINDINGS).read_bytes())
    except FileNotFoundError:
        last = {"archive": "", "at": "", "ok": True, "findings": [], "more": False}
    return last
