"""How much memory a process and all that it started have, read from /proc. Linux only."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

#: Seconds between two looks, at least; and how many times as long as one look takes, which is milliseconds where there is much
#: memory: looking is not to slow down what is looked at.
EVERY_S, TIMES_A_LOOK = 0.05, 50


@dataclass
class Memory:
    """The most that was seen of some processes, in bytes."""

    #: Resident, summed over them: what they share is counted once for each.
    rss: int = 0
    #: The same, what they share counted once.
    pss: int = 0
    #: The most that each has had, by process: the kernel's own count, which misses nothing between two looks.
    peaks: dict[int, int] = field(default_factory=dict)


def family(pid: int) -> list[int]:
    """Return a process and all that it started, and that they did."""
    found = [pid]
    for parent in found:
        try:
            for task in Path(f"/proc/{parent}/task").iterdir():
                found += map(int, (task / "children").read_text().split())
        except OSError:
            continue
    return found


def resident(pid: int) -> int:
    """Return what one process has in memory now, in bytes; 0 where it has ended."""
    return _kibibytes(Path(f"/proc/{pid}/status"), "VmRSS:")


def peak(pid: int) -> int:
    """Return the most that one process has had in memory, in bytes; 0 where it has ended."""
    return _kibibytes(Path(f"/proc/{pid}/status"), "VmHWM:")


def _kibibytes(path: Path, name: str) -> int:
    try:
        lines = path.read_text().splitlines()
    except OSError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in lines if line.startswith(name)), 0)


def look(pid: int, seen: Memory) -> None:
    """Note what a process and all that it started have now."""
    rss = pss = 0
    for one in family(pid):
        rss += resident(one)
        pss += _kibibytes(Path(f"/proc/{one}/smaps_rollup"), "Pss:")
        seen.peaks[one] = max(seen.peaks.get(one, 0), peak(one))
    seen.rss, seen.pss = max(seen.rss, rss), max(seen.pss, pss)


@contextmanager
def watched(pid: int) -> Iterator[Memory]:
    """Look again and again while the block runs."""
    seen, ended = Memory(), threading.Event()

    def keep_looking() -> None:
        pause = EVERY_S
        while not ended.wait(pause):
            began = time.perf_counter()
            look(pid, seen)
            pause = max(EVERY_S, TIMES_A_LOOK * (time.perf_counter() - began))

    look(pid, seen)
    thread = threading.Thread(target=keep_looking)
    thread.start()
    try:
        yield seen
    finally:
        ended.set()
        thread.join()
