"""The API's own pages in a browser: on a phone, with a keyboard, with a screen reader."""

from pathlib import Path

import httpx
import pytest

from tests.browser.conftest import OpenPage, faults_of
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


@pytest.mark.parametrize("width", [390, 1280])
def test_the_description_has_no_fault_of_ours(client: httpx.Client, open_page: OpenPage, width: int) -> None:
    page = open_page(address(client, "/docs"), width=width)
    page.locator(".opblock").first.wait_for()
    page.locator(".opblock-summary-control", has_text="/v1/testimonies").first.click()
    page.locator(".parameters").first.wait_for()
    assert [fault for fault in faults_of(page) if not fault.startswith(OF_SWAGGER_UI)] == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_names_of_parameters_are_not_broken_into_letters_on_a_phone(client: httpx.Client, open_page: OpenPage) -> None:
    page = open_page(address(client, "/docs"), width=390)
    page.locator(".opblock").first.wait_for()
    page.locator(".opblock-summary-control", has_text="/v1/testimonies").first.click()
    page.locator("td.parameters-col_description").first.wait_for()
    # Below each other, so that descriptions have the width of the screen.
    assert page.locator("td.parameters-col_description").first.bounding_box()["width"] > 250  # type: ignore[index]


def test_an_operation_is_opened_by_keyboard(client: httpx.Client, open_page: OpenPage) -> None:
    page = open_page(address(client, "/docs"))
    page.locator(".opblock").first.wait_for()
    page.locator(".opblock-summary-control").first.focus()
    page.keyboard.press("Enter")
    page.locator(".opblock.is-open").first.wait_for()
