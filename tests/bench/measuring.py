"""Measures lists and records in rounds: a server that was just started, uvicorn with the same bytes, and the peers, by turns."""

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import orjson

from tests.bench.load import Job, Measure, load
from tests.bench.peers import Peer
from tests.bench.processes import HEADERS, LOAD_CORES, SERVER_CORES, Get, Running, running, server
from tests.bench.questions import Work

RAW = "raw uvicorn"
#: Answers of each work that uvicorn gives in turn.
SAMPLE = 300
#: Questions that warm a server which was just started; none of them is asked again.
WARMING = 200
CONNECTIONS = 16


@dataclass
class Rounds:
    """What came of one work: ours, and others' by name."""

    work: Work
    ours: list[Measure] = field(default_factory=list)
    others: dict[str, list[Measure]] = field(default_factory=dict)

    def ratios(self, name: str) -> list[float]:
        """Return how many times as much ours answered as another, round by round."""
        pairs = zip(self.ours, self.others.get(name, []), strict=False)
        return [ours.per_second / other.per_second for ours, other in pairs]


@dataclass
class Worker:
    """What was seen of the workers: seconds until ready, and by work how many bytes were resident after it."""

    starts_s: list[float] = field(default_factory=list)
    resident: dict[str, list[int]] = field(default_factory=dict)

    def saw(self, work: str, ours: Running) -> None:
        self.starts_s.append(ours.start_s)
        self.resident.setdefault(work, []).append(ours.largest())


class Measuring:
    """One release of ours, and what it is measured against."""

    def __init__(self, data: Path, *, rounds: int, seconds: int) -> None:
        self._data = data
        self._rounds, self._seconds = rounds, seconds
        self._others: dict[str, Running] = {}
        self.worker = Worker()

    @contextmanager
    def against(self, answers: Path, peers: list[Peer], database: Path) -> Iterator[None]:
        """Start what ours is measured against."""
        raw = [sys.executable, "-m", "tests.bench.peers.raw", str(answers)]
        with ExitStack() as stack:
            self._others[RAW] = stack.enter_context(running(RAW, lambda port: [*raw, str(port)], ready="/"))
            for peer in peers:
                self._others[peer.name] = stack.enter_context(running_peer(peer, database))
            yield
            self._others.clear()

    def measure(self, work: Work) -> Rounds:
        """Measure one work. Every round has a worker of its own, which was asked nothing yet."""
        result = Rounds(work)
        asked = {RAW: [raw_target(work, target) for target in work.targets[:SAMPLE]], **work.peers}
        asked = {name: targets for name, targets in asked.items() if name in self._others}
        for number in range(self._rounds):
            with running("the server", server(self._data), ready="/readyz") as ours:
                warm(ours, work.targets if work.once else work.targets * WARMING)
                fresh = work.targets[WARMING:] if work.once else work.targets
                result.ours.append(self._load(ours, work, fresh, once=work.once))
                self.worker.saw(work.name, ours)
            for name, targets in asked.items():
                if number == 0:
                    warm(self._others[name], targets)
                plainly = work if name == RAW else Work(work.name, targets)
                measured = self._load(self._others[name], plainly, targets, once=False)
                result.others.setdefault(name, []).append(measured)
        return result

    def two_workers(self, work: Work) -> Rounds:
        """Measure two workers and then one, both with the load generator on all cores."""
        result = Rounds(replace(work, name=f"{work.name}: two workers"))
        for _ in range(self._rounds):
            for workers, kept in ((2, result.ours), (1, result.others.setdefault("one worker", []))):
                every = sorted({*SERVER_CORES, *LOAD_CORES})
                with running("the server", server(self._data, workers=workers), ready="/readyz", cores=every) as ours:
                    warm(ours, work.targets)
                    kept.append(self._load(ours, work, work.targets[WARMING:], once=True, cores=every))
        return result

    def depth(self, first: list[str], last: list[str]) -> list[float]:
        """Return how many times as long a page at the end takes as one at the beginning, asked one at a time."""
        ratios = []
        for _ in range(self._rounds):
            rates = []
            with running("the server", server(self._data), ready="/readyz") as ours:
                for targets in (first, last):
                    warm(ours, targets)
                    measured = self._load(ours, Work("", targets), targets[WARMING:], once=True, connections=1)
                    rates.append(measured.per_second)
            ratios.append(rates[0] / rates[1])
        return ratios

    def _load(
        self,
        target: Running,
        work: Work,
        targets: list[str],
        *,
        once: bool,
        connections: int = CONNECTIONS,
        cores: list[int] = LOAD_CORES,
    ) -> Measure:
        named = HEADERS | dict(line.split(": ", 1) for line in work.headers)
        headers = [f"{name}: {value}" for name, value in named.items()]
        return load(Job(target.port, targets, headers, work.status, self._seconds, connections, once, cores))


def warm(asked: Running, targets: list[str]) -> None:
    with asked.asking() as get:
        for target in targets[:WARMING]:
            get(target)


def running_peer(peer: Peer, database: Path) -> AbstractContextManager[Running]:
    return running(peer.name, lambda port: peer.command(database, port), ready=peer.ready)


def write_answers(get: Get, works: list[Work], path: Path) -> None:
    """Write what uvicorn is to answer: the bytes that ours answered."""
    answers: dict[str, object] = {"/": [200, [["content-length", "0"]], ""]}
    for work in works:
        for target in work.targets[:SAMPLE]:
            status, headers, body = get(target, **dict(line.split(": ", 1) for line in work.headers))
            assert status == work.status, (target, status)
            kept = [pair for pair in headers.items() if pair[0] != "date"]
            answers[raw_target(work, target)] = [status, kept, body.decode("latin-1")]
    path.write_bytes(orjson.dumps(answers))


def raw_target(work: Work, target: str) -> str:
    # What is looked up there are targets only, and one of them has two answers.
    return target if work.status == 200 else f"/{work.status}"
