"""Indexing beside: the same answers as indexing here, a clear error however it fails, and no process left behind."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.archive.declarations import NOTHING
from service.archive.fields import archive_fields
from service.errors import ReleaseError
from service.release.building import indexing_process
from service.release.building.scratch import Scratch
from service.release.manifest import CANONICAL
from service.release.publish import publish
from tests.conftest import SEED, Serve

ROOT = Path(__file__).parent.parent.parent
ASKED = [
    "/v1/search?q=camera&facets=topic",
    "/v1/events?q=moscow&sort=-date&facets=year",
    "/v1/testimonies?facets=topic,witness",
]


@pytest.fixture
def beside(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.release.publish.INDEXED_BESIDE", 0)


def told(client: httpx.Client, path: str) -> tuple[list[str], dict[str, Any], int]:
    """Return which records an answer has, its facets and its total: what does not depend on when they were published."""
    answer = client.get(path).json()
    return [each["id"] for each in answer["data"]], answer["facets"], answer["meta"]["total"]


def test_what_is_indexed_beside_is_found_as_what_is_indexed_here(
    tmp_path: Path, client: httpx.Client, serve: Serve, beside: None
) -> None:
    publish(SEED, tmp_path / "data")
    other = serve(tmp_path / "data")
    for path in ASKED:
        assert told(other, path) == told(client, path)
        assert told(client, path)[0]


@pytest.mark.parametrize("how", ["has no folder", "has no database", "dies"])
def test_an_index_that_cannot_be_written_changes_nothing(
    tmp_path: Path, how: str, beside: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    begin = indexing_process.IndexBeside.__init__

    def fail(self: indexing_process.IndexBeside, folder: Path, *args: Any) -> None:
        # Something else stands where the index, or the database, has to be.
        if how == "has no folder":
            folder.joinpath("index").touch()
        if how == "has no database":
            folder.joinpath(indexing_process.INDEXES).mkdir()
        begin(self, folder, *args)
        if how == "dies":
            self._process.kill()

    monkeypatch.setattr(indexing_process.IndexBeside, "__init__", fail)
    with pytest.raises(ReleaseError, match="nothing was changed"):
        publish(SEED, data)
    assert {path.name for path in data.rglob("*")} == {"releases", ".lock"}


@pytest.mark.parametrize(
    ("imported", "started"),
    [
        (
            "service.release.building.indexing_process import IndexBeside",
            "IndexBeside(Path(sys.argv[1]), None, 'en', b'{}')",
        ),
        ("service.archive.dividing import _Second", "_Second(len)"),
    ],
)
def test_no_process_outlives_a_publisher_that_is_killed(tmp_path: Path, imported: str, started: str) -> None:
    # What the process that indexes waits with: no records yet.
    Scratch(tmp_path, archive_fields(NOTHING)).finish()
    (tmp_path / CANONICAL).write_bytes(b"{}\n")
    program = (
        f"import sys, time; from pathlib import Path; from {imported}\n"
        "if __name__ == '__main__':\n"
        f"    beside = {started}; print(beside._process.pid, flush=True)\n"
        "    time.sleep(60)\n"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    ended = time.monotonic() + 60
    while _is_alive(child):
        assert time.monotonic() < ended, "the process beside lives on"
        time.sleep(0.01)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    # One that has ended, and that nobody has asked about yet, is none.
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False).stdout
    return bool(state) and not state.startswith("Z")
