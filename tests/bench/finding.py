"""Measures searches, facets, suggestions and exports: one client asks a worker that does nothing else, one at a time."""

import http.client
import statistics
import time
from dataclasses import dataclass
from pathlib import Path

from tests.bench.generate import COMMON
from tests.bench.measuring import Worker
from tests.bench.memory import Memory, look, watched
from tests.bench.processes import HOST, PATIENCE_S, Get, Running, running, server
from tests.bench.questions import COLLECTION

#: Parts that the questions of one kind are looked at in: the spread is that of their medians.
PARTS = 5
EXPORTS = 3
#: Questions that warm the server; asked of another kind than what is measured.
WARMING = 20


@dataclass(frozen=True, slots=True)
class Times:
    """How long answers took, in milliseconds, in the order they were asked for."""

    taken: list[float]

    @property
    def medians(self) -> list[float]:
        """Return the median of each part."""
        return [statistics.median(self.taken[number::PARTS]) for number in range(PARTS)]

    @property
    def p99(self) -> float:
        return statistics.quantiles(self.taken, n=100, method="inclusive")[98]


@dataclass(frozen=True, slots=True)
class Export:
    """The CSV of all testimonies. `grown`: bytes of memory that the server had more meanwhile than before, at most."""

    rows: int
    seconds: float
    grown: int

    @property
    def per_second(self) -> float:
        return self.rows / self.seconds


def timed(get: Get, targets: list[str]) -> Times:
    """Ask each target on one connection."""
    taken = []
    for target in targets:
        began = time.perf_counter()
        status, _, body = get(target)
        taken.append((time.perf_counter() - began) * 1000)
        assert status == 200, (target, body)
    return Times(taken)


def find(data: Path, questions: dict[str, list[str]], worker: Worker) -> dict[str, Times]:
    """Measure every kind of question at a worker that was not asked any of them."""
    with running("the server", server(data), ready="/readyz") as ours, ours.asking() as get:
        for number in range(WARMING):
            get(f"/v1/search?q={COMMON}&limit={number + 1}")
            get(f"/v1/suggest?q={COMMON[: 1 + number % 4]}")
        found = {name: timed(get, targets) for name, targets in questions.items()}
        worker.saw("searches", ours)
    return found


def export(ours: Running, testimonies: int) -> Export:
    """Read the CSV of all testimonies. Raises AssertionError where it has not so many."""
    connection = http.client.HTTPConnection("127.0.0.1", ours.port, timeout=PATIENCE_S)
    look(ours.pid, before := Memory())
    began = time.perf_counter()
    with watched(ours.pid) as seen:
        connection.request("GET", f"{COLLECTION}?format=csv", headers={"Host": HOST})
        answer = connection.getresponse()
        lines = 0
        while piece := answer.read(1 << 16):
            # The line feed alone: a piece may end between the two characters of a line end.
            lines += piece.count(b"\n")
        seconds = time.perf_counter() - began
    connection.close()
    assert lines - 1 == int(answer.headers["Archive-Total"]) == testimonies
    return Export(lines - 1, seconds, max(0, seen.rss - before.rss))


def exports(data: Path, testimonies: int, worker: Worker) -> list[Export]:
    """Export several times, each from a worker that was asked for a page before."""
    found = []
    for _ in range(EXPORTS):
        with running("the server", server(data), ready="/readyz") as ours:
            ours.get(COLLECTION)
            found.append(export(ours, testimonies))
            worker.saw("exports", ours)
    return found
