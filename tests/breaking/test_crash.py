"""Publishers that are killed: the server always finds a whole release, and the next publisher a folder it can work in."""

import json
import os
import random
import re
import shutil
import statistics
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from service.errors import NoRelease
from service.release.data_folder import kept_releases, roll_back
from service.release.opening import open_current
from service.release.publish import publish
from tests.archives import archive, file_of, record, write

ROOT = Path(__file__).parents[2]
SEED = int(os.environ.get("BREAKING_SEED", "20261125"))
#: Publishers killed at a random moment, in as many lanes beside each other as there are processors.
KILLS = int(os.environ.get("BREAKING_KILLS", "20"))
LANES = 2
#: Random moments lie between nothing and this many times what a publication takes: some are let to finish.
BEYOND = 1.05


class Publisher:
    """Publishes in processes that can be killed. Each archive has another content than the one before."""

    def __init__(self, process: "subprocess.Popen[str]", folder: Path) -> None:
        self._process = process
        self._path = folder / "archive.jsonl"
        self._edition = 0
        #: Seconds that the last publications took which were not killed: how long depends on what else is going on.
        self.took: deque[float] = deque(maxlen=9)

    def edit(self) -> Path:
        """Write the next edition of the archive."""
        self._edition += 1
        title = f"Edition {self._edition}"
        files = [file_of("media/every"), file_of(f"media/{self._edition}")]
        testimonies = (record(f"tes-{n}", title=title) for n in range(3))
        return write(self._path, archive(record("src-1", files=files), *testimonies, record("evt-1")))

    def publish(self, data: Path, *, wait: float | None = None, step: int | None = None) -> dict[str, Any]:
        """Publish the next edition, and kill the publisher after `wait` seconds or before its `step`th step. Returns how
        it ended.
        """
        order = {"archive": str(self.edit()), "data": str(data), "wait": wait, "step": step}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order) + "\n")
        self._process.stdin.flush()
        outcome: dict[str, Any] = json.loads(self._process.stdout.readline())
        assert outcome["killed"] or outcome["code"] == 0
        assert outcome["left"] == [], "a publisher leaves processes behind"
        return outcome


@contextmanager
def publisher_in(folder: Path) -> Iterator[Publisher]:
    folder.mkdir()
    command = [sys.executable, "-m", "tests.breaking.publisher"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield Publisher(process, folder)


def served_number(data: Path) -> int:
    """Return the number of the release that a server would serve, every file of it verified; 0 where there is none."""
    try:
        release = open_current(data)
    except NoRelease:
        return 0
    stated = [link.statement.number for link in release.statements()]
    release.close()
    assert stated == [*range(1, release.manifest.number + 1)], "a statement was lost, or a number given again"
    return release.manifest.number


def tidy_after(data: Path, before: int) -> int:
    """Find the folder tidy after a publication as if nothing had happened. Returns the number of the release."""
    number = served_number(data)
    assert number > before
    assert {path.name for path in data.iterdir()} == {"releases", "current", "files", ".lock"}
    folders = [path.name for path in (data / "releases").iterdir()]
    assert all(re.fullmatch(r"[0-9]+-[0-9a-f]{12}", name) for name in folders)
    assert len(folders) <= 3
    return number


def kill_at_random(lane: int, folder: Path) -> tuple[int, int]:
    """Kill this lane's publishers. Returns how many were killed, and how many had finished before."""
    chance = random.Random(f"{SEED}-{lane}")
    killed = finished = 0
    with publisher_in(folder) as publisher:
        data = folder / "data-0"
        publisher.took.append(publisher.publish(data)["took"])
        tidy_after(data, 0)
        while killed < KILLS // LANES:
            if chance.random() < 0.25:
                data = folder / f"data-{killed + finished}"  # a first release
            before = served_number(data)
            outcome = publisher.publish(data, wait=chance.uniform(0, BEYOND * statistics.median(publisher.took)))
            after = served_number(data)
            assert after >= before
            publisher.took.append(publisher.publish(data)["took"])
            tidy_after(data, after)
            killed += outcome["killed"]
            finished += not outcome["killed"]
            assert finished <= KILLS, "publications end before they are killed"
    return killed, finished


def test_a_publisher_killed_at_any_moment_leaves_a_whole_release(tmp_path: Path) -> None:
    print(f"seed: {SEED}")
    with ThreadPoolExecutor(LANES) as lanes:
        for killed, finished in lanes.map(lambda lane: kill_at_random(lane, tmp_path / f"lane-{lane}"), range(LANES)):
            print(f"killed: {killed}, finished before: {finished}")
            assert killed == KILLS // LANES


@pytest.mark.parametrize("published_before", [0, 4])
def test_a_publisher_killed_before_any_step_leaves_only_what_was_served(tmp_path: Path, published_before: int) -> None:
    """Every write to the file system in turn: random moments seldom fall between the last of them."""
    base = tmp_path / "base"
    with publisher_in(tmp_path / "archives") as publisher:
        for _ in range(published_before):
            publish(publisher.edit(), base)
        for step in count(1):
            data = tmp_path / f"data-{step}"
            if published_before:
                shutil.copytree(base, data, symlinks=True)
            if not publisher.publish(data, step=step)["killed"]:
                break
            after = served_number(data)
            publish(publisher.edit(), data)
            number = tidy_after(data, after)
            assert {release.number for release in kept_releases(data)} <= {
                *range(1, published_before + 1),
                after,
                number,
            }
            if after:
                assert roll_back(data).number == after
            shutil.rmtree(data)
    print(f"killed: {step - 1}")
    assert step > 10
