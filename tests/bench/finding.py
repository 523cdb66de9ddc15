"""Measures finding and exporting over HTTP: one client asks a worker that does nothing else, one question at a time.

    python -m tests.bench.finding --testimonies 20000
    python -m tests.bench.finding --testimonies 200000 --work DIR

Each answer is checked before it is timed: the total of a search is that of the words the generator put in. No server
keeps answers, so a question asked again costs what it did the first time.
"""

import argparse
import http.client
import statistics
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import orjson
from rich.table import Table

from tests.bench.__main__ import PATIENCE_S, Running, console, generated, machine, published, running, serving
from tests.bench.generate import COMMON, RARE

#: Times that each question is asked.
TIMES = 200
#: What a person types into a search box, letter by letter.
TYPED = [text[: length + 1] for text in ("report", "witness", "city", "north", "a") for length in range(len(text))]

QUESTIONS = {
    "best 20 of a word in half of the testimonies": f"/v1/testimonies?q={COMMON}",
    "the same, with four facets": f"/v1/testimonies?q={COMMON}&facets=topic,place,language,attribution",
    "four facets over it, one record shown": f"/v1/testimonies?q={COMMON}&facets=topic,place,language,attribution&limit=1",
    "a rare word": f"/v1/testimonies?q={RARE}",
    "search with excerpts": f"/v1/search?q={COMMON}",
    "four facets over everything": "/v1/testimonies?facets=topic,place,language,attribution&limit=1",
}


def timed(connection: http.client.HTTPConnection, targets: list[str]) -> list[float]:
    """Ask each target on one connection and return the milliseconds that each answer took."""
    taken = []
    for target in targets:
        began = time.perf_counter()
        connection.request("GET", target)
        answer = connection.getresponse()
        answer.read()
        taken.append((time.perf_counter() - began) * 1000)
        assert answer.status == 200, target
    return taken


def check_totals(server: Running, testimonies: int) -> None:
    """Compare what the marking words find with what the generator put in, less the hidden and the withdrawn."""
    for word, most in ((COMMON, testimonies // 2), (RARE, testimonies // 5000 + 1)):
        total = orjson.loads(server.get(f"/v1/testimonies?q={word}&limit=1")[2])["meta"]["total"]
        assert most * 0.9 - 1 <= total <= most, (word, total, most)


def export(server: Running) -> tuple[int, float, int]:
    """Read the CSV of all testimonies. Return rows, seconds, and how much the server's memory grew, in bytes."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S * 5)
    before = server.memory()["VmRSS"]
    began = time.perf_counter()
    connection.request("GET", "/v1/testimonies?format=csv", headers={"Accept-Encoding": "identity"})
    answer = connection.getresponse()
    lines = 0
    while piece := answer.read(1 << 16):
        # The line feed alone: a piece may end between the two characters of a line end.
        lines += piece.count(b"\n")
    seconds = time.perf_counter() - began
    connection.close()
    assert lines - 1 == int(answer.headers["Archive-Total"])
    return lines - 1, seconds, server.memory()["VmRSS"] - before


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.finding", description=__doc__)
    parser.add_argument("--testimonies", type=int, default=20_000)
    parser.add_argument("--work", type=Path, help="a folder to keep archive and release in")
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = given.work or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        folder.mkdir(parents=True, exist_ok=True)
        console.print(", ".join(f"{name} {value}" for name, value in machine().items()))
        data = folder / f"finding-{given.testimonies}"
        published(generated(folder, given.testimonies), data, given.testimonies)
        server = stack.enter_context(running("the server", serving(data), ready="/readyz"))
        check_totals(server, given.testimonies)
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S)
        table = Table("question", "median ms", "p99 ms", title=f"{given.testimonies:,} testimonies")
        asked = {name: [target] * TIMES for name, target in QUESTIONS.items()}
        asked["suggest"] = [f"/v1/suggest?q={typed}" for typed in TYPED] * (TIMES // len(TYPED) + 1)
        for name, targets in asked.items():
            timed(connection, targets[:5])
            taken = timed(connection, targets)
            table.add_row(name, f"{statistics.median(taken):.2f}", f"{statistics.quantiles(taken, n=100)[98]:.2f}")
        console.print(table)
        for _ in range(3):
            rows, seconds, grown = export(server)
            console.print(
                f"CSV of all testimonies: {rows:,} records in {seconds:.2f} s, {rows / seconds:,.0f} a second; "
                f"the server's memory grew by {grown / 1e6:,.1f} MB"
            )


if __name__ == "__main__":
    main()
