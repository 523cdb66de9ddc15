"""A real browser for tests: Debian's Chromium by Playwright, and axe-core.

chromium     the browser, one for all tests of a process
open_page    opens an address in a window of its own; closed after the test
"""

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

#: What the browser must leave alone: nothing that it does on its own account may be taken for something a page does.
FLAGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium")
    if path is None:
        message = "Chromium is not installed (Debian: apt-get install chromium)"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


@contextmanager
def windows(chromium: Browser) -> Iterator[OpenPage]:
    """Open addresses until it ends; `scripts`, `dark`, `width` in pixels and `locale` are the reader's. What the page logs as an error, and what it
    asks for, is gathered in `page.errors` and `page.asked`.
    """
    contexts = []

    def open_one(
        address: str, *, scripts: bool = True, dark: bool = False, width: int = 1000, locale: str = "en"
    ) -> Page:
        context = chromium.new_context(
            java_script_enabled=scripts,
            color_scheme="dark" if dark else "light",
            viewport={"width": width, "height": 900},
            locale=locale,
        )
        contexts.append(context)
        page: Any = context.new_page()
        page.errors, page.asked = [], []
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", lambda request: page.asked.append(request.url))
        page.goto(address)
        return page  # type: ignore[no-any-return]

    try:
        yield open_one
    finally:
        for context in contexts:
            context.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    with windows(chromium) as open_one:
        yield open_one


def faults_of(page: Page, *, rules: list[str] | None = None) -> list[str]:
    """Return what axe-core finds wrong with a page, by all of its rules or by these: the rule and the element."""
    # Else it tells of every element what is right with it, which takes longer than to find out.
    options: dict[str, Any] = {"resultTypes": ["violations"]}
    if rules is not None:
        options["runOnly"] = {"type": "rule", "values": rules}
    if not page.evaluate("'axe' in window"):
        page.evaluate(Axe().axe_script)
    found = page.evaluate("options => axe.run(document, options).then(results => results.violations)", options)
    return [f"{each['id']}: {node['html'][:200]}" for each in found for node in each["nodes"]]
