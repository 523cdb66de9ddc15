"""Measures replicas behind the proxy of `compose.replicas.yaml`, and how one takes over a release from a depot.

    python -m tests.bench.replicas --testimonies 20000 --work DIR

The depot is a folder, so that what is measured is the disk and not a network. Caddy has to be installed; where the load
generator, the proxy and the replicas have few cores between them, they take them from each other.
"""

import argparse
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from threading import Event, Thread

import orjson
from rich.console import Console
from rich.table import Table

from service.cli.publish import publish_archive
from service.settings import Settings
from tests.bench.archives import generated
from tests.bench.finding import Times
from tests.bench.load import Job, load
from tests.bench.processes import HEADERS, Running, free_port, running
from tests.depots.proxy import proxied

REPLICAS = (1, 2, 4)
CONNECTIONS = 32
#: Seconds between two requests of the reader who is there while a release is taken over.
PAUSE_S = 0.005
# Wide enough where the output is kept in a file.
console = Console(width=None if sys.stdout.isatty() else 120)


def replica(data: Path, depot: str) -> list[str]:
    return [sys.executable, "-m", "service", "serve", "--data", str(data), "--depot", depot]


@contextmanager
def replicas(number: int, folder: Path, depot: str) -> Iterator[list[Running]]:
    """Start replicas that take their release from a depot, each into an empty folder."""
    with ExitStack() as stack:
        yield [stack.enter_context(_replica(folder / f"replica-{each}", depot)) for each in range(number)]


@contextmanager
def _replica(data: Path, depot: str) -> Iterator[Running]:
    command = replica(data, depot)
    with running("a replica", lambda port: [*command, "--port", str(port)], ready="/readyz", cores=[]) as started:
        yield started
    shutil.rmtree(data)


def answered(asked: Running, port: int, targets: list[str], seconds: int) -> float:
    """Return how many answers a second come to 32 connections at a port: the same that a replica gives. Raises WrongAnswer
    where one is not 200.
    """
    assert Running(port, 0, 0).get(targets[0])[2] == asked.get(targets[0])[2]
    lines = [f"{name}: {value}" for name, value in HEADERS.items()]
    return load(Job(port, targets, lines, 200, seconds, CONNECTIONS, once=False, cores=[])).per_second


def targets_of(asked: Running) -> dict[str, list[str]]:
    """Return what is asked: one page again and again, and records one after the other."""
    page = orjson.loads(asked.get("/v1/testimonies?limit=200&fields=id")[2])
    return {
        "page of 20, asked before": ["/v1/testimonies?limit=20"],
        "records, asked before": [f"/v1/testimonies/{each['id']}" for each in page["data"]],
    }


def balanced(folder: Path, depot: str, seconds: int) -> Table:
    """Measure one, two and four replicas behind the proxy, and one without it."""
    program = shutil.which("caddy")
    if program is None:
        raise SystemExit("caddy is not installed: apt-get install caddy")
    table = Table("answers a second", "one, no proxy", *(f"{number} behind the proxy" for number in REPLICAS))
    rows: dict[str, list[str]] = {}
    for number in REPLICAS:
        with replicas(number, folder, depot) as started:
            targets = targets_of(started[0])
            if number == 1:
                rows = {
                    name: [f"{answered(started[0], started[0].port, some, seconds):,.0f}"]
                    for name, some in targets.items()
                }
            port = free_port()
            with proxied(program, folder / "proxy", port, [f"127.0.0.1:{each.port}" for each in started]):
                for name, some in targets.items():
                    rows[name].append(f"{answered(started[0], port, some, seconds):,.0f}")
            shutil.rmtree(folder / "proxy")
    for name, cells in rows.items():
        table.add_row(name, *cells)
    return table


def with_one_change(archive: Path, path: Path) -> Path:
    """Write the archive with another title of one testimony."""
    changed = False
    with archive.open("rb") as lines, path.open("wb") as file:
        for line in lines:
            if not changed and b'"record":"testimony"' in line and b'"hidden"' not in line:
                record = json.loads(line)
                line, changed = orjson.dumps(record | {"title": "Another title"}) + b"\n", True  # noqa: PLW2901
            file.write(line)
    assert changed
    return path


def taken_over(folder: Path, depot: str, changed: Path) -> Table:
    """Measure how a replica takes over a release that differs in one record, while somebody reads records."""
    table = Table("one record of it changed", "")
    with replicas(1, folder, depot) as [only]:
        records = targets_of(only)["records, asked before"]
        before = only.get("/v1")[2]
        began = time.process_time(), time.perf_counter()
        said = publish_archive(changed, Settings(data=folder / "publisher", depot=depot))
        table.add_row("publishing and depositing it", f"{time.perf_counter() - began[1]:.1f} s")
        files = said.manifest.files
        sizes = {entry.sha256: entry.bytes for entry in files.values()}
        table.add_row("bytes of the release", f"{sum(sizes.values()) / 1e6:,.1f} MB")
        kept = {path.name for path in (folder / "depot-before").iterdir()}
        moved = sum(size for sha256, size in sizes.items() if sha256 not in kept)
        table.add_row("of which move", f"{moved / 1e6:,.1f} MB")
        taken: list[float] = []
        ended = Event()
        deposited = time.perf_counter()

        def read() -> None:
            with only.asking() as ask:
                while not ended.wait(PAUSE_S):
                    asked = time.perf_counter()
                    assert ask(records[len(taken) % len(records)])[0] == 200
                    taken.append((time.perf_counter() - asked) * 1000)

        reader = Thread(target=read)
        reader.start()
        # Each time over a connection of its own: one that nothing came over is closed after a while.
        while only.get("/v1")[2] == before:
            time.sleep(0.05)
        seconds = time.perf_counter() - deposited
        ended.set()
        reader.join()
        table.add_row("until the replica serves it", f"{seconds:.1f} s, {moved / 1e6 / seconds:,.0f} MB/s")
        table.add_row("a record meanwhile, p99", f"{Times(taken).p99:.1f} ms of {len(taken)}")
    return table


def measure(work: Path, testimonies: int, seconds: int) -> None:
    """Publish, and print both tables."""
    archive = generated(work, testimonies)
    with tempfile.TemporaryDirectory(dir=work) as folder_name:
        folder = Path(folder_name)
        depot = f"file://{folder}/depot"
        publish_archive(archive, Settings(data=folder / "publisher", depot=depot))
        console.print(balanced(folder, depot, seconds))
        shutil.copytree(folder / "depot" / "files", folder / "depot-before", copy_function=_nothing)
        console.print(taken_over(folder, depot, with_one_change(archive, folder / "changed.jsonl")))


def _nothing(_: str, copy: str) -> None:
    Path(copy).touch()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.replicas", description="Measure replicas.")
    parser.add_argument("--testimonies", type=int, default=20_000, metavar="N", help="in the archive (20000)")
    parser.add_argument("--seconds", type=int, default=3, help="seconds of each measurement (3)")
    parser.add_argument("--work", type=Path, help="a folder to keep the archive in")
    given = parser.parse_args()
    if given.work is not None:
        given.work.mkdir(parents=True, exist_ok=True)
        measure(given.work.resolve(), given.testimonies, given.seconds)
        return
    with tempfile.TemporaryDirectory() as work:
        measure(Path(work), given.testimonies, given.seconds)


if __name__ == "__main__":
    main()
