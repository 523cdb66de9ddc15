"""The page for the editor of an archive that is published at each save: what is wrong with it. Only with `serve --watch`."""

import json
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from service.http.application import Part
from service.http.negotiation import HTML
from service.http.routing import PlainRoute
from service.pages.rendering import POLICY, bare

#: The file in the data folder that keeps what was found last.
FINDINGS = "findings.json"
_HEADERS = {
    "Content-Security-Policy": POLICY,
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
    "Cross-Origin-Opener-Policy": "same-origin",
}


def findings_part(data: Path) -> Part:
    """Return the address of the page. `data`: the folder of releases."""

    async def show_findings(_: Request) -> Response:
        """What is wrong with the archive as it was saved last."""
        return Response(bare("findings.html", **_last(data)), media_type=HTML, headers=_HEADERS)

    router = APIRouter(route_class=PlainRoute, include_in_schema=False)
    router.add_api_route("/findings", show_findings, methods=["GET"])
    return Part(router, {})


def _last(data: Path) -> dict[str, Any]:
    """Return what the page shows. It is in English, as findings are: those who edit read them in a terminal too."""
    try:
        last: dict[str, Any] = json.loads((data / FINDINGS).read_bytes())
    except FileNotFoundError:
        last = {"archive": "", "at": "", "ok": True, "findings": [], "more": False}
    count = len(last["findings"])
    mend = "Readers go on seeing what was published before. Mend what is listed here and save again."
    return last | {
        "title": "The archive is published as it was saved"
        if last["ok"]
        else "The archive was saved and not published",
        "advice": f"This page looks again every five seconds.{'' if last['ok'] else f' {mend}'}",
        "leading": "To the pages of what is published",
        "caption": f"{count} finding{'s' * (count != 1)}{', and more that are not shown' * last['more']}",
        "columns": ("Record", "Where", "What", "Rule"),
    }
