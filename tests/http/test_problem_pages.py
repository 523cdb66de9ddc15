"""Problems shown as HTML to those who prefer it, by whatever page is plugged in."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fastapi import APIRouter, Request
from starlette.responses import HTMLResponse, Response
from starlette.types import Scope

from service.app import PARTS
from service.http.application import Part, build_application
from service.http.problems import ProblemDocument
from service.http.releases import Served  # noqa: TC001 - FastAPI reads annotations
from service.http.responses import release_answer
from service.http.routing import PlainRoute
from service.settings import Settings
from tests.conftest import running

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def show(document: ProblemDocument, scope: Scope) -> Response:
    return HTMLResponse(f"<h1>{document['title']}</h1>", headers={"Content-Security-Policy": "default-src 'none'"})


def pages() -> Part:
    router = APIRouter(route_class=PlainRoute, include_in_schema=False)

    @router.get("/room")
    async def room(request: Request) -> Response:
        served: Served = request.app.state.serving.of(request.scope)
        return release_answer(request.scope, served.key, b"<p>" + b"room " * 400, media_type="text/html")

    return Part(router)


@pytest.fixture(scope="module")
def browser(seed_data: Path) -> Iterator[httpx.Client]:
    settings = Settings(data=seed_data)
    with running(settings, build_application(settings, [*PARTS, pages()], problem_page=show)) as client:
        client.headers["Accept"] = BROWSER
        yield client


@pytest.mark.parametrize(("path", "status"), [("/v1/events/evt-none", 404), ("/v1/events?limit=none", 422)])
def test_what_the_api_refuses_is_json_for_a_browser_too(browser: httpx.Client, path: str, status: int) -> None:
    answer = browser.get(path)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


def test_a_problem_is_a_page_for_a_browser(browser: httpx.Client) -> None:
    answer = browser.get("/nothing")
    assert (answer.status_code, answer.text) == (404, "<h1>Nothing here</h1>")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"] == "default-src 'none'"
    assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-cache", "Accept")
    assert answer.headers["x-request-id"]


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/problem+json, text/html", "image/png", ""])
def test_a_problem_is_json_for_all_others(browser: httpx.Client, accept: str) -> None:
    answer = browser.get("/nothing", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404


def test_a_page_that_breaks_leaves_the_problem_as_json(browser: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(document: ProblemDocument, scope: Scope) -> Response:
        raise RuntimeError(document["detail"])

    # Not by `setattr`: what an application holds is no attribute, and would be gone after the test.
    monkeypatch.setitem(browser.application.state._state, "problem_page", breaks)  # type: ignore[attr-defined]
    answer = browser.get("/nothing")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json")


def test_a_page_that_is_plugged_in_has_etag_and_compression(browser: httpx.Client) -> None:
    answer = browser.get("/room", headers={"Accept-Encoding": "gzip"})
    assert (answer.status_code, answer.headers["content-encoding"]) == (200, "gzip")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["archive-release"]
    again = browser.get("/room", headers={"Accept-Encoding": "gzip", "If-None-Match": answer.headers["etag"]})
    assert again.status_code == 304
