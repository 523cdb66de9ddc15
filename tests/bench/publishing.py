"""Publishes an archive and says what it cost. A process of its own, so that its peak memory is nobody else's.

`python -m tests.bench.publishing ARCHIVE DATA` writes a `Cost` as JSON.
"""

import resource
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

from service.release.publish import publish


@dataclass(frozen=True, slots=True)
class Cost:
    """What a publication cost. `stages` are seconds by stage, `files` bytes by name, `peak_rss` is in bytes."""

    seconds: float
    stages: dict[str, float]
    peak_rss: int
    files: dict[str, int]
    counts: dict[str, int]


def main() -> None:
    archive, data = map(Path, sys.argv[1:])
    stages: dict[str, float] = {}
    began = last = time.perf_counter()

    def note(stage: str, done: int, total: int) -> None:
        # What passed since the last report belongs to the stage that reports now, nearly.
        nonlocal last
        now = time.perf_counter()
        stages[stage] = stages.get(stage, 0.0) + now - last
        last = now

    published = publish(archive, data, progress=note)
    now = time.perf_counter()
    stages["Sealing"] = now - last
    cost = Cost(
        seconds=now - began,
        stages=stages,
        peak_rss=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,  # Linux counts in KiB
        files={name: entry.bytes for name, entry in published.manifest.files.items()},
        counts=published.manifest.counts,
    )
    sys.stdout.buffer.write(orjson.dumps(asdict(cost)))


if __name__ == "__main__":
    main()
