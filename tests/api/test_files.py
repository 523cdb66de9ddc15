"""Files of sources: served whole and in parts by a real server, as players and browsers ask for them, and never run as a page."""

import hashlib
import re
from collections.abc import Iterator
from email.parser import BytesParser
from pathlib import Path
from typing import Any
from unicodedata import normalize
from urllib.parse import quote

import httpx
import pytest

from service.errors import RangeNotSatisfiable
from service.http.ranges import MOST_PARTS, asked_spans
from service.release.publish import publish
from service.settings import Settings
from tests.archives import Fields, archive, file_of, record, write
from tests.conftest import running

#: Larger than a piece that is read at a time, and no multiple of it.
SOUND = bytes(range(256)) * 2500 + b"end"
SHA256 = hashlib.sha256(SOUND).hexdigest()
PAGE = b"<!doctype html><script>alert(1)</script>"


def stated(name: str, content: bytes, media_type: str, **fields: Any) -> Fields:
    digest = hashlib.sha256(content).hexdigest()
    named = {"name": name, "path": f"media/{name}", "media_type": media_type, "sha256": digest, "role": "access_copy"}
    return named | {"public": True} | fields


FILES = {
    "sound.ogg": (SOUND, "audio/ogg"),
    "Зал й & 100%.vtt": (b"WEBVTT\n", "text/vtt"),
    "page.html": (PAGE, "text/html"),
    "drawing.svg": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>", "image/svg+xml"),
    "feed.xml": (b"<feed/>", "application/xml"),
    "empty.txt": (b"", "text/plain"),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A client of a server of an archive with some files of one source."""
    folder = tmp_path_factory.mktemp("files")
    (folder / "media").mkdir()
    for name, (content, _) in FILES.items():
        (folder / "media" / name).write_bytes(content)
    (folder / "media" / "private.bin").write_bytes(b"private")
    source = record(
        "src-1",
        files=[
            *(stated(name, content, media_type, language="en") for name, (content, media_type) in FILES.items()),
            stated("private.bin", b"private", "application/octet-stream", public=False),
            stated("far.mp4", b"far", "video/mp4", path=None, url="https://example.org/far.mp4"),
        ],
    )
    publish(write(folder / "a.json", archive(source)), folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


@pytest.fixture(scope="module")
def sound(files: httpx.Client) -> str:
    shown = files.get("/v1/sources/src-1").json()["files"]
    return str(next(file["href"] for file in shown if file["name"] == "sound.ogg"))


def asked(client: httpx.Client, path: str, ranges: str, **headers: str) -> httpx.Response:
    return client.get(path, headers={"Range": ranges, **headers})


def test_the_record_says_where_its_files_are(files: httpx.Client) -> None:
    shown = {file["name"]: file for file in files.get("/v1/sources/src-1").json()["files"]}
    assert set(shown) == {*FILES, "far.mp4"}
    assert shown["far.mp4"]["href"] is None
    assert shown["sound.ogg"]["href"] == str(files.base_url.join("/v1/sources/src-1/files/sound.ogg"))
    assert shown["sound.ogg"]["path"] == f"files/{SHA256}"
    for name, (content, media_type) in FILES.items():
        answer = files.get(shown[name]["href"])
        assert (answer.status_code, answer.content) == (200, content)
        assert answer.headers["content-type"].partition(";")[0] == media_type
        assert answer.headers["content-length"] == str(len(content))


def test_a_whole_file_says_what_it_is_and_that_parts_can_be_asked_for(files: httpx.Client, sound: str) -> None:
    answer = files.get(sound, headers={"Accept-Encoding": "gzip, zstd", "Accept": "text/html"})
    assert answer.headers["etag"] == f'"{SHA256}"'
    assert answer.headers["accept-ranges"] == "bytes"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-language"] == "en"
    assert answer.headers["cache-control"] == "public, max-age=60, must-revalidate"
    assert "content-encoding" not in answer.headers
    assert "content-security-policy" not in answer.headers


@pytest.mark.parametrize(
    ("ranges", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-1999", 1000, 2000),
        ("bytes=300000-", 300000, len(SOUND)),
        ("bytes=-3", len(SOUND) - 3, len(SOUND)),
        (f"bytes=-{10 * len(SOUND)}", 0, len(SOUND)),
        (f"bytes=5-{10 * len(SOUND)}", 5, len(SOUND)),
        ("Bytes= 7-8", 7, 9),
        (f"bytes=0-4,{len(SOUND)}-", 0, 5),
        ("bytes=0-9,5-19", 0, 20),
    ],
)
def test_one_part(files: httpx.Client, sound: str, ranges: str, start: int, end: int) -> None:
    answer = asked(files, sound, ranges)
    assert (answer.status_code, answer.content) == (206, SOUND[start:end])
    assert answer.headers["content-range"] == f"bytes {start}-{end - 1}/{len(SOUND)}"
    assert answer.headers["content-length"] == str(end - start)
    assert answer.headers["content-type"] == "audio/ogg"


def test_several_parts(files: httpx.Client, sound: str) -> None:
    answer = asked(files, sound, "bytes=500000-500099, 0-9, -3")
    assert answer.status_code == 206
    assert "content-range" not in answer.headers
    assert len(answer.content) == int(answer.headers["content-length"])
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    parts = BytesParser().parsebytes(head + answer.content).get_payload()
    assert isinstance(parts, list)
    found = [(part["content-type"], part["content-range"], part.get_payload(decode=True)) for part in parts]  # type: ignore[union-attr, index]
    size = len(SOUND)
    assert found == [
        ("audio/ogg", f"bytes 500000-500099/{size}", SOUND[500000:500100]),
        ("audio/ogg", f"bytes 0-9/{size}", SOUND[:10]),
        ("audio/ogg", f"bytes {size - 3}-{size - 1}/{size}", b"end"),
    ]


@pytest.mark.parametrize("ranges", [f"bytes={len(SOUND)}-", "bytes=-0", f"bytes={len(SOUND)}-,-0"])
def test_a_part_that_is_not_there(files: httpx.Client, sound: str, ranges: str) -> None:
    answer = asked(files, sound, ranges)
    assert answer.status_code == 416
    assert answer.headers["content-range"] == f"bytes */{len(SOUND)}"
    assert answer.json()["type"].endswith("/problems/range-not-satisfiable")


@pytest.mark.parametrize("ranges", ["bytes=9-1", "bytes=a-b", "bytes", "lines=1-2", "bytes=", "bytes=,", "bytes=1-2,x"])
def test_what_is_no_range_gives_the_whole_file(files: httpx.Client, sound: str, ranges: str) -> None:
    answer = asked(files, sound, ranges)
    assert (answer.status_code, answer.content) == (200, SOUND)


def test_thousands_of_parts_are_not_made(files: httpx.Client, sound: str) -> None:
    many = "bytes=" + ",".join(f"{2 * n}-{2 * n}" for n in range(MOST_PARTS + 1))
    assert asked(files, sound, many).status_code == 200
    assert asked(files, sound, "bytes=" + ",".join(["0-"] * 2000)).status_code == 200


def test_no_byte_is_sent_twice() -> None:
    assert asked_spans("bytes=0-,0-,0-", 10) == [(0, 10)]
    assert asked_spans("bytes=8-9,0-3,2-5", 10) == [(0, 6), (8, 10)]
    with pytest.raises(RangeNotSatisfiable):
        asked_spans("bytes=0-", 0)


def test_a_part_is_given_only_of_the_file_that_the_reader_has(files: httpx.Client, sound: str) -> None:
    assert asked(files, sound, "bytes=5-9", **{"If-Range": f'"{SHA256}"'}).status_code == 206
    for other in ('"other"', f'W/"{SHA256}"', "Wed, 21 Oct 2015 07:28:00 GMT"):
        assert asked(files, sound, "bytes=5-9", **{"If-Range": other}).status_code == 200


def test_a_reader_who_has_it_is_told_so(files: httpx.Client, sound: str) -> None:
    answer = asked(files, sound, "bytes=0-4", **{"If-None-Match": f'"{SHA256}"'})
    assert (answer.status_code, answer.content) == (304, b"")


def test_head_tells_what_get_would(files: httpx.Client, sound: str) -> None:
    answer = files.head(sound, headers={"Range": "bytes=0-4"})
    assert (answer.status_code, answer.content) == (200, b"")
    assert answer.headers["content-length"] == str(len(SOUND))


def test_other_sites_may_ask_for_parts(files: httpx.Client, sound: str) -> None:
    preflight = files.options(sound, headers={"Origin": "https://a.example", "Access-Control-Request-Headers": "range"})
    assert "Range" in re.split(", *", preflight.headers["access-control-allow-headers"])
    exposed = re.split(", *", asked(files, sound, "bytes=0-1").headers["access-control-expose-headers"])
    assert {"Accept-Ranges", "Content-Length", "Content-Range", "ETag"} <= set(exposed)


@pytest.mark.parametrize("name", ["page.html", "drawing.svg", "feed.xml"])
def test_what_a_browser_could_run_is_only_given_to_be_saved(files: httpx.Client, name: str) -> None:
    answer = files.get(f"/v1/sources/src-1/files/{name}", headers={"Accept": "text/html"})
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-security-policy"] == "sandbox; default-src 'none'"
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_names_in_any_script_are_found_and_kept(files: httpx.Client) -> None:
    for form in ("NFC", "NFD"):
        answer = files.get("/v1/sources/src-1/files/" + quote(normalize(form, "Зал й & 100%.vtt"), safe=""))
        assert answer.content == b"WEBVTT\n"
    assert answer.headers["content-type"] == "text/vtt; charset=utf-8"
    assert answer.headers["content-disposition"].endswith(
        "filename*=UTF-8''%D0%97%D0%B0%D0%BB%20%D0%B9%20%26%20100%25.vtt"
    )


@pytest.mark.parametrize("name", ["private.bin", "far.mp4", "none", "..%2F..%2F..%2Fcurrent%2Farchive.jsonl", SHA256])
def test_what_is_not_published_here_is_not_there(files: httpx.Client, name: str) -> None:
    assert files.get(f"/v1/sources/src-1/files/{name}").status_code == 404
    assert files.get(f"/v1/sources/src-9/files/{name}").status_code == 404


def test_lists_are_filtered_by_what_files_there_are(files: httpx.Client) -> None:
    assert files.get("/v1/sources", params={"media_type": "audio/ogg"}).json()["meta"]["total"] == 1
    assert files.get("/v1/sources", params={"file_role": "original"}).json()["meta"]["total"] == 0
    facets = files.get("/v1/sources", params={"facets": "media_type"}).json()["facets"]["media_type"]
    assert {"audio/ogg", "video/mp4"} <= {bucket["value"] for bucket in facets}
    assert "application/octet-stream" not in {bucket["value"] for bucket in facets}


def test_a_file_that_the_disk_changed_is_not_given_out_for_it(tmp_path: Path) -> None:
    whole = archive(record("src-1", files=[file_of("media/one.txt")]))
    data = tmp_path / "data"
    publish(write(tmp_path / "a.json", whole), data)
    [kept] = (data / "files").iterdir()
    with running(Settings(data=data)) as client:
        kept.unlink()
        answer = client.get("/v1/sources/src-1/files/one.txt")
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert client.get("/v1/sources/src-1").status_code == 200
