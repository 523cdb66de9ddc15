"""Search, suggestions and facets as they are on the wire."""

from pathlib import Path

import httpx
import pytest

from tests.archives import archive, record
from tests.conftest import PublishTo, Serve


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
    assert [set(each) for each in page["data"]] == [{"text", "collection", "count"}] * len(page["data"])
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
