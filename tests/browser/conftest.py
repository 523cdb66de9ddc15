"""A real browser for tests: Debian's Chromium by Playwright, and axe-core.

chromium     the browser, one for all tests of a process
open_page    opens an address in a window of its own, until the test ends
windows      the same for a fixture of a module, where drawing takes seconds
"""

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request, sync_playwright

from tests.missing import skip_for

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
        skip_for("Chromium is not installed (Debian: apt-get install chromium)")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()


class Windows:
    """The windows of a browser. They are kept for the next test that wants one of the same kind: to open one takes the processor
    four times as long as to draw a page in it.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        #: Those that nobody uses, by whether they run scripts and by the reader's language.
        self._free: dict[tuple[bool, str], list[Page]] = {}

    @contextmanager
    def opening(self) -> Iterator[OpenPage]:
        """Open addresses until it ends, each in a window of its own; `scripts`, `dark`, `width` in pixels and `locale` are the reader's.
        What the page logs as an error, and what it asks for, is gathered in `page.errors` and `page.asked`.
        """
        taken: list[tuple[tuple[bool, str], Page]] = []

        def open_one(
            address: str, *, scripts: bool = True, dark: bool = False, width: int = 1000, locale: str = "en"
        ) -> Page:
            kind = (scripts, locale)
            free = self._free.get(kind)
            page: Any = free.pop() if free else self._make(*kind)
            taken.append((kind, page))
            page.emulate_media(media="null", color_scheme="dark" if dark else "light")
            if page.viewport_size != (size := {"width": width, "height": 900}):
                page.set_viewport_size(size)
            # The icon of the page before may be asked for only now, of a server that is gone.
            before = urlsplit(page.url).netloc
            page.before = f"http://{before}/" if before != urlsplit(address).netloc else None
            page.errors, page.asked = [], []
            page.goto(address)
            return page  # type: ignore[no-any-return]

        try:
            yield open_one
        finally:
            for kind, page in taken:
                _forget(page)
                self._free.setdefault(kind, []).append(page)

    def _make(self, scripts: bool, locale: str) -> Page:
        def note(request: Request) -> None:
            if page.before is None or not request.url.startswith(page.before):
                page.asked.append(request.url)

        page: Any = self._browser.new_context(java_script_enabled=scripts, locale=locale).new_page()
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", note)
        return page  # type: ignore[no-any-return]


def _forget(page: Page) -> None:
    """Leave nothing in a window of what was in it."""
    if page.url.startswith("http"):
        page.evaluate("localStorage.clear(); sessionStorage.clear()")
    page.context.clear_cookies()
    page.evaluate("window.stop()")


@pytest.fixture(scope="session")
def windows(chromium: Browser) -> Windows:
    return Windows(chromium)


@pytest.fixture
def open_page(windows: Windows) -> Iterator[OpenPage]:
    with windows.opening() as open_one:
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
