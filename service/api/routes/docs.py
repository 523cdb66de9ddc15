"""The description and the page that shows it. The page loads nothing from elsewhere: who reads testimony is nobody's
business, and it works offline.
"""

from importlib.resources import files

import orjson
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response

from service.api.describing import describe
from service.archive.fields import archive_fields
from service.errors import NotFound, NotReady
from service.http.links import base_url
from service.http.negotiation import JSON
from service.http.responses import content_answer
from service.http.routing import PlainRoute

router = APIRouter(route_class=PlainRoute, include_in_schema=False)

#: Swagger UI as packaged with fastapi-offline.
_PACKAGED = files("fastapi_offline") / "static"
_ASSETS = {"swagger-ui.css": "text/css", "swagger-ui-bundle.js": "text/javascript"}

# Scripts and styles come from files of ours only, none stand in the page; Swagger UI draws its icons from data addresses.
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Testimony Archive: the API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{root}/docs/swagger-ui.css">
</head>
<body>
<div id="docs"></div>
<script src="{root}/docs/swagger-ui-bundle.js"></script>
<script src="{root}/docs/start.js"></script>
</body>
</html>
"""

# No validator: it would send the address of this archive to a third party.
_START = """SwaggerUIBundle({
  url: document.currentScript.src.replace(/docs[/]start[.]js$/, "openapi.json"),
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
});
"""


@router.get("/openapi.json")
async def show_description(request: Request) -> Response:
    """The OpenAPI description (3.1)."""
    try:
        fields = request.app.state.serving.of(request.scope).catalogue.release.fields
    except NotReady:
        fields = archive_fields()
    description = describe(request.app, fields) | {"servers": [{"url": base_url(request.scope)}]}
    return content_answer(request.scope, orjson.dumps(description), media_type=JSON, cache_control="no-cache")


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    """The description as a page to try things out on."""
    page = _PAGE.format(root=request.scope.get("root_path", ""))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"})


@router.get("/docs/start.js")
async def show_start(request: Request) -> Response:
    """The page's only script of its own."""
    return content_answer(request.scope, _START.encode(), media_type="text/javascript", cache_control="no-cache")


@router.get("/docs/{asset}")
async def show_asset(request: Request) -> Response:
    """A file of Swagger UI."""
    asset = request.path_params["asset"]
    if asset not in _ASSETS:
        raise NotFound("There is no such file.")
    body = (_PACKAGED / asset).read_bytes()
    return content_answer(request.scope, body, media_type=_ASSETS[asset], cache_control="public, max-age=86400")
