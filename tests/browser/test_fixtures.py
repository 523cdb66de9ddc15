"""What other tests here lean on: axe-core finds a fault where there is one."""

from typing import Any

import pytest

from tests.browser.conftest import AssertClean, OpenPage


def test_a_page_with_a_fault_is_told_from_one_without(open_page: OpenPage, assert_clean: AssertClean) -> None:
    def page_with(body: str) -> Any:
        return open_page(f"data:text/html,<html lang=en><title>A page</title><main><h1>A page</h1>{body}</main>")

    assert_clean(page_with("<p>Some words.</p>"))
    with pytest.raises(AssertionError, match="image-alt"):
        assert_clean(page_with("<img src=data:,>"))
