"""Search, suggestions and facets as they are on the wire."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from service.release.publish import publish
from service.settings import Settings
from tests.archives import archive, record, write
from tests.conftest import PublishTo, Serve, running


def test_a_hit_can_be_drawn_without_a_second_request(client: httpx.Client) -> None:
    page = client.get("/v1/search?q=cameras&facets=topic&limit=2").json()
    assert set(page) == {"data", "meta", "links", "collections", "facets"}
    assert page["meta"]["total"] == sum(page["collections"].values())
    assert page["links"]["next"].startswith(str(client.base_url))
    scores = [hit["score"] for hit in page["data"]]
    assert scores == sorted(scores, reverse=True)
    for hit in page["data"]:
        assert set(hit) == {"record", "collection", "id", "title", "score", "content_warnings", "excerpts"}
        assert client.get(f"/v1/{hit['collection']}/{hit['id']}").status_code == 200
        for excerpt in hit["excerpts"]:
            for start, end in excerpt["matches"]:
                assert "camera" in excerpt["text"][start:end].lower()


def test_a_hit_in_a_transcript_leads_to_its_segment(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    segments = [
        {"text": "Nothing of note.", "start_s": 0, "end_s": 2},
        {"text": "Then <b>lanterns</b> came.", "start_s": 2, "end_s": 4.5},
    ]
    whole = archive(record("src-1", verbatim=True), record("tes-1", transcript=segments))
    publish_to(tmp_path / "data", whole)
    client = serve(tmp_path / "data")
    [hit] = client.get("/v1/search?q=lantern").json()["data"]
    [excerpt] = hit["excerpts"]
    assert excerpt["field"] == "transcript"
    assert "<b>" in excerpt["text"]
    segment = excerpt["segment"]
    assert (segment["id"], segment["start_s"]) == ("tes-1-s2", 2)
    address, _, fragment = segment["href"].partition("#")
    shown = client.get(address).json()["segments"]
    assert next(each["text"] for each in shown if each["id"] == fragment) == segments[1]["text"]


def test_completions_say_where_they_come_from(client: httpx.Client) -> None:
    page = client.get("/v1/suggest?q=MOSC&collection=places").json()
    assert [set(each) for each in page["data"]] == [{"text", "collection", "count", "id", "title", "href"}] * len(
        page["data"]
    )
    assert {each["collection"] for each in page["data"]} == {"places"}
    assert client.get("/v1/suggest?q=zzzz").json()["data"] == []


def test_search_needs_words(client: httpx.Client) -> None:
    for path in ("/v1/search", "/v1/suggest"):
        [error] = client.get(path).json()["errors"]
        assert error["parameter"] == "q"


def test_beyond_the_deepest_hit_it_is_said_what_to_do(client: httpx.Client) -> None:
    assert client.get("/problems/too-deep").json()["status"] == 422


@pytest.mark.parametrize(
    "q",
    [
        "(" * 200,
        '"' * 200,
        "*",
        "the of and",
        "a\u202eb",
        "😀",
        "-",
        "--",
        "AND OR NOT",
        "field:value",
        "[a TO b]",
        "\\",
        "~",
        "^2",
    ],
)
def test_whatever_is_typed_is_text(client: httpx.Client, q: str) -> None:
    for path in ("/v1/events", "/v1/search"):
        answer = client.get(path, params={"q": q})
        assert answer.status_code in (200, 422)
        if answer.status_code == 422:
            assert answer.json()["errors"][0]["parameter"] == "q"


def test_facets_are_shown_only_when_asked_for(client: httpx.Client) -> None:
    assert "facets" not in client.get("/v1/events").json()
    facets = client.get("/v1/events?facets=type,country&facet_limit=1").json()["facets"]
    assert set(facets) == {"type", "country"}
    assert facets["type"][-1]["value"] is None
    [error] = client.get("/v1/events?facets=title").json()["errors"]
    assert (error["parameter"], "type" in error["allowed"]) == ("facets", True)


@pytest.fixture(scope="module")
def translated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("translated")
    records = [
        record("tes-1", title="The lantern on the stairs", translations={"de": {"title": "Die Laterne"}}),
        record("tes-2", title="A bridge", translations={"de": {"title": "Die Laterne", "summary": "Nachts."}}),
        record("tes-3", title="Lantern makers"),
    ]
    publish(write(folder / "archive.json", archive(*records)), folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


def test_hits_are_called_by_their_titles_in_the_language_asked_for(translated: httpx.Client) -> None:
    def titles(address: str, **headers: str) -> dict[str, str]:
        return {hit["id"]: hit["title"] for hit in translated.get(address, headers=headers).json()["data"]}

    original = {"tes-1": "The lantern on the stairs", "tes-3": "Lantern makers"}
    german = original | {"tes-1": "Die Laterne"}
    assert titles("/v1/search?q=lantern") == original
    assert titles("/v1/search?q=lantern&lang=de-AT") == german
    assert titles("/v1/search?q=lantern", **{"Accept-Language": "de"}) == german
    assert titles("/v1/search?q=lantern&lang=en", **{"Accept-Language": "de"}) == original
    tags = {translated.get(f"/v1/search?q=lantern&lang={lang}").headers["etag"] for lang in ("en", "de")}
    assert len(tags) == 2


def test_completions_that_one_record_has_lead_to_it(translated: httpx.Client) -> None:
    [first, second] = translated.get("/v1/suggest?q=lantern&lang=de").json()["data"]
    assert first == {
        "text": "Lantern makers",
        "collection": "testimonies",
        "count": 1,
        "id": "tes-3",
        "title": "Lantern makers",
        "href": str(translated.base_url.join("/v1/testimonies/tes-3")),
    }
    assert (second["text"], second["id"], second["title"]) == ("The lantern on the stairs", "tes-1", "Die Laterne")
    [shared] = translated.get("/v1/suggest?q=laterne").json()["data"]
    assert (shared["count"], shared["id"], shared["title"], shared["href"]) == (2, None, None, None)
    [found] = translated.get("/v1/suggest?q=bridge").json()["data"]
    assert found["title"] == "A bridge"


def test_the_entrance_names_the_languages_of_texts(translated: httpx.Client) -> None:
    assert translated.get("/v1").json()["languages"] == ["de", "en"]
