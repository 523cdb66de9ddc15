"""The files of sources that are kept: once, by their hash, no longer than a kept release needs them, whatever goes wrong."""

import hashlib
import os
import stat
import time
import tracemalloc
from datetime import date
from pathlib import Path

import pytest

from service.archive.checks import ArchiveInvalid, check_archive
from service.archive.files import PIECE, open_inside
from service.archive.withdrawing import withdraw
from service.errors import ArchiveUnreadable, FileChanged, ReleaseDamaged, ReleaseError
from service.release import kept_files
from service.release.data_folder import erase, prune, roll_back
from service.release.opening import open_current
from service.release.publish import publish
from tests.archives import Fields, archive, file_of, record, write

TODAY = date(2026, 3, 4)


def kept(data: Path) -> set[str]:
    """Return the content of every file that is kept, hidden ones included."""
    return {path.read_text() for path in (data / "files").iterdir()}


def with_files(*paths: str, **fields: object) -> Fields:
    return archive(record("src-1", files=[file_of(path) for path in paths], **fields))


def test_a_file_is_kept_once_under_its_hash_and_only_for_reading(tmp_path: Path) -> None:
    one = record("src-2", files=[file_of("media/a", name="again")])
    whole = archive(record("src-1", files=[file_of("media/a"), file_of("media/b", public=False)]), one)
    data = tmp_path / "data"
    manifest = publish(write(tmp_path / "x.json", whole), data).manifest
    [path] = (data / "files").iterdir()
    assert path.name == hashlib.sha256(b"media/a").hexdigest()
    assert manifest.kept == {path.name: len("media/a")}
    assert stat.S_IMODE(path.stat().st_mode) == 0o444
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o755


def test_an_archive_without_files_has_no_folder_of_them(tmp_path: Path) -> None:
    publish(write(tmp_path / "x.json", with_files()), tmp_path / "data")
    assert not (tmp_path / "data" / "files").exists()


def test_files_go_with_the_last_release_that_has_them(tmp_path: Path) -> None:
    data, path = tmp_path / "data", tmp_path / "x.json"
    publish(write(path, with_files("a", "b")), data)
    publish(write(path, with_files("b", "c")), data)
    assert kept(data) == {"a", "b", "c"}
    roll_back(data)
    assert open_current(data).manifest.kept.keys() == {hashlib.sha256(each).hexdigest() for each in (b"a", b"b")}
    publish(write(path, with_files("c")), data, keep=2)
    assert kept(data) == {"b", "c"}
    prune(data, keep=1)
    assert kept(data) == {"c"}


def test_a_withdrawn_source_takes_its_files_along(tmp_path: Path) -> None:
    data, path = tmp_path / "data", tmp_path / "x.json"
    publish(write(path, archive(record("src-1"), record("src-2", files=[file_of("a")]))), data)
    withdraw(path, ["src-2"], today=TODAY)
    publish(path, data)
    assert kept(data) == {"a"}, "the release before has it still"
    erase(data)
    assert kept(data) == set()


def test_what_is_published_again_is_the_same_whoever_does_it(tmp_path: Path) -> None:
    data, path = tmp_path / "data", tmp_path / "x.json"
    first = publish(write(path, with_files("media/deep/a", "b")), data)
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "archive.jsonl").write_bytes((first.folder / "archive.jsonl").read_bytes())
    (data / "files").rename(tmp_path / "copy" / "files")
    again = publish(tmp_path / "copy" / "archive.jsonl", tmp_path / "other")
    assert again.manifest.id == first.manifest.id
    assert again.manifest.kept == first.manifest.kept


def test_a_file_that_was_changed_since_it_was_checked_is_not_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, path = tmp_path / "data", write(tmp_path / "x.json", with_files("a"))
    first = publish(path, data).folder
    write(path, with_files("a", "b"))
    monkeypatch.setattr(kept_files.FileKeeper, "keep", _changed_before(kept_files.FileKeeper.keep, tmp_path / "b"))
    with pytest.raises(ArchiveUnreadable, match="changed after it was checked"):
        publish(path, data)
    assert kept(data) == {"a"}
    assert open_current(data).folder.name == first.name


def _changed_before(keep: object, path: Path) -> object:
    def change_and_keep(self: kept_files.FileKeeper, sha256: str, name: str) -> None:
        path.write_text("B")
        keep(self, sha256, name)  # type: ignore[operator]

    return change_and_keep


def test_a_disk_that_is_full_leaves_everything_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, path = tmp_path / "data", write(tmp_path / "x.json", with_files("a"))
    publish(path, data)
    write(path, with_files("a", "b", "c"))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fchmod", full)
    with pytest.raises(ReleaseError, match="No space left on device; nothing was changed"):
        publish(path, data)
    assert kept(data) == {"a"}


def test_a_publisher_that_failed_later_leaves_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, path = tmp_path / "data", write(tmp_path / "x.json", with_files("a"))
    monkeypatch.setattr("service.release.publish.bring_in", lambda *_: (_ for _ in ()).throw(OSError(5, "broken")))
    with pytest.raises(ReleaseError):
        publish(path, data)
    assert kept(data) == set()


def test_what_a_killed_publisher_left_is_taken_away(tmp_path: Path) -> None:
    data, path = tmp_path / "data", write(tmp_path / "x.json", with_files("a"))
    publish(path, data)
    (data / "files" / ".staging-half").write_text("half")
    (data / "files" / hashlib.sha256(b"orphan").hexdigest()).write_text("orphan")
    publish(path, data)
    assert kept(data) == {"a"}


def test_a_file_that_is_gone_comes_back_with_the_next_publication(tmp_path: Path) -> None:
    data, path = tmp_path / "data", write(tmp_path / "x.json", with_files("a"))
    publish(path, data)
    [file] = (data / "files").iterdir()
    file.unlink()
    with pytest.raises(ReleaseDamaged, match="files/"):
        open_current(data)
    assert not publish(path, data).changed
    assert kept(data) == {"a"}
    open_current(data).close()


def test_a_server_looks_through_files_too(tmp_path: Path) -> None:
    data, path = tmp_path / "data", write(tmp_path / "x.json", with_files("a", "b"))
    publish(path, data)
    release = open_current(data)
    file = data / "files" / hashlib.sha256(b"a").hexdigest()
    file.chmod(0o644)
    file.write_text("A")
    damage = release.look_for_damage()
    assert damage is not None
    assert file.name in damage
    with pytest.raises(ReleaseDamaged):
        release.open_file(file.name)
    assert release.open_file(hashlib.sha256(b"b").hexdigest()).read(0, 9) == b"b"
    release.close()


# --- What a stranger may have put beside the archive -------------------------------------------------------------------


def found(path: Path) -> list[str]:
    return [finding.code for finding in check_archive(path, today=TODAY).findings]


@pytest.mark.parametrize("kind", ["out", "out folder", "loop", "pipe", "folder", "device"])
def test_nothing_outside_the_folder_and_no_special_file_is_read(tmp_path: Path, kind: str) -> None:
    inside = tmp_path / "archive"
    inside.mkdir()
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "x").write_text("m/x")
    path = write(inside / "x.json", with_files("m/x"))
    file = inside / "m" / "x"
    file.unlink()
    if kind == "out":
        file.symlink_to(tmp_path / "secret" / "x")
    elif kind == "out folder":
        file.parent.rmdir()
        file.parent.symlink_to(tmp_path / "secret")
    elif kind == "loop":
        file.symlink_to(file)
    elif kind == "pipe":
        os.mkfifo(file)
    elif kind == "folder":
        file.mkdir()
    else:
        file.symlink_to("/dev/zero")
    assert found(path) == ["unsafe_path"]
    with pytest.raises(ArchiveInvalid):
        publish(path, tmp_path / "data")
    assert not (tmp_path / "data" / "files").exists()


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", with_files("m/x"))
    (tmp_path / "m").rename(tmp_path / "annex")
    (tmp_path / "m").symlink_to("annex")
    assert found(path) == []
    publish(path, tmp_path / "data")
    assert kept(tmp_path / "data") == {"m/x"}


def test_a_file_that_changes_while_it_is_read_is_told(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(3 * PIECE)
    with open_inside(tmp_path, "large") as opened:
        pieces = opened.pieces()
        next(pieces)
        with (tmp_path / "large").open("ab") as file:
            file.write(b"more")
        with pytest.raises(FileChanged):
            list(pieces)


def test_a_file_of_any_size_takes_bounded_memory(tmp_path: Path) -> None:
    with (tmp_path / "large").open("wb") as file:
        file.truncate(64 * PIECE)
    digest = hashlib.sha256(bytes(64 * PIECE)).hexdigest()
    path = write(
        tmp_path / "x.json", archive(record("src-1", files=[file_of("large", sha256=digest, bytes=64 * PIECE)]))
    )
    tracemalloc.start()
    try:
        assert found(path) == []
        assert tracemalloc.get_traced_memory()[1] < 24 * PIECE
    finally:
        tracemalloc.stop()


def test_a_file_of_another_size_is_not_read(tmp_path: Path) -> None:
    """Ten gigabytes would take longer to hash than anybody waits for what is wrong anyway."""
    with (tmp_path / "large").open("wb") as file:
        file.truncate(10 << 30)  # sparse: takes no room on the disk
    stated = [file_of("large", name=f"n{number}", bytes=number) for number in (5, 6)]
    path = write(tmp_path / "x.json", archive(record("src-1", files=stated)))
    with (tmp_path / "large").open("r+b") as file:
        file.truncate(10 << 30)
    started = time.process_time()
    assert found(path) == ["file_mismatch", "file_mismatch"]
    assert time.process_time() - started < 5


def test_a_file_that_is_stated_twice_is_read_where_one_of_them_may_be_right(tmp_path: Path) -> None:
    right = file_of("m/x", name="right")
    wrong = right | {"name": "wrong", "bytes": right["bytes"] + 1}
    other = right | {"name": "other", "sha256": hashlib.sha256(b"other").hexdigest()}
    for files, codes in (([wrong, right], ["file_mismatch"]), ([wrong, other], ["file_mismatch"] * 2)):
        path = write(tmp_path / "x.json", archive(record("src-1", files=[right, *files] if other in files else files)))
        assert found(path) == codes


def test_what_cannot_be_read_is_missing(tmp_path: Path) -> None:
    path = write(tmp_path / "x.json", with_files("m/x"))
    (tmp_path / "m" / "x").unlink()
    assert found(path) == ["missing_file"]
