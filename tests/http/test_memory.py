"""What strangers can make a server keep is bounded in bytes, whatever they ask and in whichever headers."""

import gc
import platform
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from service.archive.words import plain_words, stems
from service.http.links import base_url, place
from service.http.middleware import HOST_LENGTH, URI_LENGTH
from service.http.negotiation import REMEMBERED_LENGTH, remembering
from service.http.releases import RECALLED_LENGTH, Served
from service.http.response_cache import LONGEST_KEY, ResponseCache
from service.http.responses import CompleteResponse
from tests.conftest import Serve
from tests.http.test_response_cache import cache_of
from tests.missing import skip_for

MIB = 1 << 20


def kept_by(fill: Callable[[], object]) -> int:
    """Return the bytes that are still there after `fill`."""
    gc.collect()
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        held = fill()
        gc.collect()
        after = tracemalloc.get_traced_memory()[0]
        del held
        return after - before
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("length", [10, 1000, LONGEST_KEY - 100, LONGEST_KEY + 1, 60_000])
def test_a_cache_keeps_no_more_than_it_may_keys_and_headers_included(length: int) -> None:
    budget = 2 * MIB

    def fill() -> ResponseCache:
        cache = ResponseCache(budget)
        for number in range(900):
            asked = b"%07d" % number + bytes(length)
            headers = [(b"etag", b'"%d"' % number), (b"link", bytes(length)[:1000])]
            for _ in range(2):
                answer = CompleteResponse(200, list(headers), bytes(100))
                answer.head = bytes(1100)
                cache.keep((b"release", asked), answer)
        return cache

    assert kept_by(fill) < 1.1 * budget


def place_host(host: bytes) -> str:
    return base_url({"type": "http", "scheme": "http", "headers": [(b"host", host)], "root_path": ""})


def place_path(path: str) -> None:
    place({"type": "http", "scheme": "http", "headers": [], "path": path, "root_path": ""}, {})


def fill_hosts() -> None:
    for number in range(5000):
        place_host(b"%07d" % number + b"h" * (HOST_LENGTH - 7))


def fill_paths() -> None:
    for number in range(2500):
        place_path(f"/{number}" + "é" * (URI_LENGTH // 4))


def fill_short_paths() -> None:
    for number in range(5000):
        place_path(f"/{number}" + "é" * 150)


def fill_words() -> None:
    for number in range(5000):
        plain_words(f"w{number}" + "ж" * 3000)
        stems(f"w{number}" + "ж" * 3000, "russian")


def fill_short_words() -> None:
    for number in range(20_000):
        plain_words(f"w{number}" + "ж" * 40)
        stems(f"w{number}" + "ж" * 40, "russian")


@pytest.mark.parametrize("fill", [fill_hosts, fill_paths, fill_short_paths, fill_words, fill_short_words])
def test_what_was_read_from_requests_is_remembered_within_bounds(fill: Callable[[], None]) -> None:
    assert kept_by(fill) < 20 * MIB


@pytest.mark.parametrize(("length", "status"), [(1, 200), (HOST_LENGTH, 200), (HOST_LENGTH + 1, 400), (60_000, 400)])
def test_a_host_has_255_letters_at_most(client: httpx.Client, length: int, status: int) -> None:
    answer = client.get("/v1/events", headers={"Host": "h" * length})
    assert answer.status_code == status
    if status == 400:
        assert "hhh" not in answer.text


@pytest.mark.parametrize("name", ["Accept", "Accept-Language", "Accept-Encoding"])
def test_answers_to_long_headers_are_given_but_not_kept(serve: Serve, seed_data: Path, name: str) -> None:
    client = serve(seed_data)
    value = "*/*" if name == "Accept" else "de" if name == "Accept-Language" else "identity"
    long = value + (";" + "a" * 100 + "=1") * 99
    answers = [client.get("/v1/events", headers={name: long}) for _ in range(3)]
    assert {answer.status_code for answer in answers} == {200}
    # What is acceptable counts, not how it is written: of Accept-Encoding nothing long is kept.
    assert cache_of(client).hits == (1 if name == "Accept-Encoding" else 0)


@pytest.mark.parametrize(("length", "times"), [(REMEMBERED_LENGTH, 1), (REMEMBERED_LENGTH + 1, 3)])
def test_a_long_header_is_read_each_time_and_not_remembered(length: int, times: int) -> None:
    was_read = []

    @remembering
    def read(header: str | None) -> int:
        was_read.append(header)
        return len(header or "")

    assert [read("h" * length) for _ in range(3)] == [length] * 3
    assert len(was_read) == times


_GAPS = """
import sys
from service.http.server import GIVEN_BACK_FROM, settle
def resident():
    return int(open("/proc/self/statm").read().split()[1]) * 4096
if sys.argv[1] == "settled":
    settle()
large = b"x" * (16 * GIVEN_BACK_FROM)  # one that is given back, after which the library keeps all that are smaller
del large
pieces = [(b"x" * (2 * GIVEN_BACK_FROM), b"y" * (GIVEN_BACK_FROM // 4)) for _ in range(20)]
before = resident()
pieces = [small for _, small in pieces]
print((before - resident()) // GIVEN_BACK_FROM)
"""


def test_large_pieces_of_memory_are_given_back_though_small_ones_lie_between() -> None:
    if platform.libc_ver()[0] != "glibc":
        skip_for("only GNU's C library keeps large pieces")
    given_back = {
        how: int(subprocess.run([sys.executable, "-c", _GAPS, how], capture_output=True, check=True, text=True).stdout)
        for how in ("settled", "as it is")
    }
    assert given_back["settled"] >= 38
    assert given_back["as it is"] < 10


@pytest.mark.parametrize(("length", "times"), [(RECALLED_LENGTH, 1), (RECALLED_LENGTH + 1, 3)])
def test_a_long_question_is_read_each_time_and_not_remembered(
    serve: Serve, seed_data: Path, length: int, times: int
) -> None:
    served: Served = serve(seed_data).application.state.serving.served  # type: ignore[attr-defined]
    was_read = []

    def read(_: Served, *asked: bytes | str | None) -> None:
        was_read.append(asked)

    for _ in range(3):
        served.recall(read, b"q" * 40, None, "a" * (length - 40))
    assert len(was_read) == times


@pytest.mark.parametrize(("length", "is_believed"), [(HOST_LENGTH, True), (HOST_LENGTH + 1, False)])
def test_a_prefix_that_a_proxy_names_has_255_letters_at_most(
    serve: Serve, seed_data: Path, length: int, is_believed: bool
) -> None:
    client = serve(seed_data, trusted_proxies="127.0.0.1")
    prefix = "/" + "p" * (length - 1)
    links = client.get("/v1", headers={"X-Forwarded-Prefix": prefix}).json()["links"]
    assert links["events"] == f"{str(client.base_url).rstrip('/')}{prefix if is_believed else ''}/v1/events"
