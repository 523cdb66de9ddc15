"""The watch for new releases outlives whatever goes wrong, and says so; who answers holds the release it answers from."""

import asyncio
import json
import logging
import os
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.catalogue.browsing import Catalogue
from service.http import releases
from service.http.releases import Serving
from service.release.opening import Release
from tests.archives import archive, record
from tests.conftest import PLAIN, PublishTo, Serve
from tests.http.test_moving_over import release_of, wait_until

PREFIX = "testimony_archive_"
#: What an error may hold, and nobody may be told.
SECRET = "a private name"


def is_served(client: httpx.Client, number: int) -> bool:
    return release_of(client) == str(number)


def trouble_in_metrics(client: httpx.Client) -> bool:
    return f"{PREFIX}release_trouble 1.0" in client.get("/metrics").text


@pytest.mark.parametrize("error", [TypeError, ValueError, KeyError, MemoryError, RecursionError, RuntimeError])
def test_an_error_nobody_foresaw_does_not_end_the_watch(
    tmp_path: Path,
    publish_to: PublishTo,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    error: type[Exception],
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1", title="Before")))
    client = serve(data, metrics=True)
    opening = Serving._open

    def fails(*_: Any, **__: Any) -> Any:
        raise error(SECRET)

    monkeypatch.setattr(Serving, "_open", fails)
    publish_to(data, archive(record("tes-1", title="After")))
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is not None)
    ready = client.get("/readyz")
    assert ready.status_code == 200
    assert error.__name__ in ready.json()["trouble"]
    assert trouble_in_metrics(client)
    [told] = [each for each in caplog.records if each.levelno >= logging.ERROR]
    assert told.__dict__["event"] == "release_not_opened"
    assert SECRET not in caplog.text + json.dumps(told.__dict__["members"]) + ready.text
    monkeypatch.setattr(Serving, "_open", opening)
    assert wait_until(lambda: client.get("/v1/testimonies/tes-1").json()["title"] == "After")
    assert client.get("/readyz").json()["trouble"] is None
    assert not trouble_in_metrics(client)


def test_an_error_while_the_folder_is_looked_at_does_not_end_the_watch(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    client = serve(data)

    def fails(_: Path) -> Any:
        raise ValueError

    monkeypatch.setattr(releases, "current_folder", fails)
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is not None)
    monkeypatch.undo()
    publish_to(data, archive(record("tes-1"), record("tes-2")))
    assert wait_until(lambda: client.get("/v1/testimonies/tes-2").status_code == 200)


def test_a_release_that_cannot_be_opened_is_not_tried_each_second(
    tmp_path: Path, publish_to: PublishTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1")))
    now, tried = [1000.0], []

    def fails(*_: Any, **__: Any) -> Any:
        tried.append(now[0])
        raise TypeError

    monkeypatch.setattr(Serving, "_open", fails)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    monkeypatch.setattr(releases, "LOOK_EVERY_S", 1.0)  # as where it is used, and not as in tests

    async def look_for_two_minutes() -> None:
        serving = Serving(tmp_path / "data")
        for _ in range(120):
            await serving._look()
            now[0] += releases.LOOK_EVERY_S

    run_without_a_loop_clock(look_for_two_minutes)
    assert tried[0] == 1000.0
    gaps = [after - before for before, after in pairwise(tried)]
    assert gaps == [1, 2, 4, 8, 16, 32]


def run_without_a_loop_clock(look: Any) -> None:
    """Run what awaits only threads, step by step, beside a clock that stands still."""

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return time.perf_counter()

    loop = Loop()
    try:
        loop.run_until_complete(look())
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_a_watch_that_stands_still_is_told(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1")))
    client = serve(tmp_path / "data", metrics=True)
    go_on = threading.Event()
    opening = Serving._open

    def hangs(self: Serving, folder: Path, **how: Any) -> Any:
        assert go_on.wait(60)
        return opening(self, folder, **how)

    monkeypatch.setattr(Serving, "_open", hangs)
    monkeypatch.setattr(releases, "LOOK_OVERDUE_S", 1.5)
    publish_to(tmp_path / "data", archive(record("tes-1"), record("tes-2")))
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is not None)
    assert "has not been looked at for" in client.get("/readyz").json()["trouble"]
    assert trouble_in_metrics(client)
    go_on.set()
    assert wait_until(lambda: client.get("/v1/testimonies/tes-2").status_code == 200)
    assert client.get("/readyz").json()["trouble"] is None


def test_a_comparison_that_fails_is_trouble(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any, **__: Any) -> Any:
        raise RuntimeError("a private name")

    monkeypatch.setattr(releases, "COMPARED_FIRST", 0)
    monkeypatch.setattr(Release, "look_for_damage", fails)
    publish_to(tmp_path / "data", archive(record("tes-1")))
    client = serve(tmp_path / "data")
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is not None)
    trouble = client.get("/readyz").json()["trouble"]
    assert trouble == "the release cannot be compared with its manifest (RuntimeError)"


def test_a_release_is_compared_where_threads_have_no_priority_of_their_own(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: Any) -> None:
        raise ProcessLookupError

    monkeypatch.setattr(releases, "COMPARED_FIRST", 0)
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(os, "setpriority", fails)
    published = publish_to(tmp_path / "data", archive(record("tes-1")))
    manifest = published.folder / "manifest.json"
    manifest.chmod(0o644)
    manifest.write_text(manifest.read_text().replace(published.manifest.files["archive.jsonl"].sha256, 64 * "0"))
    client = serve(tmp_path / "data")
    assert wait_until(lambda: "archive.jsonl" in (client.get("/readyz").json()["trouble"] or ""))


def test_who_waits_for_an_answer_of_a_release_that_goes_is_answered_from_it(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of equal requests one makes the answer; where that comes to nothing, the others make it, from the same release."""
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1", title="Told once")))
    client = serve(data)
    go_on, begun = threading.Event(), []
    search = Catalogue.search

    def slowly(*given: Any) -> Any:
        begun.append(1)
        if len(begun) == 1:
            assert go_on.wait(60)
            raise OSError("the answer that all wait for comes to nothing")
        return search(*given)

    monkeypatch.setattr(Catalogue, "search", slowly)
    cache = client.application.middleware_stack.cache  # type: ignore[attr-defined]
    before = client.get("/v1").headers["archive-release"]
    with ThreadPoolExecutor(6) as crowd:
        asked = [crowd.submit(httpx.get, client.base_url.join("/v1/search?q=once"), trust_env=False) for _ in range(6)]
        served = client.application.state.serving.served  # type: ignore[attr-defined]
        assert wait_until(lambda: served._holders == 6)
        assert len(begun) == 1
        assert cache.misses >= 1
        publish_to(data, archive(record("tes-1", title="Told twice")))
        assert wait_until(lambda: client.get("/v1").headers["archive-release"] != before)
        go_on.set()
        answers = [each.result() for each in asked]
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [500]
    assert {answer.headers["archive-release"] for answer in answers} == {before}


def test_no_answer_fails_while_releases_change(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many changes, equal requests, and makers that are slower than the changes."""
    data = tmp_path / "data"
    wholes = [archive(record("tes-1", title=f"Told {n} times")) for n in range(2)]
    publish_to(data, wholes[0])
    monkeypatch.setattr(releases, "LOOK_EVERY_S", 0.01)
    client = serve(data)
    search = Catalogue.search

    def slowly(*given: Any) -> Any:
        time.sleep(0.03)
        return search(*given)

    monkeypatch.setattr(Catalogue, "search", slowly)
    statuses: list[int] = []
    stop = threading.Event()

    def keep_asking() -> None:
        with httpx.Client(base_url=client.base_url, trust_env=False, timeout=20, verify=PLAIN) as other:
            # With a pause: who asks without one leaves publisher and server little of the processor.
            while not stop.wait(0.02):
                statuses.append(other.get("/v1/search?q=told").status_code)

    readers = [threading.Thread(target=keep_asking) for _ in range(8)]
    for reader in readers:
        reader.start()
    try:
        for n in range(12):
            number = publish_to(data, wholes[(n + 1) % 2]).manifest.number
            assert wait_until(partial(is_served, client, number))
    finally:
        stop.set()
        for reader in readers:
            reader.join()
    assert len(statuses) > 12
    assert set(statuses) == {200}
