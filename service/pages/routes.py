"""The addresses of the reading room, and how their pages are answered: from the release, with its ETag, kept and compressed like
every other answer.
"""

import re
from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Scope

from service.catalogue.browsing import Catalogue
from service.catalogue.criteria import COLLECTIONS
from service.catalogue.languages import Wishes
from service.catalogue.parameters import invalid_parameters
from service.errors import NotFound, ParameterError, Problem
from service.http.application import Part
from service.http.links import base_url, header, query_pairs
from service.http.negotiation import HTML, prefers_html, wished_languages
from service.http.problems import ProblemDocument, ProblemPage
from service.http.releases import Served
from service.http.responses import RawHeaders, release_answer
from service.http.routing import AtOnce, PlainRoute
from service.pages.entrance import about_view, home_view
from service.pages.languages import interface_language, words_for, words_of
from service.pages.lists import list_view
from service.pages.maps import map_view
from service.pages.reader import Reader
from service.pages.records import record_view
from service.pages.rendering import ASSETS, POLICY, asset, bare, draw, theme_of
from service.pages.search import search_view
from service.pages.sitemaps import robots, sitemap, sitemap_index
from service.pages.timeline import timeline_view
from service.pages.views import View, Viewer
from service.pages.vocabulary import PROBLEMS

#: Collections whose records' pages are short: they are answered without a task of their own. A testimony with all that stands around
#: it takes up to five milliseconds.
QUICK = frozenset({"statistics", "responses"})
#: A day, in seconds: how long a file that pages load is kept. Its address changes with it.
_ASSET_AGE_S = 86_400
#: A basic language range (RFC 4647, section 2.1).
_LANGUAGE = re.compile(r"[A-Za-z]{1,8}(-[A-Za-z0-9]{1,8}){0,7}")
_XML = "application/xml"

Handler = Callable[[Request], Awaitable[Response]]


def pages_part(*, indexed: bool, front: Handler) -> Part:
    """Return the addresses of the reading room. `indexed`: whether search engines may list its pages. `front` answers at
    `/` to clients that do not prefer HTML.
    """
    room = _Room(indexed=indexed)
    viewers: dict[str, Viewer] = {
        "/": home_view,
        "/about": about_view,
        "/search": search_view,
        "/map": map_view,
        "/timeline": timeline_view,
    }
    for collection in COLLECTIONS:
        viewers[f"/{collection}"] = partial(_a_list, collection)
        viewers[f"/{collection}/{{id}}"] = partial(_a_record, collection)
    router, at_once = APIRouter(route_class=PlainRoute, include_in_schema=False), dict[str, AtOnce]()
    for path, viewer in viewers.items():
        show = room.page(viewer)
        router.add_api_route(path, _for_people(show, front) if path == "/" else show, methods=["GET"])
        if path.endswith("{id}") and path.split("/")[1] in QUICK:
            at_once[path] = room.at_once(viewer)
    router.add_api_route("/assets/{id}", _show_asset, methods=["GET"])
    router.add_api_route("/robots.txt", room.show_robots, methods=["GET"])
    router.add_api_route("/sitemap.xml", room.show_sitemaps, methods=["GET"])
    router.add_api_route("/sitemaps/{id}", room.show_sitemap, methods=["GET"])
    return Part(router, at_once)


def _for_people(show: Handler, otherwise: Handler) -> Handler:
    """Return what answers with a page to clients that prefer HTML, and as `otherwise` does to all others."""

    async def answer(request: Request) -> Response:
        return await (show if prefers_html(header(request.scope, b"accept")) else otherwise)(request)

    return answer


def _a_list(collection: str, reader: Reader, _name: str) -> View:
    return list_view(reader, collection)


def _a_record(collection: str, reader: Reader, name: str) -> View:
    return record_view(reader, collection, name)


class _Room:
    """Answers requests for pages."""

    def __init__(self, *, indexed: bool) -> None:
        self.indexed = indexed

    def page(self, viewer: Viewer) -> Handler:
        """Return what answers with a page that may take longer than the event loop should stand still."""

        async def show(request: Request) -> Response:
            served: Served = request.app.state.serving.of(request.scope)
            name = request.path_params.get("id", "")
            return await served.apart(self._answer, request.scope, served, viewer, name)

        return show

    def at_once(self, viewer: Viewer) -> AtOnce:
        """Return what answers with a page that is quickly made."""
        return lambda scope, served, name: self._answer(scope, served, viewer, name)

    def _answer(self, scope: Scope, served: Served, viewer: Viewer, name: str) -> Response:
        reader = reader_of(scope, served.catalogue)
        view = viewer(reader, name)
        body = draw(reader, view, indexed=self.indexed, mirror=served.mirror)
        # The language of the interface counts besides those of the texts.
        wishes = (reader.language, *reader.wishes)
        return release_answer(
            scope, served.standing_key, body, headers=self._headers(reader, view), media_type=HTML, wishes=wishes
        )

    def _headers(self, reader: Reader, view: View) -> RawHeaders:
        links = [f'<{address}>; rel="alternate"; type="{kind}"' for kind, _, address in view.alternates]
        if view.cite_as is not None:
            links.append(f'<{view.cite_as}>; rel="cite-as"')
        headers = [(b"content-language", reader.language.encode()), *_SAFE]
        if links:
            headers.append((b"link", ", ".join(links).encode("latin-1", "replace")))
        if not self.indexed:
            headers.append(_NOT_INDEXED)
        return headers

    async def show_robots(self, request: Request) -> Response:
        """What search engines may read."""
        body = robots(base_url(request.scope), indexed=self.indexed)
        return Response(body, media_type="text/plain", headers={"Cache-Control": "no-cache"})

    async def show_sitemaps(self, request: Request) -> Response:
        """The list of sitemaps, where search engines may list the pages."""
        served = self._indexed_release(request)
        body = await served.apart(sitemap_index, served.catalogue, base_url(request.scope))
        return release_answer(request.scope, served.key, body, media_type=_XML)

    async def show_sitemap(self, request: Request) -> Response:
        """The addresses of some records."""
        served = self._indexed_release(request)
        name = request.path_params["id"]
        body = await served.apart(sitemap, served.catalogue, base_url(request.scope), name)
        return release_answer(request.scope, served.key, body, media_type=_XML)

    def _indexed_release(self, request: Request) -> Served:
        if not self.indexed:
            raise NotFound("This archive asks not to be listed by search engines, and has no sitemap.")
        served: Served = request.app.state.serving.of(request.scope)
        return served


_SAFE = [(b"content-security-policy", POLICY.encode()), (b"cross-origin-opener-policy", b"same-origin")]
_NOT_INDEXED = (b"x-robots-tag", b"noindex, nofollow")


def reader_of(scope: Scope, catalogue: Catalogue) -> Reader:
    """Return who asks: the language named in the address before those that the browser sends. Raises InvalidParameters."""
    given = query_pairs(scope)
    named = next((value for name, value in given if name == "lang" and value), None)
    if named is not None and not _LANGUAGE.fullmatch(named):
        raise invalid_parameters([ParameterError("lang", "must be the tag of a language, such as en, ru or ar")])
    wished = wished_languages(named, header(scope, b"accept-language"))
    language = interface_language(wished, catalogue.head["language"])
    root: str = scope.get("root_path", "")
    return Reader(
        catalogue=catalogue,
        words=words_of(language),
        wishes=_effective(catalogue, wished),
        named=named,
        root=root,
        base=base_url(scope),
        path=scope["path"].removeprefix(root),
        pairs=[pair for pair in given if pair[0] != "lang"],
    )


def _effective(catalogue: Catalogue, wished: Wishes) -> Wishes:
    """Return the wishes where they change what is shown of any record; none where the originals are shown anyway."""
    return wished if any(catalogue.effective(collection, wished) for collection in COLLECTIONS) else ()


async def _show_asset(request: Request) -> Response:
    """A file that pages load."""
    name = request.path_params["id"]
    if name not in ASSETS:
        raise NotFound("There is no such file.")
    served: Served | None = request.scope["state"].get("served")
    if served is None:
        return Response(asset(name, None), media_type=ASSETS[name], headers={"Cache-Control": "no-cache"})
    body = asset(name, theme_of(served.catalogue.head).get("accent"))
    answer = release_answer(request.scope, served.key, body, media_type=ASSETS[name])
    kept = [(key, value) for key, value in answer.raw_headers if key != b"cache-control"]
    answer.raw_headers = [*kept, (b"cache-control", b"public, max-age=%d" % _ASSET_AGE_S)]
    return answer


# --- Problems ---------------------------------------------------------------------------------------------------------


def problem_page(*, indexed: bool) -> ProblemPage:
    """Return what shows a problem to people, in their language. A withdrawn record's page says that and when, no more."""

    def show(problem: ProblemDocument, scope: Scope) -> Response:
        served: Served | None = scope["state"].get("served")
        if served is None:
            return _bare_page(problem, scope)
        reader = _tolerant_reader(scope, served.catalogue)
        slug = problem["type"].rpartition("/")[2]
        title, advice = PROBLEMS.get(slug, (problem["title"], ""))
        context = {"problem": problem, "slug": slug, "title": title, "advice": advice, "status": problem["status"]}
        context["begins"] = slug in _OF_A_LIST
        view = View("problem.html", reader.words.text(title), context)
        body = draw(reader, view, indexed=indexed, mirror=served.mirror)
        headers = _problem_headers() | {"Content-Language": reader.language}
        return Response(body, problem["status"], headers, media_type=HTML)

    return show


#: Problems of a list that is there: it can be begun again without what was asked of it.
_OF_A_LIST = frozenset({"invalid-parameters", "invalid-cursor", "too-deep"})


def _problem_headers() -> dict[str, str]:
    headers = {name.decode(): value.decode() for name, value in [*_SAFE, _NOT_INDEXED]}
    return headers | {"Vary": "Accept, Accept-Language"}


def _tolerant_reader(scope: Scope, catalogue: Catalogue) -> Reader:
    """Return who asks, also where the address is what is wrong."""
    try:
        return reader_of(scope, catalogue)
    except Problem:
        return reader_of({**scope, "query_string": b""}, catalogue)


def _bare_page(problem: ProblemDocument, scope: Scope) -> Response:
    """Return the page that says that there is no release: without an archive there is no title."""
    title, advice = PROBLEMS.get(problem["type"].rpartition("/")[2], (problem["title"], ""))
    words = words_for(header(scope, b"accept-language"))
    body = bare("unready.html", words, title=title, advice=advice, root=scope.get("root_path", ""))
    headers = _problem_headers() | {"Content-Language": words.language}
    return Response(body, problem["status"], headers, media_type=HTML)
