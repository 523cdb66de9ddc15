"""Facts on the wire: key sets, header bytes, statuses. Front ends and caches rely on each of these."""

import gzip
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.archive.identifiers import PLURALS
from service.archive.model import FORMAT, RECORD_MODELS
from service.settings import Settings
from tests.archives import CRITERIA, archive, record
from tests.conftest import PublishTo, Serve, running


@pytest.fixture(scope="module", params=[True, False], ids=["below_asgi", "through_asgi"])
def client(request: pytest.FixtureRequest, seed_data: Path) -> Iterator[httpx.Client]:
    """A client of a server that answers below ASGI what it can, and of one that never does."""
    with running(Settings(data=seed_data, fast_path=request.param)) as shared:
        yield shared


# Two keys of the format are shown as a truth value instead of their content, one as part of the date.
NOT_SHOWN = {"testimony": {"transcript"}, "source": {"masked"}}
ADDED = {"record", "version", "updated_at", "language_of", "cite_as", "referred_by", "links"}
ADDED_TO = {
    "testimony": {"has_transcript", "related_from"},
    "source": {"has_text", "related_from"},
    "event": {"disputed", "related_from"},
    "statistic": {"current", "related_from"},
}


def test_the_entrance_tells_archive_release_and_links(client: httpx.Client) -> None:
    entrance = client.get("/v1").json()
    assert set(entrance) == {"archive", "release", "languages", "mirror", "links"}
    assert set(entrance["archive"]) == {
        "id", "title", "description", "language", "licence", "publisher", "contact", "coverage", "citation", "theme", "fields",
    }  # fmt: skip
    assert set(entrance["release"]) == {"id", "number", "published_at", "counts"}
    assert entrance["release"]["number"] == 1
    for name, address in entrance["links"].items():
        asked = {"q": "a"} if name in ("search", "suggest") else {}
        assert client.get(address, params=asked).status_code == 200


@pytest.mark.parametrize("collection", CRITERIA)
def test_every_collection_has_pages_of_records_that_stand_alone(client: httpx.Client, collection: str) -> None:
    page = client.get(f"/v1/{collection}").json()
    assert set(page) == {"data", "meta", "links"}
    assert set(page["meta"]) == {"total", "limit", "release", "licence", "did_you_mean", "notes"}
    assert set(page["links"]) == {"self", "next", "prev"}
    assert page["meta"]["limit"] == 20
    assert page["meta"]["total"] == client.get("/v1").json()["release"]["counts"][collection]
    for shown in page["data"]:
        assert client.get(f"/v1/{collection}/{shown['id']}").json() == shown


@pytest.mark.parametrize("collection", CRITERIA)
def test_a_record_has_the_archives_fields_under_the_archives_names(client: httpx.Client, collection: str) -> None:
    record_type = CRITERIA[collection].record
    expected = set(RECORD_MODELS[record_type].model_fields) - NOT_SHOWN.get(record_type, set())
    expected |= ADDED | ADDED_TO.get(record_type, set())
    page = client.get(f"/v1/{collection}").json()["data"]
    assert page
    for shown in page:
        assert set(shown) == expected
        assert shown["record"] == record_type
        assert shown["version"] == 1
        assert set(shown["access"]) == {"visibility", "consent_basis", "consent"}


def test_references_dates_and_citations_can_be_drawn_without_a_second_request(client: httpx.Client) -> None:
    testimony = client.get("/v1/testimonies/tes-001").json()
    assert set(testimony["witness"]) == {"id", "label"}
    assert set(testimony["place"]) == {"id", "label", "country"}
    assert testimony["place"]["country"] == "RU"
    [first, *_] = testimony["citations"]
    assert set(first) == {"source", "evidence", "start", "end", "sha256", "page", "time", "quote", "note"}
    assert first["evidence"] == "anchored"
    assert set(first["source"]) == {"id", "label", "publisher"}
    assert set(first["source"]["publisher"]) == {"id", "label"}
    detention = client.get("/v1/events/evt-002").json()
    assert detention["date"] == {
        "edtf": "XXXX-05-09",
        "earliest": None,
        "latest": None,
        "open_end": False,
        "note": detention["date_note"],
    }
    undated = client.get("/v1/events?undated=true").json()["data"][0]
    assert undated["date"]["edtf"] is None


def test_what_the_accused_answered_stands_beside_the_accusation(client: httpx.Client) -> None:
    events = client.get("/v1/events?limit=200").json()["data"]
    acts = [act for event in events for act in event["acts"] if act["actor"]]
    assert acts
    assert all(act["status"] == "alleged" for act in acts)
    answered = [act for act in acts if act["responses"]]
    assert {response["kind"] for act in answered for response in act["responses"]} == {"not_stated"}


def test_an_answer_about_another_event_is_not_shown_beside_this_one(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    act = {
        "type": "eviction",
        "actor": "agt-1",
        "status": "alleged",
        "asserted_by": "agt-2",
        "citations": [{"source": "src-1"}],
    }
    whole = archive(
        record("agt-2", name="A resident", kind="person"),
        record("evt-1", acts=[act]),
        record("evt-2"),
        record("rsp-1", kind="denied", about=["evt-2"]),
        record("rsp-2", kind="declined", about=["evt-1"]),
        record("rsp-3", kind="no_response"),
    )
    publish_to(tmp_path / "data", whole)
    event = serve(tmp_path / "data").get("/v1/events/evt-1").json()
    assert [response["id"] for response in event["acts"][0]["responses"]] == ["rsp-2", "rsp-3"]


def test_an_answer_about_the_larger_event_is_shown_beside_an_act_of_its_part(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    act = {"type": "eviction", "actor": "agt-1", "status": "alleged", "asserted_by": "agt-1"}
    acts = [{**act, "citations": [{"source": "src-1"}]}]
    whole = archive(
        record("evt-1"),
        record("evt-2", part_of="evt-1"),
        record("evt-3", part_of="evt-2", acts=acts),
        record("evt-4", part_of="evt-3"),
        record("evt-5", part_of="evt-1"),
        record("rsp-1", kind="denied", about=["evt-1", "evt-2"]),
        record("rsp-2", kind="denied", about=["evt-4", "evt-5"]),
    )
    publish_to(tmp_path / "data", whole)
    event = serve(tmp_path / "data").get("/v1/events/evt-3").json()
    assert [response["id"] for response in event["acts"][0]["responses"]] == ["rsp-1"]


# --- Headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/v1", "/v1/events", "/v1/events/evt-001", "/v1/events/evt-none", "/nowhere", "/v1?x=1"]
)
def test_every_answer_may_be_read_from_anywhere_and_names_its_release(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "ETag" in answer.headers["access-control-expose-headers"]
    assert answer.headers["archive-release"] == client.get("/v1").json()["release"]["id"]
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "server" not in answer.headers or answer.headers["server"] == "uvicorn"


def test_a_preflight_is_answered(client: httpx.Client) -> None:
    answer = client.options(
        "/v1/events", headers={"Origin": "https://example.org", "Access-Control-Request-Method": "GET"}
    )
    assert answer.status_code == 204
    assert answer.headers["access-control-allow-methods"] == "GET, HEAD, OPTIONS"


def test_an_etag_is_strong_and_saves_the_body(client: httpx.Client) -> None:
    first = client.get("/v1/testimonies")
    tag = first.headers["etag"]
    assert tag.startswith('"')
    for header in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        again = client.get("/v1/testimonies", headers={"If-None-Match": header})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag
        assert again.headers["vary"] == first.headers["vary"]
        assert again.headers["cache-control"] == first.headers["cache-control"]
    assert client.get("/v1/testimonies", headers={"If-None-Match": '"other"'}).status_code == 200


def test_different_bytes_have_different_etags(client: httpx.Client) -> None:
    tags = [
        client.get(path, headers={"Accept-Encoding": encoding, "Host": host}).headers["etag"]
        for path in ("/v1/testimonies", "/v1/testimonies?limit=5", "/v1/events")
        for encoding in ("gzip", "identity")
        for host in ("a.example", "b.example")
    ]
    assert len(set(tags)) == len(tags)


def test_an_etag_for_what_is_not_there_is_no_304(client: httpx.Client) -> None:
    assert client.get("/v1/events/evt-none", headers={"If-None-Match": "*"}).status_code == 404


@pytest.mark.parametrize(
    ("header", "compressed"),
    [("gzip", True), ("br, gzip;q=0.5", True), ("*", True), ("gzip;q=0", False), ("identity", False), ("", False)],
)
def test_gzip_where_asked(client: httpx.Client, header: str, compressed: bool) -> None:
    with client.stream("GET", "/v1/testimonies", headers={"Accept-Encoding": header}) as answer:
        raw = b"".join(answer.iter_raw())
    assert (answer.headers.get("content-encoding") == "gzip") is compressed
    assert "Accept-Encoding" in answer.headers["vary"]
    plain = gzip.decompress(raw) if compressed else raw
    assert plain == client.get("/v1/testimonies", headers={"Accept-Encoding": "identity"}).content


@pytest.mark.parametrize("path", ["/v1", "/v1/events", "/v1/events/evt-001", "/healthz", "/docs", "/nowhere"])
def test_head_is_get_without_the_body(client: httpx.Client, path: str) -> None:
    # Of an answer that is compressed, HEAD does not tell the length: that would take making it.
    headers = {"Accept-Encoding": "identity"}
    head, get = client.head(path, headers=headers), client.get(path, headers=headers)
    assert head.status_code == get.status_code
    assert head.content == b""
    for name in ("content-length", "etag", "content-type"):
        assert head.headers.get(name) == get.headers.get(name)


def test_two_publications_of_one_content_have_different_etags(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    tags = []
    for folder in ("a", "b"):
        publish_to(tmp_path / folder, archive(record("tes-1")))
        publish_to(tmp_path / folder, archive(record("tes-1"), record("tes-2")))
        tags.append(serve(tmp_path / folder).get("/v1", headers={"Host": "x"}).headers["etag"])
        publish_to(tmp_path / folder, archive(record("tes-1"), record("tes-2"), title="Changed"))
        tags.append(serve(tmp_path / folder).get("/v1", headers={"Host": "x"}).headers["etag"])
    assert tags[0] != tags[1]


# --- Links --------------------------------------------------------------------------------------------------------


def test_links_are_absolute_and_keep_every_parameter(client: httpx.Client) -> None:
    asked = "/v1/events?limit=2&topic=top-facial-recognition&topic=top-exile&fields=id,title&sort=-title"
    page = client.get(asked).json()
    assert page["links"]["self"] == f"{client.base_url}{asked}".replace("/v1", "v1", 1).replace("v1", "/v1", 1)
    following = httpx.URL(page["links"]["next"])
    assert following.params.get_list("topic") == ["top-facial-recognition", "top-exile"]
    assert {name: following.params[name] for name in ("limit", "fields", "sort")} == {
        "limit": "2",
        "fields": "id,title",
        "sort": "-title",
    }
    answer = client.get(following)
    assert set(answer.json()["data"][0]) == {"id", "title"}
    assert answer.json()["links"]["prev"] is not None
    assert '; rel="next"' in client.get(asked).headers["link"]


def test_a_walk_follows_links_both_ways(client: httpx.Client) -> None:
    pages = [client.get("/v1/statistics?limit=4").json()]
    while pages[-1]["links"]["next"]:
        pages.append(client.get(pages[-1]["links"]["next"]).json())
    forward = [shown["id"] for page in pages for shown in page["data"]]
    assert forward == sorted(forward)
    assert len(forward) == pages[0]["meta"]["total"]
    page = pages[-1]
    backward = [shown["id"] for shown in page["data"]]
    while page["links"]["prev"]:
        page = client.get(page["links"]["prev"]).json()
        backward = [shown["id"] for shown in page["data"]] + backward
    assert backward == forward


@pytest.mark.parametrize(
    ("trusted", "expected"),
    [("127.0.0.1", "https://archive.example/below/v1/events"), ("10.0.0.0/8", None), ("", None)],
)
def test_forwarded_headers_count_from_trusted_proxies_only(
    seed_data: Path, serve: Serve, trusted: str, expected: str | None
) -> None:
    client = serve(seed_data, trusted_proxies=trusted)
    headers = {
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "spoofed.example, archive.example",
        "X-Forwarded-Prefix": "/below",
    }
    links = client.get("/v1", headers=headers).json()["links"]
    assert links["events"] == (expected or f"{str(client.base_url).rstrip('/')}/v1/events")


@pytest.mark.parametrize("path", ["/v1/events?limit=1", "/below/v1/events?limit=1"])
def test_a_root_path_stands_in_links_whether_or_not_the_proxy_cuts_it_off(
    seed_data: Path, serve: Serve, path: str
) -> None:
    client = serve(seed_data, root_path="/below")
    page = client.get(path).json()
    assert page["links"]["self"] == f"{str(client.base_url).rstrip('/')}/below/v1/events?limit=1"
    assert "/below/v1/events?" in page["links"]["next"]
    assert client.get(page["links"]["next"]).status_code == 200


# --- Fields and formats -------------------------------------------------------------------------------------------


def test_fields_pick_top_level_keys(client: httpx.Client) -> None:
    assert set(client.get("/v1/events?fields=id,date&fields=title").json()["data"][0]) == {"id", "date", "title"}
    assert set(client.get("/v1/events/evt-001?fields=title").json()) == {"title"}


@pytest.mark.parametrize("accept", ["*/*", "application/json", "application/*;q=0.1", "text/html, */*;q=0.1", ""])
def test_json_is_given_where_it_is_accepted(client: httpx.Client, accept: str) -> None:
    answer = client.get("/v1/events", headers={"Accept": accept})
    assert answer.headers["content-type"] == "application/json"


def test_withdrawn_records_leave_their_identifier_and_the_day(
    tmp_path: Path, publish_to: PublishTo, serve: Serve
) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1"), record("tes-2")))
    publish_to(tmp_path / "data", archive(record("tes-2"), withdrawn=[{"id": "tes-1", "on": "2026-03-01"}]))
    client = serve(tmp_path / "data")
    answer = client.get("/v1/testimonies/tes-1")
    assert answer.status_code == 410
    problem: dict[str, Any] = answer.json()
    assert (problem["id"], problem["on"]) == ("tes-1", "2026-03-01")
    assert set(problem) == {"type", "title", "status", "detail", "errors", "request_id", "id", "on"}
    # An identifier names one record: elsewhere there is nothing, withdrawn or not.
    assert client.get("/v1/events/tes-1").status_code == 404


def test_the_docs_load_nothing_from_elsewhere(client: httpx.Client) -> None:
    page = client.get("/docs")
    assert "://" not in page.text.replace("http://www.w3.org", "")
    assert "default-src 'none'" in page.headers["content-security-policy"]
    for asset in ("swagger-ui.css", "swagger-ui-bundle.js", "start.js"):
        assert f"/docs/{asset}" in page.text
        assert client.get(f"/docs/{asset}").status_code == 200
    assert client.get("/docs/../settings.py").status_code == 404


def test_the_format_is_named_once() -> None:
    assert FORMAT == "testimony-archive/1"
    assert set(PLURALS.values()) == set(CRITERIA)


def test_bytes_that_are_no_http_do_not_stop_the_server(client: httpx.Client) -> None:
    port = client.base_url.port
    for junk in (b"\x00\x01\x02\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", port), 5) as connection:
            connection.sendall(junk)
            connection.shutdown(socket.SHUT_WR)
            connection.recv(100)
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.parametrize(
    "name",
    [
        "Content-Type",
        "X-Requested-With",
        "Cache-Control",
        "Pragma",
        "traceparent",
        "tracestate",
        "If-None-Match",
        "Range",
    ],
)
def test_preflights_allow_what_wrappers_of_fetch_add(client: httpx.Client, name: str) -> None:
    asked = {"Origin": "https://front.example", "Access-Control-Request-Method": "GET"}
    answer = client.options("/v1/events", headers=asked | {"Access-Control-Request-Headers": name})
    allowed = {each.strip().lower() for each in answer.headers["access-control-allow-headers"].split(",")}
    assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, "*")
    assert name.lower() in allowed
    # What gives access elsewhere should not be sent here.
    assert not allowed & {"authorization", "cookie"}


def test_a_range_counts_for_get_alone(client: httpx.Client) -> None:
    part = {"Range": "bytes=0-9"}
    assert client.get("/v1/archive", headers=part).status_code == 206
    head = client.head("/v1/archive", headers=part)
    assert (head.status_code, head.content) == (200, b"")
    assert "content-range" not in head.headers
    assert int(head.headers["content-length"]) == len(client.get("/v1/archive").content)


@pytest.mark.parametrize("turned", [False, True], ids=["as_they_stand", "turned_around"])
def test_lines_of_a_header_are_one_list(client: httpx.Client, turned: bool) -> None:
    """Whichever line names what is wanted, the other one alone would get something else (RFC 9110, section 5.3)."""

    def asked(path: str, name: str, *values: str) -> httpx.Response:
        lines = [(name, value) for value in (values[::-1] if turned else values)]
        without = {"Accept-Encoding": "identity"} if name != "Accept-Encoding" else {"Accept": "*/*"}
        return client.send(httpx.Request("GET", client.base_url.join(path), headers=[*without.items(), *lines]))

    answer = asked("/v1/events", "Accept", "text/html;q=0.1", "text/csv")
    assert answer.headers["content-type"].startswith("text/csv")
    answer = asked("/v1/events?limit=50", "Accept-Encoding", "br", "gzip")
    assert answer.headers["content-encoding"] == "gzip"
    answer = asked("/v1/events?limit=50", "Accept-Encoding", "gzip;q=0.5", "zstd")
    assert answer.headers["content-encoding"] == "zstd"
    tag = client.get("/v1/events", headers={"Accept-Encoding": "identity"}).headers["etag"]
    assert asked("/v1/events", "If-None-Match", '"other"', tag).status_code == 304


def test_a_withdrawn_record_is_shown_by_caches_for_a_minute_at_most(client: httpx.Client) -> None:
    for path in (
        "/v1",
        "/v1/events",
        "/v1/events/evt-001",
        "/v1/events?format=csv",
        "/v1/archive",
        "/v1/search?q=camera",
    ):
        assert client.get(path).headers["cache-control"] == "public, max-age=60, must-revalidate"
