"""What is refused, and how: each gets its problem, in bounded time, and the server goes on."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from service.catalogue.parameters import MAX_PARAMETERS, MAX_VALUES
from service.http.middleware import URI_LENGTH
from tests.archives import archive, record
from tests.conftest import PublishTo, Serve

# (query, parameter named, part of the message, part of what is allowed)
REFUSED: list[tuple[str, str, str, str | None]] = [
    # unknown names
    ("tpoic=top-x", "tpoic", "did you mean topic?", "topic"),
    ("query=x", "query", "no such parameter", "limit"),
    ("%00=x", "\x00", "no such parameter", "limit"),
    ("=x", "", "no such parameter", "limit"),
    # numbers
    ("limit=0", "limit", "between 1 and 200", None),
    ("limit=-1", "limit", "between 1 and 200", None),
    ("limit=201", "limit", "between 1 and 200", None),
    ("limit=" + "9" * 400, "limit", "whole number", None),
    ("limit=5.0", "limit", "whole number", None),
    ("limit=%20" + "5", "limit", "whole number", None),
    ("limit=", "limit", "whole number", None),
    ("limit=٣", "limit", "whole number", None),
    # given more than once
    ("limit=1&limit=2", "limit", "more than once", None),
    ("sort=id&sort=id", "sort", "more than once", None),
    # choices
    ("sort=rank", "sort", "not one of", "-date"),
    ("type=murder", "type", "not one of", "detention"),
    ("undated=maybe", "undated", "true or false", None),
    ("date_match=sure", "date_match", "not one of", "certain"),
    # identifiers
    ("topic=evt-1", "topic", "top-", None),
    ("topic=", "topic", "top-", None),
    ("topic=top-A", "topic", "top-", None),
    ("topic=top-" + "a" * 200, "topic", "top-", None),
    ("topic=top-%00", "topic", "top-", None),
    ("topic=top-a%0A", "topic", "top-", None),
    ("country=Russia", "country", "[A-Z]{2}", None),
    ("act=%00", "act", "form", None),
    ("act=" + "a" * 257, "act", "longer than 256", None),
    ("&".join(f"topic=top-{n}" for n in range(MAX_VALUES + 1)), "topic", f"to {MAX_VALUES} values", None),
    # dates and moments
    ("date_from=2021-5", "date_from", "YYYY-MM-DD", None),
    ("date_from=2021-02-30", "date_from", "2021-02-30", None),
    ("date_from=2021-02-02&date_to=2021-02-01", "date_to", "before date_from", None),
    ("updated_since=yesterday", "updated_since", "day or a moment", None),
    ("updated_since=2026-01-31T12:00:00", "updated_since", "offset", None),
    # places
    ("bbox=1,2,3", "bbox", "four numbers", None),
    ("bbox=a,b,c,d", "bbox", "four numbers", None),
    ("bbox=nan,0,1,1", "bbox", "four numbers", None),
    ("bbox=0,5,1,1", "bbox", "south first", None),
    ("bbox=-181,0,1,1", "bbox", "-180", None),
    # cursors that cannot be any
    ("cursor=", "cursor", "form", None),
    ("cursor=%F0%9F%98%80", "cursor", "form", None),
    ("cursor=" + "a" * 513, "cursor", "form", None),
    # keys
    ("fields=id,name", "fields", "no key", "title"),
    ("fields=", "fields", "no key", "title"),
]  # fmt: skip


@pytest.mark.parametrize(("query", "parameter", "message", "allowed"), REFUSED, ids=[each[0][:40] for each in REFUSED])
def test_a_bad_parameter_is_named_with_what_is_allowed(
    client: httpx.Client, query: str, parameter: str, message: str, allowed: str | None
) -> None:
    answer = client.get(f"/v1/events?{query}")
    problem = answer.json()
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(problem) == {"type", "title", "status", "detail", "errors", "request_id"}
    assert problem["type"].endswith("/problems/invalid-parameters")
    assert client.get(problem["type"]).status_code == 200
    [error] = problem["errors"]
    assert error["parameter"] == parameter
    assert message in error["message"]
    assert (error["allowed"] is None) is (allowed is None)
    assert allowed is None or allowed in error["allowed"]
    assert len(answer.content) < 3000


@pytest.mark.parametrize(
    ("query", "message"),
    [("value_min=x", "a number"), ("value_min=nan", "a number"), ("value_min=1e999", "finite"), ("value_min=0x1", "a number"),
     ("value_min=5&value_max=4", "less than value_min")],
)  # fmt: skip
def test_numbers_are_numbers(client: httpx.Client, query: str, message: str) -> None:
    [error] = client.get(f"/v1/statistics?{query}").json()["errors"]
    assert message in error["message"]


def test_all_that_is_wrong_is_said_at_once(client: httpx.Client) -> None:
    problem = client.get("/v1/events?limit=0&sort=x&nope=1").json()
    assert {error["parameter"] for error in problem["errors"]} == {"limit", "sort", "nope"}
    assert "2 more" in problem["detail"]


@pytest.mark.parametrize("path", ["/v1?limit=1", "/v1/events/evt-001?limit=1"])
def test_a_parameter_that_an_address_does_not_take_is_refused(client: httpx.Client, path: str) -> None:
    assert client.get(path).json()["errors"][0]["parameter"] == "limit"


@pytest.mark.parametrize("query", ["act=%ED%A0%80", "act=%FF", "%FF=1"])
def test_a_query_that_is_no_utf8_is_refused(client: httpx.Client, query: str) -> None:
    answer = client.get(f"/v1/events?{query}")
    assert (answer.status_code, "UTF-8" in answer.json()["detail"]) == (422, True)


CURSORS = [
    "x",
    "a" * 500,
    "W10",
    "e30",
    "WzEsIngiLDAsIiIsImV2dC0wMDEiXQ",
    "null",
    "-",
    "AAAA",
    "WzEsMSwxLDEsMV0",
    "W" * 511,
]


@pytest.mark.parametrize("cursor", CURSORS)
def test_a_cursor_that_is_none_is_refused(client: httpx.Client, cursor: str) -> None:
    answer = client.get(f"/v1/events?cursor={cursor}")
    assert answer.status_code == 422
    assert answer.json()["type"].endswith("/problems/invalid-cursor")


def test_a_cursor_from_other_filters_another_sort_or_collection_is_refused(client: httpx.Client) -> None:
    cursor = httpx.URL(client.get("/v1/events?limit=2").json()["links"]["next"]).params["cursor"]
    for path in ("/v1/events?type=detention", "/v1/events?sort=id", "/v1/statistics?limit=2"):
        answer = client.get(f"{path}&cursor={cursor}")
        assert answer.json()["type"].endswith("/problems/invalid-cursor")
        assert "other filters" in answer.json()["detail"]


def test_an_address_that_is_too_long_is_refused(client: httpx.Client) -> None:
    for path in ("/v1/events?act=" + "a" * URI_LENGTH, "/" + "a" * (URI_LENGTH + 1), "/v1/events?" + "a=1&" * 10_000):
        answer = client.get(path)
        assert (answer.status_code, answer.json()["status"]) == (414, 414)
    answer = client.get("/v1/events?" + "a&" * (MAX_PARAMETERS + 1))
    assert str(MAX_PARAMETERS) in answer.json()["detail"]


@pytest.mark.parametrize(
    "path", ["/v2", "/v1/persons", "/v1/events/evt-none", "/v1/events/%00", "/v1/events/tes-001",
             "/v1/events/..%2F..", "/v1/events/evt-001/acts", "/%ff", "/docs/nothing.js"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(client: httpx.Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer.json()["type"].endswith("/problems/not-found")


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"])
@pytest.mark.parametrize("path", ["/v1", "/v1/events", "/v1/events/evt-001", "/healthz"])
def test_nothing_can_be_written(client: httpx.Client, method: str, path: str) -> None:
    answer = client.request(method, path, content=b"{}")
    assert answer.status_code == 405
    assert answer.headers["allow"] == "GET, HEAD, OPTIONS"
    assert answer.json()["type"].endswith("/problems/method-not-allowed")


@pytest.mark.parametrize("accept", ["text/html;q=0.9, image/*", "application/json;q=0", "*/*;q=0"])
def test_what_cannot_be_given_is_not_acceptable(client: httpx.Client, accept: str) -> None:
    answer = client.get("/v1/events", headers={"Accept": accept})
    assert answer.status_code == 406
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["errors"][0]["allowed"] == [
        "application/json",
        "text/csv",
        "application/x-ndjson",
        "application/geo+json",
    ]


@pytest.mark.parametrize("host", ["a b", "evil.example/path", "<script>", "a@b", "ü.example", ""])
def test_a_host_that_is_none_gets_into_no_link(client: httpx.Client, host: str) -> None:
    answer = client.get("/v1", headers={b"Host": host.encode("latin-1")})
    assert answer.status_code == 400
    assert host == "" or host not in answer.text


def test_a_hidden_record_cannot_be_told_from_none(tmp_path: Path, publish_to: PublishTo, serve: Serve) -> None:
    hidden: dict[str, Any] = {"access": {"visibility": "restricted"}}
    publish_to(tmp_path / "data", archive(record("tes-1"), record("tes-2", title="Hidden", **hidden)))
    client = serve(tmp_path / "data")
    one, other = client.get("/v1/testimonies/tes-2"), client.get("/v1/testimonies/tes-3")
    assert one.status_code == 404
    # All but the number drawn for the request is the same, its length too.
    assert len(one.content) == len(other.content)
    assert {**one.json(), "request_id": ""} == {**other.json(), "request_id": ""}
    assert set(one.headers) == set(other.headers)
    assert client.get("/v1/testimonies").json()["meta"]["total"] == 1
    assert "Hidden" not in client.get("/v1/testimonies").text


def test_a_failure_says_nothing_of_its_cause(
    seed_data: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("a secret of the server")

    client = serve(seed_data)
    monkeypatch.setattr("service.catalogue.browsing.Catalogue.look_up", fail)
    answer = client.get("/v1/events?act=private-question")
    assert answer.status_code == 500
    assert answer.json()["type"].endswith("/problems/internal-error")
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "secret" not in answer.text
    assert "RuntimeError" in caplog.text
    assert "private-question" not in caplog.text
