"""What must be reached, and whether it was."""

import statistics
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import ge, le, lt
from typing import Any

from tests.bench.archives import Published
from tests.bench.finding import Export, Times
from tests.bench.measuring import RAW, Rounds, Worker
from tests.bench.questions import (
    BEST,
    COLD_GZIP,
    COLD_LIST,
    COLD_PAGE,
    COLD_QUESTION,
    COLD_RECORD,
    COLD_RECORD_GZIP,
    COLD_ZSTD,
    FACETED,
    FRESH_LIST,
    FRESH_RECORD,
    RARELY,
    READ_LIST,
    READ_RECORD,
    SUGGEST,
    UNCHANGED,
    WARM_GZIP,
    WARM_PAGE,
    WARM_RECORD,
    WARM_ZSTD,
)

#: From so many testimonies on, the targets for a million hold.
MANY = 500_000
_HOLDS = {">=": ge, "<=": le, "<": lt}
MB = 1e6


@dataclass
class Figures:
    """All that was measured at one size."""

    published: Published
    lists: dict[str, Rounds]
    worker: Worker
    depth: list[float]
    two_workers: Rounds
    found: dict[str, Times]
    fts5: list[float]
    exports: list[Export]
    crowded: Times
    #: Peers that are not here, and how to get them.
    missing: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure, with what it must reach. `values` are those of the rounds, none where a peer is missing; the median is
    judged.
    """

    work: str
    values: list[float]
    sign: str
    target: float
    unit: str = ""

    @property
    def median(self) -> float | None:
        return statistics.median(self.values) if self.values else None

    @property
    def reached(self) -> bool | None:
        return None if self.median is None else bool(_HOLDS[self.sign](self.median, self.target))

    def as_json(self) -> dict[str, Any]:
        wanted = f"{self.sign} {self.target:g} {self.unit}".strip()
        return {"median": self.median, "values": self.values, "target": wanted, "reached": self.reached}


def goals(figures: Figures) -> Iterator[Goal]:
    """Yield every figure that has a target."""
    many = figures.published.testimonies >= MANY
    yield from _lists(figures, many=many)
    yield from _finding(figures, many=many)
    worker, memory = figures.worker, figures.published.memory
    most = max(worker.resident, key=lambda work: statistics.median(worker.resident[work]))
    resident = [size / MB for size in worker.resident[most]]
    yield Goal("publishing, everything included", [figures.published.per_second], ">=", 4500, "testimonies/s")
    yield Goal("publishing, peak memory of its processes", [memory.pss / MB], "<=", 400, "MB")
    yield Goal(f"a worker under load, resident (most: {most})", resident, "<=", 300 if many else 220, "MB")
    yield Goal("ready to answer from an existing release", worker.starts_s, "<=", 1.5 if many else 1.0, "s")


def _lists(figures: Figures, *, many: bool) -> Iterator[Goal]:
    wanted = (
        (WARM_PAGE, RAW, 0.85),
        (WARM_RECORD, RAW, 0.85),
        (UNCHANGED, RAW, 0.85),
        (COLD_PAGE, RAW, 0.22 if many else 0.30),
        (COLD_PAGE, "ROAPI", 2.5),
        (COLD_PAGE, "Datasette", 12),
        (COLD_LIST, RAW, 0.15 if many else 0.20),
        (COLD_QUESTION, RAW, 0.22),
        (COLD_LIST, "ROAPI", 3),
        (COLD_RECORD, RAW, 0.30),
        (READ_LIST, RAW, 0.80),
        (READ_RECORD, RAW, 0.80),
    )
    for work, other, target in wanted:
        ratios = figures.lists[work].ratios(other)
        yield Goal(f"{work}: times {other}", ratios, ">=", target)
    for plain, zipped, target in (
        (COLD_PAGE, COLD_GZIP, 0.85),
        (COLD_PAGE, COLD_ZSTD, 0.85),
        (COLD_RECORD, COLD_RECORD_GZIP, 0.85),
        (WARM_PAGE, WARM_GZIP, 0.95),
        (WARM_PAGE, WARM_ZSTD, 0.95),
    ):
        pairs = zip(figures.lists[zipped].ours, figures.lists[plain].ours, strict=True)
        ratios = [one.per_second / other.per_second for one, other in pairs]
        yield Goal(f"{zipped}: times without", ratios, ">=", target)
    for work, limit in ((FRESH_LIST, 6.0), (FRESH_RECORD, 3.0)):
        # One worker on one core, kept busy: what it does not spend on one page it spends on another.
        spent = [1000 / one.per_second for one in figures.lists[work].ours]
        yield Goal(f"{work}: the server's time", spent, "<=", limit, "ms")
    yield Goal("page at the end of the list: time of page 1", figures.depth, "<=", 1.15)
    yield Goal("two workers, pages never asked: times one", figures.two_workers.ratios("one worker"), ">=", 1.3)


def _finding(figures: Figures, *, many: bool) -> Iterator[Goal]:
    best = figures.found[BEST]
    yield Goal(BEST, best.medians, "<=", 25 if many else 5, "ms")
    fts5 = [statistics.median(figures.fts5) / one for one in best.medians]
    yield Goal(f"{BEST}: times faster than FTS5 bm25", fts5, ">=", 50)
    for name, limit in ((FACETED, 12.0 if many else 8.0), (RARELY, 2.0)):
        yield Goal(name, figures.found[name].medians, "<", limit, "ms")
    yield Goal("suggest, p99", [figures.found[SUGGEST].p99], "<", 10, "ms")
    yield Goal("CSV of all testimonies", [one.per_second for one in figures.exports], ">=", 20_000, "records/s")
    yield Goal("CSV of all testimonies, memory grown", [one.grown / MB for one in figures.exports], "<", 50, "MB")
    yield Goal("record by id beside 8 searches and exports, p99", [figures.crowded.p99], "<", 50, "ms")
