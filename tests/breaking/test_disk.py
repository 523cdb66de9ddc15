"""Disks that are full or read-only, and clocks that go wrong: a clear error, and the old release goes on being served."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.errors import ReleaseError
from service.release.data_folder import kept_releases
from service.release.opening import open_current
from service.release.publish import publish
from tests.archives import archive, record, write
from tests.commands import Command
from tests.conftest import SEED, PublishTo, Serve
from tests.missing import skip_for

#: Bytes that a file system hands out at a time.
PAGE = 4096

Resize = Callable[[str], None]


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, in memory."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        skip_for(f"a file system can only be mounted by root: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", folder], check=True)


def remount(disk: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", disk], check=True)


def used(disk: Path) -> int:
    state = os.statvfs(disk)
    return (state.f_blocks - state.f_bfree) * state.f_frsize


@dataclass
class Ran:
    """How a command ended, and what it said."""

    returncode: int
    stderr: str


def run(*arguments: object, **options: Any) -> Ran:
    """Run the command as a person does."""
    command = Command(*arguments, **options)
    _, said = command.communicate(60)
    assert command.returncode is not None
    return Ran(command.returncode, said)


def assert_one_line(error: str, *words: str) -> None:
    assert error.startswith("error: ")
    assert error.count("\n") == 1
    assert all(word in error for word in words), error


# --- A full disk ------------------------------------------------------------------------------------------------------


def test_a_disk_that_fills_up_at_any_point_changes_nothing(disk: Path, tmp_path: Path) -> None:
    data = disk / "data"
    first = write(tmp_path / "first.jsonl", archive(record("tes-1", title="Old")))
    publish(first, data)
    taken = used(disk)
    path = write(
        tmp_path / "second.jsonl", archive(record("tes-1", title="New"), *(record(f"tes-{n}") for n in range(2, 40)))
    )
    refusals = []
    for pages in range(1000):
        remount(disk, f"size={taken + pages * PAGE}")
        try:
            publish(path, data)
            break
        except ReleaseError as error:
            refusals.append(str(error))
        with closing(open_current(data)) as release:
            assert release.manifest.number == 1
        assert not list((data / "releases").glob(".*"))
    print(f"refused: {len(refusals)}")
    assert len(refusals) > 30
    assert all("could not be written" in error and "nothing was changed" in error for error in refusals)
    assert all("full" in error or "No space left" in error for error in refusals)
    with closing(open_current(data)) as release:
        assert release.manifest.number == 2


def test_the_command_says_in_one_line_that_the_disk_is_full(disk: Path, tmp_path: Path) -> None:
    data = disk / "data"
    publish(write(tmp_path / "first.jsonl", archive(record("tes-1"))), data)
    second = write(tmp_path / "second.jsonl", archive(record("tes-1"), record("tes-2")))
    remount(disk, f"size={used(disk) + 10 * PAGE}")
    refused = run("publish", second, "--data", data)
    assert refused.returncode == 1
    assert_one_line(refused.stderr, "could not be written", "nothing was changed")
    assert "release 1" in run("export", tmp_path / "out.jsonl", "--data", data).stderr
    remount(disk, "size=50m")
    assert "Published release 2" in run("publish", second, "--data", data).stderr


@pytest.mark.parametrize("name", ["out.json", "out.jsonl"])
def test_an_export_to_a_full_disk_leaves_what_was_there(disk: Path, seed_data: Path, name: str) -> None:
    (disk / name).write_text("the export of yesterday")
    remount(disk, f"size={used(disk) + 4 * PAGE}")
    refused = run("export", disk / name, "--force", "--data", seed_data)
    assert refused.returncode == 1
    assert_one_line(refused.stderr, "No space left on device", name)
    assert [path.name for path in disk.iterdir()] == [name]
    assert (disk / name).read_text() == "the export of yesterday"
    remount(disk, "size=50m")
    assert run("export", disk / name, "--force", "--data", seed_data).returncode == 0


@pytest.mark.parametrize("unbuffered", [False, True])
@pytest.mark.parametrize(
    "arguments", [("export",), ("export", "-", "--format", "json"), ("releases", "list"), ("schema",), ("check", SEED)]
)
def test_a_full_disk_behind_standard_output_is_an_error(
    seed_data: Path, arguments: tuple[object, ...], *, unbuffered: bool
) -> None:
    environment = {**os.environ, "TESTIMONY_ARCHIVE_DATA": str(seed_data)}
    environment.pop("PYTHONUNBUFFERED", None)
    if unbuffered:
        environment["PYTHONUNBUFFERED"] = "1"
    with Path("/dev/full").open("w") as full:
        ran = run(*arguments, stdout=full, env=environment)
    assert ran.returncode == 1
    assert_one_line(ran.stderr, "No space left on device")


@pytest.mark.parametrize("arguments", [("schema",), ("export",), ("check", SEED)])
def test_a_closed_pipe_behind_standard_output_needs_no_words(seed_data: Path, arguments: tuple[object, ...]) -> None:
    environment = {**os.environ, "TESTIMONY_ARCHIVE_DATA": str(seed_data)}
    environment.pop("PYTHONUNBUFFERED", None)
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as pipe:
        ran = run(*arguments, stdout=pipe, env=environment)
    assert (ran.returncode, ran.stderr) == (1, "")


def test_a_check_without_room_for_what_it_must_remember_is_an_error(disk: Path, tmp_path: Path) -> None:
    words = "They came at night. " * 400_000
    text = {"length": len(words), "bytes": len(words), "sha256": hashlib.sha256(words.encode()).hexdigest()}
    texts = [record(f"src-{n}", verbatim=True, text={**text, "content": words}) for n in range(1, 5)]
    path = write(tmp_path / "large.jsonl", archive(*texts))
    remount(disk, "size=64k")
    # Begun by Python: the database reads this variable when it is used for the first time.
    command = [sys.executable, "-m", "service", "check", str(path)]
    environment = {**os.environ, "SQLITE_TMPDIR": str(disk)}
    refused = subprocess.run(command, env=environment, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert refused.returncode == 1
    assert_one_line(refused.stderr, "disk is full")


# --- A read-only data folder -------------------------------------------------------------------------------------------


def test_a_read_only_data_folder_is_served_and_not_published_into(
    disk: Path, publish_to: PublishTo, tmp_path: Path, serve: Serve
) -> None:
    data = disk / "data"
    path = write(tmp_path / "first.jsonl", archive(record("tes-1")))
    publish(path, data)
    remount(disk, "ro")
    refused = run("publish", path, "--data", data)
    assert refused.returncode == 1
    assert_one_line(refused.stderr, str(data), "cannot be written to", "Read-only file system")
    for arguments in (("rollback",), ("prune",)):
        assert_one_line(run("releases", *arguments, "--data", data).stderr, "cannot be written to")
    client = serve(data)
    assert client.get("/readyz").json()["trouble"] is None
    assert client.get("/v1/testimonies?q=said&sort=-id&facets=witness").json()["meta"]["total"] == 1


def test_an_empty_read_only_data_folder_is_an_error_of_one_line(disk: Path) -> None:
    remount(disk, "ro")
    refused = run("serve", "--port", "0", "--data", disk / "data")
    assert refused.returncode == 1
    assert_one_line(refused.stderr, "cannot be written to")


# --- Clocks -----------------------------------------------------------------------------------------------------------


def at(text: str) -> Callable[[], datetime]:
    return lambda: datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_a_clock_that_jumps_back_does_not_turn_the_log_around(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")), now=at("2026-03-02T12:00"))
    publish_to(data, archive(record("tes-1", title="Corrected"), record("tes-2")), now=at("2026-03-01T12:00"))
    client = serve(data)
    changes = client.get("/v1/changes").json()["data"]
    moments = [change["at"] for change in changes]
    assert moments == sorted(moments)
    # A mirror that asks for what came after its last look is told of all that did.
    later = client.get("/v1/changes", params={"since": "2026-03-02T12:00:00Z"}).json()["data"]
    assert {change["id"] for change in later} >= {"tes-1", "tes-2"}
    assert client.get("/v1/testimonies/tes-1").json()["updated_at"] == "2026-03-02T12:00:00Z"
    assert client.get("/v1").json()["release"]["published_at"] == "2026-03-02T12:00:00Z"
    assert kept_releases(data)[0].number == 2


# --- Two publishers ---------------------------------------------------------------------------------------------------


def test_of_two_publishers_at_once_one_is_told_so_in_one_line(tmp_path: Path) -> None:
    data = tmp_path / "data"
    paths = [
        write(tmp_path / f"{name}.jsonl", archive(*(record(f"tes-{n}", title=name) for n in range(400))))
        for name in "ab"
    ]
    # Both wait for the other to have started: only the data folder is between them.
    runs = [Command("publish", "--data", data, path) for path in paths]
    told = [process.communicate(timeout=60)[1] for process in runs]
    assert {process.returncode for process in runs} <= {0, 1}
    assert any(process.returncode == 0 for process in runs)
    for process, error in zip(runs, told, strict=True):
        if process.returncode:
            assert_one_line(error, "another process is publishing")
    open_current(data).close()
