"""Pages that are about no release: what an editor is told who saves, and what a reader is told before anything is published."""

import json
from pathlib import Path

import httpx
import pytest
from justhtml import JustHTML
from playwright.sync_api import expect

from service.pages.findings import FINDINGS
from service.pages.languages import LANGUAGES
from tests.archives import archive, write
from tests.browser.conftest import OpenPage, faults_of
from tests.conftest import Serve
from tests.pages.test_pages import BROWSER, Links

FOUND = {
    "archive": "my.json",
    "at": "2026-03-04 05:06:07",
    "ok": False,
    "more": True,
    "findings": [
        {
            "severity": severity,
            "code": "invalid_date",
            "pointer": f"/events/{number}/date",
            "detail": "'<b>soon</b>' is not a date.",
            "record": "evt-1",
            "title": "مساء <script>",
        }
        for number, severity in enumerate(("error", "note"))
    ],
}


@pytest.fixture
def watching(tmp_path: Path, serve: Serve) -> httpx.Client:
    """A server for an editor, of an archive that was saved and not published."""
    data = tmp_path / "data"
    data.mkdir()
    (data / FINDINGS).write_text(json.dumps(FOUND), encoding="utf-8")
    return serve(data, watch=True, archive=write(tmp_path / "archive.json", archive()))


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(
    ("path", "status", "english"),
    [("/findings", 200, "The archive was saved and not published"), ("/events", 503, "The archive is not open yet")],
)
def test_it_speaks_the_readers_language(
    watching: httpx.Client, path: str, status: int, english: str, language: str
) -> None:
    page = watching.get(path, headers={**BROWSER, "Accept-Language": f"{language}, en;q=0.5"})
    assert page.status_code == status
    JustHTML(page.text, strict=True, sanitize=False)
    assert f'<html lang="{language}" dir="{"rtl" if language == "ar" else "ltr"}">' in page.text
    assert page.headers["content-language"] == language
    assert "Accept-Language" in page.headers["vary"]
    assert (english in page.text) == (language == "en")


def test_what_was_found_is_told_in_english_and_said_to_be(watching: httpx.Client) -> None:
    page = watching.get("/findings", headers={**BROWSER, "Accept-Language": "ru"}).text
    assert '<td class="detail" lang="en" dir="auto">&#39;&lt;b&gt;soon&lt;/b&gt;&#39; is not a date.</td>' in page
    assert "<script>" not in page


@pytest.mark.parametrize("path", ["/findings", "/events"])
def test_it_has_its_style_before_anything_is_published(watching: httpx.Client, path: str) -> None:
    loads = Links(watching.get(path, headers=BROWSER).text).loads
    assert [each for each in loads if not each.endswith("findings.js")] == ["/assets/style.css", "/assets/icon.svg"]
    for address in loads:
        answer = watching.get(address)
        assert answer.status_code == 200
        assert answer.headers["cache-control"] == "no-cache"
    assert watching.get("/assets/nothing.css").status_code == 404


def test_it_shows_what_the_next_save_brought_and_leaves_alone_what_has_not_changed(
    watching: httpx.Client, open_page: OpenPage, tmp_path: Path
) -> None:
    page = open_page(str(watching.base_url).rstrip("/") + "/findings")
    expect(page.locator("h1")).to_have_text("The archive was saved and not published")
    expect(page.locator("#looks")).to_be_visible()
    page.get_by_role("link", name="Look again").focus()
    with page.expect_response("**/findings"):
        pass  # asked again, and the same
    assert page.evaluate("document.activeElement.textContent") == "Look again"
    (tmp_path / "data" / FINDINGS).write_text(json.dumps(FOUND | {"ok": True, "findings": []}), encoding="utf-8")
    expect(page.locator("h1")).to_have_text("The archive is published as it was saved")
    assert page.errors == []  # type: ignore[attr-defined] # put there by the fixture


@pytest.mark.parametrize("path", ["/findings", "/events"])
@pytest.mark.parametrize("language", ["en", "ar"])
def test_it_has_no_fault_and_runs_over_no_edge(
    watching: httpx.Client, open_page: OpenPage, path: str, language: str
) -> None:
    page = open_page(str(watching.base_url).rstrip("/") + path, width=320, locale=language)
    assert faults_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
