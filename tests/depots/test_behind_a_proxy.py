"""Three replicas behind the proxy of `compose.replicas.yaml`, as readers see them: no request fails while releases change
and replicas are killed, one after the other. A whole list that a killed one was sending ends too early, and is seen to.
"""

import contextlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.depots.conftest import BUCKET, free_port, running_store
from tests.depots.proxy import caddy, proxied
from tests.depots.publishing import current_in, edition, publish_into
from tests.depots.test_serving import Server, serving

#: Releases published, and replicas killed, while readers ask.
CHANGES = int(os.environ.get("PROXY_CHANGES", "2"))
READERS = 4
EXPORT = "/v1/testimonies.csv"
ASKED = ("/v1", "/v1/testimonies", "/v1/testimonies/tes-1", "/v1/events?sort=-updated_at", EXPORT)


class Readers:
    """Ask without pause, in threads. `answers` counts them by status; `failed` holds what went wrong, `cut` the whole lists
    that had begun to come.
    """

    def __init__(self, address: str) -> None:
        self.failed: list[str] = []
        self.cut: list[str] = []
        self.answers: dict[int, int] = {}
        self._address = address
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._read, args=(number,)) for number in range(READERS)]

    @contextlib.contextmanager
    def reading(self) -> Iterator[None]:
        for each in self._threads:
            each.start()
        try:
            yield
        finally:
            self._stop.set()
            for each in self._threads:
                each.join()

    def _read(self, number: int) -> None:
        with httpx.Client(base_url=self._address, trust_env=False, timeout=60) as client:
            while not self._stop.is_set():
                number += 1
                target = ASKED[number % len(ASKED)]
                status = 0
                try:
                    with client.stream("GET", target) as answer:
                        status = answer.status_code
                        answer.read()
                except httpx.HTTPError as error:
                    was_sent = target == EXPORT and status == 200
                    (self.cut if was_sent else self.failed).append(f"{target}: {error!r}")
                with self._lock:
                    self.answers[status] = self.answers.get(status, 0) + 1

    def wait_for(self, more: int) -> None:
        """Wait until so many more answers have come."""
        before = sum(self.answers.values())
        while sum(self.answers.values()) < before + more:
            threading.Event().wait(0.02)


def numbers_of(replicas: list[httpx.Client]) -> set[int]:
    """Return the numbers of the releases that replicas serve; 0 for one that has none yet."""
    answers = [client.get("/v1") for client in replicas]
    return {each.json()["release"]["number"] if each.status_code == 200 else 0 for each in answers}


def test_no_request_fails_while_releases_change_and_replicas_are_killed(
    tmp_path: Path, credentials: pytest.MonkeyPatch
) -> None:
    program = caddy()
    ports = [free_port() for _ in range(3)]
    with contextlib.ExitStack() as stack:
        store = stack.enter_context(running_store(tmp_path / "store", free_port()))
        credentials.setenv("AWS_ENDPOINT_URL", store)
        depot = f"s3://{BUCKET}/releases"

        servers: dict[int, Server] = {}

        def start(number: int) -> httpx.Client:
            arguments = ("--depot", depot, "--port", str(ports[number]))
            servers[number] = stack.enter_context(serving(tmp_path / f"replica-{number}", *arguments))
            return stack.enter_context(servers[number].client())

        publish_into(depot, tmp_path / "data", edition(1))
        clients = [start(number) for number in range(3)]
        address = stack.enter_context(
            proxied(program, tmp_path / "proxy", free_port(), [f"127.0.0.1:{port}" for port in ports])
        )
        readers = Readers(address)
        with readers.reading():
            for change in range(CHANGES):
                readers.wait_for(50)
                publish_into(depot, tmp_path / "data", edition(change + 2))
                readers.wait_for(50)
                killed = change % 3
                servers[killed].kill()
                readers.wait_for(50)
                clients[killed] = start(killed)
                while numbers_of(clients) != {change + 2}:
                    readers.wait_for(10)
        # With -s: how many were asked.
        print(f"answers by status: {readers.answers}, cut: {len(readers.cut)}")
        assert readers.failed == []
        assert len(readers.cut) <= READERS * CHANGES
        assert set(readers.answers) == {200}
        assert readers.answers[200] >= 150 * CHANGES
        assert current_in(depot).startswith(f"{CHANGES + 1}-")
