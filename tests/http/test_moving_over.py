"""A server and the releases that come while it runs."""

import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from service.release.data_folder import current_folder, roll_back
from tests.archives import archive, record
from tests.conftest import PLAIN, PublishTo, Serve

#: Seconds until a test gives up. A machine that is busy with other things makes everything late, so only what never comes is a fault.
GIVES_UP_S = 60.0


def wait_until(holds: Callable[[], bool], *, within: float = GIVES_UP_S) -> bool:
    deadline = time.monotonic() + within
    while time.monotonic() < deadline:
        if holds():
            return True
        time.sleep(0.05)
    return holds()


def release_of(client: httpx.Client) -> str:
    number: int = client.get("/v1").json()["release"]["number"]
    return str(number)


def test_a_new_release_is_shown_without_dropping_a_request(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1", title="Before")))
    client = serve(data)
    statuses: set[int] = set()
    stop = threading.Event()

    def keep_asking() -> None:
        with httpx.Client(base_url=client.base_url, trust_env=False, verify=PLAIN) as other:
            while not stop.is_set():
                page = other.get("/v1/testimonies")
                statuses.add(page.status_code)
                # One answer is of one release.
                assert page.json()["meta"]["release"] == page.headers["archive-release"]

    readers = [threading.Thread(target=keep_asking) for _ in range(4)]
    for reader in readers:
        reader.start()
    publish_to(data, archive(record("tes-1", title="After")))
    assert wait_until(lambda: client.get("/v1/testimonies/tes-1").json()["title"] == "After")
    roll_back(data)
    assert wait_until(lambda: client.get("/v1/testimonies/tes-1").json()["title"] == "Before")
    stop.set()
    for reader in readers:
        reader.join()
    assert statuses == {200}


def test_a_server_without_a_release_says_so_until_there_is_one(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    client = serve(tmp_path / "data")
    for path in ("/v1", "/v1/events", "/v1/events/evt-1", "/readyz"):
        answer = client.get(path)
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0
        assert answer.headers["access-control-allow-origin"] == "*"
        assert answer.json()["type"].endswith("/problems/not-ready")
    assert client.get("/healthz").status_code == 200
    publish_to(tmp_path / "data", archive())
    assert wait_until(lambda: client.get("/readyz").status_code == 200)


def test_a_damaged_release_is_not_moved_over_to(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1", title="Whole")))
    client = serve(data)
    # Damaged before the server looks: published beside it, then brought in.
    publish_to(tmp_path / "other", archive(record("tes-1", title="Damaged")))
    folder = current_folder(tmp_path / "other")
    assert folder is not None
    database = folder / "archive.sqlite"
    database.chmod(0o644)
    database.write_bytes(database.read_bytes()[:-1])
    arrived = data / "releases" / folder.name.replace("1-", "2-")
    shutil.move(folder, arrived)
    link = data / "current.new"
    link.symlink_to(f"releases/{arrived.name}")
    link.rename(data / "current")
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is not None)
    assert "bytes instead of" in client.get("/readyz").json()["trouble"]
    assert client.get("/v1/testimonies/tes-1").json()["title"] == "Whole"
    roll_back(data, 1)
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is None)


def test_a_release_removed_under_a_server_is_still_served(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    data = tmp_path / "data"
    folder = publish_to(data, archive(record("tes-1"))).folder
    client = serve(data)
    assert client.get("/v1/testimonies/tes-1").status_code == 200
    shutil.rmtree(folder)
    assert wait_until(lambda: client.get("/readyz").json()["trouble"] is not None)
    assert client.get("/v1/testimonies").status_code == 200


def test_requests_under_way_finish_on_the_release_they_began_with(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(*(record(f"tes-{n}") for n in range(30))))
    client = serve(data)
    old = client.get("/v1").json()["release"]["id"]
    with client.stream("GET", "/v1/testimonies?limit=200") as answer:
        publish_to(data, archive(*(record(f"tes-{n}") for n in range(31))))
        with httpx.Client(base_url=client.base_url, trust_env=False, verify=PLAIN) as other:
            assert wait_until(lambda: release_of(other) == "2")
        answer.read()
    assert answer.json()["meta"]["release"] == old
