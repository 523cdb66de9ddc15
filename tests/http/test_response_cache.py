"""The cache of answers and the bound on heavy work: what is given again, what is not, and who has to wait or to go."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.catalogue.browsing import Catalogue
from service.http.releases import HEAVY_REQUESTS, MirrorMark
from service.http.response_cache import ASKED_ONCE, LARGEST_PART, OVERHEAD, ResponseCache
from service.http.responses import CompleteResponse
from tests.archives import archive, record
from tests.conftest import PublishTo, Serve

PATHS = ["/v1", "/v1/events?limit=2", "/v1/events/evt-001", "/v1/search?q=camera", "/v1/suggest?q=mosc", "/v1/changes"]
#: Headers that may differ between two equal answers.
APART = {"date"}


def cache_of(client: httpx.Client) -> ResponseCache:
    cache: ResponseCache = client.application.middleware_stack.cache  # type: ignore[attr-defined]
    return cache


def told(answer: httpx.Response) -> tuple[int, dict[str, str], bytes]:
    return (
        answer.status_code,
        {name: value for name, value in answer.headers.items() if name not in APART},
        answer.content,
    )


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_given_again_is_the_answer(serve: Serve, seed_data: Path, path: str, encoding: str) -> None:
    client = serve(seed_data)
    headers = {"Accept-Encoding": encoding}
    first = client.get(path, headers=headers)
    assert told(client.get(path, headers=headers)) == told(first)
    assert (cache_of(client).hits, cache_of(client).misses) == (0, 2), "kept when it is asked for again"
    assert told(client.get(path, headers=headers)) == told(first)
    head = client.head(path, headers=headers)
    assert told(head) == (200, told(first)[1], b"")
    assert cache_of(client).hits == 2


@pytest.mark.parametrize("path", PATHS)
def test_who_has_it_already_is_told_so_with_and_without_the_cache(serve: Serve, seed_data: Path, path: str) -> None:
    client, without = serve(seed_data), serve(seed_data, cache_mib=0)
    headers = {"Host": "archive.example"}
    tag = [client.get(path, headers=headers) for _ in range(2)][1].headers["etag"]
    for named in (tag, f'"other", W/{tag}', "*"):
        again = client.get(path, headers={**headers, "If-None-Match": named})
        anew = without.get(path, headers={**headers, "If-None-Match": named})
        assert again.status_code == 304
        assert told(again) == told(anew)
    assert client.get(path, headers={**headers, "If-None-Match": '"other"'}).status_code == 200
    assert cache_of(client).hits == 4
    assert cache_of(without).hits == 0


def test_that_there_is_nothing_new_is_kept_though_nobody_asked_for_the_answer(serve: Serve, seed_data: Path) -> None:
    client, other = serve(seed_data), serve(seed_data)
    headers = {"Host": "archive.example"}
    tag = other.get("/v1/events", headers=headers).headers["etag"]
    _, first, again = (client.get("/v1/events", headers={**headers, "If-None-Match": tag}) for _ in range(3))
    assert told(first) == told(again)
    assert (first.status_code, cache_of(client).hits) == (304, 1)
    assert client.get("/v1/events", headers=headers).json()["data"]
    assert cache_of(client).hits == 1
    assert client.get("/v1/events", headers=headers).json()["data"]
    assert cache_of(client).hits == 2


@pytest.mark.parametrize(
    "path", ["/v1/events?format=csv", "/v1/archive", "/v1/events/evt-999", "/v1/events?nothing=1", "/readyz", "/docs"]
)
def test_streams_problems_and_states_are_not_kept(serve: Serve, seed_data: Path, path: str) -> None:
    client = serve(seed_data)
    one, other = client.get(path), client.get(path)
    # A problem has the number of its request in it.
    assert len(one.content) == len(other.content)
    assert one.status_code == other.status_code
    assert one.is_error or one.content == other.content
    assert cache_of(client).hits == 0


def test_what_chooses_an_answer_tells_answers_apart(serve: Serve, seed_data: Path) -> None:
    client = serve(seed_data)
    asked: list[dict[str, str]] = [
        {},
        {"Host": "a.example"},
        {"Accept-Encoding": "identity"},
        {"Accept-Language": "de"},
    ]
    asked.append({"Accept": "text/csv"})
    for _ in range(3):
        answers = [client.get("/v1/events", headers=headers) for headers in asked]
    assert answers[1].json()["links"]["self"] == "http://a.example/v1/events"
    assert "content-encoding" not in answers[2].headers
    assert answers[4].headers["content-type"].startswith("text/csv")
    assert cache_of(client).hits == len(asked) - 1


def test_a_new_release_empties_the_cache(serve: Serve, publish_to: PublishTo, tmp_path: Path) -> None:
    publish_to(tmp_path / "data", archive(record("tes-1")))
    client = serve(tmp_path / "data")
    [before] = {client.get("/v1/testimonies").headers["archive-release"] for _ in range(3)}
    cache = cache_of(client)
    assert (len(cache._kept), cache.hits) == (1, 1)
    published = publish_to(tmp_path / "data", archive(record("tes-1"), record("tes-2")))
    while client.get("/readyz").headers["archive-release"] == before:
        pass
    # What was withdrawn with the new release is not even in memory any more.
    assert (len(cache._kept), cache._bytes) == (0, 0)
    assert client.get("/v1/testimonies").json()["meta"] | {} == {
        "total": 2,
        "limit": 20,
        "release": published.manifest.id,
        "licence": "CC-BY-4.0",
        "did_you_mean": None,
        "notes": [],
    }


def test_what_is_kept_says_how_old_a_mirror_is_now(serve: Serve, seed_data: Path) -> None:
    client = serve(seed_data)
    served = client.application.state.serving.served  # type: ignore[attr-defined]
    for seen in (None, "2026-03-04T10:00:00Z", "2026-03-04T10:01:00Z"):
        served.mark(MirrorMark("https://origin.example", seen))
        for _ in range(3):
            told = client.get("/v1/events").headers["archive-mirror"]
            assert told == "<https://origin.example>" + ("" if seen is None else f'; seen="{seen}"')
    served.mark(None)
    assert "archive-mirror" not in client.get("/v1/events").headers


def test_of_a_stampede_one_request_makes_the_answer(
    serve: Serve, seed_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(seed_data)
    go_on, made = threading.Event(), []
    search = Catalogue.search

    def slowly(*given: Any) -> Any:
        made.append(1)
        assert go_on.wait(60)
        return search(*given)

    monkeypatch.setattr(Catalogue, "search", slowly)
    with ThreadPoolExecutor(8) as crowd:
        asked = [crowd.submit(client.get, "/v1/search?q=camera") for _ in range(8)]
        while cache_of(client).misses < 1 or len(made) < 1:
            pass
        go_on.set()
        answers = {told(each.result())[0::2] for each in asked}
    assert len(answers) == 1
    assert len(made) == 1


def test_who_asks_for_too_much_at_once_is_told_to_come_back(
    serve: Serve, seed_data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = serve(seed_data)
    heavy = client.application.state.serving.heavy  # type: ignore[attr-defined]
    monkeypatch.setattr(heavy, "requests", HEAVY_REQUESTS)
    busy = client.get("/v1/search?q=camera")
    assert (busy.status_code, busy.headers["retry-after"]) == (503, "5")
    assert busy.json()["type"].endswith("/problems/busy")
    assert client.get("/v1/events/evt-001").status_code == 200, "cheap requests go on"
    monkeypatch.undo()
    assert client.get("/v1/search?q=camera").status_code == 200
    assert heavy.requests == 0


def test_the_cache_is_bounded_in_bytes() -> None:
    cache = ResponseCache(1 << 20)

    def answer(size: int) -> CompleteResponse:
        return CompleteResponse(200, [(b"etag", b'"1"')], bytes(size))

    # The tag, of the answer and of the 304, as headers and as they stand on the wire.
    headers = 4 * len(b'etag"1"')
    largest = (1 << 20) // LARGEST_PART - OVERHEAD - headers
    for number in range(100):
        cache.keep((number,), answer(largest))
        assert cache.get((number,), None) is None
        cache.keep((number,), answer(largest))
    assert [number for number in range(100) if cache.get((number,), None)] == [*range(100 - LARGEST_PART, 100)]
    for _ in range(2):
        cache.keep((101,), answer(largest + 1))
    assert cache.get((101,), None) is None


def test_all_that_is_kept_counts() -> None:
    """An answer may be as large as fits when key and headers are counted, and no byte larger."""
    most = (1 << 20) // LARGEST_PART - OVERHEAD
    for key, header in ((b"", b""), (b"k" * 3000, b""), (b"", b"h" * 3000), (b"k" * 2000, b"h" * 2000)):
        headers = [(b"etag", b'"1"'), (b"link", header)]
        # Of the answer and of the 304, each as headers and as they stand on the wire.
        beside = len(key) + 4 * sum(len(name) + len(value) for name, value in headers)
        for size, is_kept in ((most - beside, True), (most - beside + 1, False)):
            cache = ResponseCache(1 << 20)
            for _ in range(2):
                cache.keep((b"", key), CompleteResponse(200, headers, bytes(size)))
            assert (cache.get((b"", key), None) is not None) == is_kept


def test_what_was_asked_once_is_forgotten_when_there_is_much_of_it() -> None:
    cache = ResponseCache(1 << 20)
    answer = CompleteResponse(200, [(b"etag", b'"1"')], b"body")
    cache.keep((b"first",), answer)
    for number in range(ASKED_ONCE + 1):
        cache.keep((number,), answer)
    cache.keep((b"first",), answer)
    assert cache.get((b"first",), None) is None
    cache.keep((b"first",), answer)
    assert cache.get((b"first",), None) is answer
