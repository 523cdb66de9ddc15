"""Who may read and write a release, and that it is on the disk: whatever the umask of whoever published or fetched it."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.depots.mirrors import Mirror
from service.release import data_folder
from service.release.opening import open_release
from tests.archives import archive, file_of, record
from tests.conftest import PublishTo, Serve
from tests.depots.publishing import publish_into, replica_of

#: Brings a release with a public file into a data folder.
Bring = Callable[[Path], object]

WHOLE = archive(record("tes-1"), record("src-1", files=[file_of("media/a")]))


@pytest.fixture(params=["published", "from a depot", "mirrored"])
def bring(request: pytest.FixtureRequest, tmp_path: Path, publish_to: PublishTo, serve: Serve) -> Bring:
    if request.param == "published":
        return lambda data: publish_to(data, WHOLE)
    depot = f"file://{tmp_path}/depot"
    publish_into(depot, tmp_path / "origin", WHOLE)
    if request.param == "from a depot":
        return lambda data: replica_of(depot, data).look()
    origin = str(serve(tmp_path / "origin").base_url)
    return lambda data: Mirror(origin, data).look()


def inside(data: Path) -> tuple[list[Path], list[Path]]:
    """Return the folders and the files that a server reads in a data folder, the folder itself included."""
    below = [path for part in ("releases", "files") for path in (data / part, *(data / part).rglob("*"))]
    folders, files = [data, *filter(Path.is_dir, below)], [*filter(Path.is_file, below)]
    assert len(folders) >= 5
    assert len(files) >= 6
    return folders, files


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_a_release_can_be_read_by_all_and_written_by_nobody_else(tmp_path: Path, bring: Bring) -> None:
    data = tmp_path / "data"
    bring(data)
    folders, files = inside(data)
    for paths, wanted in ((folders, 0o755), (files, 0o444)):
        modes = {path.relative_to(data).as_posix(): oct(stat.S_IMODE(path.stat().st_mode)) for path in paths}
        assert modes == dict.fromkeys(modes, oct(wanted))


def test_all_of_a_release_is_forced_to_disk_before_it_is_served(
    tmp_path: Path, bring: Bring, monkeypatch: pytest.MonkeyPatch
) -> None:
    #: What was forced to disk, and which entries a folder had then.
    synced: dict[tuple[int, int], set[str]] = {}
    before: list[dict[tuple[int, int], set[str]]] = []
    fsync, make_current = os.fsync, data_folder.make_current

    def identity(state: os.stat_result) -> tuple[int, int]:
        return state.st_dev, state.st_ino

    def noting(descriptor: int) -> None:
        fsync(descriptor)
        state = os.fstat(descriptor)
        synced[identity(state)] = set(os.listdir(descriptor)) if stat.S_ISDIR(state.st_mode) else set()

    def serving(data: Path, folder: Path) -> None:
        before.append(dict(synced))
        synced.clear()
        make_current(data, folder)

    monkeypatch.setattr(os, "fsync", noting)
    monkeypatch.setattr(data_folder, "make_current", serving)
    data = tmp_path / "data"
    bring(data)
    [forced] = before
    folders, files = inside(data)
    assert [path for path in (*folders, *files) if identity(path.stat()) not in forced] == []
    for folder in folders[1:]:
        assert {path.name for path in folder.iterdir()} <= forced[identity(folder.stat())]
    assert "current" in synced[identity(data.stat())]


@pytest.mark.parametrize("with_query_only", [True, False])
def test_the_database_of_a_release_cannot_be_written_to(
    tmp_path: Path, publish_to: PublishTo, with_query_only: bool
) -> None:
    folder = publish_to(tmp_path / "data", archive(record("tes-1"))).folder
    for path in folder.rglob("*.sqlite"):
        path.chmod(0o644)  # so that it is not the mode of the file that refuses
    release = open_release(folder)
    try:
        connection = release.connection()
        assert connection.execute("PRAGMA query_only").fetchone() == (1,)
        connection.execute(f"PRAGMA query_only = {int(with_query_only)}")
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            connection.execute("CREATE TABLE stranger (id)")
    finally:
        release.close()
