"""The description and the page that shows it. The page loads nothing from elsewhere: who reads testimony is nobody's
business, and it works offline.
"""

import secrets
from functools import cache, partial
from importlib.resources import files
from typing import Final

import orjson
from cachetools import LRUCache
from fastapi import APIRouter, FastAPI, Request
from starlette.responses import HTMLResponse, Response

from service.api.describing import describe
from service.api.examples import with_examples
from service.archive.fields import archive_fields
from service.errors import Broken, NotFound, NotReady, ReleaseDamaged
from service.http.links import base_url, placed_at
from service.http.negotiation import JSON
from service.http.releases import Served
from service.http.responses import Content, content_answer
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
<link rel="stylesheet" href="{root}/docs/style.css">
</head>
<body>
<main id="docs"></main>
<script src="{root}/docs/swagger-ui-bundle.js"></script>
<script src="{root}/docs/start.js"></script>
</body>
</html>
"""

# Swagger UI gives the fields of parameters no names, and lets no keyboard into what scrolls: the observer does, whenever it
# draws something. Examples have no colours: thousands of elements would be drawn for them. No validator: it would send the
# address of this archive to a third party.
_START = """SwaggerUIBundle({
  url: document.currentScript.src.replace(/docs[/]start[.]js$/, "openapi.json"),
  dom_id: "#docs",
  deepLinking: true,
  validatorUrl: null,
  tryItOutEnabled: true,
  syntaxHighlight: false,
});

function mend() {
  for (const field of document.querySelectorAll("tr[data-param-name] :is(select, input, textarea):not([aria-label])"))
    field.setAttribute("aria-label", field.closest("tr").dataset.paramName);
  for (const example of document.querySelectorAll("pre.microlight:not([tabindex])")) example.tabIndex = 0;
}
new MutationObserver(mend).observe(document.getElementById("docs"), {childList: true, subtree: true});
"""


# Around Swagger UI: letters dark enough to be read (WCAG 2.2, 1.4.3), and what is wide put below each other on a phone. The
# choice of a server is left out: there is one. Below it, the small pages.
_STYLE = """.swagger-ui .scheme-container { display: none; }
.swagger-ui .info .title small { background: #4a5560; }
.swagger-ui .info .title small.version-stamp { background: #2f5f00; }
.swagger-ui .info .title small pre { color: #fff; }
.swagger-ui .opblock.opblock-get .opblock-summary-method { background: #1f5fa8; }
.swagger-ui .opblock.opblock-post .opblock-summary-method { background: #2f6f3f; }
.swagger-ui .opblock-summary-path, .swagger-ui .opblock-summary-path a { overflow-wrap: anywhere; word-break: normal; }
.swagger-ui .info .url { color: #1f5fa8; }
.swagger-ui .btn.try-out__btn.cancel { color: #b00020; border-color: #b00020; }
.swagger-ui .btn.execute { background: #1f5fa8; border-color: #1f5fa8; }
.swagger-ui .json-schema-2020-12-expand-deep-button { color: #505050; }
.swagger-ui .parameter__name.required::after, .swagger-ui .parameter__name.required span { color: #b00020; }
.swagger-ui .parameter__in, .swagger-ui .prop-format, .swagger-ui .parameter__extension { color: #595959; }
.swagger-ui a.nostyle:focus-visible, .swagger-ui button:focus-visible { outline: 3px solid #1f5fa8; outline-offset: 2px; }
@media (max-width: 640px) {
  .swagger-ui .wrapper { padding: 0 8px; }
  .swagger-ui .info .title { font-size: 26px; overflow-wrap: anywhere; }
  .swagger-ui .opblock .opblock-summary { flex-wrap: wrap; }
  .swagger-ui .opblock .opblock-summary-description { overflow-wrap: anywhere; }
  .swagger-ui .opblock .opblock-section-header, .swagger-ui .table-container, .swagger-ui .responses-inner { padding: 8px; }
  .swagger-ui table.parameters, .swagger-ui table.responses-table { display: block; }
  .swagger-ui table.parameters :is(thead, tbody, tr, td), .swagger-ui table.responses-table :is(tbody, tr, td) {
    display: block; width: auto; max-width: 100%; min-width: 0; padding: 4px 0;
  }
  .swagger-ui table.parameters thead, .swagger-ui table.responses-table thead { display: none; }
  .swagger-ui :is(input, select, textarea) { max-width: 100% !important; min-width: 0 !important; }
  .swagger-ui :is(.highlight-code, .microlight, .model-box) { max-width: 100%; overflow-x: auto; }
}
.small { max-width: 40rem; margin: 0 auto; padding: 1rem; font: 1.1rem/1.6 system-ui, sans-serif; overflow-wrap: anywhere; }
"""


_SCRIPT: Final = Content(_START.encode())

#: Descriptions that are kept, with their compressed forms: about a megabyte each. A server is asked under few names, and
#: strangers can make up any number.
KEPT = 8
#: Stands for the base address in a description that is written for every one. No text of an archive can have it.
_BASE: Final = f"https://{secrets.token_hex(16)}.invalid"


@cache
def _packaged(asset: str) -> Content:
    return Content((_PACKAGED / asset).read_bytes())


@router.get("/openapi.json")
@router.get("/v1/openapi.json")
async def show_description(request: Request) -> Response:
    """The OpenAPI description (3.1)."""
    content = _described(request.app, _example_source(request), base_url(request.scope))
    return content_answer(request.scope, content, media_type=JSON, cache_control="no-cache")


def _example_source(request: Request) -> Served | None:
    """Return the release that examples come from, None where there is none to be read."""
    try:
        served: Served = request.app.state.serving.of(request.scope)
    except (NotReady, Broken):
        return None
    return served


def _described(app: FastAPI, served: Served | None, base: str) -> Content:
    """Return the description with its addresses, kept for the base addresses under which it was asked for last."""
    if getattr(app.state, "descriptions", None) is None:
        app.state.descriptions = LRUCache(KEPT)
    kept: LRUCache[tuple[str, str], Content] = app.state.descriptions
    key = ("" if served is None else served.key, base)
    if (content := kept.get(key)) is None:
        unplaced = kept.get((key[0], _BASE))
        if unplaced is None:
            try:
                unplaced = kept[key[0], _BASE] = Content(_written(app, served))
            except ReleaseDamaged:
                return _described(app, None, base)
        content = kept[key] = Content(unplaced.body.replace(_BASE.encode(), orjson.dumps(base)[1:-1]))
    return content


def _written(app: FastAPI, served: Served | None) -> bytes:
    """Return the description, `_BASE` standing for the base address. Raises ReleaseDamaged."""
    if served is None:
        # The description is needed most where something is wrong; only the examples come from a release.
        description = describe(app, archive_fields())
    else:
        catalogue = served.catalogue
        place = partial(placed_at, _BASE, has_pages=app.state.has_pages)
        description = with_examples(describe(app, catalogue.fields), catalogue, place=place)
    return orjson.dumps(description | {"servers": [{"url": _BASE}]})


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    """The description as a page to try things out on."""
    page = _PAGE.format(root=request.scope.get("root_path", ""))
    return HTMLResponse(page, headers={"Content-Security-Policy": _POLICY, "Cache-Control": "no-cache"})


@router.get("/docs/style.css")
async def show_style(request: Request) -> Response:
    """What the page and the small pages look like, beside Swagger UI's own."""
    return Response(_STYLE, headers={"Cache-Control": "no-cache"}, media_type="text/css")


@router.get("/docs/start.js")
async def show_start(request: Request) -> Response:
    """The page's only script of its own."""
    return content_answer(request.scope, _SCRIPT, media_type="text/javascript", cache_control="no-cache")


@router.get("/docs/{asset}")
async def show_asset(request: Request) -> Response:
    """A file of Swagger UI."""
    asset = request.path_params["asset"]
    if asset not in _ASSETS:
        raise NotFound("There is no such file.")
    return content_answer(
        request.scope, _packaged(asset), media_type=_ASSETS[asset], cache_control="public, max-age=86400"
    )
