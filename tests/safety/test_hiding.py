"""What was public and is hidden, or withdrawn, is gone from the next release and from every answer; the old release has it
until it is erased. What may be known of it is what the log of changes has always said: that it was there, and is not.
"""

import shutil
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.archive.withdrawing import withdraw
from service.release.data_folder import erase
from service.release.publish import publish
from tests.archives import Fields, archive, record, write
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


def found_in(folder: Path, mark: Marks, copy: Path) -> tuple[list[str], int]:
    search = Search(mark)
    look_through_copy(search, folder, copy)
    return search.found, search.places


@pytest.mark.parametrize("way", WAYS)
def test_what_is_hidden_stays_in_no_release_but_the_old_one(tmp_path: Path, way: str, serve: Serve) -> None:
    mark, data = canaries(known="qzknown"), tmp_path / "data"
    stay = one_of_each(visible(), secret=mark)
    go = one_of_each(mark)
    path = write(tmp_path / "a.jsonl", archive(*stay, *go, **OWN))
    first = publish(path, data, now=at(1)).folder
    client = serve(data)
    testimony = next(each["id"] for each in go if each["id"].startswith("tes-"))
    assert client.get(f"/v1/testimonies/{testimony}").status_code == 200
    if way == "withdrawn":
        withdraw(path, [each["id"] for each in go], today=at(2)().date())
    else:
        write(path, archive(*stay, *hidden_again(go, **WAYS[way]), **OWN))
    second = publish(path, data, now=at(2)).folder
    found, places = found_in(second, mark, tmp_path / "copy")
    assert found == []
    assert found_in(first, mark, tmp_path / "copy")[0] != []
    search = Search(mark)
    for question, answer in ask_all(serve(data), [each["id"] for each in go]):
        search.look(str(question), wire(answer))
    print(f"{way}: {mark.count} marks, {places} places of the release, {search.places} answers")
    assert search.found == []
    assert [release.number for release in erase(data)] == [1]
    # All of the data folder, whatever lies in it.
    assert found_in(data, mark, tmp_path / "copy")[0] == []


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


PUBLISH = "import sys; from pathlib import Path; from service.release.publish import publish; publish(*map(Path, sys.argv[1:]))"


def test_a_publisher_that_is_killed_leaves_no_mark_behind(tmp_path: Path) -> None:
    mark, data = canaries(), tmp_path / "data"
    hidden = [each for _ in range(40) for each in one_of_each(mark, visibility="restricted")]
    path = write(tmp_path / "a.json", archive(*one_of_each(visible(), secret=mark), *hidden, **OWN))
    search, killed = Search(mark), 0
    for wait in (0.0, 0.05, 0.1, 0.2, 0.3):
        run = subprocess.Popen([sys.executable, "-c", PUBLISH, path, data])
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
