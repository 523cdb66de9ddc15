"""What other tests here lean on: axe-core finds a fault where there is one."""

from playwright.sync_api import Page

from tests.browser.conftest import OpenPage, faults_of


def test_a_page_with_a_fault_is_told_from_one_without(open_page: OpenPage) -> None:
    def page_with(body: str) -> Page:
        return open_page(f"data:text/html,<html lang=en><title>A page</title><main><h1>A page</h1>{body}</main>")

    assert faults_of(page_with("<p>Some words.</p>")) == []
    assert "image-alt" in "".join(faults_of(page_with("<img src=data:,>")))
