"""A release that is damaged or removed while a server runs: it says so, answers what is whole, and heals."""

import logging
import random
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from service.release.data_folder import roll_back
from tests.archives import archive, record
from tests.conftest import PublishTo, Serve
from tests.http.test_moving_over import wait_until

DATABASE, INDEX, CANONICAL = "archive.sqlite", "index", "archive.jsonl"
DOCUMENTS, KEYS, ARRAYS = "archive.documents", "archive.keys", "archive.arrays"
STATEMENTS, SIGNATURES = "statements.jsonl", "signatures.jsonl"
#: What each address is answered from.
NEEDED = {
    "/v1/testimonies": {DOCUMENTS, ARRAYS},
    # Where there are other pages, cursors to them.
    "/v1/events?limit=1": {DOCUMENTS, KEYS, ARRAYS},
    "/v1/testimonies/tes-1": {DATABASE, DOCUMENTS},
    "/v1/testimonies?format=csv": {DATABASE, DOCUMENTS, ARRAYS},
    "/v1/changes": {DATABASE},
    "/v1/suggest?q=what": {DATABASE},
    "/v1/testimonies?q=said": {INDEX, DOCUMENTS},
    "/v1/testimonies?facets=witness": {DATABASE, INDEX, DOCUMENTS, ARRAYS},
    "/v1/search?q=said": {DATABASE, INDEX, CANONICAL},
    "/v1/archive": {CANONICAL},
    "/v1/releases": {STATEMENTS, SIGNATURES},
    "/v1/releases/1/statement": {STATEMENTS, SIGNATURES},
    "/v1/testimonies/tes-1/history": {DATABASE, DOCUMENTS},
    "/v1": set[str](),
    "/openapi.json": set[str](),
    "/healthz": set[str](),
}
#: Seconds within which a server has seen damage: it looks once a second, and then compares the files.
SEEN_S = 4.0


def refused(client: httpx.Client) -> set[str]:
    """Return the addresses that are refused because of damage; every other one answers."""
    found = set()
    for address in NEEDED:
        answer = client.get(address)
        if answer.status_code != 200:
            assert answer.status_code == 503
            assert answer.json()["type"].endswith("/problems/release-damaged")
            assert answer.headers["retry-after"]
            found.add(address)
    return found


def victim(folder: Path, name: str) -> Path:
    """Return the file, or the largest in the folder, of that name."""
    path = folder / name
    return max(path.iterdir(), key=lambda each: each.stat().st_size) if path.is_dir() else path


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    _overwrite(path, bytes(content))


def cut(path: Path) -> None:
    _overwrite(path, path.read_bytes()[:-1])


def _overwrite(path: Path, content: bytes) -> None:
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.write(content)
        file.truncate()


@pytest.mark.parametrize("damage", [flip, cut])
@pytest.mark.parametrize("name", [DATABASE, INDEX, CANONICAL, DOCUMENTS, KEYS, ARRAYS, STATEMENTS, SIGNATURES])
def test_a_server_says_what_was_damaged_and_answers_from_what_was_not(
    tmp_path: Path,
    publish_to: PublishTo,
    serve: Serve,
    caplog: pytest.LogCaptureFixture,
    name: str,
    damage: Callable[[Path], None],
) -> None:
    folder = publish_to(
        tmp_path / "data", archive(record("tes-1"), record("evt-1"), record("evt-2")), sign=lambda _: "signed"
    ).folder
    # What was answered before the damage is right and goes on being given again: asked here without that.
    client = serve(tmp_path / "data", cache_mib=0)
    assert refused(client) == set()
    path = victim(folder, name)
    whole = path.read_bytes()
    damage(path)
    assert wait_until(lambda: path.name in client.get("/readyz").text, within=SEEN_S)
    assert refused(client) == {address for address, files in NEEDED.items() if name in files}
    ready = client.get("/readyz")
    # Without the database hardly anything is answered; without the others most is.
    assert ready.status_code == (503 if name == DATABASE else 200)
    assert path.name in caplog.text
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR]
    _overwrite(path, whole)
    assert wait_until(lambda: client.get("/readyz").json().get("trouble", "") is None, within=SEEN_S)
    assert refused(client) == set()


def remove(path: Path) -> None:
    path.unlink()


@pytest.mark.parametrize("damage", [flip, cut, remove])
def test_a_server_begins_without_words_where_nothing_else_is_damaged(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, damage: Callable[[Path], None]
) -> None:
    """As it does again and again where a file of the index was cut short: the engine that read it has ended the process."""
    folder = publish_to(
        tmp_path / "data", archive(record("tes-1"), record("evt-1"), record("evt-2")), sign=lambda _: "signed"
    ).folder
    path = victim(folder, INDEX)
    whole = path.read_bytes()
    damage(path)
    client = serve(tmp_path / "data", cache_mib=0)
    assert path.name in client.get("/readyz").json()["trouble"]
    assert refused(client) == {address for address, files in NEEDED.items() if INDEX in files}
    page = client.get("/events", headers={"Accept": "text/html"})
    assert (page.status_code, "evt-1" in page.text) == (200, True)
    if path.exists():
        path.chmod(0o644)
    path.write_bytes(whole)
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is None, within=SEEN_S)
    assert refused(client) == set()


def test_no_server_begins_where_more_than_the_words_is_damaged(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    folder = publish_to(tmp_path / "data", archive(record("tes-1"))).folder
    cut(victim(folder, INDEX))
    cut(folder / ARRAYS)
    client = serve(tmp_path / "data")
    ready = client.get("/readyz")
    assert (ready.status_code, ARRAYS in ready.text) == (503, True)
    assert client.get("/v1/testimonies").status_code == 503


@pytest.mark.parametrize("seed", range(4))
def test_a_database_damaged_anywhere_gives_no_traceback_before_it_is_seen(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, caplog: pytest.LogCaptureFixture, seed: int
) -> None:
    data = tmp_path / "data"
    folder = publish_to(data, archive(*(record(f"tes-{n}") for n in range(50)), record("evt-1"))).folder
    client = serve(data)
    chance = random.Random(seed)
    path = folder / "archive.sqlite"
    content = bytearray(path.read_bytes())
    for _ in range(len(content) // 100):
        content[chance.randrange(100, len(content))] = chance.randrange(256)
    _overwrite(path, bytes(content))
    # At once, before the server looks.
    for address in (*NEEDED, "/v1/testimonies?fields=title&lang=de", "/v1/events?topic=top-1"):
        answer = client.get(address)
        assert answer.status_code in (200, 404, 422, 503), (address, answer.text)
    assert "Traceback" not in caplog.text
    assert not [each for each in caplog.records if each.levelno >= logging.ERROR], caplog.text
    assert wait_until(lambda: client.get("/readyz").status_code == 503, within=SEEN_S)


def test_a_server_tells_a_release_that_is_broken_from_one_that_is_missing(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    missing = serve(tmp_path / "nothing")
    for address in ("/readyz", "/v1/testimonies"):
        answer = missing.get(address)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "not-ready")
    folder = publish_to(tmp_path / "data", archive(record("tes-1"))).folder
    cut(folder / "archive.sqlite")
    broken = serve(tmp_path / "data")
    for address in ("/readyz", "/v1/testimonies"):
        answer = broken.get(address)
        assert (answer.status_code, answer.json()["type"].rpartition("/")[2]) == (503, "release-damaged")
    assert "bytes instead of" in broken.get("/readyz").json()["detail"]
    assert "releases rollback" in broken.get("/readyz").json()["detail"]


def test_a_release_removed_under_a_server_is_served_until_the_next(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1", title="First")))
    folder = publish_to(data, archive(record("tes-1", title="Second"), record("evt-1"))).folder
    client = serve(data)
    shutil.rmtree(folder)
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is not None)
    assert "which is not there" in client.get("/readyz").json()["trouble"]
    assert "which is not there" in caplog.text
    with ThreadPoolExecutor(6) as readers:  # so that the server needs all the threads it has
        assert set().union(*readers.map(refused, [client] * 12)) == set()
    assert roll_back(data).number == 1
    assert wait_until(lambda: client.get("/v1/testimonies/tes-1").json()["title"] == "First")
    publish_to(data, archive(record("tes-1", title="Third")))
    assert wait_until(lambda: client.get("/v1/testimonies/tes-1").json()["title"] == "Third")
    assert client.get("/readyz").json()["trouble"] is None


def test_a_data_folder_made_anew_is_seen_also_where_its_release_has_the_same_name(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    data = tmp_path / "data"
    before = publish_to(data, archive(record("tes-1")), now=lambda: datetime(2026, 3, 1, tzinfo=UTC))
    client = serve(data)
    shutil.rmtree(data)
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is not None)
    assert client.get("/v1/testimonies/tes-1").status_code == 200
    after = publish_to(data, archive(record("tes-1")))
    assert after.folder == before.folder
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is None)
    assert client.get("/v1").json()["release"]["published_at"] == after.manifest.published_at


def test_a_large_release_is_compared_while_it_is_served(
    tmp_path: Path, publish_to: PublishTo, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.http.releases.COMPARED_FIRST", 0)
    whole = publish_to(tmp_path / "whole", archive(record("tes-1"))).folder
    assert serve(whole.parent.parent).get("/readyz").json()["trouble"] is None
    flip(publish_to(tmp_path / "data", archive(record("tes-1"))).folder / DOCUMENTS)
    client = serve(tmp_path / "data", cache_mib=0)
    assert wait_until(lambda: DOCUMENTS in client.get("/readyz").text, within=SEEN_S)
    assert client.get("/v1/testimonies").json()["type"].endswith("/problems/release-damaged")
    assert client.get("/v1/changes").status_code == 200
