"""`serve` with a depot, as it is run: moves over by itself, survives kills at random moments, and leaves no process behind."""

import contextlib
import os
import random
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.cli.app import run
from service.release.data_folder import kept_releases
from service.release.manifest import verify_release
from tests.commands import Command
from tests.conftest import PLAIN
from tests.depots.publishing import current_in, edition, publish_into, served_from

SEED = int(os.environ.get("BREAKING_SEED", "20261126"))
#: Servers killed at a random moment.
KILLS = int(os.environ.get("REPLICA_KILLS", "4"))
#: Seconds until a server that was just started is killed, at most.
KILLED_WITHIN_S = 4.0


class Server:
    """`serve`, in a process that can be killed."""

    def __init__(self, data: Path, *arguments: str) -> None:
        self.process = Command("serve", "--port", 0, "--data", data, *arguments)

    def client(self) -> httpx.Client:
        """Wait until it listens."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if found := re.search(r"Serving at (http://\S+)/v1", line):
                return httpx.Client(base_url=found[1], trust_env=False, timeout=20, verify=PLAIN)
        raise AssertionError("the server did not start")

    def followers(self) -> list[int]:
        """Return the processes that it has started."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(each) for each in children.read_text().split()]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


@contextlib.contextmanager
def serving(data: Path, *arguments: str) -> Iterator[Server]:
    server = Server(data, *arguments)
    try:
        yield server
    finally:
        server.kill()


def is_gone(pid: int) -> bool:
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def test_a_server_follows_its_depot(tmp_path: Path, depot: str) -> None:
    publish_into(depot, tmp_path / "data", edition(1))
    data = tmp_path / "replica"
    with serving(data, "--depot", depot) as server, server.client() as client:
        while client.get("/readyz").status_code != 200:
            time.sleep(0.05)
        [follower] = server.followers()
        publish_into(depot, tmp_path / "data", edition(2))
        began = time.monotonic()
        while client.get("/v1").json()["release"]["number"] != 2:
            time.sleep(0.05)
        assert time.monotonic() - began < 20  # five seconds on a machine that does nothing else
        follows = client.get("/readyz").json()["follows"]
        assert (follows["kind"], follows["address"], follows["trouble"]) == ("depot", depot, None)
        server.process.send_signal(signal.SIGTERM)
        _, said = server.process.communicate(timeout=30)
        assert server.process.returncode == 0
        assert "Stopped." in said
        assert "Traceback" not in said
        assert is_gone(follower)


def test_servers_killed_at_any_moment_leave_a_whole_release(tmp_path: Path, depot: str) -> None:
    draw = random.Random(SEED)
    data = tmp_path / "replica"
    print(f"BREAKING_SEED={SEED}")
    for number in range(1, KILLS + 1):
        publish_into(depot, tmp_path / "data", edition(number))
        with serving(data, "--depot", depot) as server:
            time.sleep(draw.uniform(0, KILLED_WITHIN_S))
            children = server.followers()
            server.kill()
            while not all(map(is_gone, children)):
                time.sleep(0.01)
        for release in kept_releases(data):
            if release.current:
                assert release.manifest is not None
                verify_release(release.folder, release.manifest)
    with serving(data, "--depot", depot) as server, server.client() as client:
        while client.get("/readyz").json().get("release", "")[7:19] != current_in(depot).partition("-")[2]:
            time.sleep(0.05)
    assert served_from(data) == current_in(depot)
    assert len(kept_releases(data)) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ["--depot", "file:///tmp/x", "--mirror", "http://h/"],
        ["--depot", "file:///tmp/x", "--archive", "x.json"],
        ["--mirror", "ftp://h/"],
        ["--mirror", "http://h/", "--allowed-signers", "nowhere"],
        ["--allowed-signers", "nowhere"],
        ["--depot", "bucket"],
    ],
)
def test_settings_that_cannot_be_meant_are_refused(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["serve", "--port", "0", "--data", str(tmp_path / "data"), *arguments]) in (1, 2)
    said = capsys.readouterr().err
    assert said.startswith("error: ")
    assert said.count("\n") == 1
    assert not (tmp_path / "data").exists()
