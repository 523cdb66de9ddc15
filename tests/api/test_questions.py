"""What lists can be asked beyond equality: what they leave out, what states nothing, which records by name, what names a
record, and the same sent as a body.
"""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.catalogue.including import MOST_INCLUDED
from service.http.bodies import BODY_BYTES
from service.release.publish import publish
from service.settings import Settings
from tests.archives import CRITERIA, archive, record, write
from tests.conftest import PublishTo, Serve, running

RECORDS = [
    record("plc-1", name="Arden", kind="country", country="FR"),
    record("plc-2", name="Mill Lane", part_of="plc-1"),
    record("top-1", label="Eviction"),
    record("top-2", label="By night", broader="top-1"),
    record("evt-1", type="arrest", place="plc-2", topics=["top-2"]),
    record("evt-2", type="threat", topics=["top-1"], part_of="evt-1"),
    record("evt-3", type="threat", part_of="evt-2"),
    record("tes-1", events=["evt-3"], hearsay=["agt-1"]),
    record("tes-2"),
]


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    folder = tmp_path_factory.mktemp("questions")
    publish(write(folder / "archive.json", archive(*RECORDS)), folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


def found(client: httpx.Client, address: str) -> list[str]:
    answer = client.get(f"/v1/{address}")
    assert answer.status_code == 200, answer.text
    return sorted(each["id"] for each in answer.json()["data"])


@pytest.mark.parametrize(
    "words", ["", "q=night&sort=id&"]
)  # words are answered by another index, which must find the same
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type!=arrest", ["evt-2", "evt-3"]),
        ("type!=arrest&type!=threat", []),
        ("type=threat&topic!=top-1", ["evt-3"]),
        ("topic!=top-2", ["evt-2", "evt-3"]),
        ("topic!=top-1", ["evt-3"]),
        ("topic=null", ["evt-3"]),
        ("topic!=null", ["evt-1", "evt-2"]),
        ("topic=null&topic=top-2", ["evt-1", "evt-3"]),
        ("place=null", ["evt-2", "evt-3"]),
        ("country=null", ["evt-2", "evt-3"]),
        ("country!=FR", ["evt-2", "evt-3"]),
        ("country!=null", ["evt-1"]),
        ("participant=null", ["evt-1", "evt-2", "evt-3"]),
        ("id=evt-3&id=evt-1", ["evt-1", "evt-3"]),
        ("id=evt-3&type=arrest", []),
        ("id!=evt-3", ["evt-1", "evt-2"]),
        ("id=evt-9", []),
        ("part_of=evt-1", ["evt-2", "evt-3"]),
        ("part_of=null", ["evt-1"]),
        ("refers_to=evt-2", ["evt-3"]),
        ("refers_to=top-2", ["evt-1"]),
        ("refers_to!=top-2", ["evt-2", "evt-3"]),
    ],
)
def test_lists_are_narrowed(asked: httpx.Client, words: str, query: str, expected: list[str]) -> None:
    assert found(asked, f"events?{words}{query}") == expected


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Each collection has `-1` with all dates and figures, and `-2` with none of them."""
    folder = tmp_path_factory.mktemp("dated")
    person: dict[str, Any] = {"kind": "person", "access": {"consent_basis": "direct"}}
    nothing = {"as_stated": "no data", "qualifier": "not_available", "bounds_basis": "none"}
    whole = archive(
        record("src-1", recorded="2021"),
        record("src-2"),
        record("agt-1"),
        record("agt-2", birth="1980/1990", **person),
        record("agt-3", **person),
        record(
            "evt-1", date="XXXX-05-09", date_note="The year is not stated.", custom={"rounds": 0, "seen": "../2020"}
        ),
        record("evt-2", date=None, date_note="Not stated."),
        record("sta-1", period="2021"),
        record("sta-2", **dict.fromkeys(("value", "lower", "upper")), **nothing),
        fields={
            "event": [
                {"name": "rounds", "label": "Rounds", "kind": "number"},
                {"name": "seen", "label": "Seen", "kind": "date"},
            ]
        },
    )
    publish(write(folder / "archive.json", whole), folder / "data")
    with running(Settings(data=folder / "data")) as client:
        yield client


@pytest.mark.parametrize(
    ("collection", "name", "stating"),
    [
        ("events", "date", ["evt-1"]),
        ("events", "custom.rounds", ["evt-1"]),
        ("events", "custom.seen", ["evt-1"]),
        ("statistics", "period", ["sta-1"]),
        ("statistics", "value", ["sta-1"]),
        ("sources", "recorded", ["src-1"]),
        ("agents", "birth", ["agt-2"]),
    ],
)
@pytest.mark.parametrize(
    "words", ["", "q=a+night&sort=id&", "q=households&sort=id&", "q=report&sort=id&", "q=council&sort=id&"]
)
def test_dates_and_figures_are_stated_or_not(
    dated: httpx.Client, collection: str, name: str, stating: list[str], words: str
) -> None:
    every = found(dated, f"{collection}?{words}")
    assert found(dated, f"{collection}?{words}{name}!=null") == [each for each in every if each in stating]
    assert found(dated, f"{collection}?{words}{name}=null") == [each for each in every if each not in stating]
    assert found(dated, f"{collection}?{words}{name}=null&{name}!=null") == []
    body = {"q": "night"} if words else {}
    assert posted(dated, {**body, name: None}, f"/v1/{collection}/query")["meta"]["total"] >= 0


@pytest.mark.parametrize(("query", "hint"), [("date=2017", "date_from"), ("custom.rounds=3", "custom.rounds_min")])
def test_a_date_or_figure_by_its_own_name_is_told_its_bounds(dated: httpx.Client, query: str, hint: str) -> None:
    [error] = dated.get(f"/v1/events?{query}").json()["errors"]
    assert hint in error["message"]
    assert error["allowed"] == ["null"]


def test_an_event_brings_its_parts(asked: httpx.Client) -> None:
    assert found(asked, "testimonies?event=evt-1") == ["tes-1"]
    assert found(asked, "testimonies?event=null") == ["tes-2"]


def test_what_is_left_out_is_paged_counted_and_written(asked: httpx.Client) -> None:
    page = asked.get("/v1/events?type!=arrest&limit=1&facets=type").json()
    assert (page["meta"]["total"], page["facets"]["type"][0]["count"]) == (2, 2)
    following = asked.get(page["links"]["next"]).json()
    assert [each["id"] for each in page["data"] + following["data"]] == ["evt-2", "evt-3"]
    assert asked.get("/v1/events.ndjson?type!=arrest&fields=id").text == '{"id":"evt-2"}\n{"id":"evt-3"}\n'
    others = asked.get("/v1/events?type!=arrest&limit=1&facets=type&facet_mode=others").json()["facets"]["type"]
    assert {each["value"]: each["count"] for each in others} == {"threat": 2, "arrest": 1, None: 0}


@pytest.mark.parametrize(
    "query", ["tpic!=top-1", "type!=nothing", "undated!=true", "id=null", "date_from=null", "limit!=2"]
)
def test_what_cannot_be_left_out_is_refused(asked: httpx.Client, query: str) -> None:
    assert asked.get(f"/v1/events?{query}").status_code == 422


# --- Links of a record ------------------------------------------------------------------------------------------------


def test_a_record_names_its_addresses_and_what_names_it(asked: httpx.Client) -> None:
    event = asked.get("/v1/events/evt-3").json()
    base = str(asked.base_url).rstrip("/")
    assert event["referred_by"] | {"testimonies": 0} == dict.fromkeys(event["referred_by"], 0)
    assert event["referred_by"]["testimonies"] == 1
    assert event["links"] == {
        "self": f"{base}/v1/events/evt-3",
        "html": f"{base}/events/evt-3",
        "referred_by": {"testimonies": f"{base}/v1/testimonies?refers_to=evt-3"},
    }
    assert asked.get(event["links"]["html"]).status_code == 200
    assert event["cite_as"] == asked.get("/v1/events/evt-3/history").json()["meta"]["cite_as"]


@pytest.mark.parametrize("collection", ["sources", "agents", "places", "topics", "events", "testimonies"])
def test_the_address_of_what_names_a_record_finds_as_many_as_are_counted(asked: httpx.Client, collection: str) -> None:
    page = asked.get(f"/v1/{collection}").json()["data"]
    assert page
    for each in page:
        counted = {name: number for name, number in each["referred_by"].items() if number}
        lists = each["links"]["referred_by"]
        assert {name: asked.get(address).json()["meta"]["total"] for name, address in lists.items()} == counted


def test_addresses_are_the_same_however_a_record_is_shown(asked: httpx.Client) -> None:
    links = asked.get("/v1/events/evt-1").json()["links"]
    assert asked.get("/v1/events?id=evt-1").json()["data"][0]["links"] == links
    assert asked.get("/v1/events/evt-1?fields=links").json() == {"links": links}
    assert asked.get("/v1/events.ndjson?id=evt-1").text.count(links["self"]) == 1
    assert links["html"] in asked.get("/v1/events.csv?id=evt-1").text
    elsewhere = asked.get("/v1/events/evt-1", headers={"Host": "archive.example.org"}).json()["links"]
    assert elsewhere["self"] == "http://archive.example.org/v1/events/evt-1"


def test_a_text_that_looks_like_a_stored_address_stays_as_it_is(serve: Serve, tmp_path: Path) -> None:
    odd = 'said "\x7f/v1" and "html":"\x7f/x"'
    whole = archive(record("evt-1", title=odd, summary="\x7f"), citation="\x7f/")
    publish(write(tmp_path / "archive.json", whole), tmp_path / "data")
    event = serve(tmp_path / "data", pages=False).get("/v1/events/evt-1").json()
    assert (event["title"], event["summary"], event["links"]["html"]) == (odd, "\x7f", None)
    assert event["cite_as"].startswith("\x7f/. evt-1")


def test_being_named_is_no_new_version(tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "data"
    publish(write(tmp_path / "archive.json", archive(record("evt-1"))), data)
    publish(write(tmp_path / "archive.json", archive(record("evt-1"), record("tes-1", events=["evt-1"]))), data)
    client = serve(data)
    event = client.get("/v1/events/evt-1").json()
    assert (event["version"], event["referred_by"]["testimonies"]) == (1, 1)
    assert "with release 1 (" in event["cite_as"]
    assert event["cite_as"] == client.get("/v1/events/evt-1/history").json()["meta"]["cite_as"]
    assert {each["id"] for each in client.get("/v1/changes").json()["data"] if each["release"] != ""} >= {"tes-1"}


# --- Files ------------------------------------------------------------------------------------------------------------


def test_a_csv_file_begins_with_a_mark_only_where_it_is_asked_for(asked: httpx.Client) -> None:
    marked = asked.get("/v1/events.csv?bom=true").content
    assert marked == b"\xef\xbb\xbf" + asked.get("/v1/events.csv").content
    assert asked.get("/v1/events?format=csv&bom=true").content == marked
    assert asked.get("/v1/events.ndjson?bom=true").status_code == asked.get("/v1/events?bom=true").status_code == 422


def test_a_feed_has_the_records_of_its_list(asked: httpx.Client) -> None:
    answer = asked.get("/v1/events.atom?type!=arrest&limit=1")
    assert answer.headers["content-type"] == "application/atom+xml"
    assert answer.text.count("<entry>") == 1
    assert asked.get(answer.links["next"]["url"]).text.count("<entry>") == 1
    assert asked.get("/v1/events.atom?sort=id").status_code == 422


# --- As a body --------------------------------------------------------------------------------------------------------


def posted(client: httpx.Client, body: dict[str, Any], path: str = "/v1/events/query") -> dict[str, Any]:
    answer = client.post(path, json=body)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


@pytest.mark.parametrize(
    ("body", "query"),
    [
        ({}, ""),
        ({"type": ["threat", "arrest"], "fields": ["id"], "limit": 2}, "type=threat&type=arrest&fields=id&limit=2"),
        ({"topic!": "top-2", "undated": False}, "topic!=top-2&undated=false"),
        ({"excluding": {"topic!": ["top-2"], "type!": "threat"}}, "topic!=top-2&type!=threat"),
        ({"type!": "arrest", "excluding": {"type!": "threat"}}, "type!=arrest&type!=threat"),
        ({"excluding": {"topic!": None}}, "topic!=null"),
        ({"excluding": {}}, ""),
        ({"topic": None, "cursor": None}, "topic=null"),
        ({"topic": ["top-2", None]}, "topic=null&topic=top-2"),
        ({"bbox": [1, 2, 3.5, 4], "facets": ["type", "year"]}, "bbox=1,2,3.5,4&facets=type,year"),
        ({"q": "night", "limit": 2.0}, "q=night&limit=2"),
    ],
)
def test_a_body_is_answered_as_an_address_is(asked: httpx.Client, body: dict[str, Any], query: str) -> None:
    page, expected = posted(asked, body), asked.get(f"/v1/events?{query}").json()
    assert {**page, "links": None} == {**expected, "links": None}


def test_the_body_is_described_with_what_leaves_records_out(asked: httpx.Client) -> None:
    schemas = asked.get("/openapi.json").json()["components"]["schemas"]
    described = {"$ref": "#/components/schemas/EventQueryExcluding", "description": "What leaves records out."}
    assert schemas["EventQuery"]["properties"]["excluding"] == described
    excluding = schemas["EventQueryExcluding"]["properties"]
    assert excluding["type!"]["type"] == "array"
    assert {name.removesuffix("!") for name in excluding} <= schemas["EventQuery"]["properties"].keys()
    assert not any(name.endswith("!") for name in schemas["EventQuery"]["properties"])


def test_the_next_page_takes_the_same_body_again(asked: httpx.Client) -> None:
    body = {"type": ["threat", "arrest"], "limit": 2}
    first = posted(asked, body)
    second = posted(asked, body, first["links"]["next"])
    assert [each["id"] for each in first["data"] + second["data"]] == ["evt-1", "evt-2", "evt-3"]
    cursor = httpx.URL(first["links"]["next"]).params["cursor"]
    assert posted(asked, body | {"cursor": cursor})["data"] == second["data"]
    assert posted(asked, body, second["links"]["prev"])["data"] == first["data"]


def test_a_body_holds_ten_thousand_values(asked: httpx.Client) -> None:
    many = [f"evt-{number}" for number in range(3, 10_003)]
    assert [each["id"] for each in posted(asked, {"id": many})["data"]] == ["evt-3"]
    assert asked.post("/v1/events/query", json={"id": [*many, "evt-1"]}).status_code == 422
    hint = asked.get("/v1/events", params={"id": many[:51]}).json()["detail"]
    assert "/query" in hint


def test_a_whole_list_is_asked_for_by_a_body(asked: httpx.Client) -> None:
    answer = asked.post("/v1/events/query", json={"format": "csv", "fields": ["id"], "id": "evt-1"})
    assert answer.text.splitlines()[0] == "id,url"
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize(
    ("content", "media_type", "status"),
    [
        (b" " * (BODY_BYTES + 1), "application/json", 413),
        (b"", "application/json", 400),
        (b'{"type": ', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"[]", "application/json", 400),
        (b'{"tpoic": "top-1"}', "application/json", 422),
        (b'{"topic": {"id": "top-1"}}', "application/json", 422),
        (b'{"limit": [1, 2]}', "application/json", 422),
        (b'{"excluding": {"type": "threat"}}', "application/json", 422),
        (b'{"excluding": {"tpye!": "threat"}}', "application/json", 422),
        (b'{"excluding": {"type!": {"type!": "threat"}}}', "application/json", 422),
        (b'{"excluding": ["type"]}', "application/json", 422),
        (b"type=threat", "application/x-www-form-urlencoded", 415),
        (b"{}", "text/plain", 415),
    ],
)
def test_a_body_that_is_no_query_is_refused(asked: httpx.Client, content: bytes, media_type: str, status: int) -> None:
    answer = asked.post("/v1/events/query", content=content, headers={"Content-Type": media_type})
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")
    assert answer.headers["access-control-allow-origin"] == "*"


def test_a_body_of_a_hundred_megabytes_is_refused_before_it_is_sent(asked: httpx.Client) -> None:
    address = asked.base_url
    head = (
        f"POST /v1/events/query HTTP/1.1\r\nHost: {address.host}\r\nContent-Type: application/json\r\n"
        "Content-Length: 100000000\r\n\r\n"
    )
    with socket.create_connection((address.host, address.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert connection.recv(1000).startswith(b"HTTP/1.1 413 ")
    assert posted(asked, {})["meta"]["total"] > 0


def test_topics_of_a_megabyte_are_served(serve: Serve, publish_to: PublishTo, tmp_path: Path) -> None:
    label = "слово " * 90_000
    publish_to(tmp_path / "data", archive(record("top-1", label=label.strip()), record("evt-1", topics=["top-1"])))
    client = serve(tmp_path / "data")
    assert client.get("/v1/events?facets=topic").json()["facets"]["topic"][0]["label"] == label.strip()
    assert client.get("/v1/topics?q=слово&sort=label").json()["meta"]["total"] == 1


def test_a_body_of_unknown_length_is_cut_off(asked: httpx.Client) -> None:
    pieces = (b" " * 65_536 for _ in range(40))
    answer = asked.post("/v1/events/query", content=pieces, headers={"Content-Type": "application/json"})
    assert answer.status_code == 413


def test_the_address_of_queries_says_what_it_answers(asked: httpx.Client) -> None:
    refused = asked.get("/v1/events/query")
    assert (refused.status_code, refused.headers["allow"]) == (405, "POST, OPTIONS")
    preflight = asked.options("/v1/events/query").headers
    assert "POST" in preflight["access-control-allow-methods"]
    assert "Content-Type" in preflight["access-control-allow-headers"]
    assert "POST" not in asked.options("/v1/events").headers["access-control-allow-methods"]
    assert asked.post("/v1/events", json={}).headers["allow"] == "GET, HEAD, OPTIONS"


# --- Included records -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("testimonies/tes-1?include=witness", ["agt-1"]),
        ("testimonies/tes-1?include=witness,events,sources", ["agt-1", "evt-3", "src-1"]),
        ("testimonies?include=witness,events,sources&limit=1", ["agt-1", "evt-3", "src-1"]),
        ("events/evt-3?include=testimonies", ["tes-1"]),
        ("events/evt-2?include=events", ["evt-1", "evt-3"]),
        ("events?include=events,topics,place&id=evt-1&id=evt-2", ["evt-3", "plc-2", "top-1", "top-2"]),
        ("testimonies?include=related&id=tes-9", []),
    ],
)
def test_what_belongs_to_records_is_answered_with_them_once(
    asked: httpx.Client, address: str, expected: list[str]
) -> None:
    answer = asked.get(f"/v1/{address}").json()
    assert [each["id"] for each in answer["included"]] == expected
    assert answer["included_total"] == len(expected)
    for each in answer["included"]:
        assert each == asked.get(each["links"]["self"]).json()


def test_an_event_brings_what_was_said_of_its_parts_and_a_testimony_what_others_say(
    serve: Serve, publish_to: PublishTo, tmp_path: Path
) -> None:
    answer = record("rsp-1", party="agt-2", kind="denied", about=["evt-inner"])
    whole = archive(
        record("agt-2"),
        record("evt-other"),
        record("evt-whole"),
        record("evt-part", part_of="evt-whole"),
        record("evt-inner", part_of="evt-part"),
        record("tes-whole", events=["evt-whole"]),
        record("tes-inner", events=["evt-inner"]),
        record("tes-other", events=["evt-other"]),
        record("sta-part", events=["evt-part"]),
        answer,
    )
    publish_to(tmp_path / "data", whole)
    client = serve(tmp_path / "data")

    def included(address: str) -> list[str]:
        found = client.get(f"/v1/{address}").json()
        assert found["included_total"] == len(found["included"])
        return [each["id"] for each in found["included"]]

    asked = "include=events,testimonies,statistics,responses"
    of_all = ["evt-inner", "evt-part", "rsp-1", "sta-part", "tes-inner", "tes-whole"]
    assert sorted(included(f"events/evt-whole?{asked}")) == of_all
    assert sorted(included(f"events/evt-part?{asked}")) == ["evt-inner", "evt-whole", "rsp-1", "sta-part", "tes-inner"]
    assert included("events/evt-whole?include=testimonies") == ["tes-inner", "tes-whole"]
    assert included("events?id=evt-whole&id=evt-other&include=testimonies") == ["tes-inner", "tes-other", "tes-whole"]
    assert included("testimonies/tes-whole?include=related") == ["tes-inner"]
    assert included("testimonies/tes-inner?include=related") == []


def test_a_list_with_much_included_is_answered_apart_and_by_a_body(asked: httpx.Client) -> None:
    everything = ["testimonies", "events", "statistics", "responses", "sources", "agents", "places", "topics"]
    answer = asked.get("/v1/agents", params={"include": ",".join(everything), "limit": 200, "fields": "id"}).json()
    assert [each["id"] for each in answer["included"]] == ["tes-1", "tes-2"]
    assert posted(asked, {"include": everything, "limit": 200, "fields": ["id"]}, "/v1/agents/query") == answer | {
        "links": answer["links"] | {"self": f"{str(asked.base_url).rstrip('/')}/v1/agents/query"}
    }


@pytest.mark.parametrize("query", ["events?include=nothing", "events?include=summary", "events.csv?include=agents"])
def test_what_cannot_be_included_is_refused(asked: httpx.Client, query: str) -> None:
    assert asked.get(f"/v1/{query}").status_code == 422


def test_no_more_is_included_than_the_limit(monkeypatch: pytest.MonkeyPatch, asked: httpx.Client) -> None:
    monkeypatch.setattr("service.catalogue.including.MOST_INCLUDED", 2)
    answer = asked.get("/v1/sources/src-1?include=events,testimonies").json()
    assert (len(answer["included"]), answer["included_total"]) == (2, 5)


def test_everything_at_once_is_a_thousand_records(serve: Serve, publish_to: PublishTo, tmp_path: Path) -> None:
    events = [record(f"evt-{number:04}") for number in range(MOST_INCLUDED + 50)]
    agents = [record(f"agt-{number}") for number in range(1, 201)]
    publish_to(tmp_path / "data", archive(record("src-1", publisher="agt-1"), *agents, *events))
    everything = ",".join(CRITERIA)
    answer = serve(tmp_path / "data").get(f"/v1/agents?limit=200&include={everything}").json()
    assert (len(answer["data"]), len(answer["included"]), answer["included_total"]) == (200, 1, 1)
    answer = serve(tmp_path / "data").get(f"/v1/sources?limit=200&include={everything}").json()
    assert (len(answer["included"]), answer["included_total"]) == (MOST_INCLUDED, len(events) + 1)
    assert len({each["id"] for each in answer["included"]}) == MOST_INCLUDED


def test_buckets_of_topics_and_places_say_what_they_lie_below(asked: httpx.Client) -> None:
    facets = asked.get("/v1/events?facets=topic,place,type&limit=1").json()["facets"]
    above = {bucket["value"]: bucket["broader"] for name in ("topic", "place") for bucket in facets[name]}
    arden, eviction = {"id": "plc-1", "label": "Arden"}, {"id": "top-1", "label": "Eviction"}
    assert above == {"top-1": None, "top-2": eviction, "plc-1": None, "plc-2": arden, None: None}
    assert all("broader" not in bucket for bucket in facets["type"])
    assert asked.get("/v1/search?q=night&facets=topic").json()["facets"]["topic"][0].keys() >= {"broader"}


def test_a_page_tells_topics_of_the_same_label_apart(serve: Serve, publish_to: PublishTo, tmp_path: Path) -> None:
    topics = [record("top-1", label="Land"), record("top-2", label="Kidnapping")]
    topics += [record(f"top-{n + 2}", label="Extortion", broader=f"top-{n}") for n in (1, 2)]
    publish_to(tmp_path / "data", archive(*topics, *(record(f"evt-{n}", topics=[f"top-{n}"]) for n in (3, 4))))
    page = serve(tmp_path / "data").get("/events", headers={"Accept": "text/html"}).text
    assert "Extortion (Land)" in page
    assert "Extortion (Kidnapping)" in page
