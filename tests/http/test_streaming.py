"""Long answers: cut short, left by their reader, read slowly, many at once, and while the release changes."""

import gc
import json
import re
import shutil
import socket
import threading
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from service.api.formats import FORMATS, Export, written
from service.catalogue.browsing import BATCH, Catalogue
from service.catalogue.parameters import read_criteria
from service.http import streaming
from service.release.data_folder import current_folder
from service.release.opening import open_current
from service.release.publish import publish
from tests.archives import CRITERIA, archive, record, write
from tests.conftest import PLAIN, Serve
from tests.http.test_moving_over import wait_until

#: Records whose export does not fit between server and reader: what is not read stays to be made.
MANY = 6000
FEW = 600


def folder_with(folder: Path, number: int) -> Path:
    text = "They came at night and we were told to leave, but nobody said where to. " * 12
    testimonies = (record(f"tes-{n:06}", summary=text) for n in range(number))
    publish(write(folder / "archive.jsonl", archive(*testimonies)), folder / "data")
    return folder / "data"


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_with(tmp_path_factory.mktemp("large"), MANY)


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_with(tmp_path_factory.mktemp("small"), FEW)


#: Readers of the test that is running.
OPEN: list["Reader"] = []


@pytest.fixture(autouse=True)
def close_readers() -> Iterator[None]:
    """Close what a test left open, also where it failed."""
    yield
    while OPEN:
        OPEN.pop().close()


class Reader:
    """A client that asks and reads as little as it is told to."""

    def __init__(self, client: httpx.Client, path: str, *, version: str = "1.1") -> None:
        self.socket = socket.socket()
        OPEN.append(self)
        # Small, so that little is under way that was not read.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.socket.settimeout(20)
        self.socket.connect(("127.0.0.1", client.base_url.port))
        self.socket.sendall(f"GET {path} HTTP/{version}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    def read(self, most: int | None = None) -> bytes:
        """Read some bytes, or all that are still to come and as fast as they do."""
        if most is None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        got = bytearray()
        while (most is None or len(got) < most) and (
            part := self.socket.recv(65536 if most is None else min(65536, most - len(got)))
        ):
            got += part
        return bytes(got)

    def close(self) -> None:
        self.socket.close()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of records in each batch that was read, in order."""
    batches: list[int] = []
    read = Catalogue.batches

    def counted(self: Catalogue, listing: Any, **options: Any) -> Iterator[list[bytes]]:
        for documents in read(self, listing, **options):
            batches.append(len(documents))
            yield documents

    monkeypatch.setattr(Catalogue, "batches", counted)
    return batches


def fail_in(monkeypatch: pytest.MonkeyPatch, *, batch: int) -> None:
    """Let reading a list fail after this many batches."""
    read = Catalogue.batches

    def failing(self: Catalogue, listing: Any, **options: Any) -> Iterator[list[bytes]]:
        for number, documents in enumerate(read(self, listing, **options)):
            if number == batch:
                raise RuntimeError("hid" + str(len("x" * 2)) + "den")  # apart: a traceback shows this line
            yield documents

    monkeypatch.setattr(Catalogue, "batches", failing)


# --- Cut short --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
@pytest.mark.parametrize("name", ["csv", "ndjson"])
def test_an_answer_that_fails_midway_is_not_ended(
    large: Path,
    serve: Serve,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    name: str,
    encoding: str,
) -> None:
    client = serve(large)
    fail_in(monkeypatch, batch=10)
    path = f"/v1/testimonies?format={name}"
    with (
        pytest.raises(httpx.RemoteProtocolError),
        client.stream("GET", path, headers={"Accept-Encoding": encoding}) as answer,
    ):
        assert answer.headers["archive-total"] == str(MANY)
        for _ in answer.iter_raw():
            pass
    assert "RuntimeError" in caplog.text
    assert "hid2den" not in caplog.text
    assert client.get("/healthz").status_code == 200


def test_a_reader_without_chunks_counts_the_records(large: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_in(monkeypatch, batch=10)
    head, _, body = Reader(serve(large), "/v1/testimonies?format=ndjson", version="1.0").read().partition(b"\r\n\r\n")
    assert f"archive-total: {MANY}\r\n".encode() in head
    lines = len(re.findall(rb'"record":"testimony"', body))
    assert 0 < lines < MANY


def test_what_fails_before_the_first_byte_is_a_problem(
    large: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_in(monkeypatch, batch=0)
    answer = serve(large).get("/v1/testimonies?format=csv")
    assert (answer.status_code, answer.headers["content-type"]) == (500, "application/problem+json")


# --- Readers ----------------------------------------------------------------------------------------------------------


def test_a_reader_who_leaves_ends_the_work(large: Path, serve: Serve, made: list[int]) -> None:
    client = serve(large)
    serving = client_serving(client)
    reader = Reader(client, "/v1/testimonies?format=ndjson")
    assert b"200 OK" in reader.read(2000)
    assert holders(serving) == 1
    reader.close()
    assert wait_until(lambda: holders(serving) == 0)
    assert sum(made) < MANY


def test_a_slow_reader_is_waited_for(large: Path, serve: Serve, made: list[int]) -> None:
    client = serve(large)
    reader = Reader(client, "/v1/testimonies?format=ndjson")
    reader.read(2000)
    time.sleep(0.3)
    before = len(made)
    time.sleep(0.3)
    assert len(made) == before < MANY / BATCH
    body = reader.read()
    assert body.endswith(b"0\r\n\r\n")
    assert sum(made) == MANY


def test_a_reader_who_stops_is_let_go(large: Path, serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streaming, "STALL_S", 0.2)
    client = serve(large)
    serving = client_serving(client)
    reader = Reader(client, "/v1/testimonies?format=ndjson")
    reader.read(2000)
    assert wait_until(lambda: holders(serving) == 0)
    assert not reader.read().endswith(b"0\r\n\r\n")


def test_fifty_slow_readers_do_not_stop_others(large: Path, serve: Serve) -> None:
    client = serve(large)
    paths = [f"/v1/testimonies?format={('csv', 'ndjson')[n % 2]}" for n in range(49)] + ["/v1/archive"]
    readers = [Reader(client, path) for path in paths]
    try:
        assert all(b"200 OK" in reader.read(1000) for reader in readers)
        times = []
        for _ in range(40):
            start = time.perf_counter()
            assert client.get("/v1/testimonies?limit=20").status_code == 200
            times.append(time.perf_counter() - start)
        assert sorted(times)[20] < 0.1
        # Nor one more export, and nor do those who read on again.
        assert client.get("/v1/testimonies?format=csv").text.count("\r\n") == MANY + 1
        assert readers[0].read().endswith(b"0\r\n\r\n")
    finally:
        for reader in readers:
            reader.close()


def test_short_answers_come_while_long_ones_are_made(large: Path, serve: Serve) -> None:
    client = serve(large)
    stop = threading.Event()

    def keep_exporting() -> None:
        with httpx.Client(base_url=client.base_url, trust_env=False, timeout=20, verify=PLAIN) as other:
            while not stop.is_set():
                assert other.get("/v1/testimonies?format=csv").status_code == 200

    exporters = [threading.Thread(target=keep_exporting) for _ in range(4)]
    for exporter in exporters:
        exporter.start()
    times = []
    for _ in range(30):
        start = time.perf_counter()
        assert client.get("/v1/testimonies?limit=1").status_code == 200
        times.append(time.perf_counter() - start)
    stop.set()
    for exporter in exporters:
        exporter.join()
    assert sorted(times)[15] < 0.5


# --- Releases ---------------------------------------------------------------------------------------------------------


def test_an_export_ends_on_the_release_it_began_with(large: Path, tmp_path: Path, serve: Serve) -> None:
    data = tmp_path / "data"
    shutil.copytree(large, data, symlinks=True)
    client = serve(data)
    readers = [Reader(client, path) for path in ("/v1/testimonies?format=ndjson", "/v1/archive")]
    begun = [reader.read(2000) for reader in readers]
    before = current_folder(data)
    assert before is not None
    publish(write(tmp_path / "next.json", archive(record("tes-1"), withdrawn=withdrawals())), data)
    shutil.rmtree(before)
    assert wait_until(lambda: client.get("/v1").json()["release"]["number"] == 2)
    records = (begun[0] + readers[0].read()).count(b'"record":"testimony"')
    # A chunk may begin inside of what is counted, seldom.
    assert MANY * 0.98 < records <= MANY
    head, _, body = (begun[1] + readers[1].read()).partition(b"\r\n\r\n")
    assert f"content-length: {len(body)}\r\n".encode() in head


def withdrawals() -> list[dict[str, str]]:
    return [{"id": f"tes-{n:06}", "on": "2026-01-01"} for n in range(MANY)]


# --- Memory -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["csv", "ndjson"])
def test_ten_times_the_records_take_no_more_memory(small: Path, large: Path, name: str) -> None:
    peaks = []
    for data in (small, large):
        release = open_current(data)
        catalogue = Catalogue(release)
        criteria = read_criteria(CRITERIA["testimonies"], [])
        gc.collect()
        tracemalloc.start()
        writer = FORMATS[name].writer
        assert writer is not None
        size = sum(
            len(piece)
            for piece in written(
                writer(Export(catalogue, criteria, "http://x")), catalogue, catalogue.look_up(criteria), place=bytes
            )
        )
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        release.close()
    assert size > 2 * peaks[1]
    assert peaks[1] < 1.5 * peaks[0]


def test_the_last_line_of_a_whole_answer_is_whole(small: Path, serve: Serve) -> None:
    answer = serve(small).get("/v1/testimonies?format=ndjson")
    assert json.loads(answer.text.splitlines()[-1])["id"] == f"tes-{FEW - 1:06}"


def client_serving(client: httpx.Client) -> Any:
    """Return what the server behind a client serves."""
    return client.application.state.serving  # type: ignore[attr-defined]


def holders(serving: Any) -> int:
    """Return how many requests hold the release."""
    held: int = serving.served._holders
    return held
