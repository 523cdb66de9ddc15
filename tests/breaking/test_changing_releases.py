"""Nobody gets a wrong answer while releases change: many clients ask the same at once, in every form and coding, of a real
server whose data folder another release is published into every few seconds. `CHANGING_SECONDS=600` goes on for ten minutes.
"""

import csv
import gzip
import io
import itertools
import os
import random
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
import zstandard

from service.release.publish import publish
from tests.archives import Fields, archive, record, write
from tests.commands import Command
from tests.conftest import PLAIN
from tests.http.test_moving_over import wait_until

SEED = int(os.environ.get("BREAKING_SEED", "20261127"))
#: How long releases change, and how long each of them is the newest, in seconds.
SECONDS = float(os.environ.get("CHANGING_SECONDS", "6"))
EACH_S = 2.0
CLIENTS = 12
#: Records of testimonies: several batches of an export, and pages that are compressed in a thread.
RECORDS = 450
#: How many of these are withdrawn, one after the other, at most.
WITHDRAWN = 100
#: One that is public in every other release, and one that no release has.
COMES_AND_GOES, NEVER = "tes-0", "tes-none"

CODINGS = ["identity", "gzip", "zstd", "gzip, deflate, br, zstd"]
HTML = "text/html"
TARGETS = [
    "/v1",
    "/v1/testimonies",
    "/v1/testimonies?limit=200",
    "/v1/testimonies?limit=200&sort=-title",
    "/v1/testimonies?language=en&witness=agt-2&sort=title",
    "/v1/testimonies?facets=witness,language&limit=1",
    "/v1/testimonies?updated_since=2026-01-01T00:00:00Z&limit=50",
    "/v1/testimonies?q=river&limit=50",
    "/v1/testimonies?q=riv*&facets=witness",
    "/v1/events?sort=-date&limit=50",
    "/v1/events?date_from=2010&date_to=2015&facets=year",
    f"/v1/testimonies/{COMES_AND_GOES}",
    f"/v1/testimonies/{NEVER}",
    "/v1/testimonies/tes-1",
    "/v1/testimonies/tes-2?include=witness",
    "/v1/testimonies/tes-1/history",
    "/v1/search?q=river",
    "/v1/search?q=edition&facets=topic,source",
    '/v1/search?q="by the river"',
    "/v1/suggest?q=nig",
    "/v1/changes?limit=50",
    "/v1/releases",
    "/v1/testimonies?format=csv",
    "/v1/testimonies?format=csv&q=river",
    "/v1/testimonies?format=ndjson",
    "/v1/events.csv",
    "/v1/archive",
    "/openapi.json",
    "/readyz",
]
PAGES = ["/", "/testimonies", "/testimonies/tes-1", f"/testimonies/{COMES_AND_GOES}", "/search?q=river", "/events"]


def edition(number: int) -> Fields:
    """Return an archive that differs from those before and after it in records, titles and words."""
    words = "They came at night and we were told to leave the house by the river. " * 12
    hidden = {"access": {"visibility": "restricted"}} if number % 2 else {}
    told = [
        record(
            f"tes-{n}",
            title=f"Night {n}, edition {number if n % 3 else 0}",
            summary=f"{words} {n * 7919 % 65521} {number}",
            witness=f"agt-{2 + n % 9}",
            **(hidden if f"tes-{n}" == COMES_AND_GOES else {}),
        )
        for n in range(RECORDS - min(number, WITHDRAWN))
    ]
    gone = [{"id": f"tes-{RECORDS - 1 - n}", "on": "2026-01-01"} for n in range(min(number, WITHDRAWN))]
    happened = (record(f"evt-{n}", date=f"20{n % 20:02}-05-09") for n in range(60))
    named = (record(f"agt-{n}", name=f"Council {n} of edition {number}") for n in range(2, 11))
    return archive(*told, *happened, *named, withdrawn=gone)


@dataclass
class Asked:
    """What was asked and answered, by all clients together."""

    statuses: Counter[int] = field(default_factory=Counter)
    releases: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)


class Client(threading.Thread):
    """Asks one thing after the other, as all others do in the same order, until it is told to stop."""

    def __init__(self, base: str, number: int, stop: threading.Event) -> None:
        super().__init__(daemon=True)
        self.asked = Asked()
        self._base = base
        # All ask the same at about the same time; in which coding and with which tags, each for itself.
        self._order, self._own = random.Random(SEED), random.Random(SEED + number)
        self._stop_asking = stop
        self._tags: dict[tuple[str, str], str] = {}

    def run(self) -> None:
        with httpx.Client(base_url=self._base, trust_env=False, timeout=60, verify=PLAIN) as client:
            while not self._stop_asking.is_set():
                target = self._order.choice(TARGETS + PAGES)
                try:
                    self._ask(client, target, self._own.choice(CODINGS))
                except Exception as error:  # noqa: BLE001 - whatever goes wrong is told by the test
                    self.asked.wrong.append(f"{target}: {type(error).__name__}: {error}")

    def _ask(self, client: httpx.Client, target: str, coding: str) -> None:
        method = self._own.choices(("GET", "HEAD"), (9, 1))[0]
        headers = {"Accept-Encoding": coding, "Accept": HTML if target in PAGES else "*/*"}
        tag = self._tags.get((target, coding))
        if tag is not None and self._own.random() < 0.3:
            headers["If-None-Match"] = tag
        answer, body = self._sent(client, method, target, headers)
        if answer.status_code == 200:
            self._tags[target, coding] = answer.headers.get("etag", "")
            if method == "GET":
                self._look_at(target, answer, body)
                self._follow(client, target, body, headers)

    def _follow(self, client: httpx.Client, target: str, body: bytes, headers: dict[str, str]) -> None:
        """Ask for the next page, of whichever release is served then, and by POST for the same list."""
        if "limit=50" in target and not target.startswith("/v1/changes"):
            following = orjson.loads(body)["links"]["next"]
            if following is not None:
                onward = {name: value for name, value in headers.items() if name != "If-None-Match"}
                self._sent(client, "GET", following, onward)
        if target == "/v1/testimonies":
            self._sent(client, "POST", "/v1/testimonies/query", headers, json={"witness": ["agt-2"], "q": "river"})

    def _sent(
        self, client: httpx.Client, method: str, target: str, headers: dict[str, str], json: Any = None
    ) -> tuple[httpx.Response, bytes]:
        """Return an answer and its body as it was before it was coded. Raises where that is not whole."""
        with client.stream(method, target, headers=headers, json=json) as answer:
            sent = b"".join(answer.iter_raw())
        self.asked.statuses[answer.status_code] += 1
        allowed = {200, 304, 404, 410} if COMES_AND_GOES in target else {404} if NEVER in target else {200, 304}
        if answer.status_code not in allowed:
            self.asked.wrong.append(f"{method} {target}: {answer.status_code} {sent[:300]!r}")
        body = decoded(sent, answer.headers.get("content-encoding", "identity"))
        assert (body == b"") == (method == "HEAD" or answer.status_code == 304), "a body where none is due, or none"
        return answer, body

    def _look_at(self, target: str, answer: httpx.Response, body: bytes) -> None:
        """Look whether an answer is whole, and of one release."""
        release = answer.headers.get("archive-release")
        kind = answer.headers["content-type"]
        if kind.startswith("text/csv"):
            rows = list(csv.reader(io.StringIO(body.decode())))
            assert len(rows) == 1 + int(answer.headers["archive-total"]), "rows"
        elif target.startswith(("/v1/archive", "/v1/testimonies?format=ndjson")):
            records = [orjson.loads(line) for line in body.splitlines()]
            assert len(records) >= RECORDS - WITHDRAWN - 1, "records"
        elif kind.startswith("application/json"):
            page = orjson.loads(body)
            if "meta" in page and "release" in page["meta"]:
                assert page["meta"]["release"] == release, "an answer of two releases"
            if target == "/v1":
                assert page["release"]["id"] == release, "an answer of two releases"
        elif kind.startswith(HTML):
            assert body.rstrip().endswith(b"</html>"), "half a page"
        if release is not None:
            self.asked.releases.add(release)


def decoded(body: bytes, coding: str) -> bytes:
    """Return a body as it was before it was coded. Raises EOFError where it is cut short."""
    if not body or coding == "identity":
        return body
    if coding == "gzip":
        return gzip.decompress(body)
    assert coding == "zstd"
    frame = zstandard.ZstdDecompressor().decompressobj()
    whole = frame.decompress(body)
    if not frame.eof:
        raise EOFError
    return whole


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "log"


@pytest.fixture
def base(tmp_path: Path, log: Path) -> Iterator[str]:
    """The address of a server in a process of its own."""
    publish(write(tmp_path / "archive.json", edition(0)), tmp_path / "data")
    with log.open("w") as stderr:
        server = Command("serve", "--port", "0", "--data", tmp_path / "data", stderr=stderr)
        try:
            assert wait_until(lambda: "/v1 (" in log.read_text(), within=30)
            yield re.findall(r"(http://[0-9.:]+)/v1 \(", log.read_text())[0]
            server.terminate()
            assert server.wait(30) == 0
        finally:
            server.kill()


def test_no_answer_is_wrong_while_releases_change(tmp_path: Path, base: str, log: Path) -> None:
    stop = threading.Event()
    clients = [Client(base, number, stop) for number in range(CLIENTS)]
    for client in clients:
        client.start()
    began, number = time.monotonic(), 0
    try:
        while time.monotonic() - began < SECONDS:
            number += 1
            next_at = time.monotonic() + EACH_S
            assert publish(write(tmp_path / "archive.json", edition(number)), tmp_path / "data").changed
            time.sleep(max(0.0, next_at - time.monotonic()))
        # The newest is served; one before it may have been passed over where the machine is slow.
        assert wait_until(lambda: f"serving release {number + 1}-" in log.read_text(), within=30)
    finally:
        stop.set()
        for client in clients:
            client.join(60)
    statuses = sum((client.asked.statuses for client in clients), Counter[int]())
    releases = set[str]().union(*(client.asked.releases for client in clients))
    wrong = list(itertools.chain.from_iterable(client.asked.wrong for client in clients))
    said = log.read_text()
    served = said.count("serving release") - 1
    print(
        f"{number} releases, {served} served, {statuses.total()} answers: {dict(statuses)}; {len(releases)} releases seen, {len(wrong)} wrong"
    )
    assert wrong == []
    assert statuses[200] > 20 * CLIENTS
    assert statuses[304] > 0
    assert len(releases) > 2
    assert "Traceback" not in said
    assert "ERROR" not in said
