"""Answering below ASGI: it leans on parts of uvicorn, can be turned off, and turns itself off where they have changed."""

import logging
from pathlib import Path
from typing import Any

import pytest
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from service.http import fast_path
from service.http.connections import BoundedConnection
from service.http.fast_path import FastConnection, changed_parts
from service.http.middleware import OuterMiddleware
from service.http.server import connection_class
from service.settings import Settings
from tests.conftest import Serve


def test_uvicorn_is_as_answering_below_asgi_needs_it() -> None:
    assert changed_parts() == [], (
        "uvicorn has changed where service/http/fast_path.py and service/http/connections.py lean on it: compare them with "
        "the new uvicorn/protocols/http/httptools_impl.py, mend them, and then UVICORN_PARTS and UVICORN_NAMES"
    )


def test_a_changed_part_is_told_and_turns_it_off(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    assert connection_class(Settings()) is FastConnection

    def other(self: Any, cycle: Any) -> None: ...

    monkeypatch.setattr(HttpToolsProtocol, "_start_asgi_task", other)
    [changed] = changed_parts()
    assert changed == "HttpToolsProtocol._start_asgi_task takes (self, cycle), not (self, cycle, app)"
    with caplog.at_level(logging.WARNING):
        assert connection_class(Settings()) is BoundedConnection
    assert changed in caplog.text
    monkeypatch.delattr(HttpToolsProtocol, "_start_asgi_task")
    assert changed_parts() == ["HttpToolsProtocol._start_asgi_task is not there"]


def test_a_name_that_is_gone_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(fast_path.UVICORN_NAMES, HttpToolsProtocol, ("self.was_there_once",))
    assert changed_parts() == ["HttpToolsProtocol has no self.was_there_once"]


@pytest.mark.parametrize("on", [True, False])
def test_the_setting_turns_it_on_and_off(
    serve: Serve, seed_data: Path, monkeypatch: pytest.MonkeyPatch, on: bool
) -> None:
    asked: list[str] = []
    at_once = OuterMiddleware.at_once

    def noted(self: OuterMiddleware, scope: Any) -> Any:
        asked.append(scope["path"])
        return at_once(self, scope)

    monkeypatch.setattr(OuterMiddleware, "at_once", noted)
    assert connection_class(Settings(fast_path=on)) is (FastConnection if on else BoundedConnection)
    assert serve(seed_data, fast_path=on).get("/v1/events/evt-001").status_code == 200
    assert asked == (["/v1/events/evt-001"] if on else [])
