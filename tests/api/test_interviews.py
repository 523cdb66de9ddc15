"""Interviews over HTTP: sessions, contributors, tables of contents, and transcripts with gaps, in several languages."""

import csv
import io
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from pydantic import TypeAdapter

from service.api.shapes import Transcript
from service.release.publish import publish
from service.settings import Settings
from tests.archives import Fields, archive, record, write
from tests.conftest import running

SAID: list[Fields] = [
    {"id": "q1", "start_s": 0, "end_s": 3, "speaker_agent": "agt-1", "text": "Где вы были?", "translations": {"en": {"text": "Where were you?"}, "fr": {"text": "Où étiez-vous ?"}}},
    {"id": "a1", "start_s": 3, "end_s": 9, "speaker": "Olga", "text": "Дома.", "translations": {"en": {"text": "At home, by the samovar."}}},
    {"start_s": 9, "end_s": 12, "speaker": "Olga", "redacted": "third_party"},
    {"start_s": 12, "end_s": 15, "speaker": "Olga", "language": "uk", "text": "Потім прийшли."},
]  # fmt: skip
INDEX: list[Fields] = [
    {"title": "At home", "synopsis": "The kettle sang.", "keywords": ["teapot"], "topics": ["top-2"], "segment": "a1"},
    {
        "start_s": 12,
        "title": "A knock",
        "segment": "4",
        "translations": {
            "de": {"title": "Ein Klopfen", "synopsis": "Ohne Vorlage.", "keywords": ["Türklopfer"]},
            "fr": {"title": "On frappe"},
        },
    },
    {"start_s": 70, "title": "Ladders"},
]


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """tes-1 is the first session of tes-2, tes-3 the second; tes-4 is a hidden one."""
    folder = tmp_path_factory.mktemp("interviews")
    told: Fields = {"language": "ru", "citations": [{"source": "src-2"}], "part_of": "tes-2"}
    contributors = [{"agent": "agt-1", "role": "interviewer"}, {"agent": "agt-2", "role": "transcriber"}]
    whole = archive(
        record("src-2", verbatim=True),
        record("agt-2", name="Typists"),
        record("top-1"),
        record("top-2", label="Home", broader="top-1"),
        record("tes-1", transcript=SAID, index=INDEX, contributors=contributors, **told),
        record("tes-2", language="ru", citations=[{"source": "src-2"}]),
        record("tes-3", **told, contributors=[{"agent": "agt-2", "role": "recordist"}]),
        record("tes-4", **told, access={"visibility": "restricted"}),
    )
    publish(write(folder / "archive.json", whole), folder / "data")
    with running(Settings(data=folder / "data")) as shared:
        yield shared


def transcript(client: httpx.Client, query: str = "", **headers: str) -> httpx.Response:
    return client.get(f"/v1/testimonies/tes-1/transcript{query}", headers=headers)


def ids(client: httpx.Client, query: str) -> list[str]:
    return [each["id"] for each in client.get(f"/v1/testimonies?sort=id&{query}").json()["data"]]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("part_of=tes-2", ["tes-1", "tes-3"]),
        ("contributor=agt-2", ["tes-1", "tes-3"]),
        ("contributor=agt-1", ["tes-1"]),
        # A part of an interview is filed under a topic as the whole is.
        ("topic=top-1", ["tes-1"]),
        ("q=teapot", ["tes-1"]),
        ("q=samovar", ["tes-1"]),
        ("q=Türklopfer", ["tes-1"]),
        ("q=third_party", []),
    ],
)
def test_sessions_are_found_by_what_is_stated_of_them(client: httpx.Client, query: str, found: list[str]) -> None:
    assert ids(client, query) == found


def test_a_record_shows_them_always(client: httpx.Client) -> None:
    shown = client.get("/v1/testimonies/tes-1").json()
    assert shown["part_of"] == {"id": "tes-2", "label": "What was said"}
    assert shown["contributors"][1] == {"agent": {"id": "agt-2", "label": "Typists"}, "role": "transcriber"}
    assert [each["segment"] for each in shown["index"]] == ["a1", "tes-1-s4", None]
    assert shown["index"][1] == {
        "start_s": 12, "title": "A knock", "synopsis": None, "keywords": [], "topics": [], "segment": "tes-1-s4",
        "language_of": {"title": "en"},
        "translations": {
            "de": {"title": "Ein Klopfen", "synopsis": "Ohne Vorlage.", "keywords": ["Türklopfer"]},
            "fr": {"title": "On frappe", "synopsis": None, "keywords": []},
        },
    }  # fmt: skip
    bare = client.get("/v1/testimonies/tes-2").json()
    assert (bare["part_of"], bare["contributors"], bare["index"]) == (None, [], [])
    facets = client.get("/v1/testimonies?facets=contributor,part_of").json()["facets"]
    assert {name: [each["count"] for each in buckets if each["value"]] for name, buckets in facets.items()} == {
        "contributor": [2, 1],
        "part_of": [2],
    }


@pytest.mark.parametrize(
    ("query", "accepted", "languages", "texts"),
    [
        ("", "", "ru, uk", ["Где вы были?", "Дома.", None, "Потім прийшли."]),
        ("?lang=en", "", "en, uk", ["Where were you?", "At home, by the samovar.", None, "Потім прийшли."]),
        ("?lang=fr", "", "ru, fr, uk", ["Où étiez-vous ?", "Дома.", None, "Потім прийшли."]),
        ("", "fr-CA, en;q=0.5", "en, fr, uk", ["Où étiez-vous ?", "At home, by the samovar.", None, "Потім прийшли."]),
        ("?lang=de", "fr", "ru, uk", ["Где вы были?", "Дома.", None, "Потім прийшли."]),
        ("?lang=*", "en", "ru, uk", ["Где вы были?", "Дома.", None, "Потім прийшли."]),
    ],
)
def test_each_segment_is_shown_in_a_language_that_is_wished_for(
    client: httpx.Client, query: str, accepted: str, languages: str, texts: list[str | None]
) -> None:
    answer = transcript(client, query, **{"Accept-Language": accepted})
    shown = answer.json()
    TypeAdapter(Transcript).validate_python(shown, strict=True)
    assert [each["text"] for each in shown["segments"]] == texts
    assert answer.headers["content-language"] == languages
    assert {each["language"] for each in shown["segments"] if each["text"]} == set(languages.split(", "))
    assert (shown["language"], shown["meta"]["languages"]) == ("ru", ["en", "fr", "ru", "uk"])
    for address in shown["links"].values():
        assert client.get(address).status_code == 200


def test_a_gap_says_why_in_every_format(client: httpx.Client) -> None:
    [_, _, gap, _] = transcript(client).json()["segments"]
    assert gap == {
        "id": "tes-1-s3", "start_s": 9, "end_s": 12, "file": None, "speaker": "Olga", "speaker_agent": None, "language": "ru",
        "text": None, "redacted": "third_party", "translations": {},
    }  # fmt: skip
    assert transcript(client, "?format=vtt&lang=en").text == (
        "WEBVTT\n\n"
        "q1\n00:00:00.000 --> 00:00:03.000\n<v The council>Where were you?\n\n"
        "a1\n00:00:03.000 --> 00:00:09.000\n<v Olga>At home, by the samovar.\n\n"
        "tes-1-s3\n00:00:09.000 --> 00:00:12.000\n<v Olga>[redacted: third_party]\n\n"
        "tes-1-s4\n00:00:12.000 --> 00:00:15.000\n<v Olga><lang uk>Потім прийшли.</lang>\n"
    )
    assert transcript(client, "?format=text").text == (
        "The council: Где вы были?\n\nOlga: Дома.\n\nOlga: [redacted: third_party]\n\nOlga: Потім прийшли.\n"
    )


@pytest.mark.parametrize(
    ("q", "field", "segment", "start_s"),
    [
        ("Дома", "transcript", "a1", 3),
        ("samovar", "translations.en.transcript", "a1", 3),
        ("прийшли", "transcript", "tes-1-s4", 12),
        ("kettle", "index", "a1", 3),
        ("knock", "index", "tes-1-s4", 12),
        ("ladders", "index", None, 70),
        ("Klopfen", "translations.de.index", "tes-1-s4", 12),
        ("Türklopfer", "translations.de.index", "tes-1-s4", 12),
    ],
)
def test_a_hit_leads_to_the_second(
    client: httpx.Client, q: str, field: str, segment: str | None, start_s: float
) -> None:
    [hit] = client.get("/v1/search", params={"q": q}).json()["data"]
    [excerpt] = hit["excerpts"]
    assert (excerpt["field"], excerpt["start_s"]) == (field, start_s)
    led: Any = excerpt["segment"]
    assert (led and (led["id"], led["start_s"])) == (segment and (segment, start_s))
    if segment:
        address, _, fragment = led["href"].partition("#")
        assert fragment in {each["id"] for each in client.get(address).json()["segments"]}
        assert f'id="tes-1-{fragment.removeprefix("tes-1-")}"' in client.get("/testimonies/tes-1").text


@pytest.mark.parametrize(
    ("query", "language", "shown"),
    [
        ("?lang=fr", "en, fr", ["At home", "On frappe", "Ladders"]),
        ("?lang=de", "de, en", ["At home", "Ein Klopfen", "Ladders"]),
        ("?lang=en", "en", ["At home", "A knock", "Ladders"]),
        ("", None, ["At home", "A knock", "Ladders"]),
    ],
)
def test_each_entry_of_the_contents_is_shown_in_a_language_that_is_wished_for(
    client: httpx.Client, query: str, language: str | None, shown: list[str]
) -> None:
    answer = client.get(f"/v1/testimonies/tes-1{query}")
    entries = answer.json()["index"]
    assert [each["title"] for each in entries] == shown
    assert answer.headers.get("content-language") == language
    knock = entries[1]
    translated = query.removeprefix("?lang=") if query and query != "?lang=en" else "en"
    assert knock["language_of"]["title"] == translated
    assert (knock["synopsis"], knock["keywords"]) == (
        ("Ohne Vorlage.", ["Türklopfer"]) if translated == "de" else (None, [])
    )
    assert set(knock["language_of"]) == ({"title", "synopsis", "keywords"} if translated == "de" else {"title"})
    page = client.get(f"/testimonies/tes-1{query}").text
    assert f'<bdi lang="{translated}">{shown[1]}</bdi>' in page


def test_pages_show_sessions_contents_and_gaps(client: httpx.Client) -> None:
    page = client.get("/testimonies/tes-1?lang=fr").text
    assert 'href="#tes-1-a1"' in page
    assert "Où étiez-vous" in page
    assert "[omis : à propos de quelqu’un d’autre]" in page
    assert "(Transcripteur)" in page
    assert "/testimonies/tes-2?lang=fr" in page
    whole = client.get("/testimonies/tes-2").text
    assert "Sessions of this interview" in whole
    assert "/testimonies/tes-3" in whole
    assert "tes-4" not in whole


@pytest.mark.parametrize("query", ["", "&lang=fr", "&lang=en"])
def test_one_request_brings_what_was_said_with_the_record(client: httpx.Client, query: str) -> None:
    whole = client.get(f"/v1/testimonies/tes-1?include=witness,testimonies,transcript{query}")
    apart = client.get(f"/v1/testimonies/tes-1/transcript?{query.removeprefix('&')}".rstrip("?"))
    transcript = whole.json()["transcript"]
    TypeAdapter(Transcript).validate_python(transcript, strict=True)
    assert transcript == apart.json()
    assert [each["id"] for each in whole.json()["included"]] == ["agt-1", "tes-2"]
    if query:
        said = {*apart.headers["content-language"].split(", ")}
        assert said <= {*whole.headers["content-language"].split(", ")}
    session = client.get("/v1/testimonies/tes-3?include=transcript&fields=title").json()
    assert set(session) == {"title", "included", "included_total", "transcript"}
    assert session["transcript"] is None
    of_an_interview = client.get("/v1/testimonies/tes-2?include=testimonies").json()["included"]
    assert [each["id"] for each in of_an_interview] == ["tes-1", "tes-3"]


def test_no_list_brings_transcripts(client: httpx.Client) -> None:
    for address in ("testimonies?include=transcript", "events/evt-1?include=transcript"):
        [error] = client.get(f"/v1/{address}").json()["errors"]
        assert error["parameter"] == "include"
        assert "transcript" not in error["allowed"]


def test_tables_say_into_which_languages_entries_are_translated(client: httpx.Client) -> None:
    rows = {row["id"]: row for row in csv.DictReader(io.StringIO(client.get("/v1/testimonies.csv").text))}
    assert rows["tes-1"]["index_title"] == "At home|A knock|Ladders"
    assert rows["tes-1"]["index_translation_languages"] == "|de fr|"
    assert rows["tes-2"]["index_translation_languages"] == ""
