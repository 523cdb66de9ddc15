"""The archive as a file: its bytes, its digest, parts of it, and publishing it again."""

import base64
import hashlib
from pathlib import Path

import httpx
import pytest

from service.errors import RangeNotSatisfiable
from service.http.ranges import asked_spans
from service.release.data_folder import current_folder
from service.release.publish import publish


@pytest.fixture(scope="module")
def whole(seed_data: Path) -> bytes:
    folder = current_folder(seed_data)
    assert folder is not None
    return (folder / "archive.jsonl").read_bytes()


def test_the_file_is_the_releases_byte_for_byte(client: httpx.Client, whole: bytes) -> None:
    entrance = client.get("/v1").json()
    assert entrance["links"]["archive"].endswith("/v1/archive")
    answer = client.get(entrance["links"]["archive"])
    assert answer.content == whole
    digest = base64.b64encode(hashlib.sha256(whole).digest()).decode()
    assert answer.headers["repr-digest"] == f"sha-256=:{digest}:"
    assert entrance["release"]["id"] == "sha256:" + hashlib.sha256(whole).hexdigest()
    assert answer.headers["etag"] == f'"{entrance["release"]["id"]}"'
    assert answer.headers["content-length"] == str(len(whole))
    assert answer.headers["content-type"] == "application/x-ndjson"
    assert answer.headers["content-disposition"].endswith('.jsonl"')
    assert "content-encoding" not in answer.headers


def test_published_again_it_is_the_same_release(client: httpx.Client, tmp_path: Path) -> None:
    path = tmp_path / "archive.jsonl"
    path.write_bytes(client.get("/v1/archive").content)
    assert publish(path, tmp_path / "data").manifest.id == client.get("/v1").json()["release"]["id"]


def test_who_has_it_is_told_so(client: httpx.Client) -> None:
    tag = client.get("/v1/archive").headers["etag"]
    answer = client.get("/v1/archive", headers={"If-None-Match": tag})
    assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)


@pytest.mark.parametrize("asked", ["bytes=0-9", "bytes=100-", "bytes=-7", "bytes=0-999999999"])
def test_a_part_can_be_asked_for(client: httpx.Client, whole: bytes, asked: str) -> None:
    answer = client.get("/v1/archive", headers={"Range": asked})
    first, last = asked.removeprefix("bytes=").split("-")
    expected = whole[-int(last) :] if not first else whole[int(first) : int(last) + 1 if last else None]
    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["content-range"].endswith(f"/{len(whole)}")
    # The digest is that of the whole file.
    assert answer.headers["repr-digest"] == client.get("/v1/archive").headers["repr-digest"]


def test_a_download_is_continued_only_if_nothing_changed(client: httpx.Client, whole: bytes) -> None:
    tag = client.get("/v1/archive").headers["etag"]
    part = client.get("/v1/archive", headers={"Range": "bytes=50-", "If-Range": tag})
    assert (part.status_code, part.content) == (206, whole[50:])
    assert client.get("/v1/archive", headers={"Range": "bytes=50-", "If-Range": '"other"'}).content == whole


def test_a_download_that_is_complete_cannot_be_continued(client: httpx.Client, whole: bytes) -> None:
    answer = client.get("/v1/archive", headers={"Range": f"bytes={len(whole)}-"})
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(whole)}"
    assert answer.json()["type"].endswith("/problems/range-not-satisfiable")


@pytest.mark.parametrize("header", [None, "", "bytes=", "bytes=-", "bytes=5-2", "bytes=0-1,3-4", "lines=0-1", "x"])
def test_a_range_that_is_not_understood_gives_everything(header: str | None) -> None:
    assert asked_spans(header, 100, most=1) is None


def test_ranges_end_where_the_file_does() -> None:
    assert asked_spans("bytes=90-200", 100) == [(90, 100)]
    assert asked_spans("bytes=-200", 100) == [(0, 100)]
    with pytest.raises(RangeNotSatisfiable):
        asked_spans("bytes=-0", 100)


def test_what_it_does_not_take_is_refused(client: httpx.Client) -> None:
    assert client.get("/v1/archive?format=csv").status_code == 422
    answer = client.get("/v1/archive", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["errors"][0]["allowed"]) == (406, ["application/x-ndjson"])
