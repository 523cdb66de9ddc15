"""What was public and is hidden, or withdrawn, is gone from the next release and from every answer; the old release has it
until it is erased. What may be known of it is what the log of changes has always said: that it was there, and is not.
"""

import shutil
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.archive.withdrawing import withdraw
from service.release.data_folder import erase, roll_back
from service.release.manifest import MANIFEST, Manifest, read_manifest
from service.release.publish import publish
from tests.archives import Fields, archive, record, write
from tests.commands import Command
from tests.conftest import Serve
from tests.safety.asking import HOST, Question, ask_all, wire
from tests.safety.canaries import OWN, Marks, canaries, one_of_each, visible
from tests.safety.searching import Search, look_through_copy


def at(day: int) -> Any:
    return lambda: datetime(2026, 3, day, 12, tzinfo=UTC)


def hidden_again(records: list[Fields], **access: Any) -> list[Fields]:
    return [{**each, "access": {**each["access"], **access}} for each in records]


WAYS: dict[str, Fields] = {
    "restricted": {"visibility": "restricted"},
    "embargoed": {"visibility": "embargoed", "embargo_until": "7391-01-01"},
    "expired": {"consent_basis": "direct", "consent": {"expires": "2026-03-02"}},
    "not_consented": {"consent_basis": "direct", "consent": {"scope": ["research"]}},
    "withdrawn": {},
}
#: The first way to hide something leads to the same bytes as these: what is answered from them is the same too.
LIKE_THE_FIRST = ("embargoed", "expired", "not_consented")


def found_in(folder: Path, mark: Marks, copy: Path) -> tuple[list[str], int]:
    search = Search(mark)
    look_through_copy(search, folder, copy)
    return search.found, search.places


@dataclass
class Hidden:
    """An archive of which half was public and has been hidden: both releases, and what is marked."""

    mark: Marks
    ids: list[str]
    data: Path
    first: Path
    second: Path


def hide(folder: Path, way: str) -> Hidden:
    """Publish an archive, and publish it again with half of it hidden in this way."""
    mark, data = canaries(known="qzknown"), folder / "data"
    stay = one_of_each(visible(), secret=mark)
    go = one_of_each(mark)
    folder.mkdir(exist_ok=True)
    path = write(folder / "a.jsonl", archive(*stay, *go, **OWN))
    first = publish(path, data, now=at(1)).folder
    ids = [each["id"] for each in go]
    if way == "withdrawn":
        withdraw(path, ids, today=at(2)().date())
    else:
        write(path, archive(*stay, *hidden_again(go, **WAYS[way]), **OWN))
    return Hidden(mark, ids, data, first, publish(path, data, now=at(2)).folder)


def contents(data: Path) -> dict[str, bytes]:
    """Return all that lies in a data folder, by name. The files of the index have random names, which their lists and the
    manifest repeat: of these the kinds and sizes are compared instead.
    """
    found = {}
    for path in data.rglob("*"):
        name = path.relative_to(data).as_posix()
        if path.is_symlink():
            found[name] = str(path.readlink()).encode()
        elif path.is_file() and "/index/" not in name and path.name != MANIFEST:
            found[name] = path.read_bytes()
    return found


@pytest.mark.parametrize("way", LIKE_THE_FIRST)
def test_every_way_to_hide_leads_to_the_same_data_folder(tmp_path: Path, way: str) -> None:
    """So that what is answered once a record is hidden needs to be looked through for one of these ways alone."""
    restricted, other = hide(tmp_path / "restricted", "restricted"), hide(tmp_path / "other", way)
    assert contents(restricted.data) == contents(other.data)
    one, also = (read_manifest(each.second) for each in (restricted, other))
    assert (one.id, one.number, one.published_at, one.counts, one.masked, one.kept) == (
        also.id, also.number, also.published_at, also.counts, also.masked, also.kept,
    )  # fmt: skip
    assert _index_of(one) == _index_of(also)


def _index_of(manifest: Manifest) -> list[tuple[str, int]]:
    """Return the kinds and sizes of the files of an index, whose names are random."""
    named = ((Path(name).suffix, entry.bytes) for name, entry in manifest.files.items() if name.startswith("index/"))
    return sorted(named)


@pytest.mark.parametrize("way", WAYS)
def test_what_is_hidden_is_in_no_file_of_a_release_but_the_old_one(tmp_path: Path, way: str) -> None:
    hidden = hide(tmp_path, way)
    assert found_in(hidden.second, hidden.mark, tmp_path / "copy")[0] == []
    assert found_in(hidden.first, hidden.mark, tmp_path / "copy")[0] != []
    assert [release.number for release in erase(hidden.data)] == [1]
    # All of the data folder, whatever lies in it.
    assert found_in(hidden.data, hidden.mark, tmp_path / "copy")[0] == []


@pytest.mark.parametrize("way", [way for way in WAYS if way not in LIKE_THE_FIRST])
def test_what_is_hidden_is_in_no_answer(tmp_path: Path, way: str, serve: Serve) -> None:
    hidden = hide(tmp_path, way)
    search = Search(hidden.mark)
    for question, answer in ask_all(serve(hidden.data), hidden.ids):
        search.look(str(question), wire(answer))
    print(f"{way}: {hidden.mark.count} marks, {search.places} answers")
    assert search.found == []


def test_what_will_be_hidden_is_answered_before(tmp_path: Path, serve: Serve) -> None:
    hidden = hide(tmp_path, "restricted")
    roll_back(hidden.data)
    client = serve(hidden.data)
    testimony = next(each for each in hidden.ids if each.startswith("tes-"))
    answer = client.get(f"/v1/testimonies/{testimony}")
    assert answer.status_code == 200
    search = Search(hidden.mark)
    search.look(testimony, wire(answer))
    assert search.found != []


@pytest.mark.parametrize(("way", "status"), [*((way, 404) for way in WAYS if way != "withdrawn"), ("withdrawn", 410)])
def test_what_is_told_of_it(tmp_path: Path, serve: Serve, way: str, status: int) -> None:
    data = tmp_path / "data"
    publish(write(tmp_path / "a.json", archive(record("tes-1"), record("tes-2"))), data, now=at(1))
    if way == "withdrawn":
        whole = archive(record("tes-2"), withdrawn=[{"id": "tes-1", "on": "2026-03-02"}])
    else:
        whole = archive(record("tes-1", access=WAYS[way]), record("tes-2"))
    publish(write(tmp_path / "a.json", whole), data, now=at(2))
    client = serve(data)
    answer = client.get("/v1/testimonies/tes-1")
    assert answer.status_code == status
    never = client.get("/v1/testimonies/tes-never")
    assert (wire(answer) == wire(never)) == (status == 404)
    log = client.get("/v1/changes?limit=200").json()["data"]
    told = [each for each in log if each["id"] == "tes-1"]
    assert [(each["action"], each["href"], each["version"]) for each in told] == [
        ("created", None, None),
        ("withdrawn", None, None),
    ]
    assert "What was said" not in "".join(str(each) for each in told)


def test_a_record_shown_again_is_as_new_as_one_that_never_was(tmp_path: Path, serve: Serve) -> None:
    """Public, hidden, public: what is told is what would be told had it been another record in between."""
    data = tmp_path / "data"
    for day, access in enumerate(({}, {"visibility": "restricted"}, {}), 1):
        publish(write(tmp_path / "a.json", archive(record("tes-1", access=access))), data, now=at(day))
    client = serve(data)
    log = client.get("/v1/changes").json()["data"]
    assert [each["action"] for each in log if each["id"] == "tes-1"] == ["created", "withdrawn", "created"]
    assert client.get("/v1/testimonies/tes-1").json()["version"] == 1


# --- An embargo ends ----------------------------------------------------------------------------------------------------


def test_an_embargo_that_has_ended_is_published_by_the_next_publication(tmp_path: Path, serve: Serve) -> None:
    embargo = {"visibility": "embargoed", "embargo_until": "2026-03-03", "private": "qzcanary0001k"}
    path = write(tmp_path / "a.json", archive(record("tes-1", access=embargo), record("tes-2")))
    data = tmp_path / "data"
    assert publish(path, data, now=at(1)).manifest.counts["testimonies"] == 1
    assert not publish(path, data, now=at(2)).changed
    published = publish(path, data, now=at(3))
    assert published.manifest.counts["testimonies"] == 2
    assert b"embargo" not in (published.folder / "archive.jsonl").read_bytes()
    client = serve(data)
    assert client.get("/v1/testimonies/tes-1").json()["access"] == {
        "visibility": "public",
        "consent_basis": "published_source",
        "consent": None,
    }
    # On the same days, an archive that knew nothing of the record before gives the same release and the same answers.
    other = tmp_path / "other"
    publish(write(tmp_path / "b.json", archive(record("tes-2"))), other, now=at(1))
    publish(write(tmp_path / "b.json", archive(record("tes-1"), record("tes-2"))), other, now=at(3))
    for address in ("/v1", "/v1/testimonies", "/v1/changes", "/v1/changes?format=atom", "/v1/archive"):
        question = Question(address)
        assert wire(question.ask(client)) == wire(question.ask(serve(other))), (address, HOST)


def test_a_publisher_that_is_killed_leaves_no_mark_behind(tmp_path: Path) -> None:
    mark, data = canaries(), tmp_path / "data"
    hidden = [each for _ in range(40) for each in one_of_each(mark, visibility="restricted")]
    path = write(tmp_path / "a.json", archive(*one_of_each(visible(), secret=mark), *hidden, **OWN))
    search, killed = Search(mark), 0
    for wait in (0.0, 0.05, 0.1, 0.2, 0.3):
        with (tmp_path / "said").open("w") as said:
            run = Command("publish", path, "--data", data, stderr=said)
        while run.poll() is None and not list(data.glob("releases/.staging-*/*")):
            time.sleep(0.001)
        time.sleep(wait)
        run.kill()
        killed += run.wait() < 0
        for left in data.rglob("*"):
            search.look(left.name, left.read_bytes() if left.is_file() else b"")
        shutil.rmtree(data)
    assert killed, "no publisher was killed while it was at work"
    assert search.found == []
