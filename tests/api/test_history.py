"""The history of a record: which release each version came with, and digests that prove a copy but betray nothing."""

import hashlib
from pathlib import Path

import httpx
import pytest

from tests.archives import CRITERIA, archive, record
from tests.conftest import PublishTo, Serve


def line_of(client: httpx.Client, record_id: str) -> bytes:
    """Return the line of a record in the public archive, as `grep` prints it."""
    lines = client.get("/v1/archive").content.splitlines(keepends=True)
    [found] = [line for line in lines if b'"id":"%b"' % record_id.encode() in line and b'"record"' in line]
    return found


def sha256(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def test_every_version_is_told_with_its_release_and_a_digest_of_its_line(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    data, lines, ids = tmp_path / "data", [], []
    for title in ("One", "Two"):
        ids.append(publish_to(data, archive(record("tes-1", title=title), record("evt-1"))).manifest.id)
        client = serve(data)
        lines.append(line_of(client, "tes-1"))
    history = client.get("/v1/testimonies/tes-1/history").json()
    told = [
        (each["version"], each["action"], each["number"], each["release"], each["digest"]) for each in history["data"]
    ]
    assert told == [
        (1, "created", 1, ids[0], sha256(lines[0])),
        (2, "updated", 2, ids[1], sha256(lines[1])),
    ]
    assert history["data"][1]["href"] == f"{client.base_url}/v1/releases/2"
    assert client.get(history["links"]["record"]).json()["version"] == 2
    assert client.get("/v1/events/evt-1/history").json()["data"][0]["digest"] == sha256(line_of(client, "evt-1"))
    cited = history["meta"]["cite_as"]
    assert cited.startswith("Arden Society, Arden. tes-1, version 2, published 20")
    assert f"release 2 ({ids[1]}); record {sha256(lines[1])}." in cited


@pytest.mark.parametrize("collection", CRITERIA)
def test_every_record_of_the_seed_has_a_history(client: httpx.Client, collection: str) -> None:
    page = client.get(f"/v1/{collection}?limit=3").json()["data"]
    assert page
    for shown in page:
        answer = client.get(f"/v1/{collection}/{shown['id']}/history")
        last = answer.json()["data"][-1]
        assert (answer.status_code, last["version"], last["at"]) == (200, shown["version"], shown["updated_at"])
        assert last["digest"] == sha256(line_of(client, shown["id"]))
        again = client.get(f"/v1/{collection}/{shown['id']}/history", headers={"If-None-Match": answer.headers["etag"]})
        assert again.status_code == 304


def test_of_what_was_taken_back_no_digest_is_left(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    data = tmp_path / "data"
    hidden = {"visibility": "restricted"}
    for title, access in (("Secret", {}), ("Secret", hidden), ("Plain", {})):
        folder = publish_to(data, archive(record("tes-1", title=title, access=access))).folder
        if access == {} and title == "Secret":
            [secret] = [line for line in (folder / "archive.jsonl").read_bytes().splitlines(True) if b"tes-1" in line]
    client = serve(data)
    history = client.get("/v1/testimonies/tes-1/history").json()["data"]
    assert [(each["action"], each["version"], each["digest"] is None, each["erase"]) for each in history] == [
        ("created", 1, True, False),
        ("withdrawn", 1, True, True),
        ("created", 1, False, False),
    ]
    # Nor anywhere else in the release.
    assert hashlib.sha256(secret).digest() not in (folder / "archive.sqlite").read_bytes()


def test_what_is_withdrawn_or_hidden_has_no_history(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    data = tmp_path / "data"
    publish_to(data, archive(record("tes-1"), record("tes-2")))
    gone = [{"id": "tes-1", "on": "2026-01-01"}]
    publish_to(data, archive(record("tes-2", access={"visibility": "restricted"}), withdrawn=gone))
    client = serve(data)
    answer = client.get("/v1/testimonies/tes-1/history")
    assert (answer.status_code, answer.json()["on"]) == (410, "2026-01-01")
    # As of one that never was.
    hidden, never = (client.get(f"/v1/testimonies/tes-{n}/history").json() for n in (2, 3))
    assert {**hidden, "request_id": None} == {**never, "request_id": None}
    assert client.get("/v1/events/tes-1/history").status_code == 404
    assert client.get("/v1/testimonies/tes-2/history?limit=1").status_code == 422
