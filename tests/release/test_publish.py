"""Publishing: what a release holds, that the same content is the same release, and that a failure changes nothing."""

import errno
import fcntl
import hashlib
import json
import multiprocessing
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.archive import dividing
from service.archive.checks import ArchiveInvalid
from service.archive.identifiers import RECORD_TYPES
from service.cli.publish import tell_published
from service.errors import PublishInProgress, ReleaseDamaged, ReleaseError, ReleaseUnknown, TestimonyArchiveError
from service.release import data_folder
from service.release.data_folder import kept_releases, prune, roll_back
from service.release.manifest import RELEASE_FORMAT, read_manifest
from service.release.opening import open_current, open_release
from service.release.publish import publish
from service.settings import Settings
from tests.archives import Fields, archive, record, write
from tests.commands import ROOT, Command
from tests.conftest import SEED, PublishTo


def at(day: int) -> Callable[[], datetime]:
    return lambda: datetime(2026, 3, day, 12, tzinfo=UTC)


def changes(data: Path) -> list[tuple[Any, ...]]:
    with closing(open_current(data)) as release:
        rows = release.rows("SELECT release_number, action, record_id, version FROM change ORDER BY sequence")
        return [tuple(row) for row in rows]


def documents(data: Path) -> dict[str, Fields]:
    with closing(open_current(data)) as release:
        rows = release.rows("SELECT id, ordinal FROM record")
        return {name: orjson.loads(release.documents([ordinal])[0]) for name, ordinal in rows}


def snapshot(data: Path) -> dict[str, bytes]:
    """Return every file below a data folder with its content, and where `current` points."""
    files = {str(path.relative_to(data)): path.read_bytes() for path in sorted(data.rglob("*")) if path.is_file()}
    return files | {"current": str((data / "current").readlink()).encode()}


# --- What a release is ----------------------------------------------------------------------------------------------


def test_the_folder_is_named_and_described_as_promised(tmp_path: Path, publish_to: PublishTo) -> None:
    published = publish_to(tmp_path / "data", archive(record("tes-1")), now=at(1))
    assert str((tmp_path / "data" / "current").readlink()) == f"releases/{published.folder.name}"
    manifest = json.loads((published.folder / "manifest.json").read_text())
    assert set(manifest) == {"format", "id", "number", "published_at", "engine", "counts", "masked", "files"}
    assert published.folder.name == f"1-{manifest['id'].removeprefix('sha256:')[:12]}"
    assert manifest["published_at"] == "2026-03-01T12:00:00Z"
    assert manifest["counts"]["testimonies"] == 1
    for name, entry in manifest["files"].items():
        content = (published.folder / name).read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    names = {path.name for path in published.folder.iterdir()}
    assert names == {
        "archive.sqlite",
        "archive.arrays",
        "archive.documents",
        "archive.keys",
        "archive.jsonl",
        "index",
        "manifest.json",
        "signatures.jsonl",
        "statement.json",
        "statements.jsonl",
    }


def test_the_release_id_can_be_computed_again_from_the_public_archive(tmp_path: Path) -> None:
    published = publish(SEED, tmp_path / "data")
    lines = (published.folder / "archive.jsonl").read_bytes().splitlines(keepends=True)
    assert published.manifest.id == "sha256:" + hashlib.sha256(b"".join(lines)).hexdigest()
    head, *records = [json.loads(line) for line in lines]
    assert set(head) == {"format", "archive"}
    keys = [(each["record"] == "withdrawn", each["record"], each["id"]) for each in records]
    assert keys == sorted(keys)
    for line, parsed in zip(lines, [head, *records], strict=True):
        canonical = json.dumps(parsed, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        assert line.decode() == canonical


def test_order_form_and_defaults_do_not_change_the_release_id(tmp_path: Path) -> None:
    whole = archive(record("tes-1", topics=[], place=None), record("sta-1", value=29.0, lower=29.0), record("evt-1"))
    turned = {key: list(reversed(value)) if isinstance(value, list) else value for key, value in whole.items()}
    turned["testimonies"] = [{key: value for key, value in whole["testimonies"][0].items() if value not in (None, [])}]
    ids = {
        publish(write(tmp_path / name, form), tmp_path / name.replace(".", "-")).manifest.id
        for name, form in (("a.json", whole), ("b.jsonl", whole), ("c.json", turned))
    }
    assert len(ids) == 1


def test_the_public_archive_published_elsewhere_is_the_same_release(tmp_path: Path) -> None:
    gone = [{"id": "tes-9", "on": "2026-01-01"}]
    hidden = record("tes-2", access={"visibility": "restricted", "private": {"name": "Mara"}})
    consent = {"scope": ["publish", "court"], "expires": "2991-01-01", "review": "2030-01-01", "reference": "Box 3"}
    consented = record("tes-1", access={"consent_basis": "direct", "consent": consent, "private": "a note"})
    first = publish(write(tmp_path / "a.json", archive(consented, hidden, withdrawn=gone)), tmp_path / "one")
    told = {"scope": ["publish", "court"], "expires": "2991-01-01"}
    assert documents(tmp_path / "one")["tes-1"]["access"]["consent"] == told
    second = publish(first.folder / "archive.jsonl", tmp_path / "two")
    assert second.manifest.id == first.manifest.id
    assert second.manifest.counts == first.manifest.counts


def test_only_what_is_public_is_written(tmp_path: Path, publish_to: PublishTo) -> None:
    whole = archive(
        record("tes-1", access={"private": "marker-private"}),
        record("tes-2", title="marker-restricted", access={"visibility": "restricted"}),
        record("tes-3", title="marker-embargo", access={"visibility": "embargoed", "embargo_until": "2026-03-02"}),
        record(
            "agt-2", kind="person", name_policy="pseudonym", name=None, label="Mara", access={"private": "marker-name"}
        ),
    )
    published = publish_to(tmp_path / "data", whole, now=at(1))
    written = b"".join(path.read_bytes() for path in published.folder.rglob("*") if path.is_file())
    assert b"marker" not in written
    assert b"Mara" in written
    later = publish_to(tmp_path / "data", whole, now=at(2))
    assert later.manifest.counts["testimonies"] == 2
    assert documents(tmp_path / "data")["tes-3"]["access"] == {
        "visibility": "public",
        "consent_basis": "published_source",
        "consent": None,
    }


def test_every_record_type_is_counted(tmp_path: Path) -> None:
    counts = publish(SEED, tmp_path / "data").manifest.counts
    assert len(counts) == len(RECORD_TYPES) + 1
    assert counts["statistics"] == 11


def test_a_release_made_by_three_processes_is_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = archive(*(record(f"tes-{n}", title=f"Title {n % 7}") for n in range(500)), record("evt-1"))
    path = write(tmp_path / "archive.jsonl", whole)
    here = publish(path, tmp_path / "here", now=at(1)).folder
    monkeypatch.setattr("service.archive.checks.checking.DIVIDED_FROM", 0)
    monkeypatch.setattr("service.archive.checks.checking.can_divide", lambda: True)
    monkeypatch.setattr("service.archive.reading.stream._BATCH", 7)
    monkeypatch.setattr("service.release.publish.INDEXED_BESIDE", 0)
    beside = publish(path, tmp_path / "beside", now=at(1)).folder
    # The index has random names in it; that it answers the same is for its own test.
    for name in ("archive.arrays", "archive.documents", "archive.keys", "archive.jsonl"):
        assert (beside / name).read_bytes() == (here / name).read_bytes(), name
    # The database was written in more steps: its pages may lie in another order.
    assert rows_in(beside) == rows_in(here)


# --- Publishing again ---------------------------------------------------------------------------------------------


def test_the_same_content_again_changes_nothing(tmp_path: Path, publish_to: PublishTo) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1")))
    before = snapshot(tmp_path / "data")
    assert not publish_to(tmp_path / "data", archive(record("tes-1"))).changed
    assert snapshot(tmp_path / "data") == before


def test_the_change_log_is_continued(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1"), record("tes-2")), now=at(1))
    gone = [{"id": "tes-2", "on": "2026-03-02"}]
    publish_to(data, archive(record("tes-1", title="Corrected"), record("tes-3"), withdrawn=gone), now=at(2))
    assert changes(data) == [
        (1, "created", "agt-1", 1),
        (1, "created", "src-1", 1),
        (1, "created", "tes-1", 1),
        (1, "created", "tes-2", 1),
        (2, "updated", "tes-1", 2),
        (2, "withdrawn", "tes-2", 1),
        (2, "created", "tes-3", 1),
    ]
    shown = documents(data)
    assert (shown["tes-1"]["version"], shown["tes-1"]["updated_at"]) == (2, "2026-03-02T12:00:00Z")
    assert (shown["agt-1"]["version"], shown["agt-1"]["updated_at"]) == (1, "2026-03-01T12:00:00Z")


def test_a_record_that_shows_another_ones_new_label_has_changed(tmp_path: Path, publish_to: PublishTo) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1"), record("agt-1", name="The council")), now=at(1))
    publish_to(tmp_path / "data", archive(record("tes-1"), record("agt-1", name="The old council")), now=at(2))
    assert documents(tmp_path / "data")["tes-1"]["version"] == 2


def test_a_record_that_is_hidden_again_is_withdrawn_for_those_who_follow(tmp_path: Path, publish_to: PublishTo) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1")))
    publish_to(tmp_path / "data", archive(record("tes-1", access={"visibility": "restricted"})))
    assert changes(tmp_path / "data")[-1] == (2, "withdrawn", "tes-1", 1)


def test_a_record_that_is_gone_has_to_be_announced(tmp_path: Path, publish_to: PublishTo) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1")))
    before = snapshot(tmp_path / "data")
    with pytest.raises(ArchiveInvalid) as refused:
        publish_to(tmp_path / "data", archive())
    assert [finding.code for finding in refused.value.report.findings] == ["unannounced_removal"]
    assert snapshot(tmp_path / "data") == before


def test_a_withdrawal_is_carried_on_and_its_identifier_never_used_again(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    publish_to(data, archive(withdrawn=[{"id": "tes-1", "on": "2026-03-01"}]))
    published = publish_to(data, archive(record("tes-2")))
    assert published.manifest.counts["withdrawn"] == 1
    with pytest.raises(ArchiveInvalid) as refused:
        publish_to(data, archive(record("tes-1"), record("tes-2")))
    assert [finding.code for finding in refused.value.report.findings] == ["id_withdrawn"]


# --- Keeping, rolling back, pruning --------------------------------------------------------------------------------


def test_three_releases_are_kept_and_one_can_go_back(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    for n in range(1, 6):
        publish_to(data, archive(record("tes-1", title=f"Title {n}")))
    assert [release.number for release in kept_releases(data)] == [5, 4, 3]
    assert roll_back(data).number == 4
    assert documents(data)["tes-1"]["title"] == "Title 4"
    assert roll_back(data, 5).number == 5
    with pytest.raises(ReleaseUnknown, match="release 1 is not kept"):
        roll_back(data, 1)
    roll_back(data, 3)
    with pytest.raises(ReleaseUnknown, match="no earlier release"):
        roll_back(data)
    assert [release.number for release in prune(data, keep=1)] == [5, 4]
    assert [release.number for release in kept_releases(data)] == [3]


@pytest.mark.parametrize("step", ["_keep_statements_of", "keep_withdrawals", "remove_release"])
def test_a_release_is_published_though_older_ones_could_not_be_removed(
    tmp_path: Path,
    publish_to: PublishTo,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    step: str,
) -> None:
    def fails(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1", title="Title 1")))
    with monkeypatch.context() as patched:
        patched.setattr(data_folder, step, fails)
        published = publish_to(data, archive(record("tes-1", title="Title 2")), keep=1)
    assert (published.changed, published.unpruned) == (True, "Read-only file system")
    assert documents(data)["tes-1"]["title"] == "Title 2"
    assert [release.number for release in kept_releases(data)] == [2, 1]
    tell_published(published, Settings(data=data))
    assert "could not be removed (Read-only file system)" in capsys.readouterr().err
    published = publish_to(data, archive(record("tes-1", title="Title 3")), keep=1)
    assert published.unpruned is None
    tell_published(published, Settings(data=data))
    assert "could not be removed" not in capsys.readouterr().err
    assert [release.number for release in kept_releases(data)] == [3]


def test_after_going_back_the_log_continues_from_the_release_gone_back_to(
    tmp_path: Path, publish_to: PublishTo
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    publish_to(data, archive(record("tes-1"), record("tes-2")))
    roll_back(data)
    published = publish_to(data, archive(record("tes-1"), record("tes-3")))
    assert published.manifest.number == 3
    assert [(number, record_id) for number, _, record_id, _ in changes(data)][-2:] == [(1, "tes-1"), (3, "tes-3")]


# --- What goes wrong -------------------------------------------------------------------------------------------------


def test_a_second_publisher_is_refused(tmp_path: Path, publish_to: PublishTo) -> None:
    publish_to(tmp_path / "data", archive())
    with (tmp_path / "data" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        with pytest.raises(PublishInProgress, match="another process is publishing"):
            publish_to(tmp_path / "data", archive(record("tes-1")))
        with pytest.raises(PublishInProgress):
            roll_back(tmp_path / "data")
    assert publish_to(tmp_path / "data", archive(record("tes-1"))).changed


def test_two_publishers_at_once_leave_one_whole_release(tmp_path: Path) -> None:
    paths = [
        write(tmp_path / f"{n}.json", archive(*(record(f"tes-{i}", title=f"{n}") for i in range(300)))) for n in "ab"
    ]
    runs = [Command("publish", path, "--data", tmp_path / "data") for path in paths]
    errors = [run.communicate(timeout=60)[1] for run in runs]
    assert all(run.returncode == 0 or "is publishing" in error for run, error in zip(runs, errors, strict=True))
    open_current(tmp_path / "data").close()


def test_a_publisher_that_is_killed_leaves_the_old_release_and_nothing_the_next_cannot_clear(
    tmp_path: Path, publish_to: PublishTo
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-0")))
    whole = archive(*(record(f"tes-{i}") for i in range(4000)))
    path = write(tmp_path / "large.jsonl", whole)
    for wait in (0.0, 0.05, 0.15, 0.4):
        with (tmp_path / "said").open("w") as said:
            run = Command("publish", path, "--data", data, stderr=said)
        while run.poll() is None and not list((data / "releases").glob(".staging-*")):
            time.sleep(0.002)
        time.sleep(wait)
        run.send_signal(signal.SIGKILL)
        run.wait()
        open_current(data).close()
    publish(path, data)
    assert not list((data / "releases").glob(".staging-*"))
    with closing(open_current(data)) as release:
        assert release.manifest.counts["testimonies"] == 4000


def test_a_data_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file where the folder should be")
    with pytest.raises(ReleaseError, match="data cannot be written to"):
        publish(SEED, tmp_path / "data")


#: Publishes, and says where SQLite puts a temporary file meanwhile.
_SORTING = """
import os, sqlite3, sys
from pathlib import Path
from service.release.publish import publish

def look(stage, done, total):
    database = sqlite3.connect("")
    database.execute("PRAGMA cache_size = 1")
    database.execute("CREATE TABLE large AS SELECT zeroblob(1000000)")
    opened = [os.readlink(each) for each in Path("/proc/self/fd").iterdir() if each.is_symlink()]
    print([each for each in opened if "etilqs" in each])

publish(Path(sys.argv[1]), Path(sys.argv[2]), progress=look)
"""


def test_temporary_files_lie_on_the_disk_of_the_data_folder(tmp_path: Path, publish_to: PublishTo) -> None:
    """Also where a release is opened first, to go on from."""
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1")))
    path = write(tmp_path / "archive.json", archive(record("tes-1"), record("tes-2")))
    said = subprocess.run(
        [sys.executable, "-c", _SORTING, path, data], capture_output=True, text=True, check=True, cwd=ROOT
    ).stdout
    assert f"{data.resolve()}/releases/" in said
    assert all(f"{data.resolve()}/releases/" in line for line in said.splitlines() if line != "[]")


def rows_in(release: Path) -> list[str]:
    with closing(sqlite3.connect(release / "archive.sqlite")) as database:
        return [*database.iterdump()]


def test_a_full_disk_changes_nothing(tmp_path: Path, publish_to: PublishTo, monkeypatch: pytest.MonkeyPatch) -> None:
    data = tmp_path / "data"
    publish_to(data, archive())
    before = snapshot(data)

    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr("service.release.building.indexes.FilterIndexWriter.finish", full)
    with pytest.raises(ReleaseError, match="disk is full; nothing was changed"):
        publish_to(data, archive(record("tes-1")))
    assert snapshot(data) == before


def test_a_second_process_that_is_killed_changes_nothing(
    tmp_path: Path, publish_to: PublishTo, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive())
    before = snapshot(data)
    take = dividing._Second.take

    def kill(self: Any, batch: object) -> bool:
        self._process.kill()
        return take(self, batch)

    monkeypatch.setattr(dividing._Second, "take", kill)
    monkeypatch.setattr("service.archive.checks.checking.DIVIDED_FROM", 0)
    monkeypatch.setattr("service.archive.checks.checking.can_divide", lambda: True)
    with pytest.raises(TestimonyArchiveError, match="has ended; nothing was changed"):
        publish_to(data, archive(record("tes-1")))
    assert snapshot(data) == before
    assert multiprocessing.active_children() == []


def damage(folder: Path, how: str) -> None:
    target = folder / ("manifest.json" if "manifest" in how else "archive.sqlite")
    target.chmod(0o644)
    content = target.read_bytes()
    match how:
        case "truncated":
            target.write_bytes(content[:-100])
        case "changed":
            target.write_bytes(content[:5000] + b"X" + content[5001:])
        case "missing":
            target.unlink()
        case "manifest missing":
            target.unlink()
        case "manifest truncated":
            target.write_bytes(content[:50])
        case "manifest of another engine":
            target.write_bytes(content.replace(b'"engine": "', b'"engine": "9.'))
        case "manifest of another form":
            target.write_bytes(content.replace(b'"format": ', b'"format": 9'))
        case "manifest without a form":
            target.write_bytes(content.replace(b'"format": %d,' % RELEASE_FORMAT, b""))


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("truncated", "bytes instead of"),
        ("changed", "was changed after it was published"),
        ("missing", "cannot be read"),
        ("manifest missing", "manifest.json cannot be read"),
        ("manifest truncated", "not a release's manifest"),
        ("manifest of another engine", "version 9.*publish the archive again"),
        ("manifest of another form", f"files of form 9{RELEASE_FORMAT},.*move the data folder aside"),
        ("manifest without a form", "files of form 1,.*move the data folder aside"),
    ],
)
def test_a_damaged_release_is_refused_with_what_to_do(
    tmp_path: Path, publish_to: PublishTo, how: str, message: str
) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1", title="One")))
    folder = publish_to(data, archive(record("tes-1", title="Two"))).folder
    damage(folder, how)
    with pytest.raises(ReleaseDamaged, match=message):
        open_release(folder)
    if how == "manifest of another engine":
        assert publish_to(data, archive(record("tes-1", title="Two"))).changed
    elif "form" in how:
        with pytest.raises(ReleaseDamaged, match=message):
            publish_to(data, archive(record("tes-1", title="Two")))
    else:
        with pytest.raises(ReleaseDamaged, match="releases rollback"):
            publish_to(data, archive(record("tes-1", title="Three")))
        assert roll_back(data).number == 1
        assert publish_to(data, archive(record("tes-1", title="Three"))).manifest.number == 3
    if "form" not in how:
        assert documents(data)["tes-1"]["title"] in ("Two", "Three")


def test_a_link_to_nothing_is_damage_not_an_empty_folder(tmp_path: Path, publish_to: PublishTo) -> None:
    data = tmp_path / "data"
    folder = publish_to(data, archive()).folder
    folder.rename(tmp_path / "elsewhere")
    with pytest.raises(ReleaseDamaged, match="which is not there"):
        open_current(data)
    (tmp_path / "elsewhere").rename(folder)
    assert read_manifest(folder).number == 1


def test_what_of_a_consent_is_private_leaves_no_trace(tmp_path: Path) -> None:
    kept = {"given": "2020-01-01", "review": "2030-01-01", "reference": "Box 3"}
    ids = {
        publish(write(tmp_path / f"{n}.json", archive(record("tes-1", access=access))), tmp_path / str(n)).manifest.id
        for n, access in enumerate(({}, {"consent": kept}, {"consent": {}}))
    }
    assert len(ids) == 1
    assert documents(tmp_path / "1")["tes-1"]["access"]["consent"] is None


@pytest.mark.parametrize(
    ("moment", "is_public"),
    [
        ("2026-05-08T23:59:59+00:00", False),
        ("2026-05-09T00:00:00+00:00", True),
        ("2026-05-08T19:59:59-04:00", False),
        ("2026-05-08T20:00:00-04:00", True),
        ("2026-05-09T08:59:59+09:00", False),
    ],
)
def test_an_embargo_ends_at_midnight_of_its_day_in_utc(
    tmp_path: Path, publish_to: PublishTo, moment: str, is_public: bool
) -> None:
    access = {"visibility": "embargoed", "embargo_until": "2026-05-09"}
    whole = archive(record("tes-1", access=access), record("tes-2"))
    publish_to(tmp_path / "data", whole, now=lambda: datetime.fromisoformat(moment))
    assert ("tes-1" in documents(tmp_path / "data")) == is_public


def test_a_consent_ends_at_midnight_of_its_day(tmp_path: Path, publish_to: PublishTo) -> None:
    whole = archive(record("tes-1", access={"consent": {"expires": "2026-03-02"}}), record("tes-2"))
    before = publish_to(tmp_path / "data", whole, now=lambda: datetime(2026, 3, 1, 23, 59, 59, tzinfo=UTC))
    after = publish_to(tmp_path / "data", whole, now=lambda: datetime(2026, 3, 2, tzinfo=UTC))
    assert (before.manifest.counts["testimonies"], after.manifest.counts["testimonies"]) == (2, 1)
    assert "tes-1" not in documents(tmp_path / "data")
