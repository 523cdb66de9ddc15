"""The reading room in a real browser: with scripts and without, by keyboard, in the dark, for a screen reader; and hostile archives."""

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect

from service.archive.evidence import blanked
from tests.archives import TEXT, archive, passage, record
from tests.browser.conftest import OpenPage, faults_of
from tests.conftest import PublishTo, Serve
from tests.pages.kinds import KINDS, PROBLEMS, address_of
from tests.web_server import given_out


def address(client: httpx.Client, path: str) -> str:
    return str(client.base_url).rstrip("/") + path


def faults_in_all_modes(page: Page) -> list[str]:
    """Return what axe-core finds wrong with a page on which everything is open: by day, by night, and printed by night."""
    page.evaluate("document.querySelectorAll('details').forEach(each => each.setAttribute('open', ''))")
    found = faults_of(page)
    # In the dark only the colours are others.
    page.emulate_media(color_scheme="dark")
    found += faults_of(page, rules=["color-contrast"])
    page.emulate_media(media="print", color_scheme="dark")
    return found + faults_of(page, rules=["color-contrast"])


def runs_over(page: Page) -> list[int]:
    """Return the widths of a screen at which something of a page lies beyond its edge."""
    found = []
    for width in (320, 768, 1400):
        page.set_viewport_size({"width": width, "height": 900})
        if page.evaluate("document.documentElement.scrollWidth") > width:
            found.append(width)
    return found


@pytest.mark.parametrize("kind", KINDS)
def test_a_page_asks_for_little_runs_over_no_edge_and_has_no_fault(
    invented: httpx.Client, open_page: OpenPage, kind: str
) -> None:
    """All of it in one window: to draw a page takes as long as to look at it."""
    path = address_of(kind, invented)
    page: Any = open_page(address(invented, path), width=320)
    # Scripts come with what they are for, and recordings from the API of the same archive.
    allowed = ("/assets/style.css?", "/assets/icon.svg?", "/assets/check.js?", "/assets/player.js?", "/v1/sources/")
    others = [each.removeprefix(address(invented, "")) for each in page.asked if each != address(invented, path)]
    assert [each for each in others if not each.startswith(allowed)] == []
    assert page.context.cookies() == []
    assert page.evaluate("localStorage.length + sessionStorage.length") == 0
    assert runs_over(page) == []
    assert page.errors == []
    page.set_viewport_size({"width": 1000, "height": 900})
    assert faults_in_all_modes(page) == []


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_runs_over_the_edge_where_lines_begin_on_the_right(
    invented: httpx.Client, open_page: OpenPage, kind: str
) -> None:
    page = open_page(address(invented, address_of(kind, invented)), width=320, locale="ar")
    assert runs_over(page) == []
    assert page.errors == []  # type: ignore[attr-defined] # put there by the fixture


@pytest.mark.parametrize("path", PROBLEMS.values())
def test_axe_finds_nothing_wrong_with_what_is_not_there(invented: httpx.Client, open_page: OpenPage, path: str) -> None:
    assert faults_in_all_modes(open_page(address(invented, path))) == []


def tab_to(page: Page, selector: str, *, most: int = 120) -> Locator:
    """Press the tabulator until an element has the focus, which is seen; return it."""
    for _ in range(most):
        page.keyboard.press("Tab")
        focused = page.locator(":focus")
        if focused.count() and focused.evaluate("(element, selector) => element.matches(selector)", selector):
            assert focused.evaluate("element => getComputedStyle(element).outlineStyle") != "none"
            return focused
    raise AssertionError(f"{selector} is not reached by keyboard on {page.url}")


def test_from_the_entrance_to_the_answer_of_the_accused_by_keyboard_without_scripts(
    client: httpx.Client, open_page: OpenPage
) -> None:
    """Who said what about the police station, where that stands in the source, what the accused answered, and how to cite it."""
    page = open_page(address(client, "/"), scripts=False)
    page.keyboard.press("Tab")
    assert page.locator(":focus").get_attribute("class") == "skip"
    tab_to(page, "input[name=q]")
    page.keyboard.type("police station")
    page.keyboard.press("Enter")
    page.wait_for_url("**/search?q=police+station*")
    tab_to(page, "article a[href='/testimonies/tes-006']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/testimonies/tes-006")
    # Who, and what.
    assert page.locator("h1").inner_text().startswith("Sergei Pinchuk")
    told = page.locator("article.record").inner_text()
    assert told.index("Before you read:") < told.index("took him to a police station")
    # Where it stands.
    tab_to(page, "details.evidence summary")
    page.keyboard.press("Enter")
    cited = page.locator("li.citation").first
    expect(cited).to_be_visible()
    assert re.search(r"characters [0-9,]+ to [0-9,]+", cited.inner_text())
    assert re.search(r"SHA-256\s+[0-9a-f]{64}", cited.inner_text())
    tab_to(page, "li.citation a[href='/sources/src-001']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/sources/src-001")
    assert "Reuters" in page.locator("dl.facts").first.inner_text()
    page.go_back()
    # What the accused answered.
    expect(page.locator(".answered").first).to_have_text("What the accused answered")
    answer = page.locator(".answers li").first
    assert answer.inner_text().startswith("Not stated whether there was an answer")
    tab_to(page, ".answers a[href^='/responses/']")
    page.keyboard.press("Enter")
    page.wait_for_url("**/responses/*")
    assert "By" in page.locator("dl.facts dt").all_inner_texts()
    page.go_back()
    # How to cite it.
    expect(page.get_by_role("heading", name="How to cite this")).to_be_visible()
    citation = page.locator(".cite p").first.inner_text()
    assert "Sergei Pinchuk" in citation
    assert address(client, "/testimonies/tes-006") in citation
    # What needs a script is not offered without.
    expect(page.locator("#check")).not_to_be_visible()


def test_on_paper_evidence_is_open_and_what_only_a_screen_can_do_is_left_out(
    client: httpx.Client, open_page: OpenPage
) -> None:
    page = open_page(address(client, "/testimonies/tes-006"))
    expect(page.locator("li.citation").first).not_to_be_visible()
    page.emulate_media(media="print")
    expect(page.locator("li.citation").first).to_be_visible()
    for screen in ("header.site nav", "form.find", "#check"):
        expect(page.locator(screen)).not_to_be_visible()


@pytest.fixture
def checked(publish_to: PublishTo, serve: Serve, tmp_path: Path) -> httpx.Client:
    """An archive with a passage of TEXT behind an event."""
    publish_to(tmp_path / "data", archive(record("evt-1", citations=[passage(), passage(20, 43)])))
    return serve(tmp_path / "data")


def test_a_copy_is_checked_in_the_browser_and_stays_there(checked: httpx.Client, open_page: OpenPage) -> None:
    page: Any = open_page(address(checked, "/events/evt-1"))
    asked = len(page.asked)
    for copy, verdicts, sum_up in (
        (TEXT, ["right", "right"], "is the same as the text"),
        (TEXT + " More.", ["right", "right"], "differs"),
        (TEXT.replace("night", "NIGHT"), ["wrong", "right"], "differs"),
        ("x" + TEXT, ["wrong", "wrong"], "differs"),
        (TEXT[:30], ["right", "wrong"], "differs"),
    ):
        page.set_input_files("#copy", {"name": "copy.txt", "mimeType": "text/plain", "buffer": copy.encode()})
        expect(page.locator("#checked")).to_contain_text(sum_up)
        found = page.locator(".verdict").evaluate_all("all => all.map(each => each.className.replace('verdict ', ''))")
        assert found == verdicts, copy
        page.evaluate("document.getElementById('checked').textContent = ''")
    page.set_input_files("#copy", {"name": "copy.bin", "mimeType": "text/plain", "buffer": b"\xff\xfe"})
    expect(page.locator("#checked")).to_contain_text("UTF-8")
    # The browser may get the icon at any time.
    assert [each for each in page.asked[asked:] if "icon.svg" not in each] == []


def test_a_copy_is_held_against_what_was_redacted_as_verify_does(
    publish_to: PublishTo, serve: Serve, open_page: OpenPage, tmp_path: Path
) -> None:
    """The archive took words out of its text after the reader had made a copy."""
    left = blanked(TEXT, [(5, 9)])
    text = {"length": len(left), "bytes": len(left.encode()), "sha256": _digest(left)}
    redactions = [{"start": 5, "end": 9, "reason": "safety", "on": "2026-03-04"}]
    gap, after = (
        {"source": "src-1", "start": a, "end": b, "sha256": _digest(left[a:b])} for a, b in ((0, 19), (20, 44))
    )
    other = {"source": "src-2", "start": 0, "end": 4, "sha256": _digest("Else")}
    publish_to(
        tmp_path / "data",
        archive(
            record("src-1", text=text, redactions=redactions),
            record("src-2", text={"length": 4, "bytes": 4, "sha256": _digest("Else")}),
            record("evt-1", citations=[gap, after, other]),
        ),
    )
    page = open_page(address(serve(tmp_path / "data"), "/events/evt-1"))
    agrees, same, else_ = "but for words", "word for word", "something else"
    for copy, verdicts, sum_up in (
        (TEXT, [agrees, same], "with what was taken out of it there. (2 / 2)"),
        (left, [agrees, same], "is the same as the text that the archive cites. (2 / 2)"),
        ("Else", [same], "is the same as the text that the archive cites. (1 / 1)"),
        (TEXT.replace("They", "Thex"), [else_, same, else_], "differs"),
        # What stands where words were taken out is not known, nor whether it was what the copy says.
        (TEXT.replace("came", "went"), [agrees, same], "with what was taken out of it there. (2 / 2)"),
    ):
        page.set_input_files("#copy", {"name": "copy.txt", "mimeType": "text/plain", "buffer": copy.encode()})
        expect(page.locator("#checked")).to_contain_text(sum_up)
        found = page.locator(".verdict").all_text_contents()
        assert [part in text for part, text in zip(verdicts, found, strict=True)] == [True] * len(verdicts), copy
        page.evaluate("document.getElementById('checked').textContent = ''")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


# --- The example of a front end ---------------------------------------------------------------------------------------

EXAMPLE = Path("examples/front-end")


@pytest.fixture
def example() -> Iterator[str]:
    """The address of the example, given out by a web server of its own."""
    with given_out(EXAMPLE) as folder:
        yield f"{folder}/index.html"


def test_the_example_draws_list_facets_record_and_evidence(
    client: httpx.Client, open_page: OpenPage, example: str
) -> None:
    page: Any = open_page(f"{example}?archive={address(client, '')}")
    total = client.get("/v1/testimonies").json()["meta"]["total"]
    page.get_by_text(f"{total} in the list").wait_for()
    topic = page.locator("#topics button").first
    number = int(topic.inner_text().rpartition("(")[2].rstrip(")"))
    topic.click()
    page.get_by_text(f"{number} in the list").wait_for()
    page.locator("#list button").first.click()
    page.get_by_role("heading", name="Evidence").wait_for()
    assert page.locator("article li").count() >= 1
    assert page.locator("article code").first.inner_text()
    page.fill("input[name=q]", " ".join(f"w{number}" for number in range(20)))  # more words than are looked for
    page.get_by_role("button", name="Show").click()
    page.wait_for_function("!document.getElementById('total').textContent.includes('in the list')")
    assert page.locator("#total").inner_text()
