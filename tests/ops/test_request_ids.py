"""Request ids: in every problem, in the header where somebody needs it, and believed from trusted proxies only."""

import re
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.http.proxies import TrustedProxies
from service.http.request_ids import take_request_id
from service.settings import Settings
from tests.conftest import Serve

DRAWN = re.compile(r"[0-9a-f]{16}")
PROXY: dict[str, Any] = {"trusted_proxies": "127.0.0.0/8"}

#: What a proxy may send, and whether it is taken.
GIVEN = [
    ("7b0c1f6e-0000-4d3a-9f6e-2f1b1a6f9d11", True),
    ("5f0e3c2b1a", True),
    ("Root=1-67891233-abcdef012345678912345678", True),
    ("dGhlIGlk+/==", True),
    ("a" * 128, True),
    ("a" * 129, False),
    ("", False),
    ("two words", False),
    ("a\tb", False),
    ('"quoted"', False),
    ("<script>", False),
    ("é", False),
    ("a;b", False),
]


@pytest.mark.parametrize("path", ["/nowhere", "/v1/events/evt-none", "/v1/events?x=1", "/v1/" + "a" * 9000])
def test_every_problem_names_its_request(client: httpx.Client, path: str) -> None:
    one, other = client.get(path), client.get(path)
    for answer in (one, other):
        assert DRAWN.fullmatch(answer.json()["request_id"])
        assert answer.headers["x-request-id"] == answer.json()["request_id"]
    assert one.json()["request_id"] != other.json()["request_id"]
    assert DRAWN.fullmatch(client.head(path).headers["x-request-id"])


def test_refused_methods_and_hosts_name_their_request(client: httpx.Client) -> None:
    assert DRAWN.fullmatch(client.post("/v1").json()["request_id"])
    assert DRAWN.fullmatch(client.get("/v1", headers={"Host": "a b"}).json()["request_id"])


@pytest.mark.parametrize(("given", "taken"), GIVEN)
def test_an_id_from_a_trusted_proxy_is_taken_if_it_is_one(
    seed_data: Path, serve: Serve, given: str, taken: bool
) -> None:
    client = serve(seed_data, **PROXY)
    for path in ("/v1", "/nowhere"):
        answer = client.get(path, headers={b"X-Request-ID": given.encode("latin-1")})
        shown = answer.headers["x-request-id"]
        assert shown == given if taken else DRAWN.fullmatch(shown)
    assert answer.json()["request_id"] == shown


def test_an_id_from_anybody_else_is_not_taken_but_answered_with_one(client: httpx.Client) -> None:
    for path in ("/v1", "/nowhere"):
        shown = client.get(path, headers={"X-Request-ID": "mine"}).headers["x-request-id"]
        assert DRAWN.fullmatch(shown)


def test_an_answer_from_the_cache_names_the_request_it_answers(seed_data: Path, serve: Serve) -> None:
    client = serve(seed_data, **PROXY)
    for given in ("one", "two", "three"):
        assert client.get("/v1", headers={"X-Request-ID": given}).headers.get_list("x-request-id") == [given]
    assert "x-request-id" not in client.get("/v1").headers
    tag = client.get("/v1").headers["etag"]
    unchanged = client.get("/v1", headers={"X-Request-ID": "four", "If-None-Match": tag})
    assert (unchanged.status_code, unchanged.headers["x-request-id"]) == (304, "four")


def test_an_answer_that_nobody_will_ask_about_has_none(client: httpx.Client) -> None:
    assert "x-request-id" not in client.get("/v1").headers


def test_every_answer_has_one_where_requests_are_logged(seed_data: Path, serve: Serve) -> None:
    client = serve(seed_data, access_log="route", **PROXY)
    assert DRAWN.fullmatch(client.get("/v1").headers["x-request-id"])
    for path in ("/v1", "/nowhere"):
        answer = client.get(path, headers={"X-Request-ID": "from-proxy"})
        assert answer.headers.get_list("x-request-id") == ["from-proxy"]
    assert answer.json()["request_id"] == "from-proxy"


def test_pages_of_others_may_read_it(client: httpx.Client) -> None:
    assert "X-Request-ID" in client.get("/v1").headers["access-control-expose-headers"]
    description = client.get("/openapi.json").json()
    assert "request_id" in description["components"]["schemas"]["ProblemDocument"]["required"]
    refused = description["paths"]["/v1/events"]["get"]["responses"]["422"]
    assert "X-Request-ID" in refused["headers"]


def test_the_last_of_several_is_not_mixed_with_the_first() -> None:
    scope = {"headers": [(b"x-request-id", b"bad one"), (b"x-request-id", b"good")]}
    assert take_request_id(scope, trusted=True) == "good"
    assert DRAWN.fullmatch(take_request_id(scope, trusted=False))


@pytest.mark.parametrize(
    ("client", "trusted"),
    [(("10.1.2.3", 1), True), (("11.0.0.1", 1), False), (("::1", 1), True), (("a socket", 1), False), (None, False)],
)
def test_a_proxy_is_trusted_by_its_address(client: tuple[str, int] | None, trusted: bool) -> None:
    networks = Settings(trusted_proxies="10.0.0.0/8,::1").trusted_proxies
    assert TrustedProxies(networks).sent({"client": client}) is trusted
    assert not TrustedProxies(()).sent({"client": client})
