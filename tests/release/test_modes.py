"""Who may read and write a release, and that it is on the disk: whatever the umask of whoever published it."""

import os
import sqlite3
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from service.release import publish as publishing
from service.release.opening import open_release
from tests.archives import archive, record
from tests.conftest import PublishTo


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_release_can_be_read_by_all_and_written_by_nobody_else(
    tmp_path: Path, publish_to: PublishTo, umask: int
) -> None:
    data = tmp_path / "data"
    folder = publish_to(data, archive(record("tes-1"))).folder
    folders = [data, data / "releases", folder, *(path for path in folder.rglob("*") if path.is_dir())]
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert len(folders) >= 4
    assert len(files) >= 5
    assert {path.name: oct(mode(path)) for path in folders} == dict.fromkeys((path.name for path in folders), "0o755")
    named = {path.relative_to(folder).as_posix(): oct(mode(path)) for path in files}
    assert named == dict.fromkeys(named, "0o444")


def test_every_file_of_a_release_is_forced_to_disk(
    tmp_path: Path, publish_to: PublishTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[str] = []
    sync_file: Callable[[Path], None] = vars(publishing)["sync_file"]

    def noting(path: Path) -> None:
        synced.append(path.name)
        sync_file(path)

    monkeypatch.setattr(publishing, "sync_file", noting)
    published = publish_to(tmp_path / "data", archive(record("tes-1")))
    names = {Path(name).name for name in published.manifest.files} | {"manifest.json"}
    assert names <= set(synced)


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
