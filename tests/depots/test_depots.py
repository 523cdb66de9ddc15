"""Depots, in a folder: what publishers bring arrives whole at replicas, one publisher wins, and nothing foul is served."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from service.cli.app import run
from service.depots import replicas
from service.depots.stores import Store
from service.errors import DepotConflict, DepotError, DepotInvalid, ReleaseError, SettingsInvalid
from service.release.data_folder import kept_releases
from service.release.manifest import MANIFEST, verify_release
from service.release.opening import open_current
from service.release.publish import publish
from service.release.statements import read_chain
from tests.archives import write
from tests.depots.publishing import (
    current_in,
    edition,
    files_of,
    publish_into,
    replica_of,
    rewrite,
    served_from,
)


def test_a_replica_has_the_release_byte_for_byte(tmp_path: Path, depot: str) -> None:
    published = publish_into(depot, tmp_path / "data", edition(1))
    taken = replica_of(depot, tmp_path / "replica").look()
    assert taken is not None
    assert files_of(taken.folder) == files_of(published.folder)
    # The first statement and the chain that ends with it are the same bytes, and moved once.
    assert taken.fetched_bytes == sum(
        {entry.sha256: entry.bytes for entry in published.manifest.files.values()}.values()
    )
    assert {path.stat().st_mode & 0o777 for path in taken.folder.rglob("*") if path.is_file()} == {0o444}
    assert sorted(path.name for path in (tmp_path / "replica").iterdir()) == [".lock", "current", "releases"]
    with_replica = open_current(tmp_path / "replica")
    assert with_replica.id == published.manifest.id
    with_replica.close()


def test_only_files_that_differ_are_moved(tmp_path: Path, depot: str) -> None:
    first = publish_into(depot, tmp_path / "data", edition(1))
    replica = replica_of(depot, tmp_path / "replica")
    replica.look()
    second = publish_into(depot, tmp_path / "data", edition(2))
    before = {entry.sha256 for entry in first.manifest.files.values()}
    new = {entry.sha256: entry.bytes for entry in second.manifest.files.values() if entry.sha256 not in before}
    taken = replica.look()
    assert taken is not None
    assert (taken.fetched, taken.fetched_bytes) == (len(new), sum(new.values()))
    assert len(new) < len(second.manifest.files)
    # What a depot erases must not lie on a replica.
    assert [release.folder.name for release in kept_releases(tmp_path / "replica")] == [current_in(depot)]
    assert replica.look() is None


def test_nothing_moves_where_nothing_changed(tmp_path: Path, depot: str) -> None:
    publish_into(depot, tmp_path / "data", edition(1))
    before = files_of(tmp_path / "depot")
    assert not publish_into(depot, tmp_path / "data", edition(1)).changed
    assert files_of(tmp_path / "depot") == before


def test_what_the_depot_lost_comes_back_with_the_next_publication(tmp_path: Path, depot: str) -> None:
    published = publish_into(depot, tmp_path / "data", edition(1))
    before = files_of(tmp_path / "depot")
    digest = published.manifest.files["archive.jsonl"].sha256
    (tmp_path / "depot" / "files" / digest).unlink()
    with pytest.raises(DepotInvalid, match="holds no files"):
        replica_of(depot, tmp_path / "replica").look()
    publish_into(depot, tmp_path / "data", edition(1))
    assert files_of(tmp_path / "depot") == before


# --- Several publishers -----------------------------------------------------------------------------------------------


def test_another_publisher_goes_on_from_the_depot(tmp_path: Path, depot: str) -> None:
    publish_into(depot, tmp_path / "one", edition(1))
    publish_into(depot, tmp_path / "other", edition(2))
    published = publish_into(depot, tmp_path / "one", edition(3))
    assert published.manifest.number == 3
    assert len(read_chain(published.folder)) == 3
    assert current_in(depot) == published.folder.name


def test_of_two_at_the_same_moment_one_is_told(tmp_path: Path, depot: str, monkeypatch: pytest.MonkeyPatch) -> None:
    publish_into(depot, tmp_path / "one", edition(1))
    publish_into(depot, tmp_path / "other", edition(1))
    write_current = Store.replace

    def first_the_other(self: Store, *arguments: Any) -> None:
        monkeypatch.setattr(Store, "replace", write_current)
        publish_into(depot, tmp_path / "other", edition(3))
        write_current(self, *arguments)

    monkeypatch.setattr(Store, "replace", first_the_other)
    with pytest.raises(DepotConflict, match="another publisher"):
        publish_into(depot, tmp_path / "one", edition(2))
    # The winner's release stands, here is what was before, and nothing is in the way of another try.
    assert current_in(depot) == served_from(tmp_path / "other")
    assert [release.number for release in kept_releases(tmp_path / "one")] == [1]
    assert publish_into(depot, tmp_path / "one", edition(2)).manifest.number == 3


def test_two_who_publish_the_same_at_the_same_moment_leave_a_whole_depot(
    tmp_path: Path, depot: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish_into(depot, tmp_path / "one", edition(1))
    publish_into(depot, tmp_path / "other", edition(1))
    write = Store.write

    def first_the_other(self: Store, key: str, data: bytes | Path) -> None:
        if not key.startswith("releases/"):
            write(self, key, data)
            return
        monkeypatch.setattr(Store, "write", write)
        # A second later, so that its manifest is another.
        monkeypatch.setattr("service.release.publish.timestamp", lambda _: "2099-01-01T00:00:00Z")
        publish_into(depot, tmp_path / "other", edition(2))
        monkeypatch.undo()
        write(self, key, data)

    monkeypatch.setattr(Store, "write", first_the_other)
    with pytest.raises(DepotConflict, match="another publisher"):
        publish_into(depot, tmp_path / "one", edition(2))
    replica_of(depot, tmp_path / "replica").look()
    assert served_from(tmp_path / "replica") == current_in(depot) == served_from(tmp_path / "other")


def test_what_was_not_published_is_no_release(
    tmp_path: Path, depot: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_into(depot, tmp_path / "data", edition(1))
    with monkeypatch.context() as patched:

        def is_killed(*_: Any) -> None:
            raise KeyboardInterrupt

        patched.setattr(Store, "replace", is_killed)
        with pytest.raises(KeyboardInterrupt):
            publish_into(depot, tmp_path / "killed", edition(2))
    assert len(list((tmp_path / "depot" / "releases").iterdir())) == 2
    capsys.readouterr()
    assert run(["releases", "list", "--data", str(tmp_path / "data"), "--depot", depot]) == 0
    assert [line.split()[:2] for line in capsys.readouterr().out.splitlines()] == [["*", "1"]]
    # It takes no other's place, and what it left is removed with everything that nobody needs.
    publish_into(depot, tmp_path / "data", edition(3), keep=2)
    publish_into(depot, tmp_path / "data", edition(4), keep=2)
    assert sorted(path.name[:2] for path in (tmp_path / "depot" / "releases").iterdir()) == ["2-", "2-", "3-"]
    assert run(["releases", "prune", "--erase", "--data", str(tmp_path / "data"), "--depot", depot]) == 0
    assert [path.name[:2] for path in (tmp_path / "depot" / "releases").iterdir()] == ["3-"]


def test_a_depot_takes_one_archive(tmp_path: Path, depot: str) -> None:
    publish_into(depot, tmp_path / "data", edition(1))
    with pytest.raises(DepotConflict, match="depot of the archive 'arden'"):
        publish_into(depot, tmp_path / "other", edition(1, id="another"))
    assert not (tmp_path / "other").exists()
    publish(write(tmp_path / "another.json", edition(1, id="another")), tmp_path / "replica")
    with pytest.raises(DepotInvalid, match="depot of the archive 'arden'"):
        replica_of(depot, tmp_path / "replica").look()
    assert served_from(tmp_path / "replica").startswith("1-")


def test_releases_that_parted_are_not_mixed(tmp_path: Path, depot: str) -> None:
    publish_into(depot, tmp_path / "data", edition(1))
    publish(write(tmp_path / "alone.json", edition(2)), tmp_path / "alone")
    with pytest.raises(DepotConflict, match="have parted"):
        publish_into(depot, tmp_path / "alone", edition(3))
    with pytest.raises(DepotConflict, match="have parted"):
        replica_of(depot, tmp_path / "alone").look()
    assert [release.number for release in kept_releases(tmp_path / "alone")] == [1]


def test_what_was_published_without_the_depot_is_brought_there(tmp_path: Path, depot: str) -> None:
    publish_into(depot, tmp_path / "data", edition(1))
    publish(write(tmp_path / "archive.json", edition(2)), tmp_path / "data")
    assert not publish_into(depot, tmp_path / "data", edition(2)).changed
    assert current_in(depot) == served_from(tmp_path / "data")
    assert current_in(depot).startswith("2-")


# --- Going back, removing ---------------------------------------------------------------------------------------------


def test_going_back_is_known_to_every_publisher(tmp_path: Path, depot: str) -> None:
    publish_into(depot, tmp_path / "data", edition(1))
    replica = replica_of(depot, tmp_path / "replica")
    publish_into(depot, tmp_path / "data", edition(2, gone=3))
    replica.look()
    assert run(["releases", "rollback", "--data", str(tmp_path / "data"), "--depot", depot]) == 0
    assert current_in(depot).startswith("1-")
    replica.look()
    assert served_from(tmp_path / "replica") == current_in(depot)
    # The number of a release that was gone back from is not given again, and what was withdrawn in it stays withdrawn.
    published = publish_into(depot, tmp_path / "other", edition(3, gone=3))
    assert published.manifest.number == 3
    assert [link.statement.number for link in read_chain(published.folder)] == [1, 2, 3]
    replica.look()
    assert files_of(tmp_path / "replica" / "releases" / served_from(tmp_path / "replica")) == files_of(published.folder)


def test_withdrawals_of_a_release_gone_back_from_travel(
    tmp_path: Path, depot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    publish_into(depot, tmp_path / "data", edition(1))
    publish_into(depot, tmp_path / "data", edition(2, gone=3))
    assert run(["releases", "rollback", "--data", str(tmp_path / "data"), "--depot", depot]) == 0
    again = write(tmp_path / "again.json", edition(3))
    assert run(["publish", str(again), "--data", str(tmp_path / "other"), "--depot", depot]) == 1
    assert "`tes-3` was withdrawn" in capsys.readouterr().out


def test_erasing_leaves_the_current_release_alone(
    tmp_path: Path, depot: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for number in (1, 2, 3):
        publish_into(depot, tmp_path / "data", edition(number))
    left_over = tmp_path / "depot" / "files" / hashlib.sha256(b"of a killed publisher").hexdigest()
    left_over.write_bytes(b"of a killed publisher")
    arguments = ["releases", "prune", "--erase", "--data", str(tmp_path / "data"), "--depot", depot]
    assert run(arguments) == 0
    assert f"Removed 2 releases from {depot}" in capsys.readouterr().err
    published = tmp_path / "data" / "releases" / served_from(tmp_path / "data")
    manifest = json.loads((published / MANIFEST).read_bytes())
    assert {path.name for path in (tmp_path / "depot" / "files").iterdir()} == {
        entry["sha256"] for entry in manifest["files"].values()
    }
    [kept] = (tmp_path / "depot" / "releases").iterdir()
    assert kept.name.startswith(f"{published.name}-")
    replica_of(depot, tmp_path / "replica").look()
    assert files_of(tmp_path / "replica" / "releases" / published.name) == files_of(published)


def test_old_releases_are_removed_with_a_publication(tmp_path: Path, depot: str) -> None:
    for number in (1, 2, 3):
        publish_into(depot, tmp_path / "data", edition(number), keep=2)
    assert sorted(path.name[:2] for path in (tmp_path / "depot" / "releases").iterdir()) == ["2-", "3-"]
    named = {
        entry["sha256"]
        for path in (tmp_path / "depot" / "releases").iterdir()
        for entry in json.loads(path.read_bytes())["files"].values()
    }
    assert {path.name for path in (tmp_path / "depot" / "files").iterdir()} == named


def test_what_is_in_the_depot_is_listed(tmp_path: Path, depot: str, capsys: pytest.CaptureFixture[str]) -> None:
    for number in (1, 2):
        publish_into(depot, tmp_path / "data", edition(number))
    capsys.readouterr()
    assert run(["releases", "list", "--depot", depot, "--data", str(tmp_path / "nothing")]) == 0
    assert [line[:6] for line in capsys.readouterr().out.splitlines()] == ["*    2", "     1"]


# --- Foul releases ----------------------------------------------------------------------------------------------------


def _renamed_manifest(folder: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the manifest that a depot names, so that every hash on the way to it fits."""
    [path] = (folder / "releases").glob("2-*.json")
    manifest = json.loads(path.read_bytes())
    change(manifest)
    path.write_text(json.dumps(manifest))
    rewrite(folder / "current", manifest=hashlib.sha256(path.read_bytes()).hexdigest())


def _in_files(name: str, **entry: Any) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        def change(manifest: dict[str, Any]) -> None:
            known = manifest["files"].get(name, manifest["files"]["archive.sqlite"])
            manifest["files"][name] = known | entry

        _renamed_manifest(folder, change)

    return spoil


def _bytes_of(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def spoil(folder: Path) -> None:
        [path] = (folder / "releases").glob("2-*.json")
        file = folder / "files" / json.loads(path.read_bytes())["files"][name]["sha256"]
        file.write_bytes(change(file.read_bytes()))

    return spoil


def _many_files(folder: Path) -> None:
    def change(manifest: dict[str, Any]) -> None:
        entry = manifest["files"]["archive.sqlite"]
        manifest["files"] |= {f"f{number}": entry for number in range(10_000)}

    _renamed_manifest(folder, change)


def _manifest_bytes(folder: Path) -> None:
    [path] = (folder / "releases").glob("2-*.json")
    path.write_bytes(path.read_bytes() + b" ")


def _other_engine(folder: Path) -> None:
    _renamed_manifest(folder, lambda manifest: manifest.update(engine="0.0.1"))


def _other_release(folder: Path) -> None:
    _renamed_manifest(folder, lambda manifest: manifest.update(number=7))


FOUL: dict[str, Callable[[Path], object]] = {
    "a file of other bytes": _bytes_of("archive.sqlite", lambda data: bytes([data[0] ^ 1]) + data[1:]),
    "a file cut short": _bytes_of("archive.sqlite", lambda data: data[:-1]),
    "a file that goes on": _bytes_of("archive.sqlite", lambda data: data + b"more"),
    "a file that is empty": _bytes_of("archive.jsonl", lambda _: b""),
    "a path out of the folder": _in_files("../x"),
    "an absolute path": _in_files("/tmp/x"),
    "a path with a folder up": _in_files("index/../../x"),
    "the manifest as a file": _in_files("manifest.json"),
    "a size that lies": _in_files("archive.sqlite", bytes=10),
    "a negative size": _in_files("archive.sqlite", bytes=-1),
    "more than the disk holds": _in_files("huge", bytes=1 << 60, sha256="0" * 64),
    "a hash that is none": _in_files("archive.sqlite", sha256="../../etc/passwd"),
    "a file that is not there": _in_files("another", sha256="0" * 64),
    "too many files": _many_files,
    "another manifest than was named": _manifest_bytes,
    "no manifest": lambda folder: shutil.rmtree(folder / "releases"),
    "another engine": _other_engine,
    "a manifest of another release": _other_release,
    "a current that is none": lambda folder: (folder / "current").write_bytes(b"<html>"),
    "a current that leads elsewhere": lambda folder: rewrite(folder / "current", release="../../x"),
    "statements that are none": lambda folder: rewrite(folder / "current", statements="0" * 64),
    "another archive": lambda folder: rewrite(folder / "current", archive="another"),
    "nothing": lambda folder: (folder / "current").unlink(),
}


@pytest.fixture(scope="module")
def two_releases(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a depot of two releases, and a replica of the first: copied, never written to."""
    folder = tmp_path_factory.mktemp("depots")
    address = f"file://{folder}/depot"
    publish_into(address, folder / "data", edition(1))
    replica_of(address, folder / "replica").look()
    publish_into(address, folder / "data", edition(2))
    return folder


@pytest.mark.parametrize("foul", FOUL)
def test_a_foul_release_is_refused_and_the_old_one_stays(foul: str, two_releases: Path, tmp_path: Path) -> None:
    shutil.copytree(two_releases, tmp_path / "copy", symlinks=True)
    folder, replica = tmp_path / "copy" / "depot", tmp_path / "copy" / "replica"
    before = files_of(replica)
    FOUL[foul](folder)
    with pytest.raises((DepotError, ReleaseError)) as error:
        replica_of(f"file://{folder}", replica).look()
    assert "\n" not in str(error.value)
    assert {name: data for name, data in files_of(replica).items() if not name.startswith(".arriving")} == before
    assert served_from(replica).startswith("1-")
    # Once the depot is whole again, the replica is, too.
    shutil.rmtree(folder)
    shutil.copytree(two_releases / "depot", folder)
    replica_of(f"file://{folder}", replica).look()
    assert served_from(replica).startswith("2-")
    [kept] = kept_releases(replica)
    assert kept.manifest is not None
    verify_release(kept.folder, kept.manifest)
    assert not (replica / ".arriving").exists()


def test_a_release_that_was_damaged_here_is_fetched_anew(two_releases: Path, tmp_path: Path) -> None:
    shutil.copytree(two_releases, tmp_path / "copy", symlinks=True)
    depot, data = f"file://{tmp_path}/copy/depot", tmp_path / "copy" / "replica"
    replica = replica_of(depot, data)
    replica.look()
    file = data / "releases" / served_from(data) / "archive.sqlite"
    file.chmod(0o644)
    file.write_bytes(b"damaged")
    taken = replica.look()
    assert taken is not None
    assert taken.fetched == 1
    verify_release(taken.folder, taken.manifest)


def test_a_full_disk_is_told(two_releases: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shutil.copytree(two_releases, tmp_path / "copy", symlinks=True)
    data = tmp_path / "copy" / "replica"

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(replicas, "_assemble", full)
    with pytest.raises(ReleaseError, match="No space left on device"):
        replica_of(f"file://{tmp_path}/copy/depot", data).look()
    assert served_from(data).startswith("1-")
    assert sorted(path.name for path in data.iterdir()) == [".lock", "current", "releases"]
    assert [path.name for path in (data / "releases").iterdir()] == [served_from(data)]


@pytest.mark.parametrize(
    "address", ["", "bucket", "s3://", "ftp://bucket/x", "file://folder/x", "file:///", "https://bucket.example.org"]
)
def test_an_address_that_is_no_depot_is_refused(address: str) -> None:
    with pytest.raises(SettingsInvalid, match="no depot"):
        Store(address)
