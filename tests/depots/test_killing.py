"""A publisher, an S3 server, a replica and a mirror of that, of which one is killed at a random moment again and again: each
folder holds a whole release after each kill, and in the end all serve the same one.

`FLEET_KILLS=200` runs the long campaign; `BREAKING_SEED` draws other moments.
"""

import contextlib
import os
import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import httpx
import pytest

from service.release.data_folder import kept_releases
from service.release.manifest import verify_release
from tests.archives import write
from tests.commands import Command
from tests.conftest import PLAIN
from tests.depots.conftest import BUCKET, free_port, running_store
from tests.depots.publishing import edition

SEED = int(os.environ.get("BREAKING_SEED", "20261126"))
KILLS = int(os.environ.get("FLEET_KILLS", "4"))
#: Seconds until something is killed, at most: a publication and a move to it take about as long.
WITHIN_S = 3.0
#: Seconds in which all must serve the same in the end: a follower that found nothing asks again after 8.
IN_THE_END_S = 120.0


class Fleet:
    """What serves one archive from a store: each part is a process that can be killed and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = f"s3://{BUCKET}/releases"
        self.ports = {name: free_port() for name in ("store", "replica", "mirror")}
        self.number = 0
        self._running: dict[str, contextlib.ExitStack] = {}

    def start(self, name: str) -> None:
        """Start a part."""
        stack = self._running[name] = contextlib.ExitStack()
        stack.enter_context(self._parts()[name]())

    def kill(self, name: str) -> None:
        """Kill a part, without a chance to put anything in order."""
        self._running.pop(name).close()

    def kill_all(self) -> None:
        """Kill what still runs."""
        for name in list(self._running):
            self.kill(name)

    def next_edition(self) -> None:
        """Write what is published next."""
        self.number += 1
        write(self.folder / "archive.json", edition(self.number))

    def client(self, name: str) -> httpx.Client:
        """Return a client of the replica or the mirror."""
        return httpx.Client(base_url=f"http://127.0.0.1:{self.ports[name]}", trust_env=False, timeout=20, verify=PLAIN)

    def _parts(self) -> dict[str, Callable[[], AbstractContextManager[object]]]:
        origin = f"http://127.0.0.1:{self.ports['replica']}"
        archive, data = self.folder / "archive.json", self.folder / "publisher"
        return {
            "store": lambda: running_store(self.folder / "store", self.ports["store"]),
            "publisher": lambda: self._command("publish", archive, "--data", data, "--depot", self.store),
            "replica": lambda: self._server("replica", "--depot", self.store),
            "mirror": lambda: self._server("mirror", "--mirror", origin),
        }

    def _server(self, name: str, *arguments: str) -> AbstractContextManager[object]:
        return self._command("serve", "--port", self.ports[name], "--data", self.folder / name, *arguments)

    @contextlib.contextmanager
    def _command(self, *arguments: object) -> Iterator[None]:
        with (self.folder / "said").open("ab") as said:
            process = Command(*arguments, stdout=said, stderr=said)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            try:
                yield
            finally:
                with contextlib.suppress(OSError):
                    followers = children.read_text().split()
                process.kill()
                process.wait()
                while any(map(_lives, followers)):
                    time.sleep(0.01)


def _lives(pid: str) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False


def published(fleet: Fleet) -> str:
    """Publish to the end, with a store that answers. Returns the release's identifier."""
    archive, data = fleet.folder / "archive.json", fleet.folder / "publisher"
    publisher = Command("publish", archive, "--data", data, "--depot", fleet.store)
    _, said = publisher.communicate(120)
    assert publisher.returncode == 0, said
    found = re.search(r"sha256:[0-9a-f]{64}", said)
    assert found is not None
    return found[0]


def assert_whole(data: Path) -> None:
    """Find the release that a folder serves, if it serves one, to be as its manifest says."""
    for release in kept_releases(data) if data.exists() else ():
        if release.current:
            assert release.manifest is not None
            verify_release(release.folder, release.manifest)


def wait_until_served(client: httpx.Client, release: str) -> None:
    deadline = time.monotonic() + IN_THE_END_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if client.get("/readyz").json().get("release") == release:
                return
        time.sleep(0.1)
    raise AssertionError(f"{release} was not served in time: {client.get('/readyz').text}")


def test_whatever_is_killed_all_serve_the_same_whole_release_in_the_end(
    tmp_path: Path, credentials: pytest.MonkeyPatch
) -> None:
    print(f"BREAKING_SEED={SEED}")
    chance = random.Random(SEED)
    fleet = Fleet(tmp_path)
    credentials.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{fleet.ports['store']}")
    victims = ["store", "publisher", "replica", "mirror"]
    try:
        for name in ("store", "replica", "mirror"):
            fleet.start(name)
        for kill in range(KILLS):
            fleet.next_edition()
            fleet.start("publisher")
            time.sleep(chance.uniform(0, WITHIN_S))
            # Each in its turn once, so that a short campaign kills each of them, then whichever it hits.
            victim = victims[kill] if kill < len(victims) else chance.choice(victims)
            fleet.kill(victim)
            for folder in ("publisher", "replica", "mirror"):
                if victim == folder:
                    assert_whole(tmp_path / folder)
            if victim != "publisher":
                fleet.start(victim)
                fleet.kill("publisher")
        release = published(fleet)
        for name in ("replica", "mirror"):
            with fleet.client(name) as client:
                wait_until_served(client, release)
            assert_whole(tmp_path / name)
    finally:
        fleet.kill_all()
    said = (tmp_path / "said").read_text()
    assert "Traceback" not in said, said
