"""The API's own pages in a browser: on a phone, with a keyboard, with a screen reader."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import OpenPage, Windows, faults_of
from tests.conftest import Serve

#: What axe-core finds in Swagger UI that cannot be mended from outside: its rows are buttons with links and buttons inside, and
#: its headings leave out a level.
OF_SWAGGER_UI = ("nested-interactive", "heading-order")


def address(client: httpx.Client, path: str) -> str:
    return str(client.base_url).rstrip("/") + path


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("path", ["/", "/problems/not-found", "/problems/invalid-parameters"])
def test_a_small_page_has_no_fault(seed_data: Path, serve: Serve, open_page: OpenPage, path: str, width: int) -> None:
    client = serve(seed_data, pages=False)
    page = open_page(address(client, path), width=width)
    assert page.locator("h1").inner_text() == page.title() != ""
    assert faults_of(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.errors == []  # type: ignore[attr-defined] # put there by the fixture
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.getAttribute('href')") == "/docs"


@pytest.fixture(scope="module")
def description(client: httpx.Client, windows: Windows) -> Iterator[Page]:
    """The description with the operation open that has the most parameters: drawing it takes seconds, so once for all tests."""
    with windows.opening() as open_one:
        page = open_one(address(client, "/docs"))
        page.locator(".opblock").first.wait_for()
        page.locator(".opblock-summary-control", has_text="/v1/testimonies").first.click()
        page.locator("td.parameters-col_description").first.wait_for()
        yield page


@pytest.mark.parametrize("width", [390, 1280])
def test_the_description_has_no_fault_of_ours(description: Page, width: int) -> None:
    description.set_viewport_size({"width": width, "height": 900})
    assert [fault for fault in faults_of(description) if not fault.startswith(OF_SWAGGER_UI)] == []
    assert description.evaluate("document.documentElement.scrollWidth") <= width


def test_names_of_parameters_are_not_broken_into_letters_on_a_phone(description: Page) -> None:
    description.set_viewport_size({"width": 390, "height": 900})
    # Below each other, so that descriptions have the width of the screen.
    assert description.locator("td.parameters-col_description").first.bounding_box()["width"] > 250  # type: ignore[index]


def test_an_operation_is_opened_by_keyboard(description: Page) -> None:
    operation = description.locator(".opblock", has=description.locator("[data-path='/healthz']"))
    operation.locator(".opblock-summary-control").focus()
    description.keyboard.press("Enter")
    expect(operation).to_have_class(re.compile(r"\bis-open\b"))
