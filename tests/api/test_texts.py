"""Transcripts and texts of sources over HTTP: in each format, and why there is none."""

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from service.api.shapes import Transcript
from service.api.transcripts import as_text, as_vtt
from service.release.document_parts import SegmentDocument
from service.release.opening import open_current
from service.release.publish import publish
from service.settings import Settings
from tests.archives import TEXT, Fields, archive, record, write
from tests.conftest import running

SAID: list[Fields] = [
    {"start_s": 0, "end_s": 2.5, "speaker": "The resident", "text": "They came at night."},
    {"start_s": 2.5, "end_s": 3600.0005, "text": "We were <told> to leave & go --> away.\n\nNobody said where to."},
    {"text": "marker-inaudible"},
]
MEASURES: Fields = {
    "length": len(TEXT),
    "bytes": len(TEXT.encode()),
    "sha256": hashlib.sha256(TEXT.encode()).hexdigest(),
}


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tes-1 has a transcript in Russian, tes-2 none, tes-3 is hidden, tes-4 withdrawn; src-2 may be republished, src-1 not,
    src-3 is but is not held.
    """
    folder = tmp_path_factory.mktemp("texts")
    whole = archive(
        record("src-2", verbatim=True, text={**MEASURES, "content": TEXT}, language="ru"),
        record("src-3", verbatim=True),
        record("tes-1", transcript=SAID, citations=[{"source": "src-2"}], language="ru"),
        record("tes-2"),
        record("tes-3", access={"visibility": "restricted"}),
        withdrawn=[{"id": "tes-4", "on": "2026-03-01"}, {"id": "src-4", "on": "2026-03-01"}],
    )
    publish(write(folder / "archive.json", whole), folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def client(data: Path) -> Iterator[httpx.Client]:
    with running(Settings(data=data)) as shared:
        yield shared


def test_a_transcript_is_segments_with_stable_identifiers(client: httpx.Client) -> None:
    answer = client.get("/v1/testimonies/tes-1/transcript")
    transcript = answer.json()
    TypeAdapter(Transcript).validate_python(transcript, strict=True)
    assert set(transcript) == {"testimony", "language", "content_warnings", "segments", "meta", "links"}
    assert transcript["testimony"] == {"id": "tes-1", "label": "What was said"}
    assert [segment["id"] for segment in transcript["segments"]] == ["tes-1-s1", "tes-1-s2", "tes-1-s3"]
    assert transcript["segments"][2] == {
        "id": "tes-1-s3", "start_s": None, "end_s": None, "file": None, "speaker": None, "speaker_agent": None, "language": "ru",
        "text": "marker-inaudible", "redacted": None, "translations": {},
    }  # fmt: skip
    assert transcript["language"] == answer.headers["content-language"] == "ru"
    assert transcript["meta"]["release"] == answer.headers["archive-release"]
    for address in transcript["links"].values():
        assert client.get(address).status_code == 200


def test_webvtt_is_what_players_read(client: httpx.Client) -> None:
    answer = client.get("/v1/testimonies/tes-1/transcript?format=vtt")
    assert answer.headers["content-type"] == "text/vtt; charset=utf-8"
    assert answer.text == (
        "WEBVTT\n\n"
        "tes-1-s1\n00:00:00.000 --> 00:00:02.500\n<v The resident>They came at night.\n\n"
        "tes-1-s2\n00:00:02.500 --> 01:00:00.000\n"
        "We were &lt;told&gt; to leave &amp; go --&gt; away.\nNobody said where to.\n\n"
        "NOTE tes-1-s3\nmarker-inaudible\n"
    )


def test_plain_text_is_a_paragraph_a_segment(client: httpx.Client) -> None:
    answer = client.get("/v1/testimonies/tes-1/transcript", headers={"Accept": "text/plain"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.text.startswith("The resident: They came at night.\n\nWe were <told>")
    assert answer.text.endswith("\n\nmarker-inaudible\n")


def segment(**fields: Any) -> SegmentDocument:
    """Return a segment with a word, and these fields."""
    blank: SegmentDocument = {
        "id": "tes-1-s1", "start_s": None, "end_s": None, "file": None, "speaker": None, "speaker_agent": None, "language": "ru",
        "text": "Word", "redacted": None, "translations": {},
    }  # fmt: skip
    return blank | fields  # type: ignore[return-value]


TIMING = re.compile(r"(\d{2,}):[0-5]\d:[0-5]\d\.\d{3} --> (\d{2,}):[0-5]\d:[0-5]\d\.\d{3}")


@pytest.mark.parametrize(
    ("fields", "shown"),
    [
        # times: one missing, none long, rounding, more than a hundred hours
        ({"start_s": 1}, "NOTE tes-1-s1\nWord"),
        ({"end_s": 1}, "NOTE tes-1-s1\nWord"),
        ({"start_s": 1, "end_s": 1}, "NOTE tes-1-s1\nWord"),
        ({"start_s": 59.9996, "end_s": 60.001}, "00:01:00.000 --> 00:01:00.001"),
        ({"start_s": 0, "end_s": 360_000}, "00:00:00.000 --> 100:00:00.000"),
        # texts: blank lines, arrows, markup, a speaker who is one
        ({"text": "a\r\n\r\n\n b -->"}, "a\n b --&gt;"),
        ({"text": "\n\n"}, "NOTE tes-1-s1\n\n"),
        ({"start_s": 0, "end_s": 1, "speaker": "A > B\nC", "text": "</v>"}, "<v A &gt; B C>&lt;/v&gt;"),
        ({"text": "\u202eright to left 🚇"}, "\u202eright to left 🚇"),
    ],
)
def test_edges_of_webvtt(fields: Fields, shown: str) -> None:
    vtt = as_vtt([segment(**fields)])
    assert shown in vtt
    header, _, rest = vtt.partition("\n\n")
    assert header == "WEBVTT"
    assert all(TIMING.fullmatch(line) for line in rest.splitlines() if "-->" in line)


def test_cues_begin_in_order_of_time() -> None:
    vtt = as_vtt(
        [
            segment(id="a", start_s=5, end_s=6),
            segment(id="b"),
            segment(id="c", start_s=1, end_s=2),
            segment(id="d", start_s=5, end_s=7),
        ]
    )
    assert re.findall(r"^(?:NOTE )?([abcd])$", vtt, re.MULTILINE) == ["c", "a", "b", "d"]


def test_plain_text_keeps_the_words_as_they_are() -> None:
    assert as_text([segment(text="a & b\nc"), segment(speaker="Mara")]) == "a & b\nc\n\nMara: Word\n"


def test_the_text_of_a_source_is_that_which_was_hashed(client: httpx.Client) -> None:
    answer = client.get("/v1/sources/src-2/text", headers={"Accept-Encoding": "gzip"})
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.headers["content-language"] == "ru"
    assert "content-encoding" not in answer.headers
    digest = base64.b64decode(answer.headers["repr-digest"].removeprefix("sha-256=:").removesuffix(":"))
    assert digest.hex() == hashlib.sha256(answer.content).hexdigest()
    assert digest.hex() == client.get("/v1/sources/src-2").json()["text"]["sha256"]
    assert "Repr-Digest" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize(
    ("path", "status", "reason"),
    [
        ("/v1/testimonies/tes-2/transcript", 404, "has no transcript"),
        ("/v1/testimonies/tes-3/transcript", 404, "no public record"),
        ("/v1/testimonies/tes-9/transcript", 404, "no public record"),
        ("/v1/testimonies/src-2/transcript", 404, "no public record"),
        ("/v1/testimonies/tes-4/transcript", 410, "was withdrawn"),
        ("/v1/sources/src-1/text", 404, "may not be republished"),
        ("/v1/sources/src-3/text", 404, "does not hold it"),
        ("/v1/sources/src-9/text", 404, "no public record"),
        ("/v1/sources/src-4/text", 410, "was withdrawn"),
        ("/v1/events/evt-1/transcript", 404, "nothing at this address"),
    ],
)
def test_where_there_is_none_the_reason_is_told(client: httpx.Client, path: str, status: int, reason: str) -> None:
    answer = client.get(path)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert reason in answer.json()["detail"]


@pytest.mark.parametrize(
    ("path", "accept", "status"),
    [
        ("/v1/testimonies/tes-1/transcript", "text/html", 406),
        ("/v1/testimonies/tes-1/transcript?format=srt", "*/*", 422),
        ("/v1/testimonies/tes-1/transcript?limit=1", "*/*", 422),
        ("/v1/testimonies/tes-1/transcript?format=vtt", "text/html", 200),
        ("/v1/sources/src-2/text", "application/json", 406),
        ("/v1/sources/src-2/text?format=text", "*/*", 422),
    ],
)
def test_formats_that_there_are(client: httpx.Client, path: str, accept: str, status: int) -> None:
    assert client.get(path, headers={"Accept": accept}).status_code == status


def test_each_format_has_its_own_etag(client: httpx.Client) -> None:
    path = "/v1/testimonies/tes-1/transcript"
    tags = [client.get(path, headers={"Accept": each}).headers["etag"] for each in ("*/*", "text/vtt", "text/plain")]
    assert len(set(tags)) == 3
    assert client.get(path, headers={"If-None-Match": tags[1], "Accept": "text/vtt"}).status_code == 304
    assert client.get(path, headers={"If-None-Match": tags[1]}).status_code == 200


def test_a_record_says_what_it_has_and_carries_none_of_it(client: httpx.Client, data: Path) -> None:
    for path, key in (("/v1/testimonies", "has_transcript"), ("/v1/sources", "has_text")):
        had = {shown["id"] for shown in client.get(path).json()["data"] if shown[key]}
        assert had == ({"tes-1"} if key == "has_transcript" else {"src-2"})
    release = open_current(data)
    stored = (release.folder / "archive.documents").read_bytes()
    assert b"marker-inaudible" not in stored
    assert json.dumps(TEXT).encode() not in stored
    assert release.rows("SELECT count(*) FROM transcript") == [(1,)]
    assert release.rows("SELECT count(*) FROM source_text") == [(1,)]
    release.close()
