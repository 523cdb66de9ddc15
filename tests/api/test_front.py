"""`/` and the pages of problems: HTML for browsers, JSON for everything else, with the reading room and without."""

from pathlib import Path

import httpx
import pytest

from tests.archives import archive, record
from tests.conftest import PublishTo, Serve

BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"
MACHINES = [None, "*/*", "application/json", "application/json, text/html;q=0.5"]


@pytest.fixture(params=[True, False], ids=["with the reading room", "without"])
def opened(request: pytest.FixtureRequest, seed_data: Path, serve: Serve) -> httpx.Client:
    return serve(seed_data, pages=request.param)


def accepting(accept: str | None) -> dict[str, str]:
    return {} if accept is None else {"Accept": accept}


@pytest.mark.parametrize("accept", MACHINES)
def test_machines_are_answered_as_at_v1(opened: httpx.Client, accept: str | None) -> None:
    # Asked twice, since what is kept for one kind of client must not be given to the other.
    for _ in range(2):
        front, entrance = (opened.get(path, headers=accepting(accept)) for path in ("/", "/v1"))
        assert front.status_code == 200
        assert front.content == entrance.content
        assert front.headers["content-type"] == "application/json"
        assert "Accept" in front.headers["vary"]
        assert opened.get("/", headers=accepting(BROWSER)).headers["content-type"].startswith("text/html")


def test_browsers_are_shown_a_page_that_leads_on(opened: httpx.Client) -> None:
    page = opened.get("/", headers=accepting(BROWSER))
    assert page.status_code == 200
    assert opened.get("/v1").json()["archive"]["title"].replace("&", "&amp;") in page.text
    assert '/v1"' in page.text
    # The reading room names the description on its page about the archive.
    about = opened.get("/about", headers=accepting(BROWSER))
    assert '/docs"' in (page.text if about.status_code == 404 else about.text)
    assert "Accept" in page.headers["vary"]
    assert (
        "script-src" not in page.headers["content-security-policy"]
        or "'self'" in page.headers["content-security-policy"]
    )


@pytest.mark.parametrize("accept", MACHINES)
def test_a_problem_is_explained_to_both(opened: httpx.Client, accept: str | None) -> None:
    told = opened.get("/problems/not-found", headers=accepting(accept)).json()
    page = opened.get("/problems/not-found", headers=accepting(BROWSER))
    assert page.headers["content-type"].startswith("text/html")
    assert told["title"] in page.text
    assert opened.get("/problems/nothing", headers=accepting(BROWSER)).status_code == 404


def test_what_an_archive_says_of_itself_is_text(publish_to: PublishTo, tmp_path: Path, serve: Serve) -> None:
    publish_to(
        tmp_path / "data", archive(record("tes-1"), title="<script>alert(1)</script>", description='"><img src=x>')
    )
    page = serve(tmp_path / "data", pages=False).get("/", headers=accepting(BROWSER)).text
    assert "<script" not in page
    assert "<img" not in page
