"""Fixtures for what only a browser shows. Chromium is Debian's; it draws pages of a server on the loopback address.

chromium      the browser, started once a process
open_page     opens an address in a window of its own: open_page(url, width=390, scripts=False)
assert_clean  fails with what axe-core finds on a page that is serious or worse
"""

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, sync_playwright

#: Nothing is looked up, updated or synchronised while tests run.
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
#: What keeps people with a disability from using a page; axe-core's other grades are advice.
GRAVE = ("serious", "critical")

OpenPage = Callable[..., Page]
AssertClean = Callable[..., None]


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        assert os.environ.get("CI") != "true", "chromium is not installed, and CI=true lets no test be skipped"
        pytest.skip("chromium is not installed (apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=list(FLAGS))
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Browser) -> Iterator[OpenPage]:
    contexts = []

    def open_at(address: str, *, width: int = 1280, height: int = 800, scripts: bool = True, **options: Any) -> Page:
        context = chromium.new_context(
            viewport={"width": width, "height": height}, java_script_enabled=scripts, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.goto(address)
        return page

    yield open_at
    for context in contexts:
        context.close()


@pytest.fixture
def assert_clean() -> AssertClean:
    """Run axe-core. Our policy lets no script stand in a page: open it with `bypass_csp=True`, and with scripts."""

    def check(page: Page, *, leaving_out: tuple[str, ...] = ()) -> None:
        found = Axe().run(page, context={"exclude": [[each] for each in leaving_out]} if leaving_out else None)
        faults = [
            f"{violation['id']} ({violation['impact']}): {node['html'][:200]}"
            for violation in found.response["violations"]
            if violation["impact"] in GRAVE
            for node in violation["nodes"]
        ]
        assert not faults, "\n".join(faults)

    return check
